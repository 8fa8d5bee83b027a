/* SPDX-License-Identifier: ISC */
/*
 * delivery_test: the backend's half of a transaction: the envelope, its replay on a new
 * connection, the silent replacement of one that was dead, and the message byte for byte.
 */
#include "proxy/delivery.h"

#include "lib/mem.h"
#include "proxy/spool.h"
#include "tests/unit/support/fake_backend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define MAIL "MAIL FROM:<s@example.net>\r\n"
#define RCPT "RCPT TO:<a@example.org>\r\n"
#define MORE "RCPT TO:<b@example.org>\r\n"
#define HEAD "Received: from x by mx\r\n"
#define OK   "250 2.0.0 ok\r\n"

struct world {
    struct fake *fake;
    struct pool *pool;
    struct delivery *delivery;
    struct client_view view;
    struct spool *spool;
    struct buf head;
    struct delivery_text text;
    int fd;          /* the backend's end */
    char story[512]; /* "250 550 fault " */
    char why[512];
    bool free_in_answer;
    bool unwanted;
};

static void forget(struct world *w)
{
    bool dirty;
    size_t messages;
    backend_conn_free(delivery_free(w->delivery, &dirty, &messages));
    w->delivery = NULL;
}

static void on_answer(enum delivery_answer kind, const struct backend_reply *reply, const char *why,
                      void *arg)
{
    struct world *w = arg;
    size_t len = strlen(w->story);
    if (kind == DELIVERY_FAULT) {
        snprintf(w->story + len, sizeof w->story - len, "fault ");
        snprintf(w->why, sizeof w->why, "%s", why);
    } else {
        snprintf(w->story + len, sizeof w->story - len, "%d ", reply->code);
    }
    if (w->free_in_answer)
        forget(w);
}

static bool wanted(void *arg)
{
    const struct world *w = arg;
    return !w->unwanted;
}

static void begin(struct world *w, struct backend_conn *conn, bool dirty, bool bound)
{
    const struct delivery_request request = {
        .loop = w->fake->loop,
        .pool = w->pool,
        .setup = w->fake->setup,
        .view = &w->view,
        .advertised = CAP_PIPELINING,
        .conn = conn,
        .dirty = dirty,
        .bound = bound,
        .mail = MAIL,
    };
    w->story[0] = '\0';
    w->delivery = delivery_new(&request, on_answer, w);
}

static struct world *world_new(const char *backend)
{
    struct world *w = mem_alloc(sizeof *w);
    w->fake = fake_new(1, backend, "");
    w->pool = pool_new(w->fake->loop);
    w->view = (struct client_view){.helo = "client.example", .ident = "id", .esmtp = true};
    assert_true(addr_parse_ip("192.0.2.9", &w->view.client));
    assert_true(addr_parse_ip("198.51.100.1", &w->view.server));
    w->spool = spool_new(w->fake->server->budget);
    buf_add_str(&w->head, HEAD);
    w->text = (struct delivery_text){
        .head = &w->head, .spool = w->spool, .ends_in_crlf = true, .wanted = wanted};
    w->fd = -1;
    begin(w, NULL, false, false);
    return w;
}

static void world_free(struct world *w)
{
    forget(w);
    pool_free(w->pool);
    spool_free(w->spool);
    buf_free(&w->head);
    if (w->fd >= 0)
        close(w->fd);
    fake_free(w->fake);
    free(w);
}

static void drop(struct world *w)
{
    close(w->fd);
    w->fd = -1;
}

static void rcpt(struct world *w, const char *line)
{
    delivery_rcpt(w->delivery, line, strlen(line));
}

static void await(struct world *w, const char *story)
{
    UNTIL(w->fake->loop, strlen(w->story) >= strlen(story));
    assert_string_equal(w->story, story);
}

static void hears(struct world *w, const char *line, const char *reply)
{
    fake_answer(w->fake, w->fd, line, reply);
}

/* A transaction with one recipient accepted. */
static void accepted(struct world *w, const char *keywords)
{
    rcpt(w, RCPT);
    w->fd = fake_greet(w->fake, 0, keywords);
    hears(w, MAIL, OK);
    hears(w, RCPT, OK);
    await(w, "250 ");
}

/* Frees the delivery and gives its connection, which must be there. */
static struct backend_conn *take_back(struct world *w, bool *dirty, size_t *messages)
{
    struct backend_conn *conn = delivery_free(w->delivery, dirty, messages);
    w->delivery = NULL;
    assert_non_null(conn);
    return conn;
}

/* ---- the envelope ---- */

static void test_nothing_is_dialled_before_the_first_recipient(void **state)
{
    (void)state;
    struct world *w = world_new("");
    net_run(w->fake->loop, 5);
    assert_true(accept(w->fake->listener[0], NULL, NULL) < 0);
    assert_null(delivery_backend(w->delivery));
    accepted(w, "PIPELINING");
    assert_non_null(delivery_backend(w->delivery));
    rcpt(w, MORE);
    hears(w, MORE, "550 5.1.1 no such user\r\n");
    await(w, "250 550 ");
    bool dirty;
    size_t messages;
    struct backend_conn *conn = take_back(w, &dirty, &messages);
    assert_true(dirty); /* MAIL stands */
    assert_int_equal(messages, 0);
    backend_conn_free(conn);
    world_free(w);
}

static void test_a_refusal_of_mail_is_the_answer_to_each_recipient(void **state)
{
    (void)state;
    struct world *w = world_new("");
    rcpt(w, RCPT);
    w->fd = fake_greet(w->fake, 0, "PIPELINING");
    hears(w, MAIL, "550 5.7.1 not you\r\n");
    hears(w, RCPT, "503 need MAIL\r\n");
    await(w, "550 ");
    rcpt(w, MORE);
    await(w, "550 550 ");
    net_run(w->fake->loop, 3);
    assert_true(net_silent(w->fd)); /* it was not even asked */
    world_free(w);
}

/* Replies to MAIL and RCPT, and what the client is told. */
static const struct {
    const char *mail, *rcpt;
    const char *story;
} replies[] = {
    {OK, "251 will forward\r\n", "251 "},
    {OK, "450 greylisted\r\n", "450 "},
    {OK, "552 full\r\n", "552 "},
    {OK, "421 closing\r\n", "fault "},
    {OK, "500 what\r\n", "fault "},
    {OK, "503 order\r\n", "fault "},
    {OK, "521 no mail here\r\n", "fault "},
    {OK, "530 STARTTLS first\r\n", "fault "},
    {OK, "354 go\r\n", "fault "},
    {OK, "nonsense\r\n", "fault "},
    {"451 later\r\n", "503 need MAIL\r\n", "451 "},
    {"421 closing\r\n", "", "fault "},
    {"530 AUTH first\r\n", "", "fault "},
    {"354 go\r\n", "", "fault "},
};

static void test_the_client_hears_verdicts_and_not_faults(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        struct world *w = world_new("");
        rcpt(w, RCPT);
        w->fd = fake_greet(w->fake, 0, "PIPELINING");
        hears(w, MAIL, replies[i].mail);
        if (replies[i].rcpt[0] != '\0')
            hears(w, RCPT, replies[i].rcpt);
        UNTIL(w->fake->loop, w->story[0] != '\0');
        if (strcmp(w->story, replies[i].story) != 0)
            fail_msg("%s%s: %s", replies[i].mail, replies[i].rcpt, w->story);
        if (strcmp(w->story, "fault ") == 0)
            assert_null(delivery_backend(w->delivery)); /* never reused */
        world_free(w);
    }
}

static void test_less_offered_than_was_advertised_is_a_fault(void **state)
{
    (void)state;
    struct world *w = world_new("");
    forget(w);
    const struct delivery_request request = {.loop = w->fake->loop,
                                             .pool = w->pool,
                                             .setup = w->fake->setup,
                                             .view = &w->view,
                                             .advertised = CAP_DSN | CAP_8BITMIME,
                                             .mail = MAIL};
    w->delivery = delivery_new(&request, on_answer, w);
    rcpt(w, RCPT);
    w->fd = fake_greet(w->fake, 0, "PIPELINING,8BITMIME");
    await(w, "fault ");
    world_free(w);
}

static void test_xforward_comes_before_mail(void **state)
{
    (void)state;
    struct world *w = world_new("client-address = xforward");
    rcpt(w, RCPT);
    w->fd = fake_greet(w->fake, 0, "PIPELINING,XFORWARD NAME ADDR PROTO HELO IDENT");
    const char *line = net_hear(w->fake->loop, w->fd, "\r\n");
    assert_non_null(strstr(line, "ADDR=192.0.2.9"));
    assert_non_null(strstr(line, "HELO=client.example"));
    assert_non_null(strstr(line, "IDENT=id"));
    net_say_text(w->fake->loop, w->fd, OK);
    hears(w, MAIL, OK);
    hears(w, RCPT, OK);
    await(w, "250 ");
    world_free(w);
}

/* ---- connections that die ---- */

static void test_a_used_connection_found_dead_is_replaced_once_silently(void **state)
{
    (void)state;
    struct world *w = world_new("reuse = yes");
    bool dirty;
    size_t messages;
    accepted(w, "PIPELINING");
    struct backend_conn *conn = take_back(w, &dirty, &messages);
    begin(w, conn, dirty, false);
    rcpt(w, MORE);
    drop(w); /* while RSET, MAIL and RCPT are under way */
    w->fd = fake_greet(w->fake, 0, "PIPELINING");
    hears(w, MAIL, OK); /* a new one needs no RSET */
    assert_string_equal(w->story, "");
    drop(w); /* and that one dies too: now it is told */
    await(w, "fault ");
    net_run(w->fake->loop, 3);
    assert_true(accept(w->fake->listener[0], NULL, NULL) < 0);
    world_free(w);
}

static void test_one_that_has_answered_is_not_replaced_silently(void **state)
{
    (void)state;
    struct world *w = world_new("");
    bool dirty;
    size_t messages;
    accepted(w, "PIPELINING");
    struct backend_conn *conn = take_back(w, &dirty, &messages);
    begin(w, conn, dirty, false);
    rcpt(w, MORE);
    hears(w, "RSET\r\n", OK);
    net_hear(w->fake->loop, w->fd, MORE);
    drop(w);
    await(w, "fault ");
    world_free(w);
}

static void test_the_one_the_client_authenticated_on_is_never_replaced(void **state)
{
    (void)state;
    struct world *w = world_new("");
    bool dirty;
    size_t messages;
    accepted(w, "PIPELINING");
    struct backend_conn *conn = take_back(w, &dirty, &messages);
    begin(w, conn, dirty, true);
    drop(w);
    net_run(w->fake->loop, 3);
    rcpt(w, MORE);
    await(w, "fault ");
    rcpt(w, MORE);
    await(w, "fault fault ");
    net_run(w->fake->loop, 3);
    assert_true(accept(w->fake->listener[0], NULL, NULL) < 0);
    world_free(w);
}

/* The connection dies between the recipients and the text; what the new one says to the replay. */
static const struct {
    const char *mail, *rcpt;
    const char *story; /* after "250 " */
} replays[] = {
    {OK, OK, NULL}, /* it goes on */
    {"250 another text\r\n", "250 and another\r\n", NULL},
    {OK, "251 moved\r\n", "fault "},
    {OK, "550 not any more\r\n", "fault "},
    {OK, "450 not now\r\n", "fault "},
    {"550 not you\r\n", "503 need MAIL\r\n", "fault "},
    {"451 not now\r\n", "503 need MAIL\r\n", "fault "},
    {"421 bye\r\n", "", "fault "},
};

static void test_a_replay_goes_on_only_with_the_same_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof replays / sizeof *replays; i++) {
        struct world *w = world_new("");
        char want[32];
        accepted(w, "PIPELINING");
        drop(w);
        net_run(w->fake->loop, 3);
        assert_string_equal(w->story, "250 "); /* nobody asked */
        assert_true(spool_add(w->spool, "body\r\n", 6));
        delivery_text(w->delivery, &w->text);
        w->fd = fake_greet(w->fake, 0, "PIPELINING");
        hears(w, MAIL, replays[i].mail);
        if (replays[i].rcpt[0] != '\0')
            hears(w, RCPT, replays[i].rcpt);
        if (replays[i].story == NULL) {
            hears(w, "DATA\r\n", "354 go\r\n");
            assert_string_equal(net_hear(w->fake->loop, w->fd, "\r\n.\r\n"), HEAD "body\r\n.\r\n");
            net_say_text(w->fake->loop, w->fd, OK);
        }
        snprintf(want, sizeof want, "250 %s", replays[i].story != NULL ? replays[i].story : "250 ");
        UNTIL(w->fake->loop, strlen(w->story) > 4);
        if (strcmp(w->story, want) != 0)
            fail_msg("%s%s: %s", replays[i].mail, replays[i].rcpt, w->story);
        world_free(w);
    }
}

static void test_all_recipients_are_replayed_in_order_and_the_refused_are_not(void **state)
{
    (void)state;
    struct world *w = world_new("");
    char line[64];
    accepted(w, "PIPELINING");
    for (int i = 0; i < 20; i++) {
        snprintf(line, sizeof line, "RCPT TO:<r%d@example.org>\r\n", i);
        rcpt(w, line);
        hears(w, line, i % 3 == 0 ? "550 no\r\n" : OK);
        size_t told = 4 * ((size_t)i + 2);
        UNTIL(w->fake->loop, strlen(w->story) == told);
    }
    drop(w);
    net_run(w->fake->loop, 3);
    rcpt(w, MORE);
    w->fd = fake_greet(w->fake, 0, "PIPELINING");
    hears(w, MAIL, OK);
    hears(w, RCPT, OK);
    for (int i = 0; i < 20; i++) {
        snprintf(line, sizeof line, "RCPT TO:<r%d@example.org>\r\n", i);
        if (i % 3 != 0)
            hears(w, line, OK);
    }
    hears(w, MORE, "452 enough\r\n");
    UNTIL(w->fake->loop, strlen(w->story) == 4 * 22);
    assert_string_equal(w->story + 4 * 21, "452 ");
    world_free(w);
}

/* ---- the message ---- */

/* What is spooled and what the backend hears behind our header, per way. */
static const struct {
    const char *name, *spooled;
    bool chunked, dot_lines, ends_in_crlf;
    const char *keywords;
    const char *way;   /* DATA or BDAT */
    const char *heard; /* behind the head, the dot included */
} texts[] = {
    {"DATA", "a\r\nb\r\n", false, false, true, "PIPELINING", "DATA\r\n", "a\r\nb\r\n.\r\n"},
    {"empty", "", false, false, true, "PIPELINING", "DATA\r\n", ".\r\n"},
    {"dots", ".\r\n..x\r\na.\r\n.", false, true, false, "PIPELINING", "DATA\r\n",
     "..\r\n...x\r\na.\r\n..\r\n.\r\n"},
    {"chunks by BDAT", ".\r\nno end", true, true, false, "CHUNKING", "BDAT 33 LAST\r\n",
     ".\r\nno end"},
    {"chunks by DATA", ".\r\nno end", true, true, false, "PIPELINING", "DATA\r\n",
     "..\r\nno end\r\n.\r\n"},
    {"DATA stays DATA", "x\r\n", false, false, true, "CHUNKING", "DATA\r\n", "x\r\n.\r\n"},
    {"an empty BDAT", "", true, false, true, "CHUNKING", "BDAT 24 LAST\r\n", ""},
};

static void test_the_message_goes_over_byte_for_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct world *w = world_new("");
        struct buf into = {0};
        char *want = mem_printf("%s%s", HEAD, texts[i].heard);
        accepted(w, texts[i].keywords);
        spool_add(w->spool, texts[i].spooled, strlen(texts[i].spooled));
        w->text.chunked = texts[i].chunked;
        w->text.dot_lines = texts[i].dot_lines;
        w->text.ends_in_crlf = texts[i].ends_in_crlf;
        delivery_text(w->delivery, &w->text);
        hears(w, texts[i].way, texts[i].way[0] == 'D' ? "354 go\r\n" : "");
        net_read(w->fake->loop, w->fd, &into, strlen(want));
        net_run(w->fake->loop, 2);
        if (memcmp(buf_data(&into), want, strlen(want)) != 0 || !net_silent(w->fd))
            fail_msg("%s: %.*s", texts[i].name, (int)buf_len(&into), buf_data(&into));
        assert_string_equal(w->story, "250 ");
        net_say_text(w->fake->loop, w->fd, OK);
        await(w, "250 250 ");
        bool dirty = true;
        size_t messages = 0;
        backend_conn_free(take_back(w, &dirty, &messages));
        assert_false(dirty); /* the end of data ended the transaction */
        assert_int_equal(messages, 1);
        buf_free(&into);
        free(want);
        world_free(w);
    }
}

#define LINES 60000

static void test_a_large_spool_goes_at_the_backend_s_pace(void **state)
{
    (void)state;
    struct world *w = world_new("");
    struct buf into = {0};
    const int small = 4096;
    char line[32];
    size_t size = 0;
    setsockopt(w->fake->listener[0], SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    accepted(w, "PIPELINING");
    for (int i = 0; i < LINES; i++) { /* dots at every place of a block, as it happens */
        size_t len = (size_t)snprintf(line, sizeof line, ".%d\r\n", i);
        assert_true(spool_add(w->spool, line, len));
        size += len;
    }
    w->text.dot_lines = true;
    w->fake->config->timeouts.backend_reply = 20000; /* a sanitizer may make us slow */
    w->fake->config->timeouts.backend_end_of_data = 20000;
    delivery_text(w->delivery, &w->text);
    hears(w, "DATA\r\n", "354 go\r\n");
    net_run(w->fake->loop, 20); /* it must wait for us, not fill memory */
    net_read(w->fake->loop, w->fd, &into, strlen(HEAD) + size + LINES + 3);
    const char *at = buf_data(&into) + strlen(HEAD);
    for (int i = 0; i < LINES; i++) {
        size_t len = (size_t)snprintf(line, sizeof line, "..%d\r\n", i);
        if (memcmp(at, line, len) != 0)
            fail_msg("line %d", i);
        at += len;
    }
    assert_memory_equal(at, ".\r\n", 3);
    assert_string_equal(w->story, "250 ");
    net_say_text(w->fake->loop, w->fd, "452 disk full\r\n");
    await(w, "250 452 ");
    buf_free(&into);
    world_free(w);
}

static const struct {
    const char *name;
    const char *data, *end; /* replies; NULL: the connection is closed */
    const char *story;
} ends[] = {
    {"DATA refused for now", "451 later\r\n", "", "250 451 "},
    {"DATA refused", "554 no\r\n", "", "250 554 "},
    {"DATA taken for done", "250 ok\r\n", "", "250 fault "},
    {"DATA unknown", "502 no\r\n", "", "250 fault "},
    {"gone at DATA", NULL, "", "250 fault "},
    {"taken", "354 go\r\n", OK, "250 250 "},
    {"refused", "354 go\r\n", "550 spam\r\n", "250 550 "},
    {"refused for now", "354 go\r\n", "451 later\r\n", "250 451 "},
    {"closing", "354 go\r\n", "421 bye\r\n", "250 fault "},
    {"malformed", "354 go\r\n", "250ok\r\n", "250 fault "},
    {"gone at the end", "354 go\r\n", NULL, "250 fault "},
    {"a second 354", "354 go\r\n", "354 go on\r\n", "250 fault "},
    {"354 and 250 at once", "354 go\r\n250 ok\r\n", "", "250 fault "},
};

static void test_how_data_ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct world *w = world_new("");
        accepted(w, "PIPELINING");
        spool_add(w->spool, "body\r\n", 6);
        delivery_text(w->delivery, &w->text);
        net_hear(w->fake->loop, w->fd, "DATA\r\n");
        if (ends[i].data != NULL)
            net_say_text(w->fake->loop, w->fd, ends[i].data);
        if (ends[i].end == NULL || ends[i].end[0] != '\0') {
            net_hear(w->fake->loop, w->fd, "\r\n.\r\n");
            if (ends[i].end != NULL)
                net_say_text(w->fake->loop, w->fd, ends[i].end);
        }
        if (ends[i].data == NULL || ends[i].end == NULL)
            drop(w);
        UNTIL(w->fake->loop, strlen(w->story) > 4);
        net_run(w->fake->loop, 2);
        if (strcmp(w->story, ends[i].story) != 0)
            fail_msg("%s: %s", ends[i].name, w->story);
        world_free(w);
    }
}

static void test_a_client_that_has_left_leaves_no_dot(void **state)
{
    (void)state;
    struct world *w = world_new("");
    struct buf into = {0};
    accepted(w, "PIPELINING");
    spool_add(w->spool, "body\r\n", 6);
    delivery_text(w->delivery, &w->text);
    net_hear(w->fake->loop, w->fd, "DATA\r\n");
    w->unwanted = true;
    net_say_text(w->fake->loop, w->fd, "354 go\r\n");
    await(w, "250 fault ");
    net_ended(w->fake->loop, w->fd, &into);
    assert_null(memmem(buf_data(&into), buf_len(&into), "\r\n.\r\n", 5));
    buf_free(&into);
    world_free(w);
}

static void test_it_may_be_freed_wherever_it_stands(void **state)
{
    (void)state;
    for (int stage = 0; stage < 5; stage++) {
        struct world *w = world_new("");
        bool dirty;
        size_t messages;
        if (stage == 0)
            rcpt(w, RCPT); /* it dials */
        if (stage == 1) {
            rcpt(w, RCPT);
            w->fd = fake_greet(w->fake, 0, "PIPELINING");
            net_hear(w->fake->loop, w->fd, RCPT);
        }
        if (stage >= 2)
            accepted(w, "PIPELINING");
        if (stage >= 3) {
            spool_add(w->spool, "body\r\n", 6);
            delivery_text(w->delivery, &w->text);
            net_hear(w->fake->loop, w->fd, "DATA\r\n");
        }
        if (stage == 4) {
            net_say_text(w->fake->loop, w->fd, "354 go\r\n");
            net_hear(w->fake->loop, w->fd, "\r\n.\r\n");
        }
        struct backend_conn *conn = delivery_free(w->delivery, &dirty, &messages);
        w->delivery = NULL;
        assert_true((conn != NULL) == (stage == 2)); /* else a reply is owed */
        backend_conn_free(conn);
        net_run(w->fake->loop, 3);
        world_free(w);
    }
    assert_null(delivery_free(NULL, NULL, NULL));
}

static void test_it_may_be_freed_in_its_answer(void **state)
{
    (void)state;
    for (int fault = 0; fault < 2; fault++) {
        struct world *w = world_new("");
        w->free_in_answer = true;
        rcpt(w, RCPT);
        w->fd = fake_greet(w->fake, 0, "PIPELINING");
        hears(w, MAIL, OK);
        hears(w, RCPT, fault ? "421 no\r\n250 more\r\n" : OK);
        await(w, fault ? "fault " : "250 ");
        assert_null(w->delivery);
        world_free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_dialled_before_the_first_recipient),
        cmocka_unit_test(test_a_refusal_of_mail_is_the_answer_to_each_recipient),
        cmocka_unit_test(test_the_client_hears_verdicts_and_not_faults),
        cmocka_unit_test(test_less_offered_than_was_advertised_is_a_fault),
        cmocka_unit_test(test_xforward_comes_before_mail),
        cmocka_unit_test(test_a_used_connection_found_dead_is_replaced_once_silently),
        cmocka_unit_test(test_one_that_has_answered_is_not_replaced_silently),
        cmocka_unit_test(test_the_one_the_client_authenticated_on_is_never_replaced),
        cmocka_unit_test(test_a_replay_goes_on_only_with_the_same_answers),
        cmocka_unit_test(test_all_recipients_are_replayed_in_order_and_the_refused_are_not),
        cmocka_unit_test(test_the_message_goes_over_byte_for_byte),
        cmocka_unit_test(test_a_large_spool_goes_at_the_backend_s_pace),
        cmocka_unit_test(test_how_data_ends),
        cmocka_unit_test(test_a_client_that_has_left_leaves_no_dot),
        cmocka_unit_test(test_it_may_be_freed_wherever_it_stands),
        cmocka_unit_test(test_it_may_be_freed_in_its_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
