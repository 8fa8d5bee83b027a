/* SPDX-License-Identifier: ISC */
/*
 * trial_run: the runs of checks, and what checks call (policy/check.h).
 *
 * Promises: a run is over 5 s after its fact at the latest; what is open then is stopped and noted.
 * A run that is done is freed at once. One timer for all of a trial, which exists only while a run
 * is open.
 */
#include "policy/trial_int.h"

#include "lib/loop.h"
#include "lib/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUIET_MOST (TRIAL_FINDINGS / 2) /* findings beyond which only what counts is kept */
#define CLEAN_STEP 8

static struct run *run_of(const struct check_run *run)
{
    return (struct run *)(void *)((char *)(uintptr_t)run - offsetof(struct run, run));
}

static void run_free(struct run *run)
{
    LIST_REMOVE(run, link);
    free(run);
}

static void run_stop(struct run *run)
{
    const struct check *check = run->run.config->check;
    if (check->stop != NULL)
        check->stop(&run->run);
    run_free(run);
}

/* ---- time ---------------------------------------------------------------------------------------
 */

static void on_deadline(void *arg);

/* The timer for the earliest end, or none where nothing is open. */
static void set_timer(struct trial *trial)
{
    if (LIST_EMPTY(&trial->runs)) {
        timer_free(trial->timer);
        trial->timer = NULL;
        return;
    }
    const struct run *run;
    uint64_t first = UINT64_MAX;
    LIST_FOREACH(run, &trial->runs, link)
    {
        if (run->until < first)
            first = run->until;
    }
    uint64_t now = loop_now(trial->env.loop);
    if (trial->timer == NULL)
        trial->timer = timer_new(trial->env.loop, on_deadline, trial);
    timer_set(trial->timer, first > now ? first - now : 0);
}

static void on_deadline(void *arg)
{
    struct trial *trial = arg;
    uint64_t now = loop_now(trial->env.loop);
    struct run *run = LIST_FIRST(&trial->runs);
    while (run != NULL) {
        struct run *next = LIST_NEXT(run, link);
        if (run->until <= now) {
            check_abstain(&run->run, run->run.config->label, "no answer in time");
            run_stop(run);
        }
        run = next;
    }
    set_timer(trial);
    trial_consider(trial);
}

/* ---- runs ---------------------------------------------------------------------------------------
 */

static void start(struct trial *trial, const struct check_config *config, enum check_stage stage,
                  uint64_t until)
{
    struct run *run = mem_alloc(sizeof *run + config->check->state_size);
    run->run =
        (struct check_run){.trial = trial, .config = config, .stage = stage, .memory = run->memory};
    run->began = loop_now(trial->env.loop);
    run->until = until;
    LIST_INSERT_HEAD(&trial->runs, run, link);
    config->check->start(&run->run); /* may be done, and gone, when it returns */
}

/* Those that are due, in the order of the table. `all`: not only those that always run. */
static void start_stage(struct trial *trial, enum check_stage stage, bool all, uint64_t until)
{
    const struct check_config *const *config = policy_checks(trial->env.policy);
    bool always = (trial->due_always & CHECK_BIT(stage)) != 0;
    bool others = all && (trial->due & CHECK_BIT(stage)) != 0;
    if (!always && !others)
        return;
    trial->due_always &= (uint8_t)~CHECK_BIT(stage);
    if (all)
        trial->due &= (uint8_t)~CHECK_BIT(stage);
    for (; *config != NULL; config++) {
        const struct check *check = (*config)->check;
        if ((check->stages & CHECK_BIT(stage)) != 0 && (check->always ? always : others))
            start(trial, *config, stage, until);
    }
}

void trial_start_due(struct trial *trial, uint64_t until)
{
    bool all = trial->standing == STANDING_NONE;
    if (!trial_stamped(trial) || (trial->due_always == 0 && (!all || trial->due == 0)))
        return;
    bool inside = trial->inside;
    trial->inside = true;
    for (unsigned stage = 0; stage < CHECK_STAGES; stage++)
        start_stage(trial, (enum check_stage)stage, all, until);
    trial->inside = inside;
    set_timer(trial);
    trial_consider(trial);
}

void trial_start(struct trial *trial, enum check_stage stage, uint64_t until)
{
    trial->due |= (uint8_t)CHECK_BIT(stage);
    trial->due_always |= (uint8_t)CHECK_BIT(stage);
    trial_start_due(trial, until);
}

void trial_stop(struct trial *trial, enum check_stage stage)
{
    struct run *run = LIST_FIRST(&trial->runs);
    uint8_t kept = (uint8_t)(stage == CHECK_STAGES ? 0 : ~CHECK_BIT(stage));
    trial->due &= kept;
    trial->due_always &= kept;
    while (run != NULL) {
        struct run *next = LIST_NEXT(run, link);
        if (stage == CHECK_STAGES || run->run.stage == stage)
            run_stop(run);
        run = next;
    }
    set_timer(trial);
}

/* ---- what checks call ---------------------------------------------------------------------------
 */

const struct check_facts *check_facts(const struct check_run *run)
{
    return &run->trial->facts;
}

struct dns *check_dns(const struct check_run *run)
{
    return run->trial->env.dns;
}

struct loop *check_loop(const struct check_run *run)
{
    return run->trial->env.loop;
}

uint64_t check_now(const struct check_run *run)
{
    return loop_now(run->trial->env.loop);
}

/* It has said something: milliseconds since its fact. */
static uint16_t said(struct check_run *run)
{
    struct run *own = run_of(run);
    uint64_t ms = check_now(run) - own->began;
    own->said = true;
    return ms < UINT16_MAX ? (uint16_t)ms : UINT16_MAX;
}

static void found(struct check_run *run, score_t score, const char *label, const char *answer,
                  const char *reason, const char *enhanced, bool refuses)
{
    struct finding *finding =
        trial_note(run->trial, run->config, run->stage, score, label, answer, reason);
    if (finding != NULL) {
        finding->ms = said(run);
        finding->refuses = refuses;
    }
    if (finding != NULL && enhanced != NULL)
        snprintf(finding->enhanced, sizeof finding->enhanced, "%s", enhanced);
    trial_consider(run->trial);
}

void check_found_code(struct check_run *run, score_t score, const char *label, const char *answer,
                      const char *reason, const char *enhanced)
{
    found(run, score, label, answer, reason, enhanced, false);
}

void check_refused(struct check_run *run, score_t score, const char *label, const char *answer,
                   const char *reason, const char *enhanced)
{
    found(run, score, label, answer, reason, enhanced, true);
}

void check_found(struct check_run *run, score_t score, const char *label, const char *answer,
                 const char *reason)
{
    found(run, score, label, answer, reason, NULL, false);
}

/* Has it been said, of an earlier stage? */
static bool abstained(const struct trial *trial, const char *label, const char *why)
{
    const struct finding *finding;
    STAILQ_FOREACH(finding, &trial->findings, link)
    {
        if (finding->abstained && strcmp(finding->label, label) == 0 &&
            strcmp(finding->answer, why) == 0)
            return true;
    }
    return false;
}

void check_abstain(struct check_run *run, const char *label, const char *why)
{
    uint16_t ms = said(run);
    if (abstained(run->trial, label, why))
        return;
    struct finding *finding = trial_note(run->trial, run->config, run->stage, 0, label, why, "");
    if (finding == NULL)
        return;
    finding->abstained = true;
    finding->ms = ms;
}

void check_seen(struct check_run *run, const char *label, const char *answer)
{
    struct trial *trial = run->trial;
    uint16_t ms = said(run);
    if (!trial->env.record || trial->finding_count >= QUIET_MOST)
        return;
    struct finding *finding = trial_note(trial, run->config, run->stage, 0, label, answer, "");
    if (finding == NULL)
        return;
    finding->quiet = true;
    finding->ms = ms;
}

void check_skipped(struct check_run *run)
{
    run_of(run)->said = true;
}

/* Remembers a run that has found nothing. */
static void note_clean(struct trial *trial, struct run *run)
{
    if (!trial->env.record || run->said || trial->clean_count == TRIAL_CLEAN_MOST)
        return;
    if (trial->clean_count % CLEAN_STEP == 0)
        trial->clean =
            mem_grow(trial->clean, trial->clean_count + (size_t)CLEAN_STEP, sizeof *trial->clean);
    trial->clean[trial->clean_count++] = (struct trial_clean){
        .config = run->run.config, .stage = run->run.stage, .ms = said(&run->run)};
}

void check_done(struct check_run *run)
{
    struct trial *trial = run->trial;
    note_clean(trial, run_of(run));
    run_free(run_of(run));
    if (LIST_EMPTY(&trial->runs))
        set_timer(trial);
    trial_consider(trial);
}

void check_reverse_known(struct check_run *run, const char *name, bool confirmed, bool dynamic)
{
    trial_reverse_known(run->trial, name, confirmed, dynamic, run_of(run)->until);
}

void check_spf_known(struct check_run *run, bool helo, const struct spf_known *known)
{
    trial_spf_learn(run->trial, helo, known);
}

void check_disposition(struct check_run *run, const char *mark, const char *override)
{
    if (run->config->mode != CHECK_OBSERVE)
        trial_auth_dispose(run->trial, mark, override);
}
