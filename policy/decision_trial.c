/* SPDX-License-Identifier: ISC */
/*
 * decision_trial: the command `test`: a trial of facts that somebody gives, and the record of what
 * it comes to.
 *
 * Promises: it is a trial like any other, but it waits for every check, also where one of them has
 * decided already; it counts nowhere, asks no greylist, and is not remembered. It ends 8 s after it
 * began at the latest.
 */
#include "policy/decision_int.h"

#include "lib/loop.h"
#include "lib/mem.h"
#include "lib/str.h"
#include "policy/explain.h"
#include "policy/policy.h"
#include "policy/relay.h"
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

static void finish(struct test *test)
{
    struct verdict verdict;
    struct record record;
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
