/* SPDX-License-Identifier: ISC */
/* Tests of entry_text: every way to write a key, its one normal form, and what is said about one
 * that is none. */
#include "policy/entry_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct key_case {
    enum entry_list list;
    const char *text;
    enum entry_kind kind;
    const char *key; /* NULL: it is no key, and `why` is in what is said */
    const char *why;
} key_cases[] = {
    {ENTRY_DENY, "192.0.2.1", ENTRY_CLIENT, "192.0.2.1", NULL},
    {ENTRY_DENY, "192.0.2.1/32", ENTRY_CLIENT, "192.0.2.1", NULL},
    {ENTRY_DENY, "client:192.0.2.0/24", ENTRY_CLIENT, "192.0.2.0/24", NULL},
    {ENTRY_DENY, "CLIENT:192.0.2.0/24", ENTRY_CLIENT, "192.0.2.0/24", NULL},
    {ENTRY_DENY, "0.0.0.0/0", ENTRY_CLIENT, "0.0.0.0/0", NULL},
    {ENTRY_DENY, "2001:DB8::/32", ENTRY_CLIENT, "2001:db8::/32", NULL},
    {ENTRY_DENY, "2001:db8:0:0::1/128", ENTRY_CLIENT, "2001:db8::1", NULL},
    {ENTRY_DENY, "::ffff:192.0.2.1", ENTRY_CLIENT, "192.0.2.1", NULL},
    {ENTRY_DENY, "::ffff:192.0.2.0/120", ENTRY_CLIENT, "192.0.2.0/24", NULL},
    {ENTRY_DENY, "192.0.2.1/24", ENTRY_CLIENT, NULL, "bits set behind the prefix"},
    {ENTRY_DENY, "192.0.2.0/33", ENTRY_CLIENT, NULL, "from 0 to 32"},
    {ENTRY_DENY, "192.0.2", ENTRY_CLIENT, NULL, "not an address or network"},
    {ENTRY_DENY, "client:mail.example.net", ENTRY_CLIENT, NULL, "not an address or network"},
    {ENTRY_DENY, "", ENTRY_CLIENT, NULL, "not an address"},
    {ENTRY_DENY, "client:", ENTRY_CLIENT, NULL, "not an address"},

    {ENTRY_ALLOW, "helo:Friend.Example.", ENTRY_HELO, "friend.example", NULL},
    {ENTRY_ALLOW, "helo:localhost", ENTRY_HELO, "localhost", NULL},
    {ENTRY_ALLOW, "helo:192.0.2.1", ENTRY_HELO, "192.0.2.1", NULL},
    {ENTRY_ALLOW, "helo:[192.0.2.1]", ENTRY_HELO, "[192.0.2.1]", NULL},
    {ENTRY_ALLOW, "helo:[IPv6:2001:DB8::1]", ENTRY_HELO, "[ipv6:2001:db8::1]", NULL},
    {ENTRY_ALLOW, "helo:[friend]", ENTRY_HELO, NULL, "not an address in brackets"},
    {ENTRY_ALLOW, "helo:[", ENTRY_HELO, NULL, "not an address in brackets"},
    {ENTRY_ALLOW, "helo:[192.0.2.1", ENTRY_HELO, NULL, "not an address in brackets"},
    {ENTRY_ALLOW, "helo:a friend", ENTRY_HELO, NULL, "not a name"},
    {ENTRY_ALLOW, "helo:", ENTRY_HELO, NULL, "not a name"},
    {ENTRY_ALLOW,
     "reverse:b\xc3\xbc"
     "cher.example",
     ENTRY_REVERSE, "xn--bcher-kva.example", NULL},
    {ENTRY_ALLOW, "reverse:mail_1.example.net", ENTRY_REVERSE, "mail_1.example.net", NULL},
    {ENTRY_ALLOW, "reverse:.example.net", ENTRY_REVERSE, NULL, "itself and all below it"},
    {ENTRY_ALLOW, "reverse:*.example.net", ENTRY_REVERSE, NULL, "itself and all below it"},
    {ENTRY_ALLOW, "reverse:192.0.2.1", ENTRY_REVERSE, NULL, "an address is no name"},
    {ENTRY_ALLOW, "reverse:[192.0.2.1]", ENTRY_REVERSE, NULL, "a host name is wanted"},
    {ENTRY_ALLOW, "reverse:a@example.net", ENTRY_REVERSE, NULL, "not a name"},
    {ENTRY_ALLOW, "reverse:a..example.net", ENTRY_REVERSE, NULL, "not a name"},
    {ENTRY_ALLOW, "example.net", ENTRY_CLIENT, NULL, "with its kind: helo:NAME"},
    {ENTRY_ALLOW, "sendr:example.net", ENTRY_CLIENT, NULL, "with its kind: helo:NAME"},

    {ENTRY_ALLOW, "Someone@Example.Org", ENTRY_SENDER, "someone@example.org", NULL},
    {ENTRY_ALLOW, "sender:example.org", ENTRY_SENDER, "example.org", NULL},
    {ENTRY_ALLOW, "@example.org", ENTRY_SENDER, "example.org", NULL},
    {ENTRY_ALLOW, "recipient:Info@example.com", ENTRY_RECIPIENT, "info@example.com", NULL},
    {ENTRY_ALLOW, "\"some.one\"@example.org", ENTRY_SENDER, "some.one@example.org", NULL},
    {ENTRY_ALLOW, "\"a@b\"@example.org", ENTRY_SENDER, "a@b@example.org", NULL},
    {ENTRY_ALLOW, "u@[192.0.2.1]", ENTRY_SENDER, "u@[192.0.2.1]", NULL},
    {ENTRY_ALLOW, "j\xc3\xb6rg@example.org", ENTRY_SENDER, "j\xc3\xb6rg@example.org", NULL},
    {ENTRY_ALLOW, "j\xc3rg@example.org", ENTRY_SENDER, NULL, "not an address"},
    {ENTRY_ALLOW, "a b@example.org", ENTRY_SENDER, NULL, "not an address"},
    {ENTRY_ALLOW, "\"a b\"@example.org", ENTRY_SENDER, NULL, "cannot be listed"},
    {ENTRY_ALLOW, "\"a\\\"b\"@example.org", ENTRY_SENDER, NULL, "cannot be listed"},
    {ENTRY_ALLOW, "someone@", ENTRY_SENDER, NULL, "a domain is missing"},
    {ENTRY_ALLOW, "@", ENTRY_SENDER, NULL, "not a name"},
    {ENTRY_ALLOW, "<>", ENTRY_CLIENT, NULL, "what is it?"},
    {ENTRY_ALLOW, "sender:<>", ENTRY_SENDER, NULL, "not a name"},
    {ENTRY_ALLOW, "someone@192.0.2.1", ENTRY_SENDER, NULL, "an address is no name"},

    {ENTRY_TRAP, "Trap@example.org", ENTRY_RECIPIENT, "trap@example.org", NULL},
    {ENTRY_TRAP, "recipient:dead.example.org", ENTRY_RECIPIENT, "dead.example.org", NULL},
    {ENTRY_TRAP, "192.0.2.1", ENTRY_CLIENT, NULL, "a trap is a recipient"},
    {ENTRY_TRAP, "sender:a@example.org", ENTRY_SENDER, NULL, "a trap is a recipient"},
};

static void keys_have_one_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(key_cases); i++) {
        const struct key_case *c = &key_cases[i];
        enum entry_kind kind;
        char key[ENTRY_KEY_MOST];
        const char *why = "";
        bool good = entry_key_parse(c->list, c->text, &kind, key, &why);
        if (good != (c->key != NULL) || (!good && strstr(why, c->why) == NULL))
            fail_msg("%s: %s", c->text, good ? key : why);
        if (good && (strcmp(key, c->key) != 0 || kind != c->kind || why != NULL))
            fail_msg("%s: %s, kind %d", c->text, key, (int)kind);
    }
}

static void the_normal_form_comes_in_again_as_it_was(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(key_cases); i++) {
        const struct key_case *c = &key_cases[i];
        char text[ENTRY_KEY_MOST + 16];
        char key[ENTRY_KEY_MOST];
        enum entry_kind kind;
        const char *why;
        if (c->key == NULL)
            continue;
        entry_key_text(c->kind, c->key, text);
        if (!entry_key_parse(c->list, text, &kind, key, &why) || kind != c->kind ||
            strcmp(key, c->key) != 0)
            fail_msg("%s: %s", text, key);
    }
}

/* A local part of `local` octets at a domain of `labels` labels of 63. */
static void long_text(char *out, size_t local, size_t labels)
{
    memset(out, 'a', local);
    out += local;
    *out++ = '@';
    for (size_t i = 0; i < labels; i++) {
        memset(out, 'b', 63);
        out[63] = '.';
        out += 64;
    }
    out[-1] = '\0';
}

static void long_addresses_are_refused_not_cut(void **state)
{
    (void)state;
    char text[512];
    char key[ENTRY_KEY_MOST];
    enum entry_kind kind;
    const char *why;
    long_text(text, 63, 4);
    assert_true(entry_key_parse(ENTRY_DENY, text, &kind, key, &why));
    assert_string_equal(key, text);
    long_text(text, 64, 4); /* one octet more than a key has */
    assert_false(entry_key_parse(ENTRY_DENY, text, &kind, key, &why));
    long_text(text, 65, 1);
    assert_false(entry_key_parse(ENTRY_DENY, text, &kind, key, &why));
    long_text(text, 1, 5);
    assert_false(entry_key_parse(ENTRY_DENY, text, &kind, key, &why));
}

static const struct duration_case {
    const char *text;
    int64_t seconds; /* 0: none */
} duration_cases[] = {
    {"300s", 300},
    {"5m", 300},
    {"12h", 43200},
    {"7d", 604800},
    {"36d", 3110400},
    {"4w", 2419200},
    {"3653d", 315619200},
    {"3654d", 0},
    {"0s", 0},
    {"", 0},
    {"7", 0},
    {"d", 0},
    {"7D", 0},
    {"7dd", 0},
    {"-7d", 0},
    {" 7d", 0},
    {"99999999999999999999s", 0},
};

static void durations_carry_their_unit(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(duration_cases); i++) {
        int64_t seconds;
        bool good = entry_duration_parse(duration_cases[i].text, &seconds);
        if (good != (duration_cases[i].seconds > 0) ||
            (good && seconds != duration_cases[i].seconds))
            fail_msg("%s: %lld", duration_cases[i].text, (long long)seconds);
    }
}

static void words_come_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        enum entry_action action;
        enum entry_list list;
        assert_true(entry_action_parse(entry_action_name((enum entry_action)i), &action));
        assert_int_equal(action, i);
        assert_true(entry_list_parse(entry_list_name((enum entry_list)i), &list));
        assert_int_equal(list, i);
    }
    for (unsigned i = 0; i < ENTRY_KINDS; i++) {
        enum entry_kind kind;
        assert_true(entry_kind_parse(entry_kind_name((enum entry_kind)i), &kind));
        assert_int_equal(kind, i);
    }
    enum entry_action action;
    assert_false(entry_action_parse("Reject", &action));
    assert_false(entry_action_parse("", &action));
    assert_string_equal(entry_origin_name(ENTRY_FILE), "file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_have_one_form),
        cmocka_unit_test(the_normal_form_comes_in_again_as_it_was),
        cmocka_unit_test(long_addresses_are_refused_not_cut),
        cmocka_unit_test(durations_carry_their_unit),
        cmocka_unit_test(words_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
