/* SPDX-License-Identifier: ISC */
/*
 * policy_test: the policy as tables that a person can read, tests/unit/policy/NAME.trial: facts go
 * in, a verdict comes out, on a clock that stands still and without a network. Every `case` is a
 * test of its own. Checks whose findings a case chooses: tests/unit/support/fake_check.h.
 *
 * A line is a word and what it takes; '#' begins a comment line. What stands before the first case
 * holds for all of the file.
 *
 *   case TITLE               begins a case
 *   | TEXT                   a line of the configuration; all before the first client
 *   observe                  mode = observe
 *   authenticates            spf, dkim, arc, dmarc and header are on, which they are not else
 *   thresholds G R T         of the listener; "-" is the policy's
 *
 *   dns TYPE NAME RECORDS    what DNS has (fake_dns_set)
 *   nodns TYPE NAME HOW      nxdomain, nodata, hold (no answer), or tempfail and why
 *   proven IDENTITY          an address, a domain or a network is known to be good
 *   store                    there is one; without, nothing is remembered
 *   store down WHY           or up, hold (its answers), release
 *   allow KEY [unproven]     a list entry, at any time       deny KEY [ACTION [automatic]]
 *   trap KEY                 lift LIST KEY                   takes one out
 *
 *   client ADDRESS [trusted] connects; who was there before leaves
 *   another ADDRESS          connects; who was there before stays till the end
 *   helo NAME                sender ADDRESS, or <>          auth
 *   recipient ADDRESS        the next verdicts are about
 *   text [LINE]              a line of the message's text; the first is where it begins
 *   message [allowed]        they are about the message; all its recipients were allowed
 *   behave WHAT [DETAIL]     pregreet, pipelining, command, newline, hangup
 *   delivered                the backend took a message
 *   count WHAT [TIMES]       message, recipient, failed-recipient, failed-login: within the limits
 *   over WHAT REASON         counted, and over the limit
 *   within WHAT yes|no       connection too
 *   answer [TYPE NAME]       DNS answers all that is open, or only that
 *   time DURATION            passes: 500ms, 5s, 2h
 *   leaves                   the client
 *
 *   rcpt VERDICT [by CAUSE] [score N] [would VERDICT]    postmaster ... the same
 *   rcpt waits               checks are open
 *   reason TEXT              code X.Y.Z                   of the last verdict; "-" is none
 *   wait SECONDS             of the last verdict
 *   trapped yes|no           is the recipient a trap?
 *   banned KEY REASON        the store has such an automatic entry; no KEY: it has none
 *   grey N                   triplets that the store was asked about
 *   hostile yes|no           suspicious yes|no            changed yes|no   called since last asked
 *   greet DURATION           the wait before the banner   teaser yes|no
 *   delay FAULTS DURATION    of a reply
 *   log TEXT                 what the trial adds to a log line, all of it
 *   class CLASS [exempt]     plain, exempt or allowed: of the last recipient
 *   stamp TEXT               is in the fields that go in front of the message, unfolded
 *   nostamp TEXT             is not       cut TEXT   what is left out of the message: "LINE|LINE"
 *   explain TEXT             is in what gatepostctl explain says
 *   asked N                  questions to DNS since the case began      open N   that are open
 *
 * The lists' canaries are probed when the first client connects.
 */
#include "lib/buf.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "policy/auth_config.h"
#include "policy/explain.h"
#include "policy/known.h"
#include "policy/list_probe.h"
#include "policy/list_table.h"
#include "policy/policy.h"
#include "policy/record.h"
#include "policy/state.h"
#include "policy/trial.h"
#define FAKE_CHECK_REAL &check_spf, &check_dkim, &check_arc, &check_dmarc, &check_header,
#include "tests/unit/support/fake_check.h"
#include "tests/unit/support/fake_dns.h"
#include "tests/unit/support/fake_store.h"
#include "tests/unit/support/virtual_clock.h"

#include <ctype.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FOLDER      "tests/unit/policy/"
#define WORDS       8
#define OTHERS      64
#define CASES       500
#define HOUR        (3600 * UINT64_C(1000))
#define WALL_BASE   INT64_C(1795366800)
#define LOG_PREFIX  "info - test"
#define CONFIG_NAME "test.conf"

struct script {
    const char *path;
    unsigned line;
    bool judged; /* something was expected */
    struct buf config;
    bool observe;
    struct trial_thresholds thresholds;
    struct loop *loop;
    struct dns *dns;
    struct policy_state *state;
    struct policy *policy;
    struct list_probe *probe;
    struct trial *trial;
    struct trial *other[OTHERS];
    size_t others;
    unsigned changed;
    bool authenticates;
    bool text_begun;
    struct buf text; /* of the message */
    struct buf cut;
    struct verdict verdict;
    char why[128]; /* the store is down */
};

struct words {
    char *word[WORDS];
    size_t count;
    char *rest[WORDS]; /* of the line, from that word on */
};

#define FAIL(script, ...) fail_at((script), __VA_ARGS__)

__attribute__((noreturn, format(printf, 2, 3))) static void fail_at(const struct script *s,
                                                                    const char *format, ...)
{
    char text[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fail_msg("%s:%u: %s", s->path, s->line, text);
    abort();
}

static void expect_text(struct script *s, const char *want, const char *got)
{
    s->judged = true;
    if (strcmp(want, got) != 0)
        FAIL(s, "\n  expected: %s\n       got: %s", want, got);
}

static void expect_bool(struct script *s, const char *want, bool got)
{
    expect_text(s, want, got ? "yes" : "no");
}

static void expect_number(struct script *s, const char *want, uint64_t got)
{
    char text[32];
    snprintf(text, sizeof text, "%llu", (unsigned long long)got);
    expect_text(s, want, text);
}

/* ---- values ------------------------------------------------------------------------------------
 */

static unsigned find(const struct script *s, const char *const *words, const char *word)
{
    for (unsigned i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], word) == 0)
            return i;
    }
    FAIL(s, "%s is not known here", word);
}

static uint64_t duration(const struct script *s, const char *text)
{
    static const char *const units[] = {"ms", "s", "m", "h", "d", NULL};
    static const uint64_t factor[] = {1, 1000, 60000, HOUR, 24 * HOUR};
    char *unit = NULL;
    uint64_t value = strtoull(text, &unit, 10);
    return value * factor[find(s, units, unit)];
}

static enum dns_type type_of(const struct script *s, const char *word)
{
    static const char *const types[] = {"A", "AAAA", "PTR", "MX", "TXT", "TLSA", NULL};
    return (enum dns_type)find(s, types, word);
}

static score_t score_of(const char *text)
{
    double value = strtod(text, NULL) * 100;
    return (score_t)(value + (value < 0 ? -0.5 : 0.5));
}

static struct addr address_of(const struct script *s, const char *text)
{
    struct addr address;
    if (!addr_parse_ip(text, &address))
        FAIL(s, "%s is no address", text);
    return address;
}

static const char *word(const struct script *s, const struct words *w, size_t index)
{
    if (index >= w->count)
        FAIL(s, "%s wants more words", w->word[0]);
    return w->word[index];
}

static bool yes(const struct script *s, const char *text)
{
    static const char *const words[] = {"no", "yes", NULL};
    return find(s, words, text) == 1;
}

/* ---- before the client --------------------------------------------------------------------------
 */

static void do_config(struct script *s, const struct words *w)
{
    if (s->policy != NULL)
        FAIL(s, "the configuration stands before the first client");
    buf_printf(&s->config, "%s\n", w->count > 1 ? w->rest[1] : "");
}

static void do_observe(struct script *s, const struct words *w)
{
    (void)w;
    s->observe = true;
}

static void do_authenticates(struct script *s, const struct words *w)
{
    (void)w;
    s->authenticates = true;
}

static void do_thresholds(struct script *s, const struct words *w)
{
    score_t *const field[] = {&s->thresholds.greylist, &s->thresholds.reject,
                              &s->thresholds.tarpit};
    for (size_t i = 0; i < 3; i++) {
        const char *text = word(s, w, i + 1);
        *field[i] = strcmp(text, "-") == 0 ? TRIAL_DEFAULT : score_of(text);
    }
}

static void do_dns(struct script *s, const struct words *w)
{
    enum dns_type type = type_of(s, word(s, w, 1));
    word(s, w, 3);
    fake_dns_set(s->dns, type, w->word[2], w->rest[3]);
}

static void do_nodns(struct script *s, const struct words *w)
{
    static const char *const hows[] = {"found", "nodata", "nxdomain", "tempfail", "hold", NULL};
    enum dns_type type = type_of(s, word(s, w, 1));
    unsigned how = find(s, hows, word(s, w, 3));
    if (how == 4)
        fake_dns_hold(s->dns, type, w->word[2]);
    else
        fake_dns_status(s->dns, type, w->word[2], (enum dns_status)how,
                        how == DNS_TEMPFAIL ? w->rest[4] : NULL);
}

/* Virtual, too: a full hour and 1000 s at the start. */
static int64_t wall(void)
{
    return WALL_BASE + (int64_t)(clock_ms / 1000);
}

static void do_proven(struct script *s, const struct words *w)
{
    const char *identity = word(s, w, 1);
    for (int hour = 0; hour < 2; hour++) {
        clock_ms += HOUR;
        known_delivered(s->state->known, &identity, 1, KNOWN_LIFETIME, wall(), NULL);
    }
}

static void do_store(struct script *s, const struct words *w)
{
    static const char *const hows[] = {"up", "down", "hold", "release", NULL};
    if (w->count == 1) {
        s->state->store = fake_store_new();
        return;
    }
    switch (find(s, hows, w->word[1])) {
    case 0:
        fake_store_down(s->state->store, NULL);
        break;
    case 1:
        snprintf(s->why, sizeof s->why, "%s", w->count > 2 ? w->rest[2] : "down");
        fake_store_down(s->state->store, s->why);
        break;
    default:
        fake_store_hold(s->state->store, w->word[1][0] == 'h');
        loop_poll(s->loop);
        break;
    }
}

static enum entry_kind key_of(struct script *s, enum entry_list list, const char *text,
                              char key[static ENTRY_KEY_MOST])
{
    const char *why = NULL;
    enum entry_kind kind;
    if (!entry_key_parse(list, text, &kind, key, &why))
        FAIL(s, "%s: %s", text, why);
    return kind;
}

static void put_entry(struct script *s, const struct words *w, enum entry_list list)
{
    char key[ENTRY_KEY_MOST];
    struct entry entry = {.list = list, .key = key, .reason = "", .author = ""};
    entry.kind = key_of(s, list, word(s, w, 1), key);
    if (list == ENTRY_ALLOW)
        entry.unproven = w->count > 2;
    else if (w->count > 2 && !entry_action_parse(w->word[2], &entry.action))
        FAIL(s, "%s is no action", w->word[2]);
    if (w->count > 3)
        entry.origin = ENTRY_AUTOMATIC;
    list_table_put(s->state->lists, &entry);
}

static void do_allow(struct script *s, const struct words *w)
{
    put_entry(s, w, ENTRY_ALLOW);
}

static void do_deny(struct script *s, const struct words *w)
{
    put_entry(s, w, ENTRY_DENY);
}

static void do_trap(struct script *s, const struct words *w)
{
    put_entry(s, w, ENTRY_TRAP);
}

static void do_lift(struct script *s, const struct words *w)
{
    static const char *const lists[] = {"allow", "deny", "trap", NULL};
    char key[ENTRY_KEY_MOST];
    enum entry_list list = (enum entry_list)find(s, lists, word(s, w, 1));
    enum entry_kind kind = key_of(s, list, word(s, w, 2), key);
    if (list_table_remove(s->state->lists, list, kind, key) == 0)
        FAIL(s, "there is no such entry");
}

/* ---- the client ---------------------------------------------------------------------------------
 */

static void make_policy(struct script *s)
{
    static const struct conf_section top;
    const struct conf_section *sections[64] = {&top};
    for (size_t i = 0; policy_sections()[i] != NULL; i++)
        sections[i + 1] = policy_sections()[i];
    struct conf *conf = conf_new(CONFIG_NAME, sections);
    if (!s->authenticates)
        buf_add_str(&s->config, "spf { mode = off }\ndkim { mode = off }\narc { mode = off }\n"
                                "dmarc { mode = off }\nheader { mode = off }\n");
    bool good = conf_read_text(conf, buf_data(&s->config), buf_len(&s->config));
    s->policy = policy_new(conf);
    char *faults = conf_faults(conf);
    if (!good || faults != NULL)
        FAIL(s, "the configuration is faulty:\n%s", faults != NULL ? faults : "");
    policy_bind(s->policy, s->state);
    s->probe = list_probe_new(s->loop, s->dns, s->policy);
    conf_free(conf);
}

static void on_changed(void *arg)
{
    ((struct script *)arg)->changed++;
}

static void connect_client(struct script *s, const struct words *w)
{
    if (s->policy == NULL)
        make_policy(s);
    struct trial_env env = {.policy = s->policy,
                            .state = s->state,
                            .dns = s->dns,
                            .loop = s->loop,
                            .hostname = "mx.example.org",
                            .observe = s->observe,
                            .record = true};
    struct trial_client client = {.address = address_of(s, word(s, w, 1)),
                                  .trusted = w->count > 2 && strcmp(w->word[2], "trusted") == 0,
                                  .thresholds = s->thresholds};
    s->trial = trial_new(&env, &client, on_changed, s);
}

static void do_leaves(struct script *s, const struct words *w)
{
    (void)w;
    trial_free(s->trial);
    s->trial = NULL;
    loop_poll(s->loop);
}

static void do_client(struct script *s, const struct words *w)
{
    do_leaves(s, w);
    connect_client(s, w);
}

static void do_another(struct script *s, const struct words *w)
{
    assert_true(s->others < OTHERS);
    s->other[s->others++] = s->trial;
    connect_client(s, w);
}

static void do_helo(struct script *s, const struct words *w)
{
    trial_helo(s->trial, word(s, w, 1));
}

static void do_sender(struct script *s, const struct words *w)
{
    const char *address = word(s, w, 1);
    const char *at = strrchr(address, '@');
    bool null = strcmp(address, "<>") == 0;
    trial_sender(s->trial, null ? "" : address, at != NULL ? at + 1 : "");
}

static void do_recipient(struct script *s, const struct words *w)
{
    trial_recipient(s->trial, word(s, w, 1));
}

static void do_reset(struct script *s, const struct words *w)
{
    (void)w;
    trial_reset(s->trial);
}

static void do_text(struct script *s, const struct words *w)
{
    if (!s->text_begun) {
        trial_text_begin(s->trial);
        s->text.end = s->text.start;
    }
    s->text_begun = true;
    size_t start = buf_len(&s->text);
    const char *line = w->rest[0] + strlen(w->word[0]);
    buf_printf(&s->text, "%s\r\n", line[0] == ' ' ? line + 1 : "");
    trial_text(s->trial, buf_data(&s->text) + start, buf_len(&s->text) - start);
}

static void do_message(struct script *s, const struct words *w)
{
    s->text_begun = false;
    trial_message(s->trial, w->count > 1);
}

static void do_auth(struct script *s, const struct words *w)
{
    (void)w;
    trial_authenticated(s->trial);
}

static void do_behave(struct script *s, const struct words *w)
{
    static const char *const whats[] = {"pregreet", "pipelining", "command",
                                        "newline",  "hangup",     NULL};
    enum trial_behaviour what = (enum trial_behaviour)find(s, whats, word(s, w, 1));
    trial_behaved(s->trial, what, w->count > 2 ? w->rest[2] : "");
}

static void do_delivered(struct script *s, const struct words *w)
{
    (void)w;
    trial_delivered(s->trial);
}

static enum trial_count count_of(const struct script *s, const struct words *w)
{
    static const char *const whats[] = {"connection",       "message",      "recipient",
                                        "failed-recipient", "failed-login", NULL};
    return (enum trial_count)find(s, whats, word(s, w, 1));
}

static void do_count(struct script *s, const struct words *w)
{
    const char *why = "";
    unsigned long times = w->count > 2 ? strtoul(w->word[2], NULL, 10) : 1;
    for (unsigned long i = 0; i < times; i++) {
        if (!trial_count(s->trial, count_of(s, w), &why))
            FAIL(s, "the %lu. is over the limit: %s", i + 1, why);
    }
}

static void do_over(struct script *s, const struct words *w)
{
    const char *why = "";
    word(s, w, 2);
    if (trial_count(s->trial, count_of(s, w), &why))
        FAIL(s, "it is within the limits");
    expect_text(s, w->rest[2], why);
}

static void do_within(struct script *s, const struct words *w)
{
    const char *why = "";
    expect_bool(s, word(s, w, 2), trial_within(s->trial, count_of(s, w), &why));
    if (!yes(s, w->word[2]) && why[0] == '\0')
        FAIL(s, "no reason is given");
}

static void do_answer(struct script *s, const struct words *w)
{
    if (w->count > 2 && fake_dns_run_for(s->dns, type_of(s, w->word[1]), w->word[2]) == 0)
        FAIL(s, "nobody asks for that");
    do
        loop_poll(s->loop); /* where one answer leads to the next question */
    while (w->count == 1 && fake_dns_run(s->dns) > 0);
}

static void do_time(struct script *s, const struct words *w)
{
    clock_ms += duration(s, word(s, w, 1));
    loop_poll(s->loop);
}

/* ---- expectations -------------------------------------------------------------------------------
 */

static void compare_verdict(struct script *s, const struct words *w)
{
    const struct verdict *v = &s->verdict;
    expect_text(s, word(s, w, 1), verdict_action_name(v->action));
    for (size_t i = 2; i < w->count; i += 2) {
        static const char *const whats[] = {"by", "score", "would", NULL};
        const char *want = word(s, w, i + 1);
        switch (find(s, whats, w->word[i])) {
        case 0:
            expect_text(s, want, verdict_cause_name(v->cause));
            break;
        case 1:
            if (v->score != score_of(want))
                FAIL(s, "the score is %d hundredths", (int)v->score);
            break;
        case 2:
            expect_text(s, want, verdict_action_name(v->would));
            break;
        }
    }
}

/* What is written of a verdict is read again, and comes to the same verdict. */
static void compare_record(struct script *s, bool exempt)
{
    const char *why = "";
    struct buf text = {0};
    struct buf again = {0};
    struct record_outcome outcome;
    const char *recipient = exempt ? "postmaster@example.org" : "user@example.org";
    const struct record_context context = {.id = "0123456789ABCDEF",
                                           .time_ms = 1795366800123,
                                           .stage = RECORD_RCPT,
                                           .listener = "mx",
                                           .exempt = exempt,
                                           .recipients = 1,
                                           .recipient = &recipient};
    trial_record(s->trial, &context, &text);
    struct record *record = record_parse(buf_data(&text), buf_len(&text), &why);
    if (record == NULL)
        FAIL(s, "%s: %.*s", why, (int)buf_len(&text), buf_data(&text));
    record_write(record, &again);
    record_judge(record, &outcome);
    if (buf_len(&text) != buf_len(&again) ||
        memcmp(buf_data(&text), buf_data(&again), buf_len(&text)) != 0)
        FAIL(s, "a record that is written again is another");
    if (outcome.action != s->verdict.would || outcome.cause != s->verdict.cause ||
        outcome.score != s->verdict.score)
        FAIL(s, "the record comes to %s by %s, score %d: %.*s", verdict_action_name(outcome.action),
             verdict_cause_name(outcome.cause), (int)outcome.score, (int)buf_len(&text),
             buf_data(&text));
    record_free(record);
    buf_free(&text);
    buf_free(&again);
}

static void ask(struct script *s, const struct words *w, bool exempt)
{
    if (strcmp(word(s, w, 1), "waits") == 0) {
        s->judged = true;
        if (trial_ask(s->trial, exempt, &s->verdict))
            FAIL(s, "it does not wait: %s", verdict_action_name(s->verdict.action));
        return;
    }
    if (!trial_ask(s->trial, exempt, &s->verdict))
        FAIL(s, "it waits");
    compare_record(s, exempt);
    compare_verdict(s, w);
}

static void do_rcpt(struct script *s, const struct words *w)
{
    ask(s, w, false);
}

static void do_postmaster(struct script *s, const struct words *w)
{
    ask(s, w, true);
}

static void do_reason(struct script *s, const struct words *w)
{
    word(s, w, 1);
    expect_text(s, w->rest[1], s->verdict.reason[0] != '\0' ? s->verdict.reason : "-");
}

static void do_code(struct script *s, const struct words *w)
{
    const char *code = s->verdict.enhanced;
    expect_text(s, word(s, w, 1), code[0] != '\0' ? code : "-");
}

static void do_wait(struct script *s, const struct words *w)
{
    expect_number(s, word(s, w, 1), s->verdict.wait);
}

static void do_trapped(struct script *s, const struct words *w)
{
    expect_bool(s, word(s, w, 1), trial_trapped(s->trial));
}

static void do_banned(struct script *s, const struct words *w)
{
    const struct entry *entry;
    size_t count = fake_store_entries(s->state->store, &entry);
    if (w->count == 1) {
        expect_number(s, "0", count);
        return;
    }
    word(s, w, 2);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(entry[i].key, w->word[1]) != 0)
            continue;
        expect_text(s, w->rest[2], entry[i].reason);
        expect_text(s, "automatic", entry_origin_name(entry[i].origin));
        expect_text(s, "tarpit", entry_action_name(entry[i].action));
        return;
    }
    FAIL(s, "there is no such entry");
}

static void do_grey(struct script *s, const struct words *w)
{
    expect_number(s, word(s, w, 1), fake_store_asked(s->state->store, STORE_GREY));
}

static void do_hostile(struct script *s, const struct words *w)
{
    expect_bool(s, word(s, w, 1), trial_hostile(s->trial));
}

static void do_suspicious(struct script *s, const struct words *w)
{
    expect_bool(s, word(s, w, 1), trial_suspicious(s->trial));
}

static void do_changed(struct script *s, const struct words *w)
{
    loop_poll(s->loop);
    expect_bool(s, word(s, w, 1), s->changed > 0);
    s->changed = 0;
}

static void expect_duration(struct script *s, const char *want, uint64_t got)
{
    s->judged = true;
    if (duration(s, want) != got)
        FAIL(s, "%llu ms", (unsigned long long)got);
}

static void do_greet(struct script *s, const struct words *w)
{
    expect_duration(s, word(s, w, 1), trial_greet_wait(s->trial));
}

static void do_teaser(struct script *s, const struct words *w)
{
    expect_bool(s, word(s, w, 1), trial_teaser(s->trial));
}

static void do_delay(struct script *s, const struct words *w)
{
    unsigned faults = (unsigned)strtoul(word(s, w, 1), NULL, 10);
    expect_duration(s, word(s, w, 2), trial_delay(s->trial, faults));
}

static char logged[LOG_LINE_MAX];

static void to_journal(enum log_level level, const char *event, const char *session,
                       const char *message)
{
    (void)level;
    (void)event;
    (void)session;
    if (strncmp(message, LOG_PREFIX, strlen(LOG_PREFIX)) == 0)
        snprintf(logged, sizeof logged, "%s", message + strlen(LOG_PREFIX));
}

static void do_log(struct script *s, const struct words *w)
{
    struct log_line line;
    log_begin(&line, LOG_LEVEL_INFO, NULL, "test");
    trial_log(s->trial, &line);
    log_end(&line);
    expect_text(s, w->count > 1 ? w->rest[1] : "", logged[0] == ' ' ? logged + 1 : logged);
}

static void do_class(struct script *s, const struct words *w)
{
    static const char *const words[] = {[TRIAL_CLASS_PLAIN] = "plain",
                                        [TRIAL_CLASS_EXEMPT] = "exempt",
                                        [TRIAL_CLASS_ALLOWED] = "allowed"};
    expect_text(s, word(s, w, 1), words[trial_class(s->trial, w->count > 2)]);
}

/* Without its folds. */
static char *stamped(const struct script *s)
{
    struct buf out = {0};
    trial_stamp(s->trial, &out);
    char *text = mem_alloc(buf_len(&out) + 1);
    size_t len = 0;
    for (size_t i = 0; i < buf_len(&out); i++) {
        char c = buf_data(&out)[i];
        bool folds = c == '\t' || c == '\n' || c == '\r';
        if (!folds || (len > 0 && text[len - 1] != ' '))
            text[len++] = folds ? ' ' : c;
    }
    buf_free(&out);
    return text;
}

static void expect_in(struct script *s, const struct words *w, const char *text, bool want)
{
    word(s, w, 1);
    s->judged = true;
    if ((strstr(text, w->rest[1]) != NULL) != want)
        FAIL(s, "\n  %s: %s\n  %s", want ? "not found" : "found", w->rest[1], text);
}

static void do_stamp(struct script *s, const struct words *w)
{
    char *text = stamped(s);
    expect_in(s, w, text, true);
    free(text);
}

static void do_nostamp(struct script *s, const struct words *w)
{
    char *text = stamped(s);
    expect_in(s, w, text, false);
    free(text);
}

static void on_cut(uint64_t offset, uint64_t len, void *arg)
{
    struct script *s = arg;
    for (uint64_t i = offset; i < offset + len; i++) {
        char c = buf_data(&s->text)[i];
        if (c != '\r')
            buf_add(&s->cut, c == '\n' ? "|" : &c, 1);
    }
}

static void do_cut(struct script *s, const struct words *w)
{
    s->cut.end = s->cut.start;
    trial_cuts(s->trial, on_cut, s);
    buf_add(&s->cut, "", 1);
    expect_text(s, w->count > 1 ? w->rest[1] : "", buf_data(&s->cut));
}

static void do_explain(struct script *s, const struct words *w)
{
    const struct record_context context = {
        .id = "0123456789ABCDEF", .time_ms = 1795366800123, .stage = RECORD_MESSAGE};
    struct record record;
    struct buf out = {0};
    trial_record_fill(s->trial, &context, &record);
    explain_text(&record, &out);
    buf_add(&out, "", 1);
    expect_in(s, w, buf_data(&out), true);
    buf_free(&out);
}

static void do_asked(struct script *s, const struct words *w)
{
    expect_number(s, word(s, w, 1), fake_dns_asked(s->dns));
}

static void do_open(struct script *s, const struct words *w)
{
    expect_number(s, word(s, w, 1), fake_dns_open(s->dns));
}

/* ---- files --------------------------------------------------------------------------------------
 */

static const struct command {
    const char *word;
    void (*run)(struct script *s, const struct words *w);
} commands[] = {
    {"|", do_config},
    {"observe", do_observe},
    {"authenticates", do_authenticates},
    {"thresholds", do_thresholds},
    {"dns", do_dns},
    {"nodns", do_nodns},
    {"proven", do_proven},
    {"store", do_store},
    {"allow", do_allow},
    {"deny", do_deny},
    {"trap", do_trap},
    {"lift", do_lift},
    {"client", do_client},
    {"another", do_another},
    {"leaves", do_leaves},
    {"helo", do_helo},
    {"sender", do_sender},
    {"recipient", do_recipient},
    {"text", do_text},
    {"message", do_message},
    {"reset", do_reset},
    {"auth", do_auth},
    {"behave", do_behave},
    {"delivered", do_delivered},
    {"count", do_count},
    {"over", do_over},
    {"within", do_within},
    {"answer", do_answer},
    {"time", do_time},
    {"rcpt", do_rcpt},
    {"postmaster", do_postmaster},
    {"reason", do_reason},
    {"code", do_code},
    {"wait", do_wait},
    {"trapped", do_trapped},
    {"banned", do_banned},
    {"grey", do_grey},
    {"hostile", do_hostile},
    {"suspicious", do_suspicious},
    {"changed", do_changed},
    {"greet", do_greet},
    {"teaser", do_teaser},
    {"delay", do_delay},
    {"log", do_log},
    {"class", do_class},
    {"stamp", do_stamp},
    {"nostamp", do_nostamp},
    {"cut", do_cut},
    {"explain", do_explain},
    {"asked", do_asked},
    {"open", do_open},
    {NULL, NULL},
};

/* Words apart by blanks; `rest` points into `line`, `word` into `copy`. */
static void split(char *line, char *copy, struct words *w)
{
    memcpy(copy, line, strlen(line) + 1);
    for (size_t i = 0; w->count < WORDS;) {
        i += strspn(copy + i, " ");
        if (copy[i] == '\0')
            return;
        w->rest[w->count] = line + i;
        w->word[w->count++] = copy + i;
        i += strcspn(copy + i, " ");
        if (copy[i] != '\0')
            copy[i++] = '\0';
    }
}

static void run_line(struct script *s, char *line)
{
    char copy[1024];
    struct words w = {.count = 0};
    line[strcspn(line, "\n")] = '\0';
    split(line, copy, &w);
    if (w.count == 0 || w.word[0][0] == '#')
        return;
    for (const struct command *c = commands; c->word != NULL; c++) {
        if (strcmp(c->word, w.word[0]) == 0) {
            c->run(s, &w);
            return;
        }
    }
    FAIL(s, "%s is no word of the language", w.word[0]);
}

static void end(struct script *s)
{
    trial_free(s->trial);
    for (size_t i = 0; i < s->others; i++)
        trial_free(s->other[i]);
    list_probe_free(s->probe);
    loop_poll(s->loop);
    policy_unref(s->policy);
    fake_store_free(s->state->store);
    policy_state_free(s->state);
    fake_dns_free(s->dns);
    loop_free(s->loop);
    buf_free(&s->config);
    buf_free(&s->text);
    buf_free(&s->cut);
}

struct one_case {
    char *path;
    char *name;
    unsigned line;
};

/* The lines before the first case, then those of this one. */
static void run_case(void **state)
{
    const struct one_case *c = *state;
    char line[1024];
    struct script s = {.path = c->path,
                       .thresholds = {TRIAL_DEFAULT, TRIAL_DEFAULT, TRIAL_DEFAULT},
                       .loop = loop_new(),
                       .dns = fake_dns_new(),
                       .state = policy_state_new()};
    s.state->wall = wall;
    log_init(LOG_TARGET_JOURNAL, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, to_journal);
    FILE *file = fopen(c->path, "r");
    assert_non_null(file);
    bool ours = true;
    while (fgets(line, sizeof line, file) != NULL) {
        s.line++;
        if (strncmp(line, "case ", 5) == 0)
            ours = s.line == c->line;
        else if (ours)
            run_line(&s, line);
    }
    fclose(file);
    if (!s.judged)
        FAIL(&s, "the case expects nothing");
    end(&s);
}

static void add_case(struct CMUnitTest *test, const char *path, unsigned line, const char *title)
{
    const char *base = strrchr(path, '/') + 1;
    struct one_case *c = mem_alloc(sizeof *c);
    c->path = mem_strdup(path);
    c->line = line;
    c->name =
        mem_printf("%.*s: %.*s", (int)strcspn(base, "."), base, (int)strcspn(title, "\n"), title);
    *test = (struct CMUnitTest){.name = c->name, .test_func = run_case, .initial_state = c};
}

static size_t read_cases(struct CMUnitTest *tests, const char *path)
{
    char line[1024];
    size_t count = 0;
    unsigned number = 0;
    FILE *file = fopen(path, "r");
    if (file == NULL)
        abort();
    while (fgets(line, sizeof line, file) != NULL) {
        number++;
        if (strncmp(line, "case ", 5) == 0)
            add_case(&tests[count++], path, number, line + 5);
    }
    fclose(file);
    return count;
}

int main(void)
{
    static struct CMUnitTest tests[CASES + 200];
    size_t count = 0;
    glob_t found;
    if (glob(FOLDER "*.trial", 0, NULL, &found) != 0)
        abort();
    for (size_t i = 0; i < found.gl_pathc && count < CASES; i++)
        count += read_cases(tests + count, found.gl_pathv[i]);
    globfree(&found);
    int failed = _cmocka_run_group_tests("policy", tests, count, NULL, NULL);
    for (size_t i = 0; i < count; i++) {
        struct one_case *c = tests[i].initial_state;
        free(c->path);
        free(c->name);
        free(c);
    }
    return failed;
}
