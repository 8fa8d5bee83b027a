/* SPDX-License-Identifier: ISC */
/*
 * decision_trial: the command `test`: a trial of facts that somebody gives, and the record of what
 * it comes to.
 *
 * Promises: it is a trial like any other, but it waits for every check, also where one of them has
 * decided already; it counts nowhere, and is not remembered. The greylist is not asked either,
 * since that stores: who would be is taken for one it does not know, unless proven. It ends 8 s
 * after it began at the latest.
 */
#include "policy/decision_int.h"

#include "lib/loop.h"
#include "lib/mem.h"
#include "lib/str.h"
#include "policy/explain.h"
#include "policy/greylist.h"
#include "policy/known.h"
#include "policy/policy.h"
#include "policy/relay.h"
#include "policy/state.h"
#include "policy/trial_int.h"

#include <stdlib.h>
#include <string.h>

#define TEST_MOST 8000 /* ms; the trial's own time is 5000 from the last fact */

struct test {
    struct command_call *call;
    const struct decision_commands *commands;
    struct policy *policy;
    struct trial *trial;
    struct timer *timer;
    const char *recipient; /* the call's; "": none */
    struct decision_gate gate;
};

static void test_free(void *arg)
{
    struct test *test = arg;
    trial_free(test->trial);
    timer_free(test->timer);
    policy_unref(test->policy);
    free(test);
}

static bool is_exempt(const char *recipient)
{
    size_t len = strcspn(recipient, "@");
    return str_case_eq(recipient, len, "postmaster") || str_case_eq(recipient, len, "abuse");
}

/* ---- the greylist -------------------------------------------------------------------------------
 */

static bool any_proven(const struct test *test, const struct identities *ids)
{
    struct policy_state *state = test->commands->state;
    uint32_t lifetime = policy_greylist(test->policy)->rule.white_lifetime;
    bool any = false;
    for (size_t i = 0; i < ids->count && !any; i++)
        any = known_proven(state->known, ids->text[i], lifetime, state->wall());
    return any;
}

static bool would_be_greylisted(const struct test *test, const struct record *record)
{
    enum greylist_mode mode = policy_greylist(test->policy)->mode;
    if (test->commands->state->store == NULL || record->recipients == 0 ||
        record->cause != VERDICT_BY_SCORE)
        return false;
    return (mode == GREYLIST_ALL && record->would == VERDICT_PASS) ||
           (mode != GREYLIST_OFF && record->would == VERDICT_SUSPICIOUS);
}

/* What it says of who is new. */
static void presume_new(const struct test *test, const struct identities *ids,
                        struct record *record)
{
    struct record_greylist *out = &record->greylist;
    out->all = policy_greylist(test->policy)->mode == GREYLIST_ALL;
    for (size_t i = 0; i < ids->count; i++)
        out->identity[out->identities++] = ids->text[i];
    if (record->proven || any_proven(test, ids)) {
        out->asked = RECORD_GREY_PROVEN;
        return;
    }
    out->asked = RECORD_GREY_ASKED;
    out->state = GREY_NEW;
    out->wait = policy_greylist(test->policy)->rule.delay;
    record->cause = VERDICT_BY_GREYLIST;
    record->would = VERDICT_GREYLIST;
    if (!record->observe)
        record->action = VERDICT_GREYLIST;
}

/* ---- the trial ----------------------------------------------------------------------------------
 */

static void finish(struct test *test)
{
    struct verdict verdict;
    struct record record;
    struct identities ids;
    bool exempt = is_exempt(test->recipient);
    struct command_call *call = test->call;
    (void)trial_ask(test->trial, exempt, &verdict); /* where it waits the record says so */
    const struct record_context context = {
        .id = "test",
        .time_ms = test->commands->wall() * 1000,
        .stage = test->recipient[0] != '\0' ? RECORD_RCPT : RECORD_HELO,
        .exempt = exempt,
        .recipients = test->recipient[0] != '\0',
        .recipient = &test->recipient,
        .refused = test->gate.refused,
    };
    trial_record_fill(test->trial, &context, &record);
    trial_identities(test->trial, &ids);
    if (would_be_greylisted(test, &record))
        presume_new(test, &ids, &record);
    json_t *answer = explain_json(&record);
    test_free(test);
    command_done(call, answer);
}

static void on_changed(void *arg)
{
    struct test *test = arg;
    if (LIST_EMPTY(&test->trial->runs))
        finish(test);
}

static void on_late(void *arg)
{
    finish(arg);
}

static void give_sender(struct trial *trial, const char *sender)
{
    char domain[DNS_NAME_MAX + 1];
    const char *at = strrchr(sender, '@');
    bool null = strcmp(sender, "<>") == 0;
    if (at == NULL || !relay_domain_normal(at + 1, domain, sizeof domain))
        domain[0] = '\0';
    trial_sender(trial, null ? "" : sender, domain);
}

static void open_trial(struct test *test, const struct addr *client)
{
    const struct decision_commands *commands = test->commands;
    const char *helo = command_text(test->call, "helo");
    const char *sender = command_text(test->call, "sender");
    const struct trial_env env = {.policy = test->policy,
                                  .state = commands->state,
                                  .dns = commands->dns,
                                  .loop = commands->loop,
                                  .hostname = commands->hostname,
                                  .observe = test->gate.observe,
                                  .dry = true,
                                  .record = true};
    const struct trial_client who = {.address = *client,
                                     .trusted = test->gate.trusted,
                                     .thresholds = {TRIAL_DEFAULT, TRIAL_DEFAULT, TRIAL_DEFAULT}};
    test->trial = trial_new(&env, &who, on_changed, test);
    if (helo != NULL)
        trial_helo(test->trial, helo);
    if (sender != NULL)
        give_sender(test->trial, sender);
    if (test->recipient[0] != '\0')
        trial_recipient(test->trial, test->recipient);
}

void decision_test_run(struct command_call *call, void *arg)
{
    const struct decision_commands *commands = arg;
    struct addr client;
    if (!decision_client(call, &client))
        return;
    if (commands->dns == NULL) {
        command_fail(call, false, "there is no resolver here; ask the running daemon");
        return;
    }
    const char *recipient = command_text(call, "recipient");
    struct test *test = mem_alloc(sizeof *test);
    test->call = call;
    test->commands = commands;
    test->policy = commands->policy(commands->arg);
    test->recipient = recipient != NULL ? recipient : "";
    if (commands->gate != NULL)
        commands->gate(commands->arg, &client, test->recipient, &test->gate);
    test->timer = timer_new(commands->loop, on_late, test);
    timer_set(test->timer, TEST_MOST);
    command_on_gone(call, test_free, test);
    open_trial(test, &client);
    if (LIST_EMPTY(&test->trial->runs))
        finish(test);
}
