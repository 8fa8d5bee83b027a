/* SPDX-License-Identifier: ISC */
/*
 * Fuzz target of the policy: one client's trial with all real checks; the input plays the client,
 * DNS and the clock.
 *
 * The first octet chooses the client and the mode (enum choice). Then come events, an octet each
 * and what it takes:
 *
 *   h LEN OCTETS      HELO                     n NAME   HELO of a name of those below
 *   s NAME            MAIL of it               p EVEN or p ODD LEN OCTETS   RCPT of the trap, or of
 *   m                 the message              that
 *   d QUESTION HOW OCTETS   DNS has: nxdomain, nodata, tempfail, no answer, or records of them
 *   r                 DNS answers              g HOW    the store is down, up, holds, answers
 *   t OCTET           time passes, 2^(OCTET mod 16) ms
 *   b WHAT LEN OCTETS behaviour                c WHAT   counts
 *   a                 AUTH                     v        the backend took a message
 *
 * What must hold after each: a verdict is there 5 s after the last fact, or after the store was
 * asked; it follows from mode, standing, rules and score; what goes into a reply prints; a log line
 * keeps its bounds; nothing is open once the client has gone.
 */
#include "tests/unit/support/fake_check.h"

#include "lib/log.h"
#include "lib/loop.h"
#include "policy/list_probe.h"
#include "policy/list_table.h"
#include "policy/policy.h"
#include "policy/state.h"
#include "policy/trial_int.h"
#include "tests/fuzz/must.h"
#include "tests/unit/support/fake_dns.h"
#include "tests/unit/support/fake_store.h"
#include "tests/unit/support/virtual_clock.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum choice { /* bits of the first octet */
              CHOICE_SIX = 1,
              CHOICE_OBSERVE = 2,
              CHOICE_TRUSTED = 4,
              CHOICE_ALLOWED = 8,
              CHOICE_DENIED = 16,
              CHOICE_HARD = 32, /* checks that reject */
};

#define EVENTS 300

static const char config_text[] =
    "lists { allow = { \"203.0.113.8/29\" } deny = { \"203.0.113.16/28\" } }\n"
    "dnsbl \"zen.example\" { score = 6 listed = \"off\" clean = \"off\"\n"
    " codes = { \"127.0.0.2-127.0.0.3=4\", \"127.0.0.4-127.0.0.7=6\" } }\n"
    "dnsbl \"wl.example\" { score = -4 listed = \"off\" clean = \"off\" }\n"
    "rhsbl \"dbl.example\" { score = 5 listed = \"off\" clean = \"off\" }\n"
    "rhsbl \"dwl.example\" { score = -3 listed = \"off\" clean = \"off\" }\n"
    "client-limits { messages = 3 recipients = 5 mode = score }\n";
static const char hard_text[] = "reverse-dns { mode = reject }\nhelo { mode = reject }\n"
                                "sender-domain { mode = reject }\nnewlines { mode = observe }\n";

static const char *const names[] = {"mx.example.net", "example.net",    "1-113-0-203.dyn.example",
                                    "localhost",      "mx.example.org", "[203.0.113.1]"};
#define NAMES (sizeof names / sizeof names[0])

static const struct {
    enum dns_type type;
    const char *name;
} questions[] = {
    {DNS_PTR, "1.113.0.203.in-addr.arpa"},
    {DNS_PTR, "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"},
    {DNS_A, "1.113.0.203.zen.example"},
    {DNS_A, "1.113.0.203.wl.example"},
    {DNS_A, "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.zen.example"},
    {DNS_A, "mx.example.net"},
    {DNS_AAAA, "mx.example.net"},
    {DNS_A, "example.net"},
    {DNS_MX, "example.net"},
    {DNS_A, "1-113-0-203.dyn.example"},
    {DNS_A, "mx.example.net.dbl.example"},
    {DNS_A, "example.net.dbl.example"},
    {DNS_A, "mx.example.net.dwl.example"},
    {DNS_MX, "mx.example.net"},
};
#define TRAP      "bait@own.test"
#define QUESTIONS (sizeof questions / sizeof questions[0])

struct input {
    const uint8_t *at;
    size_t left;
};

struct fuzz {
    struct trial_env env;
    struct trial *trial;
    enum choice choice;
    uint64_t fact;  /* when the last came */
    uint64_t asked; /* when the greylist was first seen to wait; 0: it does not */
    bool authenticated;
    bool banned; /* it wrote to a trap */
};

static struct policy_state *memory;
static struct policy *soft, *hard;

static struct policy *make_policy(const char *text)
{
    static const struct conf_section top;
    const struct conf_section *sections[64] = {&top};
    for (size_t i = 0; policy_sections()[i] != NULL; i++)
        sections[i + 1] = policy_sections()[i];
    struct conf *conf = conf_new("fuzz.conf", sections);
    MUST(conf_read_text(conf, text, strlen(text)));
    struct policy *policy = policy_new(conf);
    MUST(conf_fault_count(conf) == 0);
    conf_free(conf);
    return policy;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    char *text = mem_printf("%s%s", config_text, hard_text);
    soft = make_policy(config_text);
    hard = make_policy(text);
    free(text);
    return 0;
}

/* ---- input --------------------------------------------------------------------------------------
 */

static uint8_t take(struct input *in)
{
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->at++;
}

/* So many octets as a text without NUL; the caller frees. */
static char *take_text(struct input *in)
{
    size_t len = take(in);
    char *text = mem_alloc(len + 1);
    for (size_t i = 0; i < len && in->left > 0; i++) {
        text[i] = (char)take(in);
        if (text[i] == '\0')
            text[i] = '0';
    }
    return text;
}

static void put_address(char *out, size_t size, struct input *in, bool six)
{
    uint8_t o[4] = {take(in), take(in), take(in), take(in)};
    if (six)
        snprintf(out, size, "2001:db8::%x:%x", o[0], o[3]);
    else
        snprintf(out, size, "%u.%u.%u.%u", o[0], o[1], o[2], o[3]);
}

static void put_records(char *out, size_t size, enum dns_type type, struct input *in)
{
    size_t count = 1 + take(in) % 4;
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        char one[80];
        if (type == DNS_PTR)
            snprintf(one, sizeof one, "%s", names[take(in) % 4]);
        else if (type == DNS_MX)
            snprintf(one, sizeof one, "%u %s", take(in), take(in) % 3 == 0 ? "." : names[0]);
        else
            put_address(one, sizeof one, in, type == DNS_AAAA);
        len += (size_t)snprintf(out + len, size - len, "%s%s", i > 0 ? " " : "", one);
    }
}

static void set_dns(struct fuzz *f, struct input *in)
{
    char records[512];
    size_t question = take(in) % QUESTIONS;
    enum dns_type type = questions[question].type;
    const char *name = questions[question].name;
    uint8_t how = take(in) % 6;
    if (how == 0) {
        fake_dns_hold(f->env.dns, type, name);
    } else if (how < 4) {
        static const enum dns_status status[] = {DNS_NODATA, DNS_NXDOMAIN, DNS_TEMPFAIL};
        fake_dns_status(f->env.dns, type, name, status[how - 1], how == 3 ? "SERVFAIL" : NULL);
    } else {
        put_records(records, sizeof records, type, in);
        fake_dns_set(f->env.dns, type, name, records);
    }
}

/* ---- what must hold -----------------------------------------------------------------------------
 */

static bool prints(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < ' ' || *text > '~')
            return false;
    }
    return true;
}

static void hold_verdict(const struct fuzz *f, const struct verdict *v, bool exempt)
{
    bool refuses = v->would >= VERDICT_DEFER;
    bool trusted = (f->choice & CHOICE_TRUSTED) != 0 || f->authenticated;
    MUST((f->choice & CHOICE_OBSERVE) != 0 ? v->action == VERDICT_PASS : v->action == v->would);
    MUST(prints(v->reason) && prints(v->enhanced));
    MUST(!refuses || (v->reason[0] != '\0' && v->enhanced[0] != '\0'));
    if (f->banned && v->cause == VERDICT_BY_DENY)
        MUST(refuses);
    else if ((f->choice & CHOICE_ALLOWED) != 0)
        MUST(v->cause == VERDICT_BY_ALLOW && !refuses);
    else if ((f->choice & CHOICE_DENIED) != 0)
        MUST(v->cause == VERDICT_BY_DENY && refuses);
    else if (trusted)
        MUST(v->cause == VERDICT_BY_TRUST && !refuses);
    else if (exempt)
        MUST(v->cause == VERDICT_BY_EXEMPT && !refuses);
    else if (v->cause == VERDICT_BY_GREYLIST)
        MUST(v->would == VERDICT_GREYLIST && v->score >= 200 && v->score < 600 && v->wait <= 300);
    else if (v->cause == VERDICT_BY_SCORE)
        MUST(refuses == (v->score >= 600) && (v->would == VERDICT_TARPIT) == (v->score >= 1000));
    else
        MUST(v->cause == VERDICT_BY_RULE && refuses && (f->choice & CHOICE_HARD) != 0);
}

static void hold(struct fuzz *f)
{
    struct verdict verdict;
    struct log_line line;
    bool answered = trial_ask(f->trial, false, &verdict);
    if (!trial_grey_waits(f->trial))
        f->asked = 0;
    else if (f->asked == 0)
        f->asked = clock_ms;
    MUST(answered || clock_ms < (f->asked != 0 ? f->asked : f->fact) + TRIAL_DEADLINE);
    if (answered)
        hold_verdict(f, &verdict, false);
    if (trial_hostile(f->trial))
        MUST((f->choice & CHOICE_OBSERVE) == 0 && (f->banned || trial_score(f->trial) >= 1000));
    MUST(trial_ask(f->trial, true, &verdict) || !answered);
    hold_verdict(f, &verdict, true);
    MUST(trial_delay(f->trial, 3) <= 5000 && trial_greet_wait(f->trial) <= 6000);
    MUST(f->trial->finding_count <= TRIAL_FINDINGS);
    log_begin(&line, LOG_LEVEL_INFO, NULL, "test");
    trial_log(f->trial, &line);
    MUST(line.len < LOG_LINE_MAX);
}

/* ---- events -------------------------------------------------------------------------------------
 */

static void say_text(struct fuzz *f, struct input *in, bool helo)
{
    enum trial_behaviour what = (enum trial_behaviour)(helo ? 0 : take(in) % 5);
    char *text = take_text(in);
    if (!helo)
        trial_behaved(f->trial, what, text);
    else if (text[0] != '\0')
        trial_helo(f->trial, text);
    free(text);
}

static void sender(struct fuzz *f, struct input *in)
{
    const char *domain = names[take(in) % NAMES];
    char *address = mem_printf("user@%s", domain);
    trial_sender(f->trial, address, domain);
    free(address);
}

static void recipient(struct fuzz *f, struct input *in)
{
    char *address = take(in) % 2 == 0 ? mem_strdup(TRAP) : take_text(in);
    trial_recipient(f->trial, address);
    if (trial_trapped(f->trial)) {
        MUST((f->choice & CHOICE_OBSERVE) == 0);
        f->banned = true;
    }
    free(address);
}

static void store(struct fuzz *f, struct input *in)
{
    uint8_t how = take(in) % 4;
    if (how < 2)
        fake_store_down(f->env.state->store, how == 0 ? "down" : NULL);
    else
        fake_store_hold(f->env.state->store, how == 2);
}

static void event(struct fuzz *f, struct input *in)
{
    const char *why = NULL;
    uint8_t what = take(in);
    if (what == 'h' || what == 'n' || what == 's' || what == 'p')
        f->fact = clock_ms;
    if (what == 's' || what == 'p')
        f->asked = 0;
    if (what == 'h' || what == 'b')
        say_text(f, in, what == 'h');
    else if (what == 'n')
        trial_helo(f->trial, names[take(in) % NAMES]);
    else if (what == 's')
        sender(f, in);
    else if (what == 'd')
        set_dns(f, in);
    else if (what == 'r')
        fake_dns_run(f->env.dns);
    else if (what == 't')
        clock_ms += UINT64_C(1) << take(in) % 16;
    else if (what == 'c')
        MUST(trial_count(f->trial, (enum trial_count)(take(in) % 5), &why)); /* it only scores */
    else if (what == 'v')
        trial_delivered(f->trial);
    else if (what == 'a')
        trial_authenticated(f->trial);
    else if (what == 'p')
        recipient(f, in);
    else if (what == 'm')
        trial_message(f->trial, false);
    else if (what == 'g')
        store(f, in);
    f->authenticated = f->authenticated || what == 'a';
    loop_poll(f->env.loop);
}

static void on_changed(void *arg)
{
    struct fuzz *f = arg;
    MUST(f->trial != NULL);
}

static void open_trial(struct fuzz *f)
{
    struct trial_client client = {.thresholds = {TRIAL_DEFAULT, TRIAL_DEFAULT, TRIAL_DEFAULT},
                                  .trusted = (f->choice & CHOICE_TRUSTED) != 0};
    const char *address = "203.0.113.1";
    if ((f->choice & CHOICE_ALLOWED) != 0)
        address = "203.0.113.9";
    else if ((f->choice & CHOICE_DENIED) != 0)
        address = "203.0.113.17";
    else if ((f->choice & CHOICE_SIX) != 0)
        address = "2001:db8::1";
    addr_parse_ip(address, &client.address);
    f->env.policy = (f->choice & CHOICE_HARD) != 0 ? hard : soft;
    f->env.observe = (f->choice & CHOICE_OBSERVE) != 0;
    f->fact = clock_ms;
    f->trial = trial_new(&f->env, &client, on_changed, f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct fuzz f = {.env = {.dns = fake_dns_new(), .loop = loop_new(), .hostname = names[4]}};
    log_init(LOG_TARGET_STDERR, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, NULL);
    memory = policy_state_new();
    f.env.state = memory;
    f.choice = (enum choice)take(&in);
    struct policy *policy = (f.choice & CHOICE_HARD) != 0 ? hard : soft;
    policy_bind(policy, memory);
    memory->store = fake_store_new();
    list_table_put(
        memory->lists,
        &(struct entry){
            .list = ENTRY_TRAP, .kind = ENTRY_RECIPIENT, .key = TRAP, .reason = "", .author = ""});
    list_probe_free(list_probe_new(f.env.loop, f.env.dns, policy));
    open_trial(&f);
    for (size_t i = 0; i < EVENTS && in.left > 0; i++) {
        event(&f, &in);
        hold(&f);
    }
    trial_free(f.trial);
    f.trial = NULL;
    loop_poll(f.env.loop);
    MUST(fake_dns_open(f.env.dns) == 0);
    fake_store_free(memory->store);
    policy_state_free(memory);
    fake_dns_free(f.env.dns);
    loop_free(f.env.loop);
    return 0;
}
