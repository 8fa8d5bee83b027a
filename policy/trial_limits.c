/* SPDX-License-Identifier: ISC */
/*
 * trial_limits: what is counted of a client, and how long its replies are held back.
 *
 * Promises: clients that are allowed or trusted (from AUTH on, too) are never limited, delayed or
 * remembered; of private networks only failed logins are. A proven client that turns suspicious
 * counts as unknown, not as suspicious: one wrong list must not throttle who has sent good mail for
 * weeks.
 */
#include "policy/trial_int.h"

#include "lib/loop.h"
#include "policy/behaviour.h"
#include "policy/client_limits.h"
#include "policy/state.h"

#include <stdio.h>

#define DELAY_STEP 1000 /* ms a fault */
#define DELAY_MOST 5000
#define RATE_USUAL 60 /* connections an interval that double a delay where there is no limit */

static const enum client_count client_count_of[] = {
    [TRIAL_CONNECTION] = CLIENT_CONNECTION,     [TRIAL_MESSAGE] = CLIENT_MESSAGE,
    [TRIAL_RECIPIENT] = CLIENT_RECIPIENT,       [TRIAL_FAILED_RECIPIENT] = CLIENT_FAILED_RECIPIENT,
    [TRIAL_FAILED_LOGIN] = CLIENT_FAILED_LOGIN,
};

/* The block, off or not; NULL: this is not counted of this client. Passwords are guessed from
 * within, too: failed logins are counted of private addresses as well. */
static const struct client_limits_config *limits_for(const struct trial *trial,
                                                     enum trial_count what)
{
    const struct check_config *config = policy_check(trial->env.policy, &check_client_limits);
    if (trial->standing != STANDING_NONE || (trial->private && what != TRIAL_FAILED_LOGIN))
        return NULL;
    return (const struct client_limits_config *)(const void *)config;
}

static bool off(const struct client_limits_config *limits)
{
    return limits == NULL || limits->common.mode == CHECK_OFF;
}

static enum client_class class_of(const struct trial *trial)
{
    bool suspicious = trial_suspicious(trial);
    if (trial->facts.proven)
        return suspicious ? CLIENT_UNKNOWN : CLIENT_PROVEN;
    return suspicious ? CLIENT_SUSPICIOUS : CLIENT_UNKNOWN;
}

/* Does a limit refuse by itself? With mode = observe it lets mail pass as verdicts do; guessing
 * passwords is no mail. */
static bool refuses(const struct trial *trial, const struct client_limits_config *limits,
                    enum trial_count what)
{
    return limits->common.mode == CHECK_REJECT &&
           (!trial->env.observe || what == TRIAL_FAILED_LOGIN);
}

/* A limit was passed. False: it refuses; else it is a finding, once per kind: one that would have
 * deferred, where only `observe` keeps it from refusing. */
static bool passed(struct trial *trial, const struct client_limits_config *limits,
                   enum trial_count what, const char *why)
{
    uint8_t bit = (uint8_t)(1u << what);
    if (refuses(trial, limits, what))
        return false;
    if ((trial->limited & bit) == 0) {
        trial->limited |= bit;
        struct finding *finding = trial_note(trial, &limits->common, CHECK_STAGES,
                                             limits->common.score, limits->common.label, why, why);
        if (finding != NULL)
            snprintf(finding->enhanced, sizeof finding->enhanced, "4.7.1");
        trial_consider(trial);
    }
    return true;
}

/* ---- the connection -----------------------------------------------------------------------------
 */

/* A finding where it has hung up often enough before. */
static void recall_hangups(struct trial *trial, const struct client_limits_config *limits)
{
    const struct check_config *config = policy_check(trial->env.policy, &check_hangup);
    if (limits == NULL || config == NULL || config->mode == CHECK_OFF)
        return;
    const struct hangup_config *hangup = (const struct hangup_config *)(const void *)config;
    size_t count = client_counted(trial->env.state->clients, limits, &trial->client, CLIENT_HANGUP,
                                  loop_now(trial->env.loop));
    if (count < hangup->least)
        return;
    char answer[32];
    snprintf(answer, sizeof answer, "%zu times", count);
    trial_note(trial, config, CHECK_STAGES, config->score, config->label, answer,
               "left without QUIT again and again");
}

void trial_hung_up(struct trial *trial)
{
    const struct client_limits_config *limits = limits_for(trial, TRIAL_CONNECTION);
    const char *why;
    if (limits != NULL && !trial->env.dry)
        client_count(trial->env.state->clients, limits, &trial->client, CLIENT_HANGUP,
                     class_of(trial), loop_now(trial->env.loop), &why);
}

void trial_open(struct trial *trial)
{
    const struct client_limits_config *limits = limits_for(trial, TRIAL_CONNECTION);
    const char *why = NULL;
    recall_hangups(trial, limits);
    if (off(limits) || trial->env.dry)
        return;
    trial->opened = true;
    if (!client_opened(trial->env.state->clients, limits, &trial->client, class_of(trial),
                       loop_now(trial->env.loop), &why) &&
        !passed(trial, limits, TRIAL_CONNECTION, why))
        trial->over = why;
}

bool trial_crowded(const struct trial *trial, const char **why)
{
    const struct client_limits_config *limits = limits_for(trial, TRIAL_CONNECTION);
    return trial->opened && !off(limits) && limits->common.mode == CHECK_REJECT &&
           client_crowded(trial->env.state->clients, limits, &trial->client, class_of(trial),
                          loop_now(trial->env.loop), why);
}

void trial_close(struct trial *trial)
{
    if (trial->opened)
        client_closed(trial->env.state->clients, &trial->client);
    trial->opened = false;
}

/* ---- counting -----------------------------------------------------------------------------------
 */

bool trial_count(struct trial *trial, enum trial_count what, const char **why)
{
    const struct client_limits_config *limits = limits_for(trial, what);
    if (what == TRIAL_CONNECTION) /* has been counted */
        return trial_within(trial, what, why);
    if (what == TRIAL_FAILED_RECIPIENT)
        trial_failed_recipient(trial);
    if (off(limits) || trial->env.dry ||
        client_count(trial->env.state->clients, limits, &trial->client, client_count_of[what],
                     class_of(trial), loop_now(trial->env.loop), why))
        return true;
    return passed(trial, limits, what, *why);
}

bool trial_within(struct trial *trial, enum trial_count what, const char **why)
{
    const struct client_limits_config *limits = limits_for(trial, what);
    if (off(limits) || !refuses(trial, limits, what))
        return true;
    if (what == TRIAL_CONNECTION) {
        *why = trial->over;
        return trial->over == NULL;
    }
    return client_within(trial->env.state->clients, limits, &trial->client, client_count_of[what],
                         class_of(trial), loop_now(trial->env.loop), why);
}

/* ---- delays -------------------------------------------------------------------------------------
 */

/* What a delay is multiplied by, in quarters: 4 for a client that comes seldom, 8 for one that
 * comes as often as it may. */
static uint64_t rate_quarters(const struct trial *trial)
{
    const struct client_limits_config *limits = limits_for(trial, TRIAL_CONNECTION);
    if (off(limits))
        return 4;
    size_t usual = limits->most[CLIENT_CONNECTION];
    size_t count = client_counted(trial->env.state->clients, limits, &trial->client,
                                  CLIENT_CONNECTION, loop_now(trial->env.loop));
    if (usual == 0)
        usual = RATE_USUAL;
    return 4 + 4 * (uint64_t)(count < usual ? count : usual) / usual;
}

uint64_t trial_delay(const struct trial *trial, unsigned faults)
{
    if (faults == 0 || trial->standing == STANDING_ALLOWED || trial->standing == STANDING_TRUSTED ||
        trial->env.observe)
        return 0;
    uint64_t steps = faults < DELAY_MOST / DELAY_STEP ? faults : DELAY_MOST / DELAY_STEP;
    if (trial_suspicious(trial))
        steps++;
    uint64_t ms = steps * DELAY_STEP * rate_quarters(trial) / 4;
    return ms < DELAY_MOST ? ms : DELAY_MOST;
}
