/* SPDX-License-Identifier: ISC */
/*
 * backend_conn_test: the connection to a backend, word by word: what it says to be ready, which
 * replies it takes, and what makes it a fault.
 */
#include "proxy/backend_conn.h"

#include "lib/mem.h"
#include "tests/unit/support/fake_backend.h"

#include <openssl/err.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define BIG (4u << 20)

/* An owner that writes down what it hears: "ready 7:250 drained fault ". */
struct owner {
    struct fake *fake;
    struct backend_conn *conn;
    char story[512];
    const char *free_at; /* the word in the story at which it frees the connection */
    char why[256];
};

static void tell(struct owner *owner, const char *word)
{
    size_t len = strlen(owner->story);
    snprintf(owner->story + len, sizeof owner->story - len, "%s ", word);
    if (owner->free_at == NULL || strcmp(word, owner->free_at) != 0)
        return;
    backend_conn_free(owner->conn);
    owner->conn = NULL;
}

static void on_event(struct backend_conn *conn, enum backend_event event, int tag,
                     const struct backend_reply *reply, void *arg)
{
    struct owner *owner = arg;
    char word[64];
    assert_ptr_equal(conn, owner->conn); /* so never before backend_conn_new() has returned */
    switch (event) {
    case BACKEND_READY:
        tell(owner, "ready");
        break;
    case BACKEND_REPLY:
        snprintf(word, sizeof word, "%d:%d", tag, reply->code);
        tell(owner, word);
        break;
    case BACKEND_DRAINED:
        tell(owner, "drained");
        break;
    case BACKEND_FAULT:
        snprintf(owner->why, sizeof owner->why, "%s", backend_conn_why(conn));
        tell(owner, "fault");
        break;
    }
}

static struct client_view view_of(const char *client, const char *helo)
{
    struct client_view view = {.helo = helo, .ident = "id", .esmtp = true};
    assert_true(addr_parse_ip(client, &view.client));
    assert_true(addr_parse_ip("198.51.100.1", &view.server));
    view.client.port = 40000;
    view.server.port = 25;
    return view;
}

static void dial_as(struct owner *owner, const struct client_view *view)
{
    struct fake *fake = owner->fake;
    const struct backend_dial dial = {
        .loop = fake->loop,
        .setup = fake->setup,
        .backend = 0,
        .to = fake->address[0],
        .health = fake->setup->health[0][0],
        .view = view,
    };
    memset(owner->story, 0, sizeof owner->story);
    struct backend_conn *conn = backend_conn_new(&dial, on_event, owner);
    owner->conn = conn;
}

static void dial(struct owner *owner)
{
    const struct client_view view = view_of("192.0.2.9", "client.example");
    dial_as(owner, &view);
}

static struct owner *owner_new(const char *backend)
{
    struct owner *owner = mem_alloc(sizeof *owner);
    owner->fake = fake_new(1, backend, "");
    dial(owner);
    return owner;
}

static void owner_free(struct owner *owner, int fd)
{
    backend_conn_free(owner->conn);
    fake_free(owner->fake);
    free(owner);
    if (fd >= 0)
        close(fd);
}

#define UNTIL_STORY(owner, end) UNTIL((owner)->fake->loop, ends((owner)->story, end))

static bool ends(const char *story, const char *end)
{
    size_t len = strlen(story), tail = strlen(end);
    return len >= tail && strcmp(story + len - tail, end) == 0;
}

static void command(struct owner *owner, int tag, const char *line)
{
    backend_conn_send(owner->conn, tag, line, strlen(line), 200);
}

/* ---- getting ready ---- */

static void test_a_greeted_connection_is_ready_and_its_offer_known(void **state)
{
    (void)state;
    struct owner *owner = owner_new("");
    struct capability learned;
    assert_false(health_offer(owner->fake->setup->health[0][0], &learned));
    int fd = fake_greet(owner->fake, 0, "PIPELINING,SIZE 1000,8BITMIME");
    UNTIL_STORY(owner, "ready ");
    const unsigned bits = CAP_PIPELINING | CAP_SIZE | CAP_8BITMIME;
    assert_int_equal(backend_conn_offer(owner->conn)->bits, bits);
    assert_int_equal(backend_conn_offer(owner->conn)->size, 1000);
    assert_true(health_offer(owner->fake->setup->health[0][0], &learned));
    assert_int_equal(learned.bits, bits);
    assert_true(backend_conn_quiet(owner->conn));
    assert_int_equal(backend_conn_backend(owner->conn), 0);
    char text[ADDR_TEXT_MAX];
    assert_string_equal(backend_conn_name(owner->conn), addr_text(&owner->fake->address[0], text));
    net_run(owner->fake->loop, 250); /* idle: no deadline */
    assert_string_equal(owner->story, "ready ");
    owner_free(owner, fd);
}

struct words {
    const char *name;
    const char *banner;
    const char *ehlo; /* NULL: not asked */
    const char *why;
};

static const struct words early[] = {
    {"a banner that refuses", "554 go away\r\n", NULL, "the banner answered 554 go away"},
    {"a banner that is busy", "421 later\r\n", NULL, "421 later"},
    {"a banner of another protocol", "* OK IMAP4 ready\r\n", NULL, "malformed"},
    {"a bare LF", "220 hello\n", NULL, "malformed"},
    {"EHLO refused", "220 x\r\n", "502 what\r\n", "EHLO answered 502 what"},
    {"EHLO malformed", "220 x\r\n", "250-a\r\n251 b\r\n", "malformed"},
};

static void test_what_is_no_greeting_is_a_fault(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof early / sizeof *early; i++) {
        struct owner *owner = owner_new("");
        int fd = fake_accept(owner->fake, 0);
        net_say_text(owner->fake->loop, fd, early[i].banner);
        if (early[i].ehlo != NULL)
            fake_answer(owner->fake, fd, "EHLO mx.example.org\r\n", early[i].ehlo);
        UNTIL_STORY(owner, "fault ");
        if (strcmp(owner->story, "fault ") != 0 || strstr(owner->why, early[i].why) == NULL)
            fail_msg("%s: %s, %s", early[i].name, owner->story, owner->why);
        owner_free(owner, fd);
    }
}

static void test_a_refused_connection_is_a_fault_from_the_loop(void **state)
{
    (void)state;
    struct owner *owner = owner_new("");
    backend_conn_free(owner->conn);
    close(owner->fake->listener[0]);
    owner->fake->listener[0] = -1;
    net_run(owner->fake->loop, 2);
    dial(owner);
    assert_string_equal(owner->story, "");
    UNTIL_STORY(owner, "fault ");
    assert_non_null(strstr(owner->why, "Connection refused"));
    owner_free(owner, -1);
}

static void test_an_end_is_told_by_what_was_missing(void **state)
{
    static const char *const missing[] = {"its banner", "its reply to EHLO", "its reply"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct owner *owner = owner_new("");
        int fd = i == 2 ? fake_greet(owner->fake, 0, "DSN") : fake_accept(owner->fake, 0);
        if (i == 1)
            net_say_text(owner->fake->loop, fd, "220 x\r\n");
        if (i == 1)
            fake_answer(owner->fake, fd, "EHLO mx.example.org\r\n", "");
        close(fd);
        UNTIL_STORY(owner, "fault ");
        if (strstr(owner->why, missing[i]) == NULL)
            fail_msg("%s", owner->why);
        owner_free(owner, -1);
    }
}

static void test_a_backend_that_is_ourselves_is_a_fault(void **state)
{
    (void)state;
    struct owner *owner = owner_new("");
    char *keyword = mem_printf("XGATEPOST %s", owner->fake->server->token);
    int fd = fake_greet(owner->fake, 0, keyword);
    UNTIL_STORY(owner, "fault ");
    assert_non_null(strstr(owner->why, "ourselves"));
    free(keyword);
    owner_free(owner, fd);
}

/* ---- commands and replies ---- */

static void test_with_pipelining_commands_go_out_at_once(void **state)
{
    (void)state;
    struct owner *owner = owner_new("");
    int fd = fake_greet(owner->fake, 0, "PIPELINING");
    UNTIL_STORY(owner, "ready ");
    command(owner, 1, "MAIL FROM:<>\r\n");
    command(owner, 2, "RCPT TO:<a@example.org>\r\n");
    command(owner, 3, "DATA\r\n");
    assert_false(backend_conn_quiet(owner->conn));
    net_hear(owner->fake->loop, fd, "DATA\r\n");
    net_say_text(owner->fake->loop, fd, "250-one\r\n250 line\r\n550 no\r\n354 go\r\n");
    UNTIL_STORY(owner, "3:354 ");
    assert_string_equal(owner->story, "ready 1:250 2:550 3:354 ");
    assert_int_equal(backend_conn_heard(owner->conn), 3);
    assert_true(backend_conn_quiet(owner->conn));
    owner_free(owner, fd);
}

static void test_without_pipelining_each_command_waits_for_the_reply_before(void **state)
{
    (void)state;
    struct owner *owner = owner_new("");
    int fd = fake_greet(owner->fake, 0, "DSN");
    UNTIL_STORY(owner, "ready ");
    command(owner, 1, "MAIL FROM:<>\r\n");
    command(owner, 2, "RCPT TO:<a@example.org>\r\n");
    net_hear(owner->fake->loop, fd, "MAIL FROM:<>\r\n");
    net_run(owner->fake->loop, 10);
    assert_true(net_silent(fd));
    net_say_text(owner->fake->loop, fd, "250 ok\r\n");
    fake_answer(owner->fake, fd, "RCPT TO:<a@example.org>\r\n", "250 ok\r\n");
    UNTIL_STORY(owner, "2:250 ");
    assert_string_equal(owner->story, "ready 1:250 2:250 ");
    owner_free(owner, fd);
}

/* What a ready backend says after one MAIL, without PIPELINING. */
static const struct {
    const char *name;
    bool asked;
    const char *says;
    const char *story;
    const char *why;
} unasked[] = {
    {"a reply to nothing", false, "250 hello?\r\n", "fault ", "unasked"},
    {"a good-bye to nothing", false, "421 idle\r\n", "fault ", "421 idle"},
    {"two replies to one command", true, "250 ok\r\n250 ok\r\n", "1:250 fault ", "unasked"},
    {"a bare LF", true, "250 ok\n", "fault ", "malformed"},
    {"no code", true, "ok\r\n", "fault ", "malformed"},
    {"1yz", true, "150 wait\r\n", "fault ", "malformed"},
};

static void test_a_reply_that_nobody_waits_for_is_a_fault(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof unasked / sizeof *unasked; i++) {
        struct owner *owner = owner_new("");
        int fd = fake_greet(owner->fake, 0, "DSN");
        UNTIL_STORY(owner, "ready ");
        owner->story[0] = '\0';
        if (unasked[i].asked) {
            command(owner, 1, "MAIL FROM:<>\r\n");
            command(owner, 2, "RCPT TO:<a@example.org>\r\n");
            net_hear(owner->fake->loop, fd, "\r\n");
        }
        net_say_text(owner->fake->loop, fd, unasked[i].says);
        UNTIL_STORY(owner, "fault ");
        net_run(owner->fake->loop, 3);
        if (strcmp(owner->story, unasked[i].story) != 0 ||
            strstr(owner->why, unasked[i].why) == NULL)
            fail_msg("%s: %s, %s", unasked[i].name, owner->story, owner->why);
        owner_free(owner, fd);
    }
}

static void test_a_reply_without_end_is_a_fault(void **state)
{
    (void)state;
    struct owner *owner = owner_new("");
    int fd = fake_greet(owner->fake, 0, "DSN");
    UNTIL_STORY(owner, "ready ");
    command(owner, 1, "NOOP\r\n");
    char line[1000];
    memset(line, 'x', sizeof line);
    memcpy(line, "250-", 4);
    memcpy(line + sizeof line - 2, "\r\n", 2);
    for (int i = 0; i < 40 && !ends(owner->story, "fault "); i++)
        net_say(owner->fake->loop, fd, line, sizeof line);
    UNTIL_STORY(owner, "fault ");
    assert_non_null(strstr(owner->why, "malformed"));
    owner_free(owner, fd);
}

static void test_the_deadline_is_for_the_whole_reply(void **state)
{
    (void)state;
    struct owner *owner = owner_new("");
    int fd = fake_greet(owner->fake, 0, "DSN");
    UNTIL_STORY(owner, "ready ");
    uint64_t began = net_clock();
    backend_conn_send(owner->conn, 1, "NOOP\r\n", 6, 60);
    for (int i = 0; i < 3; i++) { /* a byte now and then buys no time */
        net_say(owner->fake->loop, fd, &"250"[i], 1);
        net_run(owner->fake->loop, 15);
    }
    UNTIL_STORY(owner, "fault ");
    assert_in_range(net_clock() - began, 60, 1000);
    owner_free(owner, fd);
}

static void test_silence_is_a_fault_that_says_what_for(void **state)
{
    static const char *const missing[] = {"its banner", "its reply to EHLO", "its reply"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct owner *owner = mem_alloc(sizeof *owner);
        owner->fake = fake_new(1, "", "");
        owner->fake->config->timeouts.backend_connect = i == 0 ? 30 : 1000;
        owner->fake->config->timeouts.backend_reply = i == 1 ? 30 : 1000;
        dial(owner);
        int fd = i == 2 ? fake_greet(owner->fake, 0, "DSN") : fake_accept(owner->fake, 0);
        if (i == 1)
            net_say_text(owner->fake->loop, fd, "220 x\r\n");
        if (i == 2) {
            UNTIL_STORY(owner, "ready ");
            backend_conn_send(owner->conn, 1, "NOOP\r\n", 6, 30);
        }
        UNTIL_STORY(owner, "fault ");
        if (strstr(owner->why, missing[i]) == NULL || strstr(owner->why, "silent") == NULL)
            fail_msg("%s", owner->why);
        owner_free(owner, fd);
    }
}

/* ---- text ---- */

static void test_a_long_text_goes_out_as_the_backend_takes_it(void **state)
{
    (void)state;
    struct owner *owner = owner_new("");
    struct buf into = {0};
    int fd = fake_greet(owner->fake, 0, "PIPELINING");
    UNTIL_STORY(owner, "ready ");
    char *text = malloc(BIG);
    memset(text, 'm', BIG);
    backend_conn_text(owner->conn, text, BIG);
    backend_conn_want_drained(owner->conn);
    net_run(owner->fake->loop, 10);
    assert_string_equal(owner->story, "ready ");
    net_read(owner->fake->loop, fd, &into, BIG);
    UNTIL_STORY(owner, "drained ");
    backend_conn_text(owner->conn, ".\r\n", 3);
    backend_conn_expect(owner->conn, 9, 200);
    assert_false(backend_conn_quiet(owner->conn));
    fake_answer(owner->fake, fd, ".\r\n", "250 taken\r\n");
    UNTIL_STORY(owner, "9:250 ");
    buf_free(&into);
    free(text);
    owner_free(owner, fd);
}

static void test_a_backend_that_takes_nothing_is_a_fault(void **state)
{
    (void)state;
    struct owner *owner = owner_new("");
    int fd = fake_greet(owner->fake, 0, "PIPELINING");
    UNTIL_STORY(owner, "ready ");
    owner->fake->config->timeouts.backend_reply = 40;
    char *text = calloc(1, 4 * BIG);
    backend_conn_text(owner->conn, text, 4 * BIG);
    backend_conn_want_drained(owner->conn);
    UNTIL_STORY(owner, "fault ");
    assert_non_null(strstr(owner->why, "silent"));
    free(text);
    owner_free(owner, fd);
}

static void test_a_reply_before_the_text_has_gone_out_is_a_fault(void **state)
{
    (void)state;
    struct owner *owner = owner_new("");
    int fd = fake_greet(owner->fake, 0, "PIPELINING");
    UNTIL_STORY(owner, "ready ");
    char *text = calloc(1, 4 * BIG);
    backend_conn_text(owner->conn, text, 4 * BIG);
    backend_conn_expect(owner->conn, 9, 1000);
    net_run(owner->fake->loop, 5);
    net_say_text(owner->fake->loop, fd, "250 I have it already\r\n");
    UNTIL_STORY(owner, "fault ");
    assert_string_equal(owner->story, "ready fault ");
    free(text);
    owner_free(owner, fd);
}

/* ---- ending ---- */

static void test_quit_is_said_where_nothing_is_under_way(void **state)
{
    (void)state;
    for (int busy = 0; busy < 2; busy++) {
        struct owner *owner = owner_new("");
        int fd = fake_greet(owner->fake, 0, "PIPELINING");
        UNTIL_STORY(owner, "ready ");
        if (busy) {
            command(owner, 1, "DATA\r\n");
            net_hear(owner->fake->loop, fd, "DATA\r\n");
        }
        backend_conn_quit(owner->conn);
        owner->conn = NULL;
        struct buf into = {0};
        if (!busy) {
            fake_answer(owner->fake, fd, "QUIT\r\n", "221 bye\r\n");
            shutdown(fd, SHUT_WR);
        }
        assert_true(net_ended(owner->fake->loop, fd, &into));
        assert_int_equal(buf_len(&into), 0);
        buf_free(&into);
        owner_free(owner, fd);
    }
    backend_conn_quit(NULL);
    backend_conn_free(NULL);
}

static void test_it_may_be_freed_in_each_event(void **state)
{
    static const char *const at[] = {"ready", "1:250", "drained", "fault"};
    (void)state;
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        struct owner *owner = owner_new("");
        owner->free_at = at[i];
        int fd = fake_greet(owner->fake, 0, "PIPELINING");
        if (i > 0)
            UNTIL_STORY(owner, "ready ");
        if (i == 1) {
            command(owner, 1, "A\r\n");
            command(owner, 2, "B\r\n");
            net_hear(owner->fake->loop, fd, "B\r\n");
            net_say_text(owner->fake->loop, fd, "250 a\r\n250 b\r\n");
        } else if (i == 2) {
            backend_conn_text(owner->conn, "text", 4);
            backend_conn_want_drained(owner->conn);
        } else if (i == 3) {
            net_say_text(owner->fake->loop, fd, "250 a\r\n250 b\r\n");
        }
        UNTIL(owner->fake->loop, owner->conn == NULL);
        net_run(owner->fake->loop, 3);
        assert_true(strlen(owner->story) < 20); /* nothing after it */
        owner_free(owner, fd);
    }
}

static void test_another_owner_hears_from_then_on_and_counts_anew(void **state)
{
    (void)state;
    struct owner *owner = owner_new("");
    struct owner other = {.fake = owner->fake, .conn = owner->conn};
    int fd = fake_greet(owner->fake, 0, "PIPELINING");
    UNTIL_STORY(owner, "ready ");
    command(owner, 1, "A\r\n");
    fake_answer(owner->fake, fd, "A\r\n", "550 a\r\n");
    UNTIL_STORY(owner, "1:550 ");
    backend_conn_set_owner(owner->conn, on_event, &other);
    assert_int_equal(backend_conn_heard(owner->conn), 0);
    assert_int_equal(backend_conn_errors(owner->conn), 1); /* these are the connection's */
    command(owner, 2, "B\r\n");
    fake_answer(owner->fake, fd, "B\r\n", "250 b\r\n");
    UNTIL_STORY(&other, "2:250 ");
    assert_string_equal(owner->story, "ready 1:550 ");
    owner_free(owner, fd);
}

/* ---- who the client is ---- */

static void test_xclient_is_said_and_the_client_s_helo_after_it(void **state)
{
    (void)state;
    struct owner *owner = owner_new("client-address = xclient");
    int fd = fake_accept(owner->fake, 0);
    net_say_text(owner->fake->loop, fd, "220 x\r\n");
    fake_ehlo(owner->fake, fd, "client.example", "PIPELINING,XCLIENT ADDR PORT PROTO HELO");
    fake_answer(owner->fake, fd,
                "XCLIENT PROTO=ESMTP HELO=client.example PORT=40000 ADDR=192.0.2.9\r\n",
                "220 again\r\n");
    fake_ehlo(owner->fake, fd, "client.example", "DSN");
    UNTIL_STORY(owner, "ready ");
    assert_int_equal(backend_conn_offer(owner->conn)->bits, CAP_DSN);
    struct capability learned; /* what all clients may be told is what was said before XCLIENT */
    assert_true(health_offer(owner->fake->setup->health[0][0], &learned));
    assert_true(learned.bits & CAP_PIPELINING);
    owner_free(owner, fd);
}

static void test_a_long_xclient_is_split_and_each_part_answered(void **state)
{
    (void)state;
    struct owner *owner = owner_new("client-address = xclient");
    backend_conn_free(owner->conn);
    close(fake_accept(owner->fake, 0));
    char helo[151];
    memset(helo, '=', 150); /* three octets each, encoded */
    helo[150] = '\0';
    const struct client_view view = view_of("2001:db8::9", helo);
    dial_as(owner, &view);
    int fd = fake_accept(owner->fake, 0);
    net_say_text(owner->fake->loop, fd, "220 x\r\n");
    net_hear(owner->fake->loop, fd, "\r\n");
    net_say_text(owner->fake->loop, fd,
                 "250-x\r\n250 XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT\r\n");
    int parts = 0;
    for (bool last = false; !last; parts++) {
        const char *line = net_hear(owner->fake->loop, fd, "\r\n");
        assert_true(strncmp(line, "XCLIENT ", 8) == 0);
        assert_true(strlen(line) <= 512);
        last = strstr(line, " ADDR=IPV6:2001:db8::9") != NULL;
        net_say_text(owner->fake->loop, fd, last ? "220 y\r\n" : "250 ok\r\n");
    }
    assert_true(parts >= 2);
    net_hear(owner->fake->loop, fd, "\r\n");
    net_say_text(owner->fake->loop, fd, "250 x\r\n");
    UNTIL_STORY(owner, "ready ");
    owner_free(owner, fd);
}

static const struct {
    const char *name;
    const char *mode;
    const char *keywords;
    const char *reply; /* to XCLIENT; NULL: it is not said */
    const char *why;
} unnamed[] = {
    {"XCLIENT not offered", "xclient", "DSN", NULL, "does not offer XCLIENT"},
    {"XCLIENT without ADDR", "xclient", "XCLIENT NAME HELO", NULL, "does not offer XCLIENT"},
    {"XCLIENT refused", "xclient", "XCLIENT ADDR", "550 no\r\n", "XCLIENT answered 550"},
    {"XCLIENT without a new greeting", "xclient", "XCLIENT ADDR", "250 ok\r\n",
     "XCLIENT answered 250"},
    {"XFORWARD not offered", "xforward", "DSN", NULL, "does not offer XFORWARD"},
    {"XFORWARD without ADDR", "xforward", "XFORWARD NAME", NULL, "does not offer XFORWARD"},
};

static void test_where_the_client_cannot_be_named_it_is_a_fault(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof unnamed / sizeof *unnamed; i++) {
        char *block = mem_printf("client-address = %s", unnamed[i].mode);
        struct owner *owner = owner_new(block);
        const char *name =
            strcmp(unnamed[i].mode, "xclient") == 0 ? "client.example" : "mx.example.org";
        int fd = fake_accept(owner->fake, 0);
        net_say_text(owner->fake->loop, fd, "220 x\r\n");
        fake_ehlo(owner->fake, fd, name, unnamed[i].keywords);
        if (unnamed[i].reply != NULL)
            fake_answer(owner->fake, fd, "XCLIENT ADDR=192.0.2.9\r\n", unnamed[i].reply);
        UNTIL_STORY(owner, "fault ");
        if (strcmp(owner->story, "fault ") != 0 || strstr(owner->why, unnamed[i].why) == NULL)
            fail_msg("%s: %s %s", unnamed[i].name, owner->story, owner->why);
        owner_free(owner, fd);
        free(block);
    }
}

static void test_proxy_headers_are_the_first_bytes(void **state)
{
    (void)state;
    struct owner *owner = owner_new("client-address = proxy-v1");
    int fd = fake_accept(owner->fake, 0);
    assert_string_equal(net_hear(owner->fake->loop, fd, "\r\n"),
                        "PROXY TCP4 192.0.2.9 198.51.100.1 40000 25\r\n");
    owner_free(owner, fd);
    owner = owner_new("client-address = proxy-v2");
    fd = fake_accept(owner->fake, 0);
    struct buf into = {0};
    net_read(owner->fake->loop, fd, &into, 28);
    assert_memory_equal(buf_data(&into),
                        "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x09\xc6\x33\x64\x01"
                        "\x9c\x40\0\x19",
                        28);
    buf_free(&into);
    owner_free(owner, fd);
}

static void test_a_probe_names_nobody(void **state)
{
    static const struct {
        const char *mode;
        const char *first; /* what comes before EHLO */
        size_t len;
    } modes[] = {
        {"proxy-v1", "PROXY UNKNOWN\r\n", 15},
        {"proxy-v2", "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16},
        {"xclient", "", 0},
        {"xforward", "", 0},
        {"tproxy", "", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        char *block = mem_printf("client-address = %s", modes[i].mode);
        const struct client_view view = {.probe = true};
        struct owner *owner = mem_alloc(sizeof *owner);
        owner->fake = fake_new(1, block, "");
        dial_as(owner, &view);
        int fd = fake_accept(owner->fake, 0);
        struct buf into = {0};
        net_read(owner->fake->loop, fd, &into, modes[i].len);
        assert_memory_equal(buf_data(&into), modes[i].first, modes[i].len);
        buf_free(&into);
        net_say_text(owner->fake->loop, fd, "220 x\r\n");
        fake_ehlo(owner->fake, fd, "mx.example.org", "DSN");
        UNTIL_STORY(owner, "ready ");
        owner_free(owner, fd);
        free(block);
    }
}

static void test_who_sees_the_same_client(void **state)
{
    static const struct {
        const char *mode;
        const char *client, *helo;
        bool same;
    } cases[] = {
        {"none", "203.0.113.7", "other.example", true},
        {"xforward", "203.0.113.7", "other.example", true},
        {"proxy-v1", "192.0.2.9", "client.example", true},
        {"proxy-v1", "192.0.2.8", "client.example", false},
        {"proxy-v1", "192.0.2.9", "other.example", false},
        {"proxy-v1", "192.0.2.9", NULL, false},
        {"xclient", "192.0.2.9", "client.example", true},
        {"xclient", "192.0.2.8", "client.example", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *block = mem_printf("client-address = %s", cases[i].mode);
        struct owner *owner = owner_new(block);
        const struct client_view view = view_of(cases[i].client, cases[i].helo);
        if (backend_conn_same_view(owner->conn, &view) != cases[i].same)
            fail_msg("%s, %s", cases[i].mode, cases[i].client);
        owner_free(owner, -1);
        free(block);
    }
}

/* ---- TLS ---- */

static char directory[] = "/tmp/backend_conn_test.XXXXXX";
static SSL_CTX *ctx;

static int setup_tls(void **state)
{
    (void)state;
    char path[128];
    assert_non_null(mkdtemp(directory));
    net_certificate(directory, "back.test");
    net_certificate(directory, "other.test");
    ctx = SSL_CTX_new(TLS_server_method());
    snprintf(path, sizeof path, "%s/back.test.pem", directory);
    assert_int_equal(SSL_CTX_use_certificate_file(ctx, path, SSL_FILETYPE_PEM), 1);
    snprintf(path, sizeof path, "%s/back.test.key", directory);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(ctx, path, SSL_FILETYPE_PEM), 1);
    return 0;
}

static int teardown_tls(void **state)
{
    (void)state;
    static const char *const files[] = {"back.test.pem", "back.test.key", "other.test.pem",
                                        "other.test.key"};
    SSL_CTX_free(ctx);
    for (size_t i = 0; i < 4; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", directory, files[i]);
        unlink(path);
    }
    return rmdir(directory);
}

/* Banner, EHLO with STARTTLS, and our 220 to it with `more` behind. */
static int offer_tls(struct owner *owner, const char *reply)
{
    int fd = fake_greet(owner->fake, 0, "PIPELINING,STARTTLS");
    fake_answer(owner->fake, fd, "STARTTLS\r\n", reply);
    return fd;
}

static SSL *shake_hands(struct owner *owner, int fd)
{
    SSL *ssl = SSL_new(ctx);
    int done = 0;
    SSL_set_fd(ssl, fd);
    SSL_set_accept_state(ssl);
    UNTIL(owner->fake->loop,
          (done = SSL_do_handshake(ssl)) == 1 || SSL_get_error(ssl, done) != SSL_ERROR_WANT_READ);
    ERR_clear_error();
    return ssl;
}

static char *tls_block(const char *mode, const char *ca)
{
    return ca == NULL ? mem_printf("tls = %s", mode)
                      : mem_printf("tls = %s tls-name = back.test tls-ca-file = \"%s/%s.pem\"",
                                   mode, directory, ca);
}

static void test_under_tls_the_dialogue_begins_anew(void **state)
{
    (void)state;
    for (int verify = 0; verify < 2; verify++) {
        char *block = verify ? tls_block("verify", "back.test") : tls_block("may", NULL);
        struct owner *owner = owner_new(block);
        int fd = offer_tls(owner, "220 go\r\n");
        struct capability learned; /* not from plaintext */
        assert_false(health_offer(owner->fake->setup->health[0][0], &learned));
        SSL *ssl = shake_hands(owner, fd);
        char text[64] = "";
        size_t n = 0;
        UNTIL(owner->fake->loop, SSL_read_ex(ssl, text, sizeof text - 1, &n) == 1);
        assert_string_equal(text, "EHLO mx.example.org\r\n");
        assert_int_equal(SSL_write(ssl, "250-x\r\n250 DSN\r\n", 16), 16);
        UNTIL_STORY(owner, "ready ");
        assert_int_equal(backend_conn_offer(owner->conn)->bits, CAP_DSN);
        assert_true(health_offer(owner->fake->setup->health[0][0], &learned));
        assert_int_equal(learned.bits, CAP_DSN);
        SSL_free(ssl);
        owner_free(owner, fd);
        free(block);
    }
}

static const struct {
    const char *name;
    const char *mode, *ca;
    const char *reply; /* to STARTTLS; NULL: STARTTLS is not offered */
    const char *story, *why;
} secured[] = {
    {"may, not offered", "may", NULL, NULL, "ready ", ""},
    {"verify, not offered", "verify", "back.test", NULL, "fault ", "does not offer STARTTLS"},
    {"refused", "may", NULL, "454 not now\r\n", "fault ", "STARTTLS answered 454"},
    {"plaintext behind 220", "may", NULL, "220 go\r\n250 injected\r\n", "fault ", "plaintext"},
    {"a wrong certificate", "verify", "other.test", "220 go\r\n", "fault ", ""},
    {"no TLS after 220", "may", NULL, "220 go\r\n", "fault ", ""},
};

static void test_tls_is_never_given_up_silently(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof secured / sizeof *secured; i++) {
        char *block = tls_block(secured[i].mode, secured[i].ca);
        struct owner *owner = owner_new(block);
        SSL *ssl = NULL;
        int fd = secured[i].reply == NULL ? fake_greet(owner->fake, 0, "PIPELINING")
                                          : offer_tls(owner, secured[i].reply);
        if (strcmp(secured[i].name, "a wrong certificate") == 0)
            ssl = shake_hands(owner, fd);
        else if (strcmp(secured[i].name, "no TLS after 220") == 0)
            net_say_text(owner->fake->loop, fd, "250-x\r\n250 DSN\r\n");
        UNTIL(owner->fake->loop, owner->story[0] != '\0');
        if (strcmp(owner->story, secured[i].story) != 0 ||
            strstr(owner->why, secured[i].why) == NULL)
            fail_msg("%s: %s %s", secured[i].name, owner->story, owner->why);
        SSL_free(ssl);
        owner_free(owner, fd);
        free(block);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_greeted_connection_is_ready_and_its_offer_known),
        cmocka_unit_test(test_what_is_no_greeting_is_a_fault),
        cmocka_unit_test(test_a_refused_connection_is_a_fault_from_the_loop),
        cmocka_unit_test(test_an_end_is_told_by_what_was_missing),
        cmocka_unit_test(test_silence_is_a_fault_that_says_what_for),
        cmocka_unit_test(test_a_backend_that_is_ourselves_is_a_fault),
        cmocka_unit_test(test_with_pipelining_commands_go_out_at_once),
        cmocka_unit_test(test_without_pipelining_each_command_waits_for_the_reply_before),
        cmocka_unit_test(test_a_reply_that_nobody_waits_for_is_a_fault),
        cmocka_unit_test(test_a_reply_without_end_is_a_fault),
        cmocka_unit_test(test_the_deadline_is_for_the_whole_reply),
        cmocka_unit_test(test_a_long_text_goes_out_as_the_backend_takes_it),
        cmocka_unit_test(test_a_backend_that_takes_nothing_is_a_fault),
        cmocka_unit_test(test_a_reply_before_the_text_has_gone_out_is_a_fault),
        cmocka_unit_test(test_quit_is_said_where_nothing_is_under_way),
        cmocka_unit_test(test_it_may_be_freed_in_each_event),
        cmocka_unit_test(test_another_owner_hears_from_then_on_and_counts_anew),
        cmocka_unit_test(test_xclient_is_said_and_the_client_s_helo_after_it),
        cmocka_unit_test(test_a_long_xclient_is_split_and_each_part_answered),
        cmocka_unit_test(test_where_the_client_cannot_be_named_it_is_a_fault),
        cmocka_unit_test(test_proxy_headers_are_the_first_bytes),
        cmocka_unit_test(test_a_probe_names_nobody),
        cmocka_unit_test(test_who_sees_the_same_client),
        cmocka_unit_test(test_under_tls_the_dialogue_begins_anew),
        cmocka_unit_test(test_tls_is_never_given_up_silently),
    };
    return cmocka_run_group_tests(tests, setup_tls, teardown_tls);
}
