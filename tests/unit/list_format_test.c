/* SPDX-License-Identifier: ISC */
/*
 * Tests of list_format: files of each format as entries, what is said of lines that are none, and
 * entries as files. What is read is shown line by line: an entry in our own format, a fault behind
 * "! ", a note behind "? ".
 */
#include "policy/list_format.h"

#include "lib/mem.h"
#include "policy/entry_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NOKIND   (-1)

static const struct read_case {
    const char *name;
    enum list_format format, found;
    enum entry_list list;
    int kind;
    const char *text, *shown;
} cases[] = {
    /* ---- cidr */
    {"networks", LIST_FORMAT_AUTO, LIST_FORMAT_CIDR, ENTRY_DENY, NOKIND,
     "# bad ones\n192.0.2.1\n\n  198.51.100.0/24   # a network\n2001:db8::/32;v6\n; end\n",
     "deny 192.0.2.1 action=reject\ndeny 198.51.100.0/24 action=reject\n"
     "deny 2001:db8::/32 action=reject\n"},
    {"no end of the last line, and CRLF", LIST_FORMAT_AUTO, LIST_FORMAT_CIDR, ENTRY_ALLOW, NOKIND,
     "192.0.2.1\r\n\r\n192.0.2.2", "allow 192.0.2.1\nallow 192.0.2.2\n"},
    {"a byte order mark", LIST_FORMAT_AUTO, LIST_FORMAT_CIDR, ENTRY_ALLOW, NOKIND,
     "\xef\xbb\xbf"
     "192.0.2.1\n",
     "allow 192.0.2.1\n"},
    {"host bits", LIST_FORMAT_AUTO, LIST_FORMAT_CIDR, ENTRY_DENY, NOKIND,
     "192.0.2.1\n192.0.2.1/24\n192.0.2.3\n",
     "deny 192.0.2.1 action=reject\n"
     "! f:2: \"192.0.2.1/24\": the address has bits set behind the prefix; right would be zeros "
     "there, or a longer prefix\n"
     "deny 192.0.2.3 action=reject\n"},
    {"a name among networks", LIST_FORMAT_CIDR, LIST_FORMAT_CIDR, ENTRY_DENY, NOKIND,
     "mail.example.net\n192.0.2.1 OK\n",
     "! f:1: \"mail.example.net\": not an address or network; right would be 192.0.2.0/24, "
     "2001:db8::/32 or one address\n"
     "! f:2: \"192.0.2.1 OK\": one address or network a line, comments behind \"#\" or \";\"\n"},
    {"nothing", LIST_FORMAT_AUTO, LIST_FORMAT_AUTO, ENTRY_DENY, NOKIND, "# nothing\n\n", ""},

    /* ---- Spamhaus DROP */
    {"DROP as text", LIST_FORMAT_AUTO, LIST_FORMAT_DROP, ENTRY_DENY, NOKIND,
     "; Spamhaus DROP List 2026/11/22\n; Expires: later\n1.10.16.0/20 ; SBL256894\n"
     "1.19.0.0/16 ; SBL434604\n",
     "deny 1.10.16.0/20 action=reject reason=Spamhaus DROP SBL256894\n"
     "deny 1.19.0.0/16 action=reject reason=Spamhaus DROP SBL434604\n"},
    {"DROP as JSON", LIST_FORMAT_AUTO, LIST_FORMAT_DROP, ENTRY_DENY, NOKIND,
     "{\"cidr\":\"1.10.16.0/20\",\"sblid\":\"SBL256894\",\"rir\":\"apnic\"}\n"
     "{\"cidr\":\"2001:db8::/32\"}\n"
     "{\"type\":\"metadata\",\"timestamp\":1700000000,\"size\":2,\"records\":2}\n",
     "deny 1.10.16.0/20 action=reject reason=Spamhaus DROP SBL256894\n"
     "deny 2001:db8::/32 action=reject reason=Spamhaus DROP\n"},
    {"broken JSON", LIST_FORMAT_AUTO, LIST_FORMAT_DROP, ENTRY_DENY, NOKIND,
     "{\"cidr\":\"1.10.16.0/20\"\n[]\n{\"cidr\":7}\n",
     "! f:1: not an object with a \"cidr\", as DROP has them\n"
     "! f:2: \"[]\": not an address or network; right would be 192.0.2.0/24, 2001:db8::/32 or one "
     "address\n"
     "! f:3: not an object with a \"cidr\", as DROP has them\n"},

    /* ---- Postfix access(5) */
    {"clients", LIST_FORMAT_AUTO, LIST_FORMAT_ACCESS, ENTRY_DENY, ENTRY_CLIENT,
     "192.0.2.1 OK\n192.0.2 REJECT go away\n10 450 4.7.1 later\n2001:db8 550 5.7.1 no\n"
     "Mail.Example.Net RELAY\nexample.org reject\n203.0.113.0/25 DEFER\n192.0.2.9 12345\n",
     "allow 192.0.2.1\ndeny 192.0.2.0/24 action=reject reason=go away\n"
     "deny 10.0.0.0/8 action=defer reason=4.7.1 later\n"
     "deny 2001:db8::/32 action=reject reason=5.7.1 no\n"
     "allow reverse:mail.example.net\ndeny reverse:example.org action=reject\n"
     "deny 203.0.113.0/25 action=defer\nallow 192.0.2.9\n"},
    {"senders", LIST_FORMAT_AUTO, LIST_FORMAT_ACCESS, ENTRY_DENY, ENTRY_SENDER,
     "someone@example.org OK\nexample.org REJECT\n.example.net REJECT\n",
     "allow sender:someone@example.org\ndeny sender:example.org action=reject\n"
     "? f:3: \".example.net\" is taken with the name itself, not only what is below it\n"
     "deny sender:example.net action=reject\n"},
    {"recipients", LIST_FORMAT_ACCESS, LIST_FORMAT_ACCESS, ENTRY_DENY, ENTRY_RECIPIENT,
     "info@example.org OK\nold.example.org 550 gone\n",
     "allow recipient:info@example.org\ndeny recipient:old.example.org action=reject "
     "reason=gone\n"},
    {"HELO", LIST_FORMAT_AUTO, LIST_FORMAT_ACCESS, ENTRY_DENY, ENTRY_HELO, "localhost REJECT\n",
     "deny helo:localhost action=reject\n"},
    {"names of nobody knows whom", LIST_FORMAT_AUTO, LIST_FORMAT_ACCESS, ENTRY_DENY, NOKIND,
     "example.org REJECT\n192.0.2.1 REJECT\n",
     "! f:1: \"example.org\": a name of whom? say whether the table is of clients, helo, senders "
     "or "
     "recipients\n"
     "deny 192.0.2.1 action=reject\n"},
    {"lines that go on", LIST_FORMAT_AUTO, LIST_FORMAT_ACCESS, ENTRY_DENY, ENTRY_CLIENT,
     "192.0.2.1\tREJECT you\n# a comment within\n\n   are not\n\twelcome\n192.0.2.2 OK\n",
     "deny 192.0.2.1 action=reject reason=you are not welcome\nallow 192.0.2.2\n"},
    {"what no entry can say", LIST_FORMAT_ACCESS, LIST_FORMAT_ACCESS, ENTRY_DENY, ENTRY_SENDER,
     "<> OK\nu@ OK\n/^a/ REJECT\nu@example.org DISCARD\nv@example.org DUNNO\nw@example.org 550\n"
     "x@example.org\ny@example.org FILTER smtp:[a]:25\nz@example.org my_class\n192.0.2.1/24 OK\n",
     "! f:1: \"<>\": the null sender cannot be listed\n"
     "! f:2: \"u@\": an address of any domain; list it with each domain it has\n"
     "! f:3: \"/^a/\": a pattern, which no entry can be; list the names\n"
     "! f:4: \"DISCARD\": not a result an entry can have; right would be OK, REJECT text, DEFER "
     "text, 4xx text, 5xx text or DUNNO\n"
     "? f:5: DUNNO is left out: an entry allows or denies; where it makes an exception, write OK\n"
     "! f:6: \"550\": not a result an entry can have; right would be OK, REJECT text, DEFER text, "
     "4xx text, 5xx text or DUNNO\n"
     "! f:7: \"x@example.org\": a key without its result\n"
     "! f:8: \"FILTER smtp:[a]:25\": not a result an entry can have; right would be OK, REJECT "
     "text, DEFER text, 4xx text, 5xx text or DUNNO\n"
     "! f:9: \"my_class\": not a result an entry can have; right would be OK, REJECT text, DEFER "
     "text, 4xx text, 5xx text or DUNNO\n"
     "! f:10: \"192.0.2.1/24\": the address has bits set behind the prefix; right would be zeros "
     "there, or a longer prefix\n"},

    /* ---- postscreen */
    {"postscreen", LIST_FORMAT_AUTO, LIST_FORMAT_POSTSCREEN, ENTRY_DENY, NOKIND,
     "192.0.2.0/24 permit\n198.51.100.0/24 reject\n203.0.113.1 dunno\n2001:db8::/32\n   reject\n",
     "allow 192.0.2.0/24\ndeny 198.51.100.0/24 action=reject\n"
     "? f:3: dunno is left out: an entry allows or denies; where it makes an exception, write OK\n"
     "deny 2001:db8::/32 action=reject\n"},
    {"the first line counts", LIST_FORMAT_AUTO, LIST_FORMAT_POSTSCREEN, ENTRY_DENY, NOKIND,
     "10.0.0.0/8 permit\n10.1.0.0/16 reject\n10.0.0.0/8 reject\n11.0.0.0/16 permit\n"
     "11.0.0.0/8 reject\n",
     "allow 10.0.0.0/8\n"
     "? f:2: \"10.1.0.0/16\" is left out: a line above covers it, and the first one counts\n"
     "? f:3: \"10.0.0.0/8\" is left out: a line above covers it, and the first one counts\n"
     "allow 11.0.0.0/16\ndeny 11.0.0.0/8 action=reject\n"},
    {"if and negation", LIST_FORMAT_AUTO, LIST_FORMAT_POSTSCREEN, ENTRY_DENY, NOKIND,
     "!192.0.2.0/24 reject\nif 10.0.0.0/8\n10.1.0.0/16 reject\nif 10.2.0.0/16\n10.2.3.4 permit\n"
     "endif\nendif\n192.0.2.1 reject\nendif\nif 11.0.0.0/8\n11.1.1.1 reject\n",
     "! f:1: \"!192.0.2.0/24\": negation is not supported; list what is meant\n"
     "! f:2: \"if\" is not supported; the lines up to its \"endif\" are left out\n"
     "deny 192.0.2.1 action=reject\n"
     "! f:9: \"endif\" without its \"if\"\n"
     "! f:10: \"if\" is not supported; the lines up to its \"endif\" are left out\n"
     "! f:11: an \"if\" without its \"endif\"\n"},
    {"postscreen without a result", LIST_FORMAT_POSTSCREEN, LIST_FORMAT_POSTSCREEN, ENTRY_DENY,
     NOKIND, "192.0.2.1\n192.0.2.2 maybe\n",
     "! f:1: \"192.0.2.1\": a network without permit, reject or dunno\n"
     "! f:2: \"maybe\": not a result an entry can have; right would be OK, REJECT text, DEFER "
     "text, "
     "4xx text, 5xx text or DUNNO\n"},

    /* ---- postgrey */
    {"postgrey clients", LIST_FORMAT_POSTGREY_CLIENTS, LIST_FORMAT_POSTGREY_CLIENTS, ENTRY_ALLOW,
     NOKIND,
     "# greylist.org: Southwest Airlines\nsouthwest.example\n/^mail\\d+\\.example\\.org$/\n"
     "192.168\n192.0.2.0/24\n192.0.2.1\n2001:db8\nmail.example.net # here\n",
     "allow reverse:southwest.example\n"
     "! f:3: \"/^mail\\\\d+\\\\.example\\\\.org$/\": a pattern, which no entry can be; list the "
     "names\n"
     "allow 192.168.0.0/16\nallow 192.0.2.0/24\nallow 192.0.2.1\nallow 2001:db8::/32\n"
     "allow reverse:mail.example.net\n"},
    {"postgrey's prefixes show", LIST_FORMAT_AUTO, LIST_FORMAT_POSTGREY_CLIENTS, ENTRY_ALLOW,
     NOKIND, "192.168.5\na.example\n", "allow 192.168.5.0/24\nallow reverse:a.example\n"},
    {"postgrey recipients", LIST_FORMAT_POSTGREY_RECIPIENTS, LIST_FORMAT_POSTGREY_RECIPIENTS,
     ENTRY_ALLOW, NOKIND, "postmaster@\nabuse@\nsales@\ninfo@example.org\nexample.net\n/^x/\na b\n",
     "? f:1: \"postmaster@\" is left out: its mail passes in any case\n"
     "? f:2: \"abuse@\" is left out: its mail passes in any case\n"
     "! f:3: \"sales@\": an address of any domain; list it with each domain it has\n"
     "allow recipient:info@example.org\nallow recipient:example.net\n"
     "! f:6: \"/^x/\": a pattern, which no entry can be; list the names\n"
     "! f:7: \"b\": one name or address a line\n"},

    /* ---- our own */
    {"native", LIST_FORMAT_AUTO, LIST_FORMAT_NATIVE, ENTRY_ALLOW, NOKIND,
     "deny 192.0.2.0/24 action=tarpit expires=2026-11-22T17:00:00Z reason=they  are bad\n"
     "allow sender:example.org unproven\ntrap t@example.org\nallow helo:a.example reason=\n",
     "deny 192.0.2.0/24 action=tarpit expires=2026-11-22T17:00:00Z reason=they  are bad\n"
     "allow sender:example.org unproven\ntrap recipient:t@example.org\nallow helo:a.example\n"},
    {"native, with faults", LIST_FORMAT_NATIVE, LIST_FORMAT_NATIVE, ENTRY_ALLOW, NOKIND,
     "grant 192.0.2.1\ndeny\ndeny 192.0.2.1 action=kill\ndeny 192.0.2.1 expires=tomorrow\n"
     "deny 192.0.2.1 expires=2026-02-31T00:00:00Z\ndeny 192.0.2.1 because\ntrap 192.0.2.1\n",
     "! f:1: \"grant\": a line begins with allow, deny or trap\n"
     "! f:2: \"\": not an address or network; right would be 192.0.2.0/24, 2001:db8::/32 or one "
     "address\n"
     "! f:3: \"action=kill\": an action is reject, tarpit or defer\n"
     "! f:4: \"expires=tomorrow\": a time is like 2026-11-22T17:00:00Z\n"
     "! f:5: \"expires=2026-02-31T00:00:00Z\": a time is like 2026-11-22T17:00:00Z\n"
     "! f:6: \"because\": behind the key stand action=, unproven, expires= and last reason=\n"
     "! f:7: \"192.0.2.1\": a trap is a recipient, such as \"trap@example.org\" or "
     "\"recipient:example.org\"\n"},

    /* ---- which? */
    {"a name alone may be of several formats", LIST_FORMAT_AUTO, LIST_FORMAT_AUTO, ENTRY_ALLOW,
     NOKIND, "\nexample.org\nexample.net\n192.0.2.1\n",
     "! f:2: the format does not show in \"example.org\"; name it: native, cidr, postfix-access, "
     "postscreen, postgrey-clients, postgrey-recipients or drop\n"},
    {"a mail is no list", LIST_FORMAT_AUTO, LIST_FORMAT_AUTO, ENTRY_ALLOW, NOKIND,
     "From: someone@example.org\n",
     "! f:1: the format does not show in \"From: someone@example.org\"; name it: native, cidr, "
     "postfix-access, postscreen, postgrey-clients, postgrey-recipients or drop\n"},
    {"controls are shown as such", LIST_FORMAT_CIDR, LIST_FORMAT_CIDR, ENTRY_ALLOW, NOKIND,
     "\x1b[31m\n",
     "! f:1: \"\\x1b[31m\": not an address or network; right would be 192.0.2.0/24, 2001:db8::/32 "
     "or one address\n"},
};

static void show_entry(const struct entry *entry, void *arg)
{
    assert_int_equal(entry->origin, ENTRY_FILE);
    assert_true(list_export(LIST_FORMAT_NATIVE, entry, arg));
}

static void show_said(bool fault, const char *text, void *arg)
{
    buf_printf(arg, "%s %s\n", fault ? "!" : "?", text);
}

/* Feeds `step` octets at a time; the caller frees. */
static char *read_in(const struct list_import *how, const char *text, size_t len, size_t step,
                     enum list_format *found)
{
    struct buf shown = {0};
    struct list_reader *reader = list_reader_new(how, show_entry, show_said, &shown);
    for (size_t at = 0; at < len; at += step)
        list_reader_feed(reader, text + at, len - at < step ? len - at : step);
    list_reader_end(reader);
    *found = list_reader_format(reader);
    list_reader_free(reader);
    char *out = mem_strndup(buf_data(&shown), buf_len(&shown));
    buf_free(&shown);
    return out;
}

static void files_are_read_however_they_come(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct read_case *c = &cases[i];
        for (size_t step = 1; step < 5000; step = step * 17 + 1) {
            struct list_import how = {.name = "f",
                                      .format = c->format,
                                      .list = c->list,
                                      .action = ENTRY_REJECT,
                                      .kind = c->kind};
            enum list_format found;
            char *shown = read_in(&how, c->text, strlen(c->text), step, &found);
            if (strcmp(shown, c->shown) != 0)
                fail_msg("%s:\n%s\nnot\n%s", c->name, shown, c->shown);
            if (found != c->found)
                fail_msg("%s: %s", c->name, list_format_name(found));
            free(shown);
        }
    }
}

static void lines_are_bounded_and_text(void **state)
{
    (void)state;
    static char text[3 * LIST_LINE_MOST];
    struct list_import how = {.name = "f", .format = LIST_FORMAT_ACCESS, .kind = ENTRY_CLIENT};
    enum list_format found;
    memset(text, 'a', sizeof text);
    memcpy(text, "192.0.2.1 OK\n", 13);
    text[sizeof text - 14] = '\n';
    memcpy(text + sizeof text - 13, "192.0.2.2 OK\n", 13);
    char *shown = read_in(&how, text, sizeof text, 1000, &found);
    assert_string_equal(shown, "allow 192.0.2.1\n! f:2: a line of more than 4096 octets; no entry "
                               "is as long\nallow 192.0.2.2\n");
    free(shown);
    for (size_t at = 13; at + 20 < sizeof text; at += 20) /* short lines that go on */
        memcpy(text + at, " bbbbbbbbbbbbbbbbbb\n", 20);
    shown = read_in(&how, text, sizeof text, 1000, &found);
    assert_non_null(strstr(shown, "! f:1: a line of more than 4096 octets"));
    free(shown);
    shown = read_in(&how, "192.0.2.1 OK\n192.0\0.2 OK\n192.0.2.2 OK\n", 38, 38, &found);
    assert_string_equal(shown, "allow 192.0.2.1\n! f:2: an octet 0; is this a text file?\nallow "
                               "192.0.2.2\n");
    free(shown);
}

static void a_list_file_is_a_regular_file(void **state)
{
    (void)state;
    char path[] = "/tmp/list_format.XXXXXX";
    struct buf shown = {0};
    unsigned long faults;
    char *why;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "192.0.2.1\nhere\n", 15), 15);
    close(fd);
    struct list_import how = {.name = path, .kind = NOKIND};
    assert_true(list_read_file(&how, show_entry, show_said, &shown, &faults, &why));
    assert_int_equal(faults, 1);
    assert_null(why);
    buf_free(&shown);
    unlink(path);
    assert_false(list_read_file(&how, show_entry, show_said, &shown, &faults, &why));
    assert_non_null(strstr(why, "No such file"));
    free(why);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_false(list_read_file(&how, show_entry, show_said, &shown, &faults, &why));
    free(why);
    unlink(path);
    how.name = "/tmp";
    assert_false(list_read_file(&how, show_entry, show_said, &shown, &faults, &why));
    free(why);
    assert_int_equal(buf_len(&shown), 0);
}

/* ---- export
 * --------------------------------------------------------------------------------------
 */

static struct entry entry_of(enum entry_list list, enum entry_kind kind, const char *key,
                             enum entry_action action, const char *reason)
{
    return (struct entry){
        .list = list, .kind = kind, .key = key, .action = action, .reason = reason, .author = ""};
}

static void each_format_says_what_it_can(void **state)
{
    (void)state;
    struct entry all[] = {
        entry_of(ENTRY_DENY, ENTRY_CLIENT, "192.0.0.0/16", ENTRY_REJECT, "a\nline"),
        entry_of(ENTRY_ALLOW, ENTRY_CLIENT, "192.0.2.0/25", ENTRY_REJECT, ""),
        entry_of(ENTRY_DENY, ENTRY_CLIENT, "192.0.2.1", ENTRY_DEFER, ""),
        entry_of(ENTRY_ALLOW, ENTRY_CLIENT, "192.0.2.1", ENTRY_REJECT, ""),
        entry_of(ENTRY_DENY, ENTRY_CLIENT, "2001:db8::/32", ENTRY_TARPIT, ""),
        entry_of(ENTRY_ALLOW, ENTRY_REVERSE, "a.example", ENTRY_REJECT, ""),
        entry_of(ENTRY_ALLOW, ENTRY_RECIPIENT, "u@own.example", ENTRY_REJECT, ""),
        entry_of(ENTRY_TRAP, ENTRY_RECIPIENT, "t@own.example", ENTRY_REJECT, ""),
    };
    static const struct {
        enum list_format format;
        const char *text;
    } wanted[] = {
        {LIST_FORMAT_NATIVE, "allow 192.0.2.1\ndeny 192.0.2.1 action=defer\n"
                             "deny 2001:db8::/32 action=tarpit\nallow 192.0.2.0/25\n"
                             "deny 192.0.0.0/16 action=reject reason=a line\n"
                             "allow reverse:a.example\nallow recipient:u@own.example\n"
                             "trap recipient:t@own.example\n"},
        {LIST_FORMAT_CIDR, "192.0.2.1\n192.0.2.1\n2001:db8::/32\n192.0.2.0/25\n192.0.0.0/16\n"},
        {LIST_FORMAT_POSTSCREEN, "192.0.2.1 permit\n192.0.2.1 reject\n2001:db8::/32 reject\n"
                                 "192.0.2.0/25 permit\n192.0.0.0/16 reject\n"},
        {LIST_FORMAT_ACCESS, "192.0.2.1 OK\n192.0.2.1 DEFER\n2001:db8 REJECT\n192.0 REJECT a line\n"
                             "a.example OK\nu@own.example OK\n"},
        {LIST_FORMAT_POSTGREY_CLIENTS, "192.0.2.1\n192.0.2.0/25\na.example\n"},
        {LIST_FORMAT_POSTGREY_RECIPIENTS, "u@own.example\n"},
        {LIST_FORMAT_DROP, "192.0.2.1/32 ; \n2001:db8::/32 ; \n192.0.0.0/16 ; a line\n"},
    };
    qsort(all, COUNT(all), sizeof all[0], list_export_order);
    for (size_t i = 0; i < COUNT(wanted); i++) {
        struct buf out = {0};
        for (size_t j = 0; j < COUNT(all); j++)
            list_export(wanted[i].format, &all[j], &out);
        buf_add(&out, "", 1);
        assert_string_equal(buf_data(&out), wanted[i].text);
        buf_free(&out);
    }
    struct buf none = {0};
    assert_false(list_export_head(LIST_FORMAT_AUTO, &none));
    assert_false(list_export(LIST_FORMAT_AUTO, &all[0], &none));
}

static void what_is_exported_comes_in_again_as_it_was(void **state)
{
    (void)state;
    struct buf out = {0};
    struct entry one = entry_of(ENTRY_DENY, ENTRY_SENDER, "a@b@example.org", ENTRY_TARPIT,
                                "expires=never reason=j\xc3\xb6rg # no; comment");
    struct entry two = entry_of(ENTRY_ALLOW, ENTRY_HELO, "[ipv6:2001:db8::1]", ENTRY_REJECT, "");
    enum list_format found;
    one.expires = 4102444799;
    two.unproven = true;
    assert_true(list_export_head(LIST_FORMAT_NATIVE, &out));
    size_t head = buf_len(&out);
    list_export(LIST_FORMAT_NATIVE, &one, &out);
    list_export(LIST_FORMAT_NATIVE, &two, &out);
    struct list_import how = {.name = "f", .kind = NOKIND};
    char *again = read_in(&how, buf_data(&out), buf_len(&out), 10, &found);
    buf_add(&out, "", 1);
    assert_string_equal(again, buf_data(&out) + head);
    free(again);
    buf_free(&out);
}

static void formats_have_names(void **state)
{
    (void)state;
    enum list_format format;
    for (unsigned i = 0; i < LIST_FORMATS; i++) {
        assert_true(list_format_parse(list_format_name((enum list_format)i), &format));
        assert_int_equal(format, i);
    }
    assert_false(list_format_parse("csv", &format));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_read_however_they_come),
        cmocka_unit_test(lines_are_bounded_and_text),
        cmocka_unit_test(a_list_file_is_a_regular_file),
        cmocka_unit_test(each_format_says_what_it_can),
        cmocka_unit_test(what_is_exported_comes_in_again_as_it_was),
        cmocka_unit_test(formats_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
