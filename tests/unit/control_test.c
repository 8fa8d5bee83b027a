/* SPDX-License-Identifier: ISC */
/*
 * control_test: the control socket, real sockets in a directory of its own: who may come in and do
 * what, hostile input, slow and leaving askers, and the file itself. The clock is virtual; who the
 * peer is says the test, in the place of getsockopt(2).
 */
#include "admin/control.h"

#include "admin/control_line.h"
#include "lib/buf.h"
#include "lib/io.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "tests/unit/support/net.h"
#include "tests/unit/support/virtual_clock.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cmocka.h>

#define STRANGER 4242

static uid_t peer_uid;

int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    if (level == SOL_SOCKET && name == SO_PEERCRED) {
        ((struct ucred *)value)->uid = peer_uid;
        return 0;
    }
    return (int)syscall(SYS_getsockopt, fd, level, name, value, len);
}

static bool no_chown; /* as under our systemd unit, whose filter has it not */

int fchownat(int fd, const char *path, uid_t uid, gid_t gid, int flags)
{
    if (!no_chown)
        return (int)syscall(SYS_fchownat, fd, path, uid, gid, flags);
    errno = EPERM;
    return -1;
}

struct world {
    struct loop *loop;
    struct control *control;
    char directory[32];
    char path[64];
    struct command_call *waiting; /* of `wait` and `finish` */
    size_t ran, gone;
    long long left; /* of `pages` */
};

static struct buf logged;

static void hear(enum log_level level, const char *event, const char *session, const char *message)
{
    (void)level, (void)session;
    buf_printf(&logged, "%s %s\n", event, message);
}

static bool was_logged(const char *text)
{
    buf_add(&logged, "", 1);
    logged.end--;
    return strstr(buf_data(&logged), text) != NULL;
}

/* ---- rows --------------------------------------------------------------------------------------
 */

static void echo(struct command_call *call, void *arg)
{
    struct world *w = arg;
    w->ran++;
    command_done(call, json_pack("{s:o}", "text", command_string(command_text(call, "text"))));
}

static void change(struct command_call *call, void *arg)
{
    struct world *w = arg;
    w->ran++;
    command_done(call, json_pack("{s:s}", "author", call->author));
}

static void on_gone(void *arg)
{
    struct world *w = arg;
    w->gone++;
    w->waiting = NULL;
}

static void wait_for(struct command_call *call, void *arg)
{
    struct world *w = arg;
    w->ran++;
    w->waiting = call;
    command_on_gone(call, on_gone, w);
}

static void finish(struct command_call *call, void *arg)
{
    struct world *w = arg;
    w->ran++;
    w->waiting = call;
}

static json_t *filled(size_t len)
{
    char text[1024];
    memset(text, 'x', sizeof text);
    return json_stringn(text, len);
}

static json_t *kilobyte(void)
{
    return filled(1024);
}

static void flood(struct command_call *call, void *arg)
{
    struct world *w = arg;
    w->ran++;
    for (long long left = command_number(call, "count", 0); left > 0; left--)
        if (!command_item(call, kilobyte()))
            break;
    command_done(call, NULL);
}

static void next_page(void *arg)
{
    struct world *w = arg;
    for (size_t i = 0; i < 100 && w->left > 0; i++, w->left--)
        assert_true(command_item(w->waiting, kilobyte()));
    if (w->left > 0)
        command_pace(w->waiting, next_page, w);
    else
        command_done(w->waiting, NULL);
}

static void pages(struct command_call *call, void *arg)
{
    struct world *w = arg;
    w->left = command_number(call, "count", 0);
    wait_for(call, w);
    next_page(w);
}

static void import(struct command_call *call, void *arg)
{
    (void)arg;
    command_done(call, json_pack("{s:I}", "count",
                                 (json_int_t)json_array_size(command_list(call, "entries"))));
}

static void garbled(struct command_call *call, void *arg)
{
    (void)arg;
    command_done(call, json_string_nocheck("\xff"));
}

static const struct command rows[] = {
    {"echo", "[text]", "Say it.", COMMAND_READ, echo},
    {"change", "key", "Change it.", COMMAND_ADMIN, change},
    {"wait", "", "Answer later.", COMMAND_READ, wait_for},
    {"finish", "", "Answer later, whoever is there.", COMMAND_ADMIN, finish},
    {"flood", "count:number", "Say much.", COMMAND_READ, flood},
    {"pages", "count:number", "Say much, in pages.", COMMAND_READ, pages},
    {"import", "entries:list", "Count them.", COMMAND_ADMIN, import},
    {"garbled", "", "What is no JSON.", COMMAND_READ, garbled},
    {.name = NULL},
};

/* ---- the world ---------------------------------------------------------------------------------
 */

static struct command_set sets[] = {{rows, NULL}, {NULL, NULL}};
static const char *const admins[] = {"daemon", "no-such-user", NULL};

static struct control *begin(struct world *w, const char *group, char **why)
{
    const struct control_config config = {w->path, group, admins};
    return control_new(w->loop, &config, sets, why);
}

static int setup(void **state)
{
    struct world *w = mem_alloc(sizeof *w);
    char *why = NULL;
    buf_free(&logged);
    log_init(LOG_TARGET_JOURNAL, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, hear);
    sets[0].arg = w;
    peer_uid = 0;
    snprintf(w->directory, sizeof w->directory, "/tmp/gatepost-XXXXXX");
    assert_non_null(mkdtemp(w->directory));
    snprintf(w->path, sizeof w->path, "%s/control", w->directory);
    w->loop = loop_new();
    w->control = begin(w, "no-such-group", &why);
    assert_non_null(w->control);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    control_free(w->control);
    loop_free(w->loop);
    unlink(w->path);
    assert_int_equal(rmdir(w->directory), 0);
    buf_free(&logged);
    free(w);
    return 0;
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

/* A connection of that user, accepted. */
static int come(struct world *w, uid_t uid)
{
    int fd = connect_to(w->path);
    peer_uid = uid;
    for (size_t i = 0; i < 5; i++)
        net_turn(w->loop);
    return fd;
}

static void run(struct world *w)
{
    for (size_t i = 0; i < 20; i++)
        net_turn(w->loop);
}

static void pass(struct world *w, uint64_t ms)
{
    run(w);
    for (uint64_t end = clock_ms + ms; clock_ms < end;) {
        clock_ms += 500;
        run(w);
    }
}

static void expect(struct world *w, int fd, const char *request, const char *answer)
{
    net_say_text(w->loop, fd, request);
    assert_string_equal(net_hear(w->loop, fd, "\n"), answer);
}

#define ECHO_X "{\"command\":\"echo\",\"args\":{\"text\":\"x\"}}\n"
#define SAID_X "{\"ok\":true,\"result\":{\"text\":\"x\"}}\n"
#define SAID_  "{\"ok\":true,\"result\":{\"text\":\"\"}}\n"

static void still_works(struct world *w, int fd)
{
    expect(w, fd, ECHO_X, SAID_X);
}

/* ---- asking and answering ----------------------------------------------------------------------
 */

static void test_a_line_is_answered_by_a_line(void **state)
{
    struct world *w = *state;
    int fd = come(w, STRANGER);
    expect(w, fd, ECHO_X, SAID_X);
    expect(w, fd, " { \"command\" : \"echo\" } \r\n", SAID_);
    expect(w, fd, "{\"args\":{},\"command\":\"\\u0065cho\"}\n", SAID_);
    close(fd);
}

static void test_a_request_may_come_in_pieces(void **state)
{
    struct world *w = *state;
    int fd = come(w, STRANGER);
    for (const char *c = ECHO_X; *c != '\0'; c++) {
        net_say(w->loop, fd, c, 1);
        net_turn(w->loop);
    }
    assert_string_equal(net_hear(w->loop, fd, "\n"), SAID_X);
    close(fd);
}

static void test_requests_sent_ahead_are_answered_in_order_one_at_a_time(void **state)
{
    struct world *w = *state;
    int fd = come(w, STRANGER);
    net_say_text(w->loop, fd, ECHO_X "{\"command\":\"wait\"}\n{\"command\":\"echo\"}\n" ECHO_X);
    assert_string_equal(net_hear(w->loop, fd, "\n"), SAID_X);
    run(w);
    assert_true(net_silent(fd));
    assert_int_equal(w->ran, 2);
    net_say_text(w->loop, fd, ECHO_X);
    run(w);
    assert_int_equal(w->ran, 2);
    command_done(w->waiting, json_integer(7));
    assert_string_equal(net_hear(w->loop, fd, "\n"), "{\"ok\":true,\"result\":7}\n");
    assert_string_equal(net_hear(w->loop, fd, "\n"), SAID_);
    assert_string_equal(net_hear(w->loop, fd, "\n"), SAID_X);
    assert_string_equal(net_hear(w->loop, fd, "\n"), SAID_X);
    assert_int_equal(w->gone, 0);
    close(fd);
}

static void test_thousands_of_requests_at_once_are_all_answered(void **state)
{
    struct world *w = *state;
    struct buf out = {0};
    int fd = come(w, STRANGER);
    for (size_t i = 0; i < 3000; i++)
        buf_add_str(&out, "{\"command\":\"help\"}\n");
    char room[65536], last = ' ';
    size_t ends = 0;
    while (ends < 3000) { /* read and write by turns: neither side waits for ever */
        ssize_t n = buf_len(&out) > 0 ? write(fd, buf_data(&out), buf_len(&out)) : 0;
        buf_consume(&out, n > 0 ? (size_t)n : 0);
        net_turn(w->loop);
        n = read(fd, room, sizeof room);
        for (ssize_t i = 0; i < n; i++)
            ends += room[i] == 'k' && (i > 0 ? room[i - 1] : last) == 'o'; /* {"ok": */
        last = n > 0 ? room[n - 1] : last;
        assert_true(n != 0);
    }
    assert_int_equal(ends, 3000);
    buf_free(&out);
    close(fd);
}

static void test_who_has_said_his_last_still_hears_the_answer(void **state)
{
    struct world *w = *state;
    int fd = come(w, STRANGER);
    net_say_text(w->loop, fd, "{\"command\":\"wait\"}\n" ECHO_X "{\"comm");
    shutdown(fd, SHUT_WR);
    pass(w, 3000);
    assert_int_equal(w->gone, 0);
    command_done(w->waiting, NULL);
    struct buf heard = {0};
    assert_true(net_ended(w->loop, fd, &heard));
    buf_add(&heard, "", 1);
    assert_string_equal(buf_data(&heard), "{\"ok\":true,\"result\":{}}\n" SAID_X);
    buf_free(&heard);
    close(fd);
}

static void test_help_lists_every_row(void **state)
{
    struct world *w = *state;
    int fd = come(w, STRANGER);
    expect(w, fd, "{\"command\":\"help\"}\n",
           "{\"item\":{\"name\":\"help\",\"args\":\"\",\"level\":\"read\",\"help\":\"What can be "
           "asked, with its arguments and level.\"}}\n");
    assert_non_null(strstr(net_hear(w->loop, fd, "\n"), "\"echo\",\"args\":\"[text]\",\"level\":"
                                                        "\"read\",\"help\":\"Say it.\""));
    assert_non_null(strstr(net_hear(w->loop, fd, "\n"), "\"change\",\"args\":\"key\",\"level\":"
                                                        "\"admin\""));
    net_hear(w->loop, fd, "{\"ok\":true,\"result\":{}}\n");
    close(fd);
}

/* ---- levels ------------------------------------------------------------------------------------
 */

static void test_no_row_of_the_level_admin_runs_for_who_may_only_read(void **state)
{
    struct world *w = *state;
    int fd = come(w, STRANGER);
    size_t admin = 0;
    for (const struct command *row = rows; row->name != NULL; row++) {
        char request[100], answer[200];
        if (row->level != COMMAND_ADMIN)
            continue;
        snprintf(request, sizeof request, "{\"command\":\"%s\",\"args\":{\"key\":\"x\"}}\n",
                 row->name);
        snprintf(answer, sizeof answer,
                 "{\"ok\":false,\"error\":\"%s needs the level admin; root, the daemon's own "
                 "user and those named in control { admins } have it\",\"usage\":false}\n",
                 row->name);
        expect(w, fd, request, answer);
        admin++;
    }
    assert_int_equal(admin, 3);
    assert_int_equal(w->ran, 0);
    assert_true(was_logged("author=\"uid 4242\" command=change refused="));
    close(fd);
}

static void test_the_level_follows_from_who_connected(void **state)
{
    struct world *w = *state;
    const struct {
        uid_t uid;
        const char *author; /* NULL: reads only */
    } cases[] = {
        {0, "root"}, {1, "daemon"}, {STRANGER, NULL}, {65534, NULL}, {2, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int fd = come(w, cases[i].uid);
        net_say_text(w->loop, fd, "{\"command\":\"change\",\"args\":{\"key\":\"x\"}}\n");
        const char *answer = net_hear(w->loop, fd, "\n");
        if (cases[i].author != NULL)
            assert_non_null(strstr(answer, cases[i].author));
        assert_int_equal(strstr(answer, "\"ok\":true") != NULL, cases[i].author != NULL);
        peer_uid = 0; /* what he becomes later does not matter */
        close(fd);
    }
    assert_true(was_logged("author=root command=change\n"));
    assert_true(was_logged("author=daemon command=change\n"));
    assert_true(was_logged("no-such-user is no user"));
}

static void test_the_daemons_own_user_is_an_admin(void **state)
{
    struct world *w = *state;
    int fd = come(w, geteuid());
    expect(w, fd, "{\"command\":\"import\",\"args\":{\"entries\":[1]}}\n",
           "{\"ok\":true,\"result\":{\"count\":1}}\n");
    close(fd);
}

static void test_reading_is_not_logged(void **state)
{
    struct world *w = *state;
    buf_free(&logged);
    int fd = come(w, 0);
    still_works(w, fd);
    expect(w, fd, "{\"command\":\"nonsense\"}\n",
           "{\"ok\":false,\"error\":\"there is no command \\\"nonsense\\\"; help lists them\","
           "\"usage\":true}\n");
    assert_int_equal(buf_len(&logged), 0);
    close(fd);
}

/* ---- hostile input -----------------------------------------------------------------------------
 */

static const struct {
    const char *line;
    const char *error; /* what is in the answer */
} hostile[] = {
    {"", "no JSON object"},
    {"hello", "no JSON object"},
    {"{", "no JSON object"},
    {"{}", "wants the field \\\"command\\\""},
    {"[]", "no JSON object: something else"},
    {"\"echo\"", "no JSON object"},
    {"7", "no JSON object"},
    {"null", "no JSON object"},
    {"{\"command\":\"echo\"} {}", "no JSON object"},
    {"{\"command\":\"echo\",}", "no JSON object"},
    {"{'command':'echo'}", "no JSON object"},
    {"{\"command\":7}", "\\\"command\\\" is not understood"},
    {"{\"command\":null}", "\\\"command\\\" is not understood"},
    {"{\"command\":\"echo\",\"args\":[]}", "\\\"args\\\" is not understood"},
    {"{\"command\":\"echo\",\"args\":null}", "\\\"args\\\" is not understood"},
    {"{\"command\":\"echo\",\"arg\":{}}", "\\\"arg\\\" is not understood"},
    {"{\"command\":\"echo\",\"level\":\"admin\"}", "\\\"level\\\" is not understood"},
    {"{\"command\":\"change\",\"command\":\"echo\"}", "duplicate"},
    {"{\"command\":\"echo\",\"args\":{\"text\":\"a\",\"text\":\"b\"}}", "duplicate"},
    {"{\"command\":\"echo\",\"args\":{\"text\":\"a\",\"more\":1}}", "has no argument \\\"more\\\""},
    {"{\"command\":\"echo\",\"args\":{\"text\":[]}}", "must be a string"},
    {"{\"command\":\"echo\\u0000x\"}", "no JSON object"},
    {"{\"command\":\"echo\",\"args\":{\"text\":\"\xff\"}}", "unable to decode"},
    {"{\"command\":\"echo\",\"args\":{\"text\":\"\xc0\x80\"}}", "unable to decode"},
    {"{\"command\":\"echo\",\"args\":{\"text\":\"\xed\xa0\x80\"}}", "unable to decode"},
    {"{\"command\":\"echo\",\"args\":{\"text\":\"\\ud800\"}}", "no JSON object"},
    {"{\"command\":\"flood\",\"args\":{\"count\":99999999999999999999}}", "no JSON object"},
    {"{\"command\":\"flood\",\"args\":{\"count\":1e999}}", "no JSON object"},
    {"{\"command\":\"flood\",\"args\":{\"count\":\"1\"}}", "must be an integer"},
    {"{\"command\":\"ECHO\"}", "there is no command"},
    {"{\"command\":\"\\u001b[2J\\u202e\"}", "there is no command"},
    {"[[[[[[[[[", "too deep"},
    {"]]]]]]]]]", "no JSON object"},
    {"{\"command\":\"echo\",\"args\":{\"text\":\"[[[[[[[[[\\\"[[[[\"}, \"x\":[[[[[[[[]]]]]]]]}",
     "too deep"},
};

static void test_hostile_lines_are_refused_and_harm_nobody(void **state)
{
    struct world *w = *state;
    int fd = come(w, 0);
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        net_say_text(w->loop, fd, hostile[i].line);
        net_say_text(w->loop, fd, "\n");
        const char *answer = net_hear(w->loop, fd, "\n");
        if (strstr(answer, hostile[i].error) == NULL ||
            strncmp(answer, "{\"ok\":false,\"error\":\"", 21) != 0 ||
            strstr(answer, "\"usage\":true}") == NULL)
            fail_msg("%s: %s", hostile[i].line, answer);
        for (const char *c = answer; *c != '\n'; c++)
            assert_true((unsigned char)*c >= ' ');
        still_works(w, fd);
    }
    assert_int_equal(w->ran, sizeof hostile / sizeof *hostile); /* of still_works() */
    close(fd);
}

static void test_octets_of_nul_are_refused(void **state)
{
    struct world *w = *state;
    static const char line[] = "{\"command\":\"echo\"}\0\n\0\0\n";
    int fd = come(w, 0);
    net_say(w->loop, fd, line, sizeof line - 1);
    assert_non_null(strstr(net_hear(w->loop, fd, "\n"), "\"ok\":false"));
    assert_non_null(strstr(net_hear(w->loop, fd, "\n"), "\"ok\":false"));
    still_works(w, fd);
    close(fd);
}

/* A request of exactly `len` octets, without its end. */
static char *long_echo(size_t len)
{
    char *text = mem_alloc(len + 2);
    size_t head = (size_t)sprintf(text, "{\"command\":\"echo\",\"args\":{\"text\":\"");
    memset(text + head, 'y', len - head - 3);
    memcpy(text + len - 3, "\"}}\n", 5);
    return text;
}

static void test_a_line_has_a_limit_by_level(void **state)
{
    struct world *w = *state;
    const struct {
        uid_t uid;
        size_t most;
    } cases[] = {{STRANGER, CONTROL_LINE_READ}, {0, CONTROL_LINE_ADMIN}};
    for (size_t i = 0; i < 2; i++) {
        int fd = come(w, cases[i].uid);
        char *most = long_echo(cases[i].most), *more = long_echo(cases[i].most + 1);
        net_say_text(w->loop, fd, most);
        assert_non_null(strstr(net_hear(w->loop, fd, "\n"), "yyy..."));
        net_say_text(w->loop, fd, more);
        assert_non_null(strstr(net_hear(w->loop, fd, "\n"), "the line is too long"));
        pass(w, 2000);
        net_ended(w->loop, fd, NULL);
        close(fd);
        free(most);
        free(more);
    }
}

static void test_a_line_without_an_end_is_not_kept(void **state)
{
    struct world *w = *state;
    int fd = come(w, STRANGER);
    char block[4096];
    memset(block, ' ', sizeof block);
    for (size_t i = 0; i < 5; i++)
        net_say(w->loop, fd, block, sizeof block);
    assert_non_null(strstr(net_hear(w->loop, fd, "\n"), "the line is too long"));
    close(fd);
}

static void test_an_import_of_a_thousand_entries_fits(void **state)
{
    struct world *w = *state;
    int fd = come(w, 0);
    json_t *entries = json_array();
    for (size_t i = 0; i < 1000; i++)
        json_array_append_new(entries,
                              json_pack("{s:s, s:s, s:o, s:i}", "key", "2001:db8::/32", "action",
                                        "tarpit", "reason", filled(900), "for", 1));
    json_t *request = json_pack("{s:s, s:{s:o}}", "command", "import", "args", "entries", entries);
    char *text = json_dumps(request, JSON_COMPACT);
    net_say_text(w->loop, fd, text);
    expect(w, fd, "\n", "{\"ok\":true,\"result\":{\"count\":1000}}\n");
    free(text);
    json_decref(request);
    close(fd);
}

static void test_values_have_a_limit(void **state)
{
    struct world *w = *state;
    int fd = come(w, 0);
    struct buf text = {0};
    buf_add_str(&text, "{\"command\":\"import\",\"args\":{\"entries\":[0");
    for (size_t i = 0; i < CONTROL_VALUES_MOST; i++)
        buf_add_str(&text, ",0");
    buf_add_str(&text, "]}}\n");
    net_say(w->loop, fd, buf_data(&text), buf_len(&text));
    assert_non_null(strstr(net_hear(w->loop, fd, "\n"), "too many values"));
    buf_free(&text);
    close(fd);
}

/* ---- many, slow, idle --------------------------------------------------------------------------
 */

static void test_readers_never_take_all_connections(void **state)
{
    struct world *w = *state;
    const size_t readers = CONTROL_PEERS_MOST - CONTROL_PEERS_ADMIN;
    int fd[CONTROL_PEERS_MOST];
    for (size_t i = 0; i < readers; i++)
        fd[i] = come(w, STRANGER);
    int late = come(w, STRANGER);
    assert_non_null(strstr(net_hear(w->loop, late, "\n"), "too many are connected"));
    assert_true(net_ended(w->loop, late, NULL));
    close(late);
    for (size_t i = readers; i < CONTROL_PEERS_MOST; i++) {
        fd[i] = come(w, 0);
        still_works(w, fd[i]);
    }
    late = come(w, 0);
    assert_non_null(strstr(net_hear(w->loop, late, "\n"), "too many are connected"));
    close(late);
    close(fd[0]);
    run(w);
    late = come(w, 0);
    still_works(w, late);
    close(late);
    for (size_t i = 1; i < CONTROL_PEERS_MOST; i++)
        close(fd[i]);
}

static void test_a_flood_is_cut_off_where_nobody_reads(void **state)
{
    struct world *w = *state;
    int fd = come(w, STRANGER);
    struct buf heard = {0};
    net_say_text(w->loop, fd, "{\"command\":\"flood\",\"args\":{\"count\":100000}}\n");
    run(w);
    pass(w, 1000);
    net_ended(w->loop, fd, &heard); /* his end has come */
    assert_true(buf_len(&heard) < CONTROL_OUT_MOST);
    buf_free(&heard);
    close(fd);
    int other = come(w, STRANGER);
    still_works(w, other);
    close(other);
}

static size_t drain(struct world *w, int fd, bool *ended)
{
    char room[65536];
    size_t sum = 0;
    ssize_t n;
    while ((n = read(fd, room, sizeof room)) > 0)
        sum += (size_t)n;
    *ended = n == 0;
    net_turn(w->loop);
    return sum;
}

static void test_pages_wait_for_a_slow_reader(void **state)
{
    struct world *w = *state;
    int fd = come(w, STRANGER);
    bool ended = false;
    size_t sum = 0;
    net_say_text(w->loop, fd, "{\"command\":\"pages\",\"args\":{\"count\":20000}}\n");
    while (w->waiting == NULL)
        net_turn(w->loop);
    while (w->left > 0 && !ended) {
        sum += drain(w, fd, &ended);
        pass(w, 500);
    }
    while (!net_silent(fd))
        sum += drain(w, fd, &ended);
    assert_false(ended);
    assert_int_equal(sum, 20000 * (1024 + sizeof "{\"item\":\"\"}") +
                              strlen("{\"ok\":true,\"result\":{}}\n"));
    close(fd);
}

static void test_who_takes_nothing_of_an_answer_is_left(void **state)
{
    struct world *w = *state;
    int fd = come(w, STRANGER);
    net_say_text(w->loop, fd, "{\"command\":\"pages\",\"args\":{\"count\":20000}}\n");
    pass(w, CONTROL_STALL_MS / 2);
    assert_int_equal(w->gone, 0);
    pass(w, CONTROL_STALL_MS);
    assert_int_equal(w->gone, 1);
    assert_true(w->left > 0);
    close(fd);
}

static void test_an_idle_asker_is_left(void **state)
{
    struct world *w = *state;
    int fd = come(w, STRANGER);
    pass(w, CONTROL_IDLE_MS - 2000);
    still_works(w, fd);
    for (size_t i = 0; i < 29; i++) { /* what is not whole counts for nothing */
        net_say_text(w->loop, fd, " ");
        pass(w, 2000);
    }
    assert_true(net_silent(fd));
    pass(w, 4000);
    net_ended(w->loop, fd, NULL);
    close(fd);
}

static void test_an_answer_may_take_as_long_as_it_wants(void **state)
{
    struct world *w = *state;
    int fd = come(w, STRANGER);
    net_say_text(w->loop, fd, "{\"command\":\"wait\"}\n");
    pass(w, 3 * (CONTROL_IDLE_MS + CONTROL_STALL_MS));
    assert_int_equal(w->gone, 0);
    assert_true(command_item(w->waiting, json_integer(1)));
    command_fail(w->waiting, false, "after all");
    net_hear(w->loop, fd, "\"error\":\"after all\",\"usage\":false}\n");
    still_works(w, fd);
    close(fd);
}

/* ---- leaving -----------------------------------------------------------------------------------
 */

static void test_a_row_hears_that_its_asker_has_left(void **state)
{
    struct world *w = *state;
    int fd = come(w, STRANGER);
    net_say_text(w->loop, fd, "{\"command\":\"wait\"}\n");
    UNTIL(w->loop, w->waiting != NULL);
    close(fd);
    run(w);
    assert_int_equal(w->gone, 1);
}

static void test_it_hears_so_behind_input_sent_ahead_too(void **state)
{
    struct world *w = *state;
    int fd = come(w, STRANGER);
    net_say_text(w->loop, fd, "{\"command\":\"wait\"}\n{\"command\":\"wait\"}\n");
    UNTIL(w->loop, w->waiting != NULL);
    close(fd);
    pass(w, 1500);
    assert_int_equal(w->gone, 1);
    assert_int_equal(w->ran, 1);
}

static void test_it_hears_so_after_his_last_word_too(void **state)
{
    struct world *w = *state;
    int fd = come(w, STRANGER);
    net_say_text(w->loop, fd, "{\"command\":\"wait\"}\n");
    shutdown(fd, SHUT_WR);
    pass(w, 2000);
    assert_int_equal(w->gone, 0);
    close(fd);
    pass(w, 1500);
    assert_int_equal(w->gone, 1);
}

static void test_what_must_be_finished_is_finished_unheard(void **state)
{
    struct world *w = *state;
    int fd = come(w, 0);
    net_say_text(w->loop, fd, "{\"command\":\"finish\"}\n");
    UNTIL(w->loop, w->waiting != NULL);
    close(fd);
    run(w);
    assert_false(command_item(w->waiting, json_integer(1)));
    command_done(w->waiting, NULL);
}

static void test_the_unheard_count_as_connections(void **state)
{
    struct world *w = *state;
    struct command_call *call[CONTROL_PEERS_MOST];
    for (size_t i = 0; i < CONTROL_PEERS_MOST; i++) {
        int fd = come(w, 0);
        w->waiting = NULL;
        net_say_text(w->loop, fd, "{\"command\":\"finish\"}\n");
        UNTIL(w->loop, w->waiting != NULL);
        call[i] = w->waiting;
        close(fd);
        run(w);
    }
    int fd = come(w, 0);
    assert_non_null(strstr(net_hear(w->loop, fd, "\n"), "too many are connected"));
    close(fd);
    for (size_t i = 0; i < CONTROL_PEERS_MOST; i++)
        command_done(call[i], NULL);
    fd = come(w, 0);
    still_works(w, fd);
    close(fd);
}

static void test_at_the_end_everybody_is_left(void **state)
{
    struct world *w = *state;
    int reader = come(w, STRANGER);
    net_say_text(w->loop, reader, "{\"command\":\"wait\"}\n");
    UNTIL(w->loop, w->waiting != NULL);
    int admin = come(w, 0);
    net_say_text(w->loop, admin, "{\"command\":\"finish\"}\n");
    UNTIL(w->loop, w->ran == 2);
    struct command_call *unheard = w->waiting;
    control_free(w->control);
    w->control = NULL;
    assert_int_equal(w->gone, 1);
    assert_true(net_ended(w->loop, reader, NULL));
    assert_false(command_item(unheard, NULL));
    command_done(unheard, NULL); /* after the control socket */
    assert_int_equal(access(w->path, F_OK), -1);
    close(reader);
    close(admin);
}

static void test_an_answer_that_is_no_json_ends_the_connection(void **state)
{
    struct world *w = *state;
    int fd = come(w, STRANGER);
    net_say_text(w->loop, fd, "{\"command\":\"garbled\"}\n");
    pass(w, 500);
    assert_true(net_ended(w->loop, fd, NULL));
    close(fd);
}

static void test_who_is_behind_no_unix_socket_is_not_let_in(void **state)
{
    struct world *w = *state;
    int fd[2];
    net_pair(fd, false);
    control_admit(w->control, io_new(w->loop, fd[0], NULL, NULL, NULL));
    assert_true(net_ended(w->loop, fd[1], NULL));
    close(fd[1]);
}

/* ---- the file ----------------------------------------------------------------------------------
 */

static mode_t mode_of(const char *path, gid_t *group)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    *group = st.st_gid;
    return st.st_mode & 07777;
}

static void test_the_group_may_connect_whatever_the_umask(void **state)
{
    struct world *w = *state;
    const struct group *own = getgrgid(getegid());
    char *why = NULL;
    gid_t group;
    assert_non_null(own);
    for (size_t i = 0; i < 2; i++) {
        control_free(w->control);
        mode_t old = umask(i == 0 ? 0 : 0077);
        no_chown = i == 1;
        w->control = begin(w, own->gr_name, &why);
        no_chown = false;
        umask(old);
        assert_non_null(w->control);
        assert_int_equal(mode_of(w->path, &group), 0660);
        assert_int_equal(group, getegid());
    }
}

static void test_a_group_that_cannot_be_given_is_no_group(void **state)
{
    struct world *w = *state;
    const struct group *other = getgrgid(1);
    char *why = NULL;
    gid_t group;
    assert_non_null(other);
    control_free(w->control);
    no_chown = true;
    w->control = begin(w, other->gr_name, &why);
    no_chown = false;
    assert_non_null(w->control);
    assert_int_equal(mode_of(w->path, &group), 0600);
    assert_true(was_logged("Operation not permitted"));
}

static void test_without_the_group_the_owner_is_alone_and_it_is_said_once(void **state)
{
    struct world *w = *state;
    gid_t group;
    assert_int_equal(mode_of(w->path, &group), 0600);
    assert_true(was_logged("group no-such-group: there is no such group"));
    const char *first = strstr(buf_data(&logged), "no-such-group");
    assert_null(strstr(first + 1, "no-such-group"));
}

static void expect_fault(struct world *w, const char *text)
{
    char *why = NULL;
    assert_null(begin(w, "no-such-group", &why));
    assert_non_null(why);
    if (strstr(why, text) == NULL)
        fail_msg("no \"%s\" in: %s", text, why);
    free(why);
}

static void test_a_socket_that_somebody_answers_on_stays(void **state)
{
    struct world *w = *state;
    expect_fault(w, "is gatepostd running already?");
    int fd = come(w, 0);
    still_works(w, fd);
    close(fd);
}

static void test_a_stale_socket_is_replaced(void **state)
{
    struct world *w = *state;
    char *why = NULL;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    control_free(w->control);
    int stale = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", w->path);
    assert_int_equal(bind(stale, (struct sockaddr *)&address, sizeof address), 0);
    close(stale);
    w->control = begin(w, "no-such-group", &why);
    assert_non_null(w->control);
    int fd = come(w, 0);
    still_works(w, fd);
    close(fd);
}

static void test_what_is_no_socket_stays(void **state)
{
    struct world *w = *state;
    char elsewhere[80];
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", w->directory);
    control_free(w->control);
    w->control = NULL;
    close(open(w->path, O_CREAT | O_WRONLY, 0600));
    expect_fault(w, "is no socket");
    assert_int_equal(access(w->path, F_OK), 0);
    unlink(w->path);
    assert_int_equal(symlink(elsewhere, w->path), 0);
    expect_fault(w, "is no socket");
    assert_int_equal(access(elsewhere, F_OK), -1); /* nothing was made behind the link */
}

static void test_faults_of_the_path_are_named(void **state)
{
    struct world *w = *state;
    struct world other = {.loop = w->loop};
    snprintf(other.path, sizeof other.path, "%s/none/control", w->directory);
    expect_fault(&other, "cannot make the control socket");
    other.path[0] = '\0';
    expect_fault(&other, "the kernel takes 1 to 107");
    char *why = NULL;
    char far[200];
    memset(far, 'x', sizeof far - 1);
    far[0] = '/';
    far[sizeof far - 1] = '\0';
    const struct control_config config = {far, "no-such-group", NULL};
    assert_null(control_new(w->loop, &config, sets, &why));
    assert_non_null(strstr(why, "199 octets; the kernel takes 1 to 107"));
    free(why);
}

static void test_only_our_own_file_is_removed(void **state)
{
    struct world *w = *state;
    unlink(w->path);
    close(open(w->path, O_CREAT | O_WRONLY, 0600));
    control_free(w->control);
    w->control = NULL;
    assert_int_equal(access(w->path, F_OK), 0);
    control_free(NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_line_is_answered_by_a_line),
        CASE(test_a_request_may_come_in_pieces),
        CASE(test_requests_sent_ahead_are_answered_in_order_one_at_a_time),
        CASE(test_thousands_of_requests_at_once_are_all_answered),
        CASE(test_who_has_said_his_last_still_hears_the_answer),
        CASE(test_help_lists_every_row),
        CASE(test_no_row_of_the_level_admin_runs_for_who_may_only_read),
        CASE(test_the_level_follows_from_who_connected),
        CASE(test_the_daemons_own_user_is_an_admin),
        CASE(test_reading_is_not_logged),
        CASE(test_hostile_lines_are_refused_and_harm_nobody),
        CASE(test_octets_of_nul_are_refused),
        CASE(test_a_line_has_a_limit_by_level),
        CASE(test_a_line_without_an_end_is_not_kept),
        CASE(test_an_import_of_a_thousand_entries_fits),
        CASE(test_values_have_a_limit),
        CASE(test_readers_never_take_all_connections),
        CASE(test_a_flood_is_cut_off_where_nobody_reads),
        CASE(test_pages_wait_for_a_slow_reader),
        CASE(test_who_takes_nothing_of_an_answer_is_left),
        CASE(test_an_idle_asker_is_left),
        CASE(test_an_answer_may_take_as_long_as_it_wants),
        CASE(test_a_row_hears_that_its_asker_has_left),
        CASE(test_it_hears_so_behind_input_sent_ahead_too),
        CASE(test_it_hears_so_after_his_last_word_too),
        CASE(test_what_must_be_finished_is_finished_unheard),
        CASE(test_the_unheard_count_as_connections),
        CASE(test_at_the_end_everybody_is_left),
        CASE(test_an_answer_that_is_no_json_ends_the_connection),
        CASE(test_who_is_behind_no_unix_socket_is_not_let_in),
        CASE(test_the_group_may_connect_whatever_the_umask),
        CASE(test_a_group_that_cannot_be_given_is_no_group),
        CASE(test_without_the_group_the_owner_is_alone_and_it_is_said_once),
        CASE(test_a_socket_that_somebody_answers_on_stays),
        CASE(test_a_stale_socket_is_replaced),
        CASE(test_what_is_no_socket_stays),
        CASE(test_faults_of_the_path_are_named),
        CASE(test_only_our_own_file_is_removed),
    };
    signal(SIGPIPE, SIG_IGN);
    alarm(100); /* the virtual clock never ends a wait */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
