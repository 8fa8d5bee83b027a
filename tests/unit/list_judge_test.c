/* SPDX-License-Identifier: ISC */
/*
 * Tests of list_table: what the entries say of a client, rule by rule, and against a model that
 * goes through them one by one.
 *
 * A case in words: entries, apart by ';', each LIST KEY and what it is beside: file, automatic
 * (manual is the default), tarpit, defer, unproven, gone (it has expired), soon (it has not yet).
 * Facts: client, helo, reverse, sender, recipient, each before its value ("<>": null sender), and
 * "proven". The verdict: "silent", or ruling, kind, key, origin, and where denied the action.
 */
#include "policy/list_table.h"

#include "lib/mem.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NOW      1700000000

static const struct judge_case {
    const char *name, *entries, *facts, *verdict;
} cases[] = {
    /* ---- one entry */
    {"no entries", "", "client 192.0.2.1 helo a.example sender u@b.example", "silent"},
    {"an address", "deny 192.0.2.1", "client 192.0.2.1", "deny client 192.0.2.1 manual reject"},
    {"its neighbour", "deny 192.0.2.1", "client 192.0.2.2", "silent"},
    {"a network", "deny 192.0.2.0/24", "client 192.0.2.77",
     "deny client 192.0.2.0/24 manual reject"},
    {"beside the network", "deny 192.0.2.0/24", "client 192.0.3.0", "silent"},
    {"an odd prefix", "deny 192.0.2.128/27", "client 192.0.2.159",
     "deny client 192.0.2.128/27 manual reject"},
    {"behind the odd prefix", "deny 192.0.2.128/27", "client 192.0.2.160", "silent"},
    {"all of IPv4", "deny 0.0.0.0/0", "client 203.0.113.9", "deny client 0.0.0.0/0 manual reject"},
    {"all of IPv4 is not IPv6", "deny 0.0.0.0/0", "client 2001:db8::1", "silent"},
    {"all of IPv6", "deny ::/0", "client 2001:db8::1", "deny client ::/0 manual reject"},
    {"all of IPv6 is not IPv4", "deny ::/0", "client 192.0.2.1", "silent"},
    {"an IPv6 address", "deny 2001:db8::1", "client 2001:db8::1",
     "deny client 2001:db8::1 manual reject"},
    {"an IPv6 network", "deny 2001:db8::/33", "client 2001:db8:7fff::1",
     "deny client 2001:db8::/33 manual reject"},
    {"beside the IPv6 network", "deny 2001:db8::/33", "client 2001:db8:8000::1", "silent"},
    {"a mapped entry", "deny ::ffff:192.0.2.1", "client 192.0.2.1",
     "deny client 192.0.2.1 manual reject"},
    {"a mapped client", "deny 192.0.2.0/24", "client ::ffff:192.0.2.1",
     "deny client 192.0.2.0/24 manual reject"},
    {"no address", "deny 0.0.0.0/0; deny ::/0", "helo a.example", "silent"},
    {"HELO", "deny helo:a.example", "client 192.0.2.1 helo a.example",
     "deny helo a.example manual reject"},
    {"HELO in any form", "deny helo:a.example", "helo A.Example.",
     "deny helo a.example manual reject"},
    {"HELO below the name", "deny helo:a.example", "helo x.y.a.example",
     "deny helo a.example manual reject"},
    {"HELO above the name", "deny helo:x.a.example", "helo a.example", "silent"},
    {"a name that ends alike", "deny helo:a.example", "helo aa.example", "silent"},
    {"HELO of an address", "deny helo:[192.0.2.1]", "helo [192.0.2.1]",
     "deny helo [192.0.2.1] manual reject"},
    {"HELO of an address in IPv6", "deny helo:[ipv6:2001:db8::1]", "helo [IPv6:2001:DB8::1]",
     "deny helo [ipv6:2001:db8::1] manual reject"},
    {"reverse", "deny reverse:isp.example", "reverse dsl.isp.example",
     "deny reverse isp.example manual reject"},
    {"reverse is not HELO", "deny reverse:isp.example", "helo dsl.isp.example", "silent"},
    {"a top-level domain", "deny reverse:example", "reverse dsl.isp.example",
     "deny reverse example manual reject"},
    {"a sender", "deny u@a.example", "sender U@A.example", "deny sender u@a.example manual reject"},
    {"another sender", "deny u@a.example", "sender v@a.example", "silent"},
    {"a sender in quotes", "deny u@a.example", "sender \"u\"@a.example",
     "deny sender u@a.example manual reject"},
    {"a sender's domain", "deny sender:a.example", "sender u@x.a.example",
     "deny sender a.example manual reject"},
    {"a local part no list can hold", "deny sender:a.example", "sender \"u\\\"v\"@a.example",
     "deny sender a.example manual reject"},
    {"an address is not that of a domain below", "deny u@a.example", "sender u@x.a.example",
     "silent"},
    {"a sender of an address literal", "deny sender:[192.0.2.1]", "sender u@[192.0.2.1]",
     "deny sender [192.0.2.1] manual reject"},
    {"the null sender", "deny sender:a.example", "sender <>", "silent"},
    {"a recipient", "allow recipient:info@own.example", "recipient Info@own.example",
     "allow recipient info@own.example manual"},
    {"no recipient yet", "allow recipient:info@own.example", "client 192.0.2.1", "silent"},
    {"<postmaster>", "deny recipient:own.example", "recipient postmaster", "silent"},
    {"a name in its own script",
     "deny sender:b\xc3\xbc"
     "cher.example",
     "sender u@B\xc3\x9c"
     "CHER.example",
     "deny sender xn--bcher-kva.example manual reject"},
    {"the same as A-labels",
     "deny helo:b\xc3\xbc"
     "cher.example",
     "helo xn--bcher-kva.example", "deny helo xn--bcher-kva.example manual reject"},
    {"a name that is none", "deny helo:example", "helo a..example", "silent"},
    {"a trap denies nobody", "trap t@own.example", "recipient t@own.example", "silent"},
    {"tarpit", "deny 192.0.2.1 tarpit", "client 192.0.2.1", "deny client 192.0.2.1 manual tarpit"},
    {"defer", "deny 192.0.2.1 defer", "client 192.0.2.1", "deny client 192.0.2.1 manual defer"},

    /* ---- one kind: the most specific, allow at a tie */
    {"the address before its network", "deny 192.0.2.0/24; allow 192.0.2.1", "client 192.0.2.1",
     "allow client 192.0.2.1 manual"},
    {"and the other way round", "allow 192.0.2.0/24; deny 192.0.2.1", "client 192.0.2.1",
     "deny client 192.0.2.1 manual reject"},
    {"three networks", "deny 192.0.0.0/16; allow 192.0.2.0/24; deny 192.0.2.0/28",
     "client 192.0.2.3", "deny client 192.0.2.0/28 manual reject"},
    {"three networks, further out", "deny 192.0.0.0/16; allow 192.0.2.0/24; deny 192.0.2.0/28",
     "client 192.0.2.77", "allow client 192.0.2.0/24 manual"},
    {"IPv6 networks", "allow 2001:db8::/32; deny 2001:db8:1::/48", "client 2001:db8:1::1",
     "deny client 2001:db8:1::/48 manual reject"},
    {"allow at a tie", "deny 192.0.2.1; allow 192.0.2.1", "client 192.0.2.1",
     "allow client 192.0.2.1 manual"},
    {"allow at a tie of names", "deny reverse:a.example; allow reverse:a.example",
     "reverse a.example", "allow reverse a.example manual"},
    {"the longer name", "allow reverse:a.example; deny reverse:b.a.example",
     "reverse c.b.a.example", "deny reverse b.a.example manual reject"},
    {"the address before its domain", "deny sender:a.example; allow u@a.example unproven",
     "sender u@a.example", "allow sender u@a.example manual"},
    {"a domain further down", "allow sender:a.example unproven; deny sender:x.a.example",
     "sender u@x.a.example", "deny sender x.a.example manual reject"},

    /* ---- manual and file */
    {"a file's entry", "deny 192.0.2.1 file", "client 192.0.2.1",
     "deny client 192.0.2.1 file reject"},
    {"the more specific one of a file", "allow 192.0.2.0/24; deny 192.0.2.1 file",
     "client 192.0.2.1", "deny client 192.0.2.1 file reject"},
    {"the more specific manual one", "allow 192.0.2.1; deny 192.0.2.0/24 file", "client 192.0.2.1",
     "allow client 192.0.2.1 manual"},
    {"a file's allow at a tie", "deny 192.0.2.1; allow 192.0.2.1 file", "client 192.0.2.1",
     "allow client 192.0.2.1 file"},
    {"two denials at a tie", "deny 192.0.2.1 file tarpit; deny 192.0.2.1 defer", "client 192.0.2.1",
     "deny client 192.0.2.1 manual defer"},

    /* ---- across kinds: allow */
    {"allow by reverse name", "deny 192.0.2.1; allow reverse:a.example",
     "client 192.0.2.1 reverse mx.a.example", "allow reverse a.example manual"},
    {"allow by address", "allow 192.0.2.0/24; deny sender:a.example",
     "client 192.0.2.1 sender u@a.example", "allow client 192.0.2.0/24 manual"},
    {"allow by recipient", "deny 192.0.2.1; allow recipient:own.example",
     "client 192.0.2.1 recipient u@own.example", "allow recipient own.example manual"},
    {"an allow that lost in its kind", "allow 192.0.2.0/24; deny 192.0.2.1; deny sender:a.example",
     "client 192.0.2.1 sender u@a.example", "deny client 192.0.2.1 manual reject"},
    {"denied by two kinds", "deny sender:a.example tarpit; deny reverse:a.example defer",
     "client 192.0.2.1 reverse mx.a.example sender u@a.example",
     "deny reverse a.example manual defer"},

    /* ---- automatic bans */
    {"a ban", "deny 192.0.2.1 automatic tarpit", "client 192.0.2.1",
     "deny client 192.0.2.1 automatic tarpit"},
    {"a ban of a network", "deny 2001:db8::/64 automatic", "client 2001:db8::1",
     "deny client 2001:db8::/64 automatic reject"},
    {"a ban loses to a wider allow", "deny 192.0.2.1 automatic; allow 192.0.0.0/16",
     "client 192.0.2.1", "allow client 192.0.0.0/16 manual"},
    {"to one of a file", "deny 192.0.2.1 automatic; allow 192.0.2.0/24 file", "client 192.0.2.1",
     "allow client 192.0.2.0/24 file"},
    {"to one of another kind", "deny 192.0.2.1 automatic; allow reverse:a.example",
     "client 192.0.2.1 reverse a.example", "allow reverse a.example manual"},
    {"to a wider denial", "deny 192.0.2.1 automatic tarpit; deny 192.0.2.0/24", "client 192.0.2.1",
     "deny client 192.0.2.0/24 manual reject"},
    {"to a denial of another kind", "deny 192.0.2.1 automatic tarpit; deny helo:a.example",
     "client 192.0.2.1 helo a.example", "deny helo a.example manual reject"},
    {"manual and automatic of one key", "deny 192.0.2.1 automatic tarpit; deny 192.0.2.1",
     "client 192.0.2.1", "deny client 192.0.2.1 manual reject"},
    {"the most specific ban", "deny 192.0.2.0/24 automatic; deny 192.0.2.1 automatic tarpit",
     "client 192.0.2.1", "deny client 192.0.2.1 automatic tarpit"},
    {"not to an unproven allow", "deny 192.0.2.1 automatic; allow sender:a.example",
     "client 192.0.2.1 sender u@a.example", "deny client 192.0.2.1 automatic reject"},

    /* ---- proof */
    {"anybody may say a sender", "allow sender:a.example", "sender u@a.example", "silent"},
    {"SPF or DKIM proves it", "allow sender:a.example", "sender u@a.example proven",
     "allow sender a.example manual"},
    {"the reverse name proves it", "allow sender:a.example",
     "sender u@a.example reverse mx.a.example", "allow sender a.example manual"},
    {"that of the same organisation", "allow u@lists.a.example",
     "sender u@lists.a.example reverse mx.a.example", "allow sender u@lists.a.example manual"},
    {"that of another does not", "allow sender:a.example", "sender u@a.example reverse b.example",
     "silent"},
    {"unproven was said", "allow sender:a.example unproven", "sender u@a.example",
     "allow sender a.example manual"},
    {"anybody may say HELO", "allow helo:a.example", "helo mx.a.example", "silent"},
    {"HELO by the reverse name", "allow helo:a.example", "helo MX.a.example. reverse x.a.example",
     "allow helo a.example manual"},
    {"HELO unproven", "allow helo:a.example unproven", "helo mx.a.example",
     "allow helo a.example manual"},
    {"a proven sender proves its own name", "allow helo:a.example",
     "helo mx.a.example sender u@a.example proven", "allow helo a.example manual"},
    {"and no other", "allow helo:a.example", "helo mx.a.example sender u@evil.example proven",
     "silent"},
    {"an address literal is not proven by a name", "allow helo:[192.0.2.1]",
     "helo [192.0.2.1] reverse mx.a.example", "silent"},
    {"an unproven allow leaves the denial behind it", "allow u@a.example; deny sender:a.example",
     "sender u@a.example", "deny sender a.example manual reject"},
    {"proven it does not", "allow u@a.example; deny sender:a.example", "sender u@a.example proven",
     "allow sender u@a.example manual"},
    {"and leaves a denial of the same key", "allow sender:a.example; deny sender:a.example",
     "sender u@a.example", "deny sender a.example manual reject"},
    {"one of a file may be unproven", "allow u@a.example; allow u@a.example file unproven",
     "sender u@a.example", "allow sender u@a.example file"},
    {"a confirmed reverse name is proof", "allow reverse:a.example", "reverse mx.a.example",
     "allow reverse a.example manual"},
    {"a recipient needs none", "allow recipient:own.example", "recipient u@own.example",
     "allow recipient own.example manual"},

    /* ---- expiry */
    {"an entry that is over", "deny 192.0.2.1 gone", "client 192.0.2.1", "silent"},
    {"one that is not yet", "deny 192.0.2.1 soon", "client 192.0.2.1",
     "deny client 192.0.2.1 manual reject"},
    {"what is over counts for nothing", "allow 192.0.2.1 gone; deny 192.0.2.0/24",
     "client 192.0.2.1", "deny client 192.0.2.0/24 manual reject"},
    {"nor for a tie", "allow 192.0.2.1 gone; deny 192.0.2.1", "client 192.0.2.1",
     "deny client 192.0.2.1 manual reject"},
    {"a ban that is over", "deny 192.0.2.1 automatic gone", "client 192.0.2.1", "silent"},
    {"nor against a ban", "allow 192.0.2.0/24 gone; deny 192.0.2.1 automatic", "client 192.0.2.1",
     "deny client 192.0.2.1 automatic reject"},

    /* ---- replacing */
    {"put twice, the last counts", "deny 192.0.2.1; deny 192.0.2.1 defer", "client 192.0.2.1",
     "deny client 192.0.2.1 manual defer"},
    {"and so does its end", "deny 192.0.2.1; deny 192.0.2.1 gone", "client 192.0.2.1", "silent"},
    {"and its name", "deny helo:a.example gone; deny helo:a.example", "helo a.example",
     "deny helo a.example manual reject"},
};

/* ---- words
 * ---------------------------------------------------------------------------------------
 */

static char *next_word(char **rest)
{
    char *word;
    do
        word = strsep(rest, " ");
    while (word != NULL && *word == '\0');
    return word;
}

static void describe(struct entry *entry, const char *word)
{
    if (strcmp(word, "file") == 0)
        entry->origin = ENTRY_FILE;
    else if (strcmp(word, "automatic") == 0)
        entry->origin = ENTRY_AUTOMATIC;
    else if (strcmp(word, "unproven") == 0)
        entry->unproven = true;
    else if (strcmp(word, "gone") == 0)
        entry->expires = NOW;
    else if (strcmp(word, "soon") == 0)
        entry->expires = NOW + 1;
    else if (!entry_action_parse(word, &entry->action))
        fail_msg("what is %s?", word);
}

/* Puts in what the text says; those of files at once. */
static void put_entries(struct list_table *table, const char *text)
{
    char *copy = mem_strdup(text);
    char *rest = copy;
    char key[8][ENTRY_KEY_MOST];
    struct entry file[8];
    size_t files = 0;
    for (char *one = strsep(&rest, ";"); one != NULL; one = strsep(&rest, ";")) {
        struct entry entry = {.reason = "", .author = ""};
        const char *why = NULL;
        const char *list = next_word(&one);
        if (list == NULL)
            continue;
        assert_true(files < COUNT(file));
        assert_true(entry_list_parse(list, &entry.list));
        if (!entry_key_parse(entry.list, next_word(&one), &entry.kind, key[files], &why))
            fail_msg("%s: %s", text, why);
        entry.key = key[files];
        for (char *word = next_word(&one); word != NULL; word = next_word(&one))
            describe(&entry, word);
        if (entry.origin == ENTRY_FILE)
            file[files++] = entry;
        else
            list_table_put(table, &entry);
    }
    list_table_set_files(table, file, files);
    free(copy);
}

struct told {
    char *copy;
    struct addr client;
    struct list_facts facts;
};

static void read_facts(const char *text, struct told *told)
{
    char *rest = told->copy = mem_strdup(text);
    told->facts = (struct list_facts){0};
    for (char *word = next_word(&rest); word != NULL; word = next_word(&rest)) {
        struct list_facts *f = &told->facts;
        if (strcmp(word, "proven") == 0) {
            f->sender_proven = true;
            continue;
        }
        char *value = next_word(&rest);
        assert_non_null(value);
        if (strcmp(word, "client") == 0 && addr_parse_ip(value, &told->client))
            f->client = &told->client;
        else if (strcmp(word, "helo") == 0)
            f->helo = value;
        else if (strcmp(word, "reverse") == 0)
            f->reverse = value;
        else if (strcmp(word, "sender") == 0)
            f->sender = strcmp(value, "<>") == 0 ? "" : value;
        else if (strcmp(word, "recipient") == 0)
            f->recipient = value;
        else
            fail_msg("what is %s?", word);
    }
}

static void verdict_text(const struct list_verdict *v, char *out, size_t size)
{
    if (v->ruling == LIST_SILENT)
        snprintf(out, size, "silent");
    else
        snprintf(out, size, "%s %s %s %s%s%s", v->ruling == LIST_ALLOWED ? "allow" : "deny",
                 entry_kind_name(v->kind), v->key, entry_origin_name(v->origin),
                 v->ruling == LIST_DENIED ? " " : "",
                 v->ruling == LIST_DENIED ? entry_action_name(v->action) : "");
}

static void judge_text(struct list_table *table, const char *facts, char *out, size_t size)
{
    struct told told;
    struct list_verdict verdict;
    read_facts(facts, &told);
    list_judge(table, &told.facts, NOW, &verdict);
    verdict_text(&verdict, out, size);
    free(told.copy);
}

static void the_precedence_is_that_of_the_manual(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char said[512];
        struct list_table *table = list_table_new();
        put_entries(table, cases[i].entries);
        judge_text(table, cases[i].facts, said, sizeof said);
        if (strcmp(said, cases[i].verdict) != 0)
            fail_msg("%s: %s, not %s", cases[i].name, said, cases[i].verdict);
        list_table_free(table);
    }
}

/* ---- the table
 * ------------------------------------------------------------------------------------
 */

static void one_command_lifts_a_ban_and_a_manual_entry(void **state)
{
    (void)state;
    char said[512];
    struct list_table *table = list_table_new();
    put_entries(table, "deny 192.0.2.1 automatic; deny 192.0.2.1; allow 192.0.2.1; "
                       "deny 192.0.2.1 file; deny helo:a.example");
    assert_int_equal(list_table_remove(table, ENTRY_ALLOW, ENTRY_CLIENT, "192.0.2.1"), 1);
    assert_int_equal(list_table_remove(table, ENTRY_DENY, ENTRY_CLIENT, "192.0.2.1"), 2);
    assert_int_equal(list_table_remove(table, ENTRY_DENY, ENTRY_CLIENT, "192.0.2.1"), 0);
    assert_int_equal(list_table_remove(table, ENTRY_DENY, ENTRY_REVERSE, "a.example"), 0);
    assert_int_equal(list_table_remove(table, ENTRY_DENY, ENTRY_CLIENT, "a.example"), 0);
    assert_int_equal(list_table_remove(table, ENTRY_DENY, ENTRY_HELO, "a.example"), 1);
    judge_text(table, "client 192.0.2.1 helo a.example", said, sizeof said);
    assert_string_equal(said, "deny client 192.0.2.1 file reject");
    list_table_set_files(table, NULL, 0);
    judge_text(table, "client 192.0.2.1", said, sizeof said);
    assert_string_equal(said, "silent");
    list_table_free(table);
}

static void entries_are_counted_by_list(void **state)
{
    (void)state;
    size_t count[3];
    struct list_table *table = list_table_new();
    put_entries(table, "deny 192.0.2.1; deny 192.0.2.1 defer; deny 192.0.2.1 automatic; "
                       "deny 192.0.2.1 file; trap t@own.example");
    list_table_count(table, count);
    assert_int_equal(count[ENTRY_ALLOW], 0);
    assert_int_equal(count[ENTRY_DENY], 3);
    assert_int_equal(count[ENTRY_TRAP], 1);
    list_table_free(table);
}

static void only_names_may_still_allow(void **state)
{
    (void)state;
    struct list_table *table = list_table_new();
    put_entries(table, "allow 192.0.2.1; deny helo:a.example; trap t@own.example");
    assert_false(list_may_allow(table));
    put_entries(table, "allow recipient:own.example file");
    assert_true(list_may_allow(table));
    put_entries(table, "");
    assert_false(list_may_allow(table));
    put_entries(table, "allow helo:a.example");
    assert_true(list_may_allow(table));
    list_table_free(table);
}

static void traps_are_recipients_and_domains(void **state)
{
    (void)state;
    static const struct {
        const char *recipient;
        bool trap;
    } traps[] = {
        {"trap@own.example", true},
        {"TRAP@Own.Example.", true},
        {"\"trap\"@own.example", true},
        {"other@own.example", false},
        {"gone@own.example", false},
        {"allowed@own.example", false},
        {"u@dead.example", true},
        {"u@x.dead.example", true},
        {"u@undead.example", false},
        {"postmaster", false},
        {"", false},
        {"\"a b\"@dead.example", true},
    };
    struct list_table *table = list_table_new();
    put_entries(table, "trap trap@own.example; trap recipient:dead.example; "
                       "trap gone@own.example gone; allow recipient:allowed@own.example; "
                       "deny recipient:other@own.example");
    for (size_t i = 0; i < COUNT(traps); i++)
        if (list_trap(table, traps[i].recipient, NOW) != traps[i].trap)
            fail_msg("%s", traps[i].recipient);
    assert_false(list_trap(table, NULL, NOW));
    list_table_free(table);
}

static void sweeping_frees_what_has_expired_and_nothing_else(void **state)
{
    (void)state;
    char key[ENTRY_KEY_MOST];
    size_t count[3];
    struct list_table *table = list_table_new();
    for (unsigned i = 0; i < 20000; i++) {
        struct entry entry = {.list = ENTRY_DENY, .key = key, .expires = i % 2 ? NOW : 0};
        entry.kind = i % 3 == 0 ? ENTRY_HELO : ENTRY_CLIENT;
        snprintf(key, sizeof key, i % 3 == 0 ? "n%u.example" : "10.0.%u.%u",
                 i % 3 == 0 ? i : i >> 8, i & 255);
        list_table_put(table, &entry);
    }
    list_table_sweep(table, NOW - 1);
    list_table_count(table, count);
    assert_int_equal(count[ENTRY_DENY], 20000);
    for (unsigned i = 0; i < 40; i++)
        list_table_sweep(table, NOW);
    list_table_count(table, count);
    assert_int_equal(count[ENTRY_DENY], 10000);
    for (unsigned i = 0; i < 20000; i += 2) {
        snprintf(key, sizeof key, i % 3 == 0 ? "n%u.example" : "10.0.%u.%u",
                 i % 3 == 0 ? i : i >> 8, i & 255);
        assert_int_equal(
            list_table_remove(table, ENTRY_DENY, i % 3 == 0 ? ENTRY_HELO : ENTRY_CLIENT, key), 1);
    }
    list_table_free(table);
}

static void note_covering(const struct entry *entry, void *arg)
{
    char *out = arg;
    size_t len = strlen(out);
    snprintf(out + len, 512 - len, "%s %s %s; ", entry_list_name(entry->list), entry->key,
             entry_origin_name(entry->origin));
}

static void what_covers_a_key_comes_most_specific_first(void **state)
{
    (void)state;
    struct list_table *table = list_table_new();
    put_entries(table, "deny 192.0.2.0/24; allow 192.0.0.0/16 file; deny 192.0.2.1 automatic; "
                       "trap u@own.example; deny recipient:example");
    char said[512] = "";
    list_table_covering(table, ENTRY_CLIENT, "192.0.2.1", note_covering, said);
    assert_string_equal(
        said, "deny 192.0.2.1 automatic; deny 192.0.2.0/24 manual; allow 192.0.0.0/16 file; ");
    said[0] = '\0';
    list_table_covering(table, ENTRY_CLIENT, "192.0.2.0/25", note_covering, said);
    assert_string_equal(said, "deny 192.0.2.0/24 manual; allow 192.0.0.0/16 file; ");
    said[0] = '\0';
    list_table_covering(table, ENTRY_RECIPIENT, "u@own.example", note_covering, said);
    assert_string_equal(said, "trap u@own.example manual; deny example manual; ");
    list_table_free(table);
}

/* ---- against a model
 * ------------------------------------------------------------------------------
 */

#define MODEL_ENTRIES 60
#define MODEL_ROUNDS  400

struct model_entry {
    struct entry entry;
    char key[ENTRY_KEY_MOST];
    struct cidr net;
};

static uint32_t rand_state;

static unsigned pick(unsigned below)
{
    rand_state = rand_state * 1664525u + 1013904223u;
    return (rand_state >> 8) % below;
}

/* Of few names and networks, so that there are ties and covers. */
static void random_key(enum entry_kind kind, char *out, bool network)
{
    static const char *const names[] = {"a.example", "x.a.example", "y.x.a.example", "b.example"};
    if (kind != ENTRY_CLIENT) {
        snprintf(out, ENTRY_KEY_MOST, "%s%s", kind >= ENTRY_SENDER && pick(2) == 0 ? "u@" : "",
                 names[pick(COUNT(names))]);
        return;
    }
    bool v6 = pick(2) == 0;
    unsigned most = v6 ? 128 : 32;
    unsigned bits = network ? most - pick(5) : most;
    unsigned last = pick(16) >> (most - bits) << (most - bits);
    snprintf(out, ENTRY_KEY_MOST, v6 ? "2001:db8::%x" : "192.0.2.%u", last);
    if (bits < most)
        snprintf(out + strlen(out), 8, "/%u", bits);
}

static void random_entry(struct model_entry *m)
{
    const char *why;
    static const enum entry_origin origins[] = {ENTRY_MANUAL, ENTRY_AUTOMATIC, ENTRY_FILE};
    struct entry *e = &m->entry;
    char text[ENTRY_KEY_MOST];
    char whole[ENTRY_KEY_MOST + 16];
    *e = (struct entry){.list = pick(2) ? ENTRY_ALLOW : ENTRY_DENY,
                        .kind = (enum entry_kind)pick(ENTRY_KINDS),
                        .action = (enum entry_action)pick(3),
                        .origin = origins[pick(3)],
                        .unproven = pick(2) == 0,
                        .expires = pick(4) == 0 ? NOW - 1 + (int64_t)pick(3) : 0,
                        .reason = "",
                        .author = "",
                        .key = m->key};
    if (e->list == ENTRY_ALLOW && e->origin == ENTRY_AUTOMATIC)
        e->origin = ENTRY_MANUAL;
    random_key(e->kind, text, true);
    assert_true(
        entry_key_parse(e->list, entry_key_text(e->kind, text, whole), &e->kind, m->key, &why));
    if (e->kind == ENTRY_CLIENT)
        assert_true(cidr_parse(m->key, &m->net, &why));
}

/* How specific the match is; -1: none. `fact` in normal form. */
static int specific(const struct model_entry *m, const struct addr *client, const char *fact)
{
    if (m->entry.kind == ENTRY_CLIENT)
        return cidr_match(&m->net, client) ? m->net.bits : -1;
    size_t len = strlen(m->key);
    size_t fact_len = strlen(fact);
    if (len > fact_len || strcmp(fact + fact_len - len, m->key) != 0)
        return -1;
    return len == fact_len || fact[fact_len - len - 1] == '.' || fact[fact_len - len - 1] == '@'
               ? (int)len
               : -1;
}

struct model_case {
    struct addr client;
    char text[ENTRY_KINDS][ENTRY_KEY_MOST];
    bool proven;
};

static bool same_org(const char *a, const char *b)
{
    const char *at = strrchr(a, '@');
    size_t len = strlen(at != NULL ? at + 1 : a);
    const char *end = (at != NULL ? at + 1 : a) + (len < 9 ? 0 : len - 9);
    return strlen(b) >= 9 && strcmp(end, b + strlen(b) - 9) == 0; /* "a.example" */
}

static bool model_counts(const struct model_entry *m, const struct model_case *c)
{
    const struct entry *e = &m->entry;
    if (e->expires != 0 && e->expires <= NOW)
        return false;
    if (e->list == ENTRY_DENY || e->unproven || (e->kind != ENTRY_HELO && e->kind != ENTRY_SENDER))
        return true;
    if (same_org(c->text[e->kind], c->text[ENTRY_REVERSE]))
        return true;
    return c->proven &&
           (e->kind == ENTRY_SENDER || same_org(c->text[ENTRY_SENDER], c->text[ENTRY_HELO]));
}

/* The one that counts of a kind: `bans` of automatic ones, else of all others. */
static const struct model_entry *model_kind(const struct model_entry *all,
                                            const struct model_case *c, enum entry_kind kind,
                                            bool bans)
{
    const struct model_entry *best = NULL;
    int most = -1;
    int rank = -1;
    for (size_t i = 0; i < MODEL_ENTRIES; i++) {
        const struct entry *e = &all[i].entry;
        if (e->kind != kind || bans != (e->origin == ENTRY_AUTOMATIC) || !model_counts(&all[i], c))
            continue;
        int s = specific(&all[i], &c->client, c->text[kind]);
        int r = (e->list == ENTRY_ALLOW ? 2 : 0) + (e->origin == ENTRY_MANUAL ? 1 : 0);
        if (s > most || (s == most && s >= 0 && r > rank)) {
            best = &all[i];
            most = s;
            rank = r;
        }
    }
    return best;
}

static void model_judge(const struct model_entry *all, const struct model_case *c,
                        struct list_verdict *out)
{
    const struct model_entry *found = NULL;
    for (unsigned pass = 0; pass < 3 && found == NULL; pass++) {
        for (unsigned kind = 0; kind < ENTRY_KINDS && found == NULL; kind++) {
            const struct model_entry *best = model_kind(all, c, (enum entry_kind)kind, pass == 2);
            if (best != NULL && (pass > 0 || best->entry.list == ENTRY_ALLOW))
                found = best;
        }
    }
    *out = (struct list_verdict){0};
    if (found == NULL)
        return;
    out->ruling = found->entry.list == ENTRY_ALLOW ? LIST_ALLOWED : LIST_DENIED;
    out->kind = found->entry.kind;
    out->action = found->entry.action;
    out->origin = found->entry.origin;
    snprintf(out->key, sizeof out->key, "%s", found->key);
}

/* Entries without two of the same list, kind, key and origin. */
static void random_entries(struct model_entry *all)
{
    for (size_t i = 0; i < MODEL_ENTRIES; i++) {
        bool twice;
        do {
            random_entry(&all[i]);
            twice = false;
            for (size_t j = 0; j < i; j++) {
                const struct entry *a = &all[i].entry;
                const struct entry *b = &all[j].entry;
                twice = twice || (a->list == b->list && a->kind == b->kind &&
                                  a->origin == b->origin && strcmp(a->key, b->key) == 0);
            }
        } while (twice);
    }
}

static void random_case(struct model_case *c)
{
    char ip[ENTRY_KEY_MOST];
    random_key(ENTRY_CLIENT, ip, false);
    assert_true(addr_parse_ip(ip, &c->client));
    for (unsigned kind = ENTRY_HELO; kind < ENTRY_KINDS; kind++) {
        do
            random_key((enum entry_kind)kind, c->text[kind], false);
        while (kind >= ENTRY_SENDER && strchr(c->text[kind], '@') == NULL);
    }
    c->proven = pick(2) == 0;
}

static void compare(struct list_table *table, const struct model_entry *all)
{
    struct model_case c;
    struct list_verdict model;
    struct list_verdict real;
    char want[512];
    char said[512];
    random_case(&c);
    struct list_facts facts = {&c.client,
                               c.text[ENTRY_HELO],
                               c.text[ENTRY_REVERSE],
                               c.text[ENTRY_SENDER],
                               c.text[ENTRY_RECIPIENT],
                               c.proven};
    list_judge(table, &facts, NOW, &real);
    model_judge(all, &c, &model);
    verdict_text(&real, said, sizeof said);
    verdict_text(&model, want, sizeof want);
    if (strcmp(said, want) != 0)
        fail_msg("state %u: %s, not %s", rand_state, said, want);
}

static void a_model_that_looks_at_every_entry_says_the_same(void **state)
{
    (void)state;
    static struct model_entry all[MODEL_ENTRIES];
    for (unsigned round = 0; round < MODEL_ROUNDS; round++) {
        struct list_table *table = list_table_new();
        struct entry file[MODEL_ENTRIES];
        size_t files = 0;
        rand_state = round;
        random_entries(all);
        for (size_t i = 0; i < MODEL_ENTRIES; i++) {
            if (all[i].entry.origin == ENTRY_FILE)
                file[files++] = all[i].entry;
            else
                list_table_put(table, &all[i].entry);
        }
        list_table_set_files(table, file, files);
        for (unsigned i = 0; i < 50; i++)
            compare(table, all);
        for (size_t i = 0; i < MODEL_ENTRIES / 2; i++) { /* and with half of them gone again */
            const struct entry *e = &all[i].entry;
            if (e->origin == ENTRY_FILE)
                continue;
            list_table_remove(table, e->list, e->kind, e->key);
            for (size_t j = 0; j < MODEL_ENTRIES; j++)
                if (all[j].entry.origin != ENTRY_FILE && all[j].entry.list == e->list &&
                    all[j].entry.kind == e->kind && strcmp(all[j].key, e->key) == 0)
                    all[j].entry.expires = 1;
        }
        for (unsigned i = 0; i < 50; i++)
            compare(table, all);
        list_table_free(table);
    }
}

/* ---- threads
 * --------------------------------------------------------------------------------------
 */

struct readers {
    struct list_table *table;
    atomic_bool stop;
    atomic_ulong wrong;
};

/* The allowed client stays so through every change. */
static void *read_on(void *arg)
{
    struct readers *r = arg;
    struct addr client;
    addr_parse_ip("192.0.2.1", &client);
    struct list_facts facts = {.client = &client, .helo = "mx.a.example"};
    while (!atomic_load(&r->stop)) {
        struct list_verdict verdict;
        list_judge(r->table, &facts, NOW, &verdict);
        if (verdict.ruling != LIST_ALLOWED || strcmp(verdict.key, "192.0.2.1") != 0)
            atomic_fetch_add(&r->wrong, 1);
    }
    return NULL;
}

static void those_who_read_hinder_no_change_and_see_only_whole_ones(void **state)
{
    (void)state;
    struct readers r = {.table = list_table_new()};
    pthread_t thread[2];
    char key[ENTRY_KEY_MOST];
    struct entry entry = {.list = ENTRY_DENY, .kind = ENTRY_CLIENT, .key = key};
    put_entries(r.table, "allow 192.0.2.1; deny 192.0.2.0/24");
    for (size_t i = 0; i < COUNT(thread); i++)
        assert_int_equal(pthread_create(&thread[i], NULL, read_on, &r), 0);
    for (unsigned i = 0; i < 20000; i++) {
        snprintf(key, sizeof key, "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
        list_table_put(r.table, &entry);
        if (i % 100 == 0)
            list_table_set_files(r.table, &entry, 1);
        if (i % 3 == 0)
            list_table_remove(r.table, ENTRY_DENY, ENTRY_CLIENT, key);
        if (i % 1000 == 0)
            list_table_sweep(r.table, NOW);
    }
    atomic_store(&r.stop, true);
    for (size_t i = 0; i < COUNT(thread); i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(atomic_load(&r.wrong), 0);
    list_table_free(r.table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_precedence_is_that_of_the_manual),
        cmocka_unit_test(one_command_lifts_a_ban_and_a_manual_entry),
        cmocka_unit_test(entries_are_counted_by_list),
        cmocka_unit_test(only_names_may_still_allow),
        cmocka_unit_test(traps_are_recipients_and_domains),
        cmocka_unit_test(sweeping_frees_what_has_expired_and_nothing_else),
        cmocka_unit_test(what_covers_a_key_comes_most_specific_first),
        cmocka_unit_test(a_model_that_looks_at_every_entry_says_the_same),
        cmocka_unit_test(those_who_read_hinder_no_change_and_see_only_whole_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
