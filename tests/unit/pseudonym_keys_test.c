/* SPDX-License-Identifier: ISC */
/* pseudonym_keys_test: keys come and go by the clock, and outlive a restart; the log is disguised
 * where it should be. */
#include "policy/pseudonym_keys.h"

#include "lib/log.h"
#include "lib/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define DAY ((int64_t)24 * 3600)

static const struct pseudonym_rule stored = {PSEUDONYMS_STORED, 10 * DAY, 7 * DAY};

static void turn(struct pseudonym_keys *keys, int64_t day)
{
    char *why;
    assert_true(pseudonym_keys_turn(keys, day * DAY, &why));
    assert_null(why);
}

static size_t living(struct pseudonym_keys *keys)
{
    struct mac_key key[PSEUDONYM_KEYS_MOST];
    return pseudonym_keys_living(keys, key);
}

static bool same_newest(struct pseudonym_keys *keys, const struct mac_key *as)
{
    struct mac_key key;
    assert_true(pseudonym_keys_newest(keys, &key));
    return memcmp(&key, as, sizeof key) == 0;
}

static void a_key_lives_as_long_as_what_it_made(void **state)
{
    (void)state;
    struct pseudonym_keys *keys = pseudonym_keys_new();
    struct mac_key first;
    assert_false(pseudonym_keys_newest(keys, &first));
    pseudonym_keys_configure(keys, &stored, 100 * DAY);
    turn(keys, 100);
    assert_true(pseudonym_keys_newest(keys, &first));
    turn(keys, 109);
    assert_true(same_newest(keys, &first));
    turn(keys, 110);
    assert_false(same_newest(keys, &first));
    assert_int_equal(living(keys), 2);
    turn(keys, 116);
    assert_int_equal(living(keys), 2);
    turn(keys, 117); /* what it made on day 110 has gone */
    assert_int_equal(living(keys), 1);
    turn(keys, 50); /* a clock that was set back */
    assert_int_equal(living(keys), 1);
    pseudonym_keys_free(keys);
}

static void the_newest_comes_first(void **state)
{
    (void)state;
    struct pseudonym_keys *keys = pseudonym_keys_new();
    struct mac_key key[PSEUDONYM_KEYS_MOST];
    pseudonym_keys_configure(keys, &stored, 100 * DAY);
    turn(keys, 100);
    turn(keys, 110);
    assert_int_equal(pseudonym_keys_living(keys, key), 2);
    assert_true(same_newest(keys, &key[0]));
    pseudonym_keys_free(keys);
}

static void there_are_never_too_many(void **state)
{
    (void)state;
    struct pseudonym_keys *keys = pseudonym_keys_new();
    const struct pseudonym_rule rule = {PSEUDONYMS_STORED, DAY, 3650 * DAY};
    pseudonym_keys_configure(keys, &rule, 0);
    for (int64_t day = 0; day < 3 * PSEUDONYM_KEYS_MOST; day++)
        turn(keys, day);
    assert_int_equal(living(keys), PSEUDONYM_KEYS_MOST);
    pseudonym_keys_free(keys);
}

static void switched_off_the_last_key_goes_too(void **state)
{
    (void)state;
    struct pseudonym_keys *keys = pseudonym_keys_new();
    struct pseudonym_rule rule = stored;
    pseudonym_keys_configure(keys, &rule, 100 * DAY);
    turn(keys, 100);
    rule.mode = PSEUDONYMS_OFF;
    pseudonym_keys_configure(keys, &rule, 100 * DAY);
    turn(keys, 116);
    assert_int_equal(living(keys), 1);
    turn(keys, 117);
    assert_int_equal(living(keys), 0);
    pseudonym_keys_free(keys);
}

static char *file_in(const char *directory)
{
    return mem_printf("%s/pseudonym.keys", directory);
}

static void keys_outlive_a_restart(void **state)
{
    (void)state;
    char directory[] = "/tmp/pseudonym-keys-XXXXXX";
    char *why;
    struct mac_key standing, newest, again;
    struct stat st;
    assert_non_null(mkdtemp(directory));
    char *path = file_in(directory);
    struct pseudonym_keys *keys = pseudonym_keys_new();
    assert_true(pseudonym_keys_open(keys, directory, &why));
    turn(keys, 99);
    assert_int_equal(access(path, F_OK), -1); /* off: there is no key to keep */
    pseudonym_keys_configure(keys, &stored, 100 * DAY);
    turn(keys, 100);
    turn(keys, 110);
    assert_true(pseudonym_keys_standing(keys, &standing) && pseudonym_keys_newest(keys, &newest));
    pseudonym_keys_free(keys);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);

    keys = pseudonym_keys_new();
    assert_true(pseudonym_keys_open(keys, directory, &why));
    pseudonym_keys_configure(keys, &stored, 110 * DAY);
    assert_int_equal(living(keys), 2);
    assert_true(same_newest(keys, &newest));
    assert_true(pseudonym_keys_standing(keys, &again));
    assert_memory_equal(&again, &standing, sizeof again);
    turn(keys, 117);
    pseudonym_keys_free(keys);

    keys = pseudonym_keys_new();
    assert_true(pseudonym_keys_open(keys, directory, &why));
    assert_int_equal(living(keys), 1); /* the other is not in the file any more */
    pseudonym_keys_free(keys);
    unlink(path);
    rmdir(directory);
    free(path);
}

static void a_file_that_is_not_ours_is_left_alone(void **state)
{
    (void)state;
    char directory[] = "/tmp/pseudonym-keys-XXXXXX";
    char *why, line[32];
    assert_non_null(mkdtemp(directory));
    char *path = file_in(directory);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("something else\n", file);
    fclose(file);
    struct pseudonym_keys *keys = pseudonym_keys_new();
    assert_false(pseudonym_keys_open(keys, directory, &why));
    assert_non_null(strstr(why, "not a file of keys"));
    free(why);
    pseudonym_keys_configure(keys, &stored, 100 * DAY);
    turn(keys, 100);
    assert_int_equal(living(keys), 1);
    file = fopen(path, "r");
    assert_non_null(fgets(line, sizeof line, file));
    assert_string_equal(line, "something else\n");
    fclose(file);
    pseudonym_keys_free(keys);
    unlink(path);
    rmdir(directory);
    free(path);
}

static void a_file_that_cannot_be_written_is_told_once(void **state)
{
    (void)state;
    char directory[] = "/tmp/pseudonym-keys-XXXXXX";
    char *why;
    assert_non_null(mkdtemp(directory));
    struct pseudonym_keys *keys = pseudonym_keys_new();
    assert_true(pseudonym_keys_open(keys, directory, &why));
    rmdir(directory);
    pseudonym_keys_configure(keys, &stored, 100 * DAY);
    assert_false(pseudonym_keys_turn(keys, 100 * DAY, &why));
    assert_non_null(why);
    free(why);
    assert_int_equal(living(keys), 1); /* and serves all the same */
    assert_false(pseudonym_keys_turn(keys, 100 * DAY + 1, &why));
    assert_null(why);
    assert_int_equal(mkdir(directory, 0700), 0);
    turn(keys, 101);
    char *path = file_in(directory);
    assert_int_equal(access(path, F_OK), 0);
    pseudonym_keys_free(keys);
    unlink(path);
    rmdir(directory);
    free(path);
}

static void what_is_kept_does_not_change_with_the_keys(void **state)
{
    (void)state;
    char before[PSEUDONYM_MAILBOX_SIZE], after[PSEUDONYM_MAILBOX_SIZE];
    char plain[ADDR_TEXT_MAX], text[ADDR_TEXT_MAX];
    struct addr client;
    struct pseudonym_keys *keys = pseudonym_keys_new();
    assert_true(addr_parse_ip("192.0.2.1", &client));
    assert_string_equal(pseudonym_kept_client(keys, &client, plain), "192.0.2.1");
    assert_string_equal(pseudonym_kept_mailbox(keys, "a@x.example", before), "a@x.example");
    pseudonym_keys_configure(keys, &stored, 100 * DAY);
    turn(keys, 100);
    pseudonym_kept_mailbox(keys, "a@x.example", before);
    pseudonym_kept_client(keys, &client, plain);
    assert_string_not_equal(before, "a@x.example");
    assert_string_not_equal(plain, "192.0.2.1");
    turn(keys, 1000);
    assert_string_equal(pseudonym_kept_mailbox(keys, "a@x.example", after), before);
    assert_string_equal(pseudonym_kept_client(keys, &client, text), plain);
    pseudonym_keys_free(keys);
}

/* A line as it is built, not written. */
static void line_of(struct log_line *line, const char *session)
{
    log_begin(line, LOG_LEVEL_INFO, session, "transaction");
    log_str(line, "client", "192.0.2.1:99");
    log_str(line, "from", "user@example.org");
    log_list(line, "findings", "zen 127.0.0.4 +6; x user@example.org", 36);
    line->text[line->len] = '\0';
}

static void a_sessions_log_lines_are_disguised(void **state)
{
    (void)state;
    static struct log_line line;
    static const struct {
        const char *name, *session;
        enum pseudonym_mode mode;
        bool plain;
    } cases[] = {
        {"off", "id", PSEUDONYMS_OFF, true},
        {"stored", "id", PSEUDONYMS_STORED, true},
        {"all", "id", PSEUDONYMS_ALL, false},
        {"all, of no session", NULL, PSEUDONYMS_ALL, true},
    };
    struct pseudonym_keys *keys = pseudonym_keys_new();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct pseudonym_rule rule = {cases[i].mode, DAY, DAY};
        print_message("%s\n", cases[i].name);
        pseudonym_keys_configure(keys, &rule, 100 * DAY);
        turn(keys, 100);
        line_of(&line, cases[i].session);
        assert_true((strstr(line.text, "user@") != NULL) == cases[i].plain);
        assert_true((strstr(line.text, "192.0.2.1") != NULL) == cases[i].plain);
        assert_non_null(strstr(line.text, "@example.org"));
        assert_non_null(strstr(line.text, "127.0.0.4"));
    }
    pseudonym_keys_free(keys);
    line_of(&line, "id");
    assert_non_null(strstr(line.text, "user@")); /* who is gone filters nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_lives_as_long_as_what_it_made),
        cmocka_unit_test(the_newest_comes_first),
        cmocka_unit_test(there_are_never_too_many),
        cmocka_unit_test(switched_off_the_last_key_goes_too),
        cmocka_unit_test(keys_outlive_a_restart),
        cmocka_unit_test(a_file_that_is_not_ours_is_left_alone),
        cmocka_unit_test(a_file_that_cannot_be_written_is_told_once),
        cmocka_unit_test(what_is_kept_does_not_change_with_the_keys),
        cmocka_unit_test(a_sessions_log_lines_are_disguised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
