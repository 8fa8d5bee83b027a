/* SPDX-License-Identifier: ISC */
#ifndef TESTS_UNIT_SUPPORT_SESSION_SCRIPT_H
#define TESTS_UNIT_SUPPORT_SESSION_SCRIPT_H
/*
 * Dialogues as scripts, played against the rig. One step a string:
 *
 *   > TEXT     the client says TEXT; "\n" in it and its end become CRLF, so a group is one step
 *   >> BYTES   the client says these bytes; \001 stands for NUL
 *   < 250 TEXT the client hears one reply; see below for TEXT
 *   <- TEXT    the client has heard these lines, which are no whole reply yet
 *   <n N       what the client heard since the last look came in N writes
 *   <eof       Gatepost has closed
 *   +          a backend connection was dialled, and is the one spoken of from now on
 *   + up       the same, greeted: 220, EHLO, what OFFER says
 *   } TEXT     the backend says TEXT, as the client does
 *   }} BYTES   the backend says these bytes
 *   { TEXT     the backend hears one line
 *   {text TEXT the backend hears the message TEXT behind our fields, and the end of data
 *   {bdat TEXT the same by BDAT ... LAST
 *   {field X   the backend hears one header field that begins with X
 *   {big       what "! big" sent, and the end of data
 *   {eof       Gatepost has closed the connection without another word
 *   # MS       time passes
 *   dns T N R  DNS holds records R of type T (A, PTR...) for the name N from now on
 *   entry L K  there is a list entry K on the list L (allow, unproven, too; deny, trap)
 *   log TEXT   the log since the last look holds TEXT
 *   ! WORD     dns (the open questions are answered), tls, leave (client), close (backend), refuse
 * (the next dial), drain, ignore (what the backend heard), full (there is room for 8 KiB of
 * messages), tight (20,000 octets in memory, much in files), big or long (the client sends 100,000
 * octets, in lines or without one), proven (mail.client.example is known for good mail), reset (the
 * client leaves with a reply unread), flood (it asks for 11,000 recipients, one after the other,
 * and reads no reply), store (there is one, empty), down, hold (its answers), release
 *
 * TEXT to be heard is compared whole, or up to its final '*'; "250" alone compares the code.
 * Whatever is not looked at when the script ends is a failure.
 */

#include "policy/known.h"
#include "policy/list_table.h"
#include "policy/state.h"
#include "tests/unit/support/fake_store.h"
#include "tests/unit/support/session_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SCRIPT_STEPS 48
#define OFFER                                                                                      \
    "b.example\nPIPELINING\nSIZE 100000\n8BITMIME\nENHANCEDSTATUSCODES\nDSN\nSMTPUTF8\nCHUNKING\n" \
    "AUTH PLAIN LOGIN"

struct script {
    const char *name;
    const char *listen; /* inside listen { }, NULL: nothing; likewise: */
    const char *backend;
    const char *extra;  /* after all blocks */
    const char *client; /* its address, NULL: 198.51.100.7, which nobody trusts */
    bool stream;        /* a client with TLS: writes cannot be counted */
    bool unknown;       /* the backend's EHLO is not known yet */
    const char *step[SCRIPT_STEPS];
};

struct player {
    struct rig rig;
    struct rig_backend *backend; /* the one spoken of */
    size_t seen;                 /* how many dials the script has looked at */
    const struct script *script;
    size_t at;
    struct store *store;
};

static struct tls_server *script_tls;

static inline void script_fail(const struct player *p, const char *what, const char *got)
{
    fail_msg("%s, step %zu \"%s\": %s\n\"%s\"\nlog:\n%.*s", p->script->name, p->at + 1,
             p->script->step[p->at] != NULL ? p->script->step[p->at] : "(end)", what, got,
             (int)buf_len(&rig_log), buf_data(&rig_log));
}

/* The same where `got` is what is left in a buffer. */
static inline void script_fail_left(const struct player *p, const char *what, struct buf *got)
{
    buf_add(got, "", 1);
    script_fail(p, what, buf_data(got));
}

/* `text` with its newlines as CRLF, and one at the end. */
static inline void script_lines(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            buf_add_str(out, "\r");
        buf_add(out, text, 1);
    }
    buf_add_str(out, "\r\n");
}

static inline void script_bytes(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++)
        buf_add(out, *text == '\001' ? "" : text, 1);
}

/* One reply, or one line, off the front of `from`: its text with "\n" between lines. NULL: none.
 * The caller frees. */
static inline char *script_take(struct buf *from, bool reply)
{
    struct buf text = {0};
    const char *end;
    bool more = true;
    while (more && (end = memmem(buf_data(from), buf_len(from), "\r\n", 2)) != NULL) {
        size_t len = (size_t)(end - buf_data(from));
        more = reply && len > 3 && buf_data(from)[3] == '-';
        if (buf_len(&text) > 0)
            buf_add_str(&text, "\n");
        buf_add(&text, buf_data(from), len);
        buf_consume(from, len + 2);
    }
    char *all = buf_len(&text) > 0 ? mem_strndup(buf_data(&text), buf_len(&text)) : NULL;
    buf_free(&text);
    return all;
}

static inline bool script_match(const char *want, const char *got)
{
    size_t len = strlen(want);
    if (len > 0 && want[len - 1] == '*')
        return strncmp(want, got, len - 1) == 0;
    if (len == 3 && strspn(want, "0123456789") == 3)
        return strncmp(want, got, 3) == 0;
    return strcmp(want, got) == 0;
}

static inline void script_hears(struct player *p, struct buf *from, bool reply, const char *want)
{
    char *got = script_take(from, reply);
    if (got == NULL)
        script_fail(p, "nothing heard", "");
    if (!script_match(want, got))
        script_fail(p, "heard", got);
    free(got);
}

/* Drops the field, which must be there, off the front. */
static inline void script_field(struct player *p, struct buf *from, const char *name)
{
    if (buf_len(from) < strlen(name) || memcmp(buf_data(from), name, strlen(name)) != 0)
        script_fail_left(p, name, from);
    bool more = true;
    while (more) {
        const char *end = memmem(buf_data(from), buf_len(from), "\r\n", 2);
        if (end == NULL)
            script_fail(p, "the field does not end", name);
        buf_consume(from, (size_t)(end - buf_data(from)) + 2);
        more = buf_len(from) > 0 && (*buf_data(from) == '\t' || *buf_data(from) == ' ');
    }
}

/* Drops our fields, in their order, off the front. */
static inline void script_head(struct player *p, struct buf *from)
{
    script_field(p, from, "Received: ");
    script_field(p, from, "Authentication-Results: mx.example.org;");
}

/* The message as the backend heard it must be `want`, and nothing behind it. */
static inline void script_text(struct player *p, const char *want, bool dotted)
{
    struct buf expected = {0};
    struct buf *heard = &p->backend->heard;
    script_head(p, heard);
    script_lines(&expected, want);
    if (dotted)
        buf_add_str(&expected, ".\r\n");
    else
        expected.end -= 2; /* as given: no newline is added */
    if (buf_len(&expected) != buf_len(heard) ||
        memcmp(buf_data(&expected), buf_data(heard), buf_len(heard)) != 0)
        script_fail_left(p, "the message is", heard);
    buf_consume(heard, buf_len(heard));
    buf_free(&expected);
}

static inline void script_bdat(struct player *p, const char *want)
{
    char *line = script_take(&p->backend->heard, false);
    unsigned long size = 0;
    char end = 0;
    if (line == NULL || sscanf(line, "BDAT %lu LAS%c", &size, &end) != 2 || end != 'T')
        script_fail(p, "no BDAT LAST", line != NULL ? line : "");
    free(line);
    if (size != buf_len(&p->backend->heard))
        script_fail(p, "BDAT tells another size", "");
    script_text(p, want, false);
}

static inline void script_say(struct player *p, bool client, const char *text, bool raw)
{
    struct buf bytes = {0};
    if (raw)
        script_bytes(&bytes, text);
    else
        script_lines(&bytes, text);
    if (client)
        rig_client_send(&p->rig, buf_data(&bytes), buf_len(&bytes));
    else
        rig_backend_send(p->backend, buf_data(&bytes), buf_len(&bytes));
    buf_free(&bytes);
    rig_run(&p->rig);
}

static inline void script_dialled(struct player *p, bool up)
{
    if (p->seen == p->rig.backends)
        script_fail(p, "nothing was dialled", "");
    p->backend = &p->rig.backend[p->seen++];
    if (!up)
        return;
    script_say(p, false, "220 b.example ESMTP", false);
    script_hears(p, &p->backend->heard, false, "EHLO mx.example.org");
    char *offer = mem_strdup(OFFER);
    char *save = NULL;
    char *line = strtok_r(offer, "\n", &save);
    while (line != NULL) {
        char *next = strtok_r(NULL, "\n", &save);
        char *text = mem_printf("250%c%s", next != NULL ? '-' : ' ', line);
        script_say(p, false, text, false);
        free(text);
        line = next;
    }
    free(offer);
}

/* 100,000 octets from the client; the lines begin with a dot. */
static inline void script_big(struct player *p, bool lines)
{
    char line[101];
    memset(line, 'x', 100);
    if (lines) {
        memcpy(line, "..", 2);
        memcpy(line + 98, "\r\n", 3);
    }
    for (int i = 0; i < 1000; i++)
        rig_client_send(&p->rig, line, 100);
    rig_run(&p->rig);
}

static inline void script_heard_big(struct player *p)
{
    struct buf want = {0};
    for (int i = 0; i < 1000; i++) {
        buf_add_str(&want, i > 0 ? "\n.." : "..");
        for (int x = 0; x < 96; x++)
            buf_add_str(&want, "x");
    }
    buf_add(&want, "", 1);
    script_text(p, buf_data(&want), true);
    buf_free(&want);
}

static inline void script_proven(struct player *p)
{
    const char *const domain = "client.example";
    const struct policy_state *state = p->rig.server->policy;
    for (int64_t hour = 0; hour < 2; hour++)
        known_delivered(state->known, &domain, 1, KNOWN_LIFETIME, state->wall() + (hour - 2) * 3600,
                        NULL);
}

/* What closes with something unread resets the connection, as a socket of TCP does. */
static inline void script_reset(struct player *p)
{
    rig_client_send(&p->rig, "NOOP\r\n", 6);
    loop_poll(p->rig.worker.loop);
    rig_client_close(&p->rig);
}

static inline void script_flood(struct player *p)
{
    for (int i = 0; i < 11000 && !p->rig.eof; i++) {
        buf_consume(&p->rig.said, buf_len(&p->rig.said));
        script_say(p, true, "RCPT TO:<c@example.org>", false);
    }
}

/* "A name records...": what DNS holds from now on. */
static inline void script_dns(struct player *p, const char *text)
{
    static const char *const types[] = {"A", "AAAA", "PTR", "MX", "TXT", "TLSA"};
    char type[8];
    char name[256];
    int used = 0;
    size_t t = 0;
    if (sscanf(text, "%7s %255s %n", type, name, &used) != 2)
        script_fail(p, "not TYPE NAME RECORDS", text);
    while (t < sizeof types / sizeof types[0] && strcmp(types[t], type) != 0)
        t++;
    if (t == sizeof types / sizeof types[0])
        script_fail(p, "no such type", type);
    fake_dns_set(p->rig.worker.dns, (enum dns_type)t, name, text + used);
}

/* "allow KEY" */
static inline void script_entry(struct player *p, const char *text)
{
    char list[8];
    char what[256];
    char key[ENTRY_KEY_MOST];
    const char *why = "not LIST KEY";
    struct entry entry = {.key = key, .unproven = true, .reason = "", .author = ""};
    if (sscanf(text, "%7s %255s", list, what) != 2 || !entry_list_parse(list, &entry.list) ||
        !entry_key_parse(entry.list, what, &entry.kind, key, &why))
        script_fail(p, why, text);
    list_table_put(p->rig.server->policy->lists, &entry);
}

static inline bool script_store(struct player *p, const char *word)
{
    struct store **store = &p->rig.server->policy->store;
    if (strcmp(word, "store") == 0)
        *store = p->store = fake_store_new();
    else if (strcmp(word, "down") == 0)
        fake_store_down(*store, "disk is full");
    else if (strcmp(word, "hold") == 0 || strcmp(word, "release") == 0)
        fake_store_hold(*store, word[0] == 'h');
    else
        return false;
    return true;
}

static inline void script_act(struct player *p, const char *word)
{
    if (strcmp(word, "dns") == 0)
        while (fake_dns_run(p->rig.worker.dns) > 0)
            rig_run(&p->rig);
    else if (strcmp(word, "tls") == 0)
        assert_true(rig_client_tls(&p->rig));
    else if (strcmp(word, "leave") == 0)
        rig_client_close(&p->rig);
    else if (strcmp(word, "close") == 0)
        rig_backend_close(p->backend);
    else if (strcmp(word, "refuse") == 0)
        p->rig.refuse++;
    else if (strcmp(word, "drain") == 0)
        session_drain(rig_session(&p->rig));
    else if (strcmp(word, "ignore") == 0)
        buf_free(&p->backend->heard);
    else if (strcmp(word, "full") == 0)
        spool_budget_set(p->rig.server->budget, 4096, 4096, 4096);
    else if (strcmp(word, "tight") == 0)
        spool_budget_set(p->rig.server->budget, 4096, 20000, 1000000);
    else if (strcmp(word, "proven") == 0)
        script_proven(p);
    else if (strcmp(word, "reset") == 0)
        script_reset(p);
    else if (strcmp(word, "flood") == 0)
        script_flood(p);
    else if (strcmp(word, "big") == 0 || strcmp(word, "long") == 0)
        script_big(p, word[0] == 'b');
    else if (!script_store(p, word))
        script_fail(p, "no such word", word);
    rig_run(&p->rig);
}

/* What the step says of what is heard; false: it says something else. */
static inline bool script_look(struct player *p, const char *step)
{
    struct buf *heard = p->backend != NULL ? &p->backend->heard : NULL;
    if (strcmp(step, "<eof") == 0) {
        if (!p->rig.eof || buf_len(&p->rig.said) > 0)
            script_fail_left(p, "not closed, or more was said", &p->rig.said);
    } else if (strncmp(step, "<- ", 3) == 0) {
        struct buf want = {0};
        script_lines(&want, step + 3);
        if (buf_len(&want) != buf_len(&p->rig.said) ||
            memcmp(buf_data(&want), buf_data(&p->rig.said), buf_len(&want)) != 0)
            script_fail_left(p, "something else was said", &p->rig.said);
        buf_free(&want);
        buf_free(&p->rig.said);
    } else if (strncmp(step, "<n ", 3) == 0) {
        if (p->rig.writes != strtoul(step + 3, NULL, 10))
            fail_msg("%s, step %zu: %zu writes", p->script->name, p->at + 1, p->rig.writes);
    } else if (strncmp(step, "< ", 2) == 0) {
        script_hears(p, &p->rig.said, true, step + 2);
    } else if (strcmp(step, "{eof") == 0) {
        if (!p->backend->eof || buf_len(heard) > 0)
            script_fail_left(p, "not closed, or more was said", heard);
    } else if (strncmp(step, "{text ", 6) == 0) {
        script_text(p, step + 6, true);
    } else if (strncmp(step, "{bdat ", 6) == 0) {
        script_bdat(p, step + 6);
    } else if (strncmp(step, "{field ", 7) == 0) {
        script_field(p, heard, step + 7);
    } else if (strcmp(step, "{big") == 0) {
        script_heard_big(p);
    } else if (strncmp(step, "{ ", 2) == 0) {
        script_hears(p, heard, false, step + 2);
    } else {
        return false;
    }
    return true;
}

static inline void script_step(struct player *p, const char *step)
{
    bool client = step[0] == '>';
    if (script_look(p, step))
        return;
    if (strncmp(step, "log ", 4) == 0) {
        buf_add(&rig_log, "", 1);
        if (strstr(buf_data(&rig_log), step + 4) == NULL)
            script_fail(p, "not in the log", step + 4);
        buf_consume(&rig_log, buf_len(&rig_log));
        return;
    }
    if (strncmp(step, "dns ", 4) == 0) {
        script_dns(p, step + 4);
        return;
    }
    if (strncmp(step, "entry ", 6) == 0) {
        script_entry(p, step + 6);
        return;
    }
    p->rig.writes = 0;
    if (client || step[0] == '}')
        script_say(p, client, step + (step[1] == ' ' ? 2 : 3), step[1] != ' ');
    else if (step[0] == '+')
        script_dialled(p, step[1] != '\0');
    else if (step[0] == '#')
        rig_pass(&p->rig, strtoul(step + 2, NULL, 10));
    else if (step[0] == '!')
        script_act(p, step + 2);
    else
        script_fail(p, "no such step", step);
}

/* Nothing was said that the script did not look at. */
static inline void script_silence(struct player *p)
{
    if (buf_len(&p->rig.said) > 0)
        script_fail_left(p, "the client heard more", &p->rig.said);
    for (size_t i = 0; i < p->rig.backends; i++) {
        struct buf *heard = &p->rig.backend[i].heard;
        if (buf_len(heard) > 0)
            script_fail_left(p, "the backend heard more", heard);
    }
    if (p->seen != p->rig.backends)
        script_fail(p, "more was dialled", "");
}

static inline void script_begin(struct player *p, const struct script *script)
{
    const char *listen = script->listen != NULL ? script->listen : "";
    const char *backend = script->backend != NULL ? script->backend : "";
    const char *extra = script->extra != NULL ? script->extra : "";
    struct config *config = rig_config(listen, backend, extra);
    *p = (struct player){.script = script};
    if (script_tls == NULL)
        script_tls = rig_tls();
    rig_setup(&p->rig, config, script_tls, script->unknown ? NULL : OFFER);
    config_unref(config);
    rig_begin(&p->rig, loop_new(), script->client != NULL ? script->client : "198.51.100.7",
              script->stream ? SOCK_STREAM : SOCK_SEQPACKET);
    rig_run(&p->rig);
}

static inline void script_end(struct player *p)
{
    struct loop *loop = p->rig.worker.loop;
    rig_end(&p->rig);
    fake_store_free(p->store);
    loop_free(loop);
}

/* The test function of every script: *state is the script. */
static inline void script_play(void **state)
{
    struct player p;
    script_begin(&p, *state);
    for (; p.at < SCRIPT_STEPS && p.script->step[p.at] != NULL; p.at++)
        script_step(&p, p.script->step[p.at]);
    script_silence(&p);
    script_end(&p);
}

/* Runs every script as a test of its own. */
static inline int script_run(const char *group, const struct script *script, size_t count)
{
    struct CMUnitTest *test = mem_alloc(count * sizeof *test);
    for (size_t i = 0; i < count; i++) {
        test[i].name = script[i].name;
        test[i].test_func = script_play;
        test[i].initial_state = (void *)(uintptr_t)&script[i];
    }
    int failed = _cmocka_run_group_tests(group, test, count, NULL, NULL);
    free(test);
    return failed;
}

#endif
