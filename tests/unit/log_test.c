/* SPDX-License-Identifier: ISC */
/*
 * log_test: every line the log can produce follows the one grammar of lib/log.c, whatever a peer
 * puts into its values, in text and in JSON (read back by jansson).
 */
#include "lib/log.h"

#include <jansson.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define GRAMMAR                                                                                    \
    "^([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z )?"                       \
    "(error|warning|info|debug) (-|[0-9A-Za-z]+) [a-z][a-z-]*"                                     \
    "( [a-z][a-z0-9_-]*=([]!#-[^-~]+|\"([^\"\\]|\\\\[\"\\]|\\\\x[0-9a-f]{2})*\"))*$"

static struct {
    size_t count;
    enum log_level level;
    char event[64];
    char session[64];
    char message[LOG_LINE_MAX];
} journal;

static void to_journal(enum log_level level, const char *event, const char *session,
                       const char *message)
{
    journal.count++;
    journal.level = level;
    snprintf(journal.event, sizeof journal.event, "%s", event);
    snprintf(journal.session, sizeof journal.session, "%s", session != NULL ? session : "none");
    assert_true(strlen(message) < sizeof journal.message);
    memcpy(journal.message, message, strlen(message) + 1);
}

/* Runs `write_lines` with stderr kept; the caller frees what was written. */
static char *kept_stderr(void (*write_lines)(void), size_t *len)
{
    int kept = memfd_create("log_test", MFD_CLOEXEC);
    int before = dup(STDERR_FILENO);
    assert_true(kept >= 0 && before >= 0);
    dup2(kept, STDERR_FILENO);
    write_lines();
    dup2(before, STDERR_FILENO);
    close(before);
    *len = (size_t)lseek(kept, 0, SEEK_END);
    char *text = calloc(1, *len + 1);
    assert_non_null(text);
    assert_int_equal(pread(kept, text, *len, 0), (ssize_t)*len);
    close(kept);
    return text;
}

static void assert_grammar(const char *line)
{
    regex_t regex;
    assert_int_equal(regcomp(&regex, GRAMMAR, REG_EXTENDED | REG_NOSUB), 0);
    int result = regexec(&regex, line, 0, NULL, 0);
    regfree(&regex);
    if (result != 0 || strchr(line, '\n') != NULL)
        fail_msg("not in the grammar: %s", line);
}

static const struct value_case {
    const char *name;
    const char *value;
    const char *text; /* as it stands in a text line */
    const char *json; /* the string a JSON reader gets; NULL: the value itself */
} value_cases[] = {
    {"a plain word stands bare", "mx.example.org", "mx.example.org", NULL},
    {"an address with = and brackets stands bare", "<a=b@[::1]>", "<a=b@[::1]>", NULL},
    {"an empty value is quoted", "", "\"\"", NULL},
    {"a space quotes", "a b", "\"a b\"", NULL},
    {"a quote is escaped", "a\"b", "\"a\\\"b\"", NULL},
    {"a backslash is escaped", "a\\b", "\"a\\\\b\"", NULL},
    {"a newline cannot begin a line", "x\r\n2026 info", "\"x\\x0d\\x0a2026 info\"",
     "x\\x0d\\x0a2026 info"},
    {"an escape sequence is shown", "\033[31m", "\"\\x1b[31m\"", "\\x1b[31m"},
    {"DEL is shown", "\177", "\"\\x7f\"", "\\x7f"},
    {"UTF-8 stays readable", "gr\303\274n@\344\276\213.jp", "\"gr\303\274n@\344\276\213.jp\"",
     NULL},
    {"a byte that is not UTF-8 is shown", "a\377b\303", "\"a\\xffb\\xc3\"", "a\\xffb\\xc3"},
    {"a C1 control is shown", "\302\205", "\"\\xc2\\x85\"", "\\xc2\\x85"},
    {"an overlong slash is shown", "\300\257", "\"\\xc0\\xaf\"", "\\xc0\\xaf"},
    {"a direction override is shown", "\342\200\256", "\"\\xe2\\x80\\xae\"", "\\xe2\\x80\\xae"},
    {"a line separator is shown", "\342\200\250", "\"\\xe2\\x80\\xa8\"", "\\xe2\\x80\\xa8"},
};

static void text_values_are_escaped(void **state)
{
    (void)state;
    log_init(LOG_TARGET_JOURNAL, LOG_FORMAT_TEXT, LOG_LEVEL_DEBUG, to_journal);
    for (size_t i = 0; i < sizeof value_cases / sizeof value_cases[0]; i++) {
        const struct value_case *c = &value_cases[i];
        struct log_line line;
        char want[256];
        log_begin(&line, LOG_LEVEL_INFO, "0123456789abcdef", "connect");
        log_str(&line, "helo", c->value);
        log_num(&line, "ms", -12);
        log_end(&line);
        snprintf(want, sizeof want, "info 0123456789abcdef connect helo=%s ms=-12", c->text);
        if (strcmp(want, journal.message) != 0)
            fail_msg("%s: %s", c->name, journal.message);
        assert_grammar(journal.message);
    }
}

static json_t *read_json(const char *message)
{
    json_error_t error;
    json_t *root = json_loads(message, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL)
        fail_msg("%s: %s", error.text, message);
    return root;
}

static void json_values_are_read_back(void **state)
{
    (void)state;
    log_init(LOG_TARGET_JOURNAL, LOG_FORMAT_JSON, LOG_LEVEL_DEBUG, to_journal);
    for (size_t i = 0; i < sizeof value_cases / sizeof value_cases[0]; i++) {
        const struct value_case *c = &value_cases[i];
        struct log_line line;
        log_begin(&line, LOG_LEVEL_WARNING, i % 2 ? "0123456789abcdef" : NULL, "mail");
        log_str(&line, "helo", c->value);
        log_num(&line, "size", INT64_MIN);
        log_end(&line);
        json_t *root = read_json(journal.message);
        assert_string_equal(json_string_value(json_object_get(root, "helo")),
                            c->json != NULL ? c->json : c->value);
        assert_true(json_integer_value(json_object_get(root, "size")) == INT64_MIN);
        assert_string_equal(json_string_value(json_object_get(root, "level")), "warning");
        assert_string_equal(json_string_value(json_object_get(root, "event")), "mail");
        assert_int_equal(strlen(json_string_value(json_object_get(root, "time"))), 24);
        assert_int_equal(json_is_null(json_object_get(root, "session")), i % 2 == 0);
        json_decref(root);
    }
}

static void a_long_value_is_cut(void **state)
{
    (void)state;
    char value[LOG_VALUE_MAX * 2];
    char want[LOG_VALUE_MAX * 2];
    memset(value, 'a', sizeof value);
    log_init(LOG_TARGET_JOURNAL, LOG_FORMAT_TEXT, LOG_LEVEL_DEBUG, to_journal);
    for (size_t len = LOG_VALUE_MAX - 1; len < LOG_VALUE_MAX + 3; len++) {
        struct log_line line;
        log_begin(&line, LOG_LEVEL_INFO, NULL, "e");
        log_bytes(&line, "v", value, len);
        log_end(&line);
        int shown = len <= LOG_VALUE_MAX ? (int)len : LOG_VALUE_MAX - 3;
        snprintf(want, sizeof want, "info - e v=%.*s%s", shown, value,
                 len <= LOG_VALUE_MAX ? "" : "...");
        assert_string_equal(journal.message, want);
    }
}

static void a_cut_does_not_split_a_character(void **state)
{
    (void)state;
    static const char *const characters[] = {"\303\274", "\344\276\213", "\360\237\230\200"};
    log_init(LOG_TARGET_JOURNAL, LOG_FORMAT_TEXT, LOG_LEVEL_DEBUG, to_journal);
    for (size_t c = 0; c < 3; c++)
        for (size_t shift = 0; shift < 5; shift++) {
            char value[LOG_VALUE_MAX + 64];
            size_t len = shift;
            memset(value, 'a', shift);
            while (len + 4 < sizeof value) {
                memcpy(value + len, characters[c], strlen(characters[c]));
                len += strlen(characters[c]);
            }
            struct log_line line;
            log_begin(&line, LOG_LEVEL_INFO, NULL, "e");
            log_bytes(&line, "v", value, len);
            log_end(&line);
            assert_null(strstr(journal.message, "\\x"));
            assert_non_null(strstr(journal.message, "...\""));
            assert_grammar(journal.message);
        }
}

static const char *list_of(size_t items, char filler, size_t *len)
{
    static char list[4 * LOG_LIST_MAX];
    *len = 0;
    for (size_t i = 0; i < items; i++) {
        *len +=
            (size_t)snprintf(list + *len, sizeof list - *len, "%sitem%03zu", i > 0 ? "; " : "", i);
        memset(list + *len, filler, 20);
        *len += 20;
    }
    return list;
}

static void a_list_is_cut_behind_an_item(void **state)
{
    (void)state;
    log_init(LOG_TARGET_JOURNAL, LOG_FORMAT_TEXT, LOG_LEVEL_DEBUG, to_journal);
    for (size_t items = 1; items < 100; items++) {
        struct log_line line;
        size_t len;
        const char *list = list_of(items, '.', &len);
        log_begin(&line, LOG_LEVEL_INFO, NULL, "e");
        log_list(&line, "v", list, len);
        log_end(&line);
        /* 27 octets an item, 2 between two; the value stands in quotes where there are two. */
        size_t shown = len <= LOG_LIST_MAX ? items : (LOG_LIST_MAX - 3) / 29;
        char want[LOG_LINE_MAX];
        snprintf(want, sizeof want, "info - e v=%s%.*s%s%s", items > 1 ? "\"" : "",
                 (int)(shown * 29 - (shown == items ? 2 : 0)), list, shown < items ? "..." : "",
                 items > 1 ? "\"" : "");
        assert_string_equal(journal.message, want);
        assert_grammar(journal.message);
    }
}

static void a_list_gives_way_to_what_the_line_holds_already(void **state)
{
    (void)state;
    char value[LOG_VALUE_MAX];
    memset(value, '\001', sizeof value);
    log_init(LOG_TARGET_JOURNAL, LOG_FORMAT_TEXT, LOG_LEVEL_DEBUG, to_journal);
    struct log_line line;
    size_t len;
    const char *list = list_of(60, '\001', &len);
    log_begin(&line, LOG_LEVEL_INFO, NULL, "e");
    log_bytes(&line, "a", value, sizeof value);
    log_bytes(&line, "b", value, sizeof value);
    log_list(&line, "v", list, len);
    log_end(&line);
    assert_non_null(strstr(journal.message, " v=\"item000"));
    assert_string_equal(journal.message + strlen(journal.message) - 6, "; ...\"");
    assert_grammar(journal.message);
}

/* Values of every length and kind until nothing more fits. */
static void fill(const char *value, size_t len, size_t first)
{
    struct log_line line;
    log_begin(&line, LOG_LEVEL_INFO, "abc", "full");
    log_bytes(&line, "first", value, first);
    char key[16];
    for (int i = 0; i < 20; i++) {
        snprintf(key, sizeof key, "k%d", i);
        log_bytes(&line, key, value, len);
        snprintf(key, sizeof key, "n%d", i);
        log_num(&line, key, INT64_MIN);
        assert_true(line.len < LOG_LINE_MAX);
    }
    for (int i = 0; i < 300; i++) {
        snprintf(key, sizeof key, "z%d", i);
        log_num(&line, key, i);
    }
    log_end(&line);
}

static void a_full_line_is_never_broken(void **state)
{
    (void)state;
    static const char fillers[][4] = {"a", " ", "\"", "\001", "\377", "\303\274"};
    char value[LOG_VALUE_MAX + 8];
    for (int format = LOG_FORMAT_TEXT; format <= LOG_FORMAT_JSON; format++) {
        log_init(LOG_TARGET_JOURNAL, (enum log_format)format, LOG_LEVEL_DEBUG, to_journal);
        for (size_t f = 0; f < sizeof fillers / sizeof fillers[0]; f++) {
            for (size_t i = 0; i < sizeof value; i++)
                value[i] = fillers[f][i % strlen(fillers[f])];
            for (size_t first = 0; first < 64; first++) {
                fill(value, first % 2 ? sizeof value : 300, first);
                assert_true(strlen(journal.message) > LOG_LINE_MAX - 32);
                if (format == LOG_FORMAT_TEXT)
                    assert_grammar(journal.message);
                else
                    json_decref(read_json(journal.message));
            }
        }
    }
}

static void random_bytes_follow_the_grammar(void **state)
{
    (void)state;
    unsigned seed = 1;
    for (int round = 0; round < 4000; round++) {
        char value[64];
        for (size_t i = 0; i < sizeof value; i++)
            value[i] = (char)(rand_r(&seed) >> 8);
        bool json = round % 2 == 0;
        log_init(LOG_TARGET_JOURNAL, json ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT, LOG_LEVEL_DEBUG,
                 to_journal);
        struct log_line line;
        log_begin(&line, LOG_LEVEL_ERROR, NULL, "fault");
        log_bytes(&line, "from", value, (size_t)rand_r(&seed) % sizeof value);
        log_end(&line);
        if (json)
            json_decref(read_json(journal.message));
        else
            assert_grammar(journal.message);
    }
}

static void below_the_level_nothing_is_written(void **state)
{
    (void)state;
    log_init(LOG_TARGET_JOURNAL, LOG_FORMAT_TEXT, LOG_LEVEL_WARNING, to_journal);
    journal.count = 0;
    log_event(LOG_LEVEL_INFO, NULL, "start", "unseen");
    log_event(LOG_LEVEL_DEBUG, NULL, "start", "unseen");
    assert_int_equal(journal.count, 0);
    log_event(LOG_LEVEL_ERROR, "s1", "start", "%d seen", 1);
    assert_int_equal(journal.count, 1);
    assert_int_equal(journal.level, LOG_LEVEL_ERROR);
    assert_string_equal(journal.event, "start");
    assert_string_equal(journal.session, "s1");
    assert_string_equal(journal.message, "error s1 start text=\"1 seen\"");
}

static void a_null_value_adds_nothing(void **state)
{
    (void)state;
    log_init(LOG_TARGET_JOURNAL, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, to_journal);
    struct log_line line;
    log_begin(&line, LOG_LEVEL_INFO, NULL, "close");
    log_str(&line, "a", NULL);
    log_bytes(&line, "b", NULL, 0);
    log_str(&line, "c", "x-7");
    log_end(&line);
    assert_string_equal(journal.message, "info - close c=x-7");
    assert_string_equal(journal.session, "none");
}

static void write_two_lines(void)
{
    log_event(LOG_LEVEL_INFO, NULL, "start", "one\ntwo");
    log_event(LOG_LEVEL_INFO, "abc", "stop", "x");
}

static void stderr_lines_begin_with_the_time(void **state)
{
    (void)state;
    size_t len;
    log_init(LOG_TARGET_STDERR, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, NULL);
    char *text = kept_stderr(write_two_lines, &len);
    assert_int_equal(strlen(text), len);
    assert_int_equal(text[len - 1], '\n');
    text[len - 1] = '\0';
    char *second = strchr(text, '\n');
    assert_non_null(second);
    *second++ = '\0';
    assert_grammar(text);
    assert_grammar(second);
    assert_string_equal(text + 25, "info - start text=\"one\\x0atwo\"");
    assert_string_equal(second + 25, "info abc stop text=x");
    assert_memory_equal(text + 10, "T", 1);
    assert_memory_equal(text + 23, "Z ", 2);
    free(text);
}

static void without_a_journal_lines_go_to_stderr(void **state)
{
    (void)state;
    size_t len;
    log_init(LOG_TARGET_JOURNAL, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, NULL);
    free(kept_stderr(write_two_lines, &len));
    assert_int_equal(len, strlen("2026-11-22T10:00:00.123Z info - start text=\"one\\x0atwo\"\n") +
                              strlen("2026-11-22T10:00:00.123Z info abc stop text=x\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_values_are_escaped),
        cmocka_unit_test(json_values_are_read_back),
        cmocka_unit_test(a_long_value_is_cut),
        cmocka_unit_test(a_cut_does_not_split_a_character),
        cmocka_unit_test(a_list_is_cut_behind_an_item),
        cmocka_unit_test(a_list_gives_way_to_what_the_line_holds_already),
        cmocka_unit_test(a_full_line_is_never_broken),
        cmocka_unit_test(random_bytes_follow_the_grammar),
        cmocka_unit_test(below_the_level_nothing_is_written),
        cmocka_unit_test(a_null_value_adds_nothing),
        cmocka_unit_test(stderr_lines_begin_with_the_time),
        cmocka_unit_test(without_a_journal_lines_go_to_stderr),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
