/* SPDX-License-Identifier: ISC */
/*
 * gate_record: decision records leave the proxy here.
 *
 * Promises: where nothing is kept and nobody listens no record is made; the session never waits for
 * the store, which drops what is too much and counts it.
 */
#include "proxy/gate_record.h"

#include "lib/buf.h"
#include "policy/policy.h"
#include "policy/pseudonym_keys.h"
#include "policy/record_config.h"
#include "policy/record_disguise.h"
#include "policy/state.h"
#include "proxy/counters.h"
#include "proxy/tail.h"

#include <time.h>

static int64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Was the client told no, or would it have been? */
static bool refused(const struct record *record)
{
    return record->refused != NULL || (record->judged && (record->action >= VERDICT_GREYLIST ||
                                                          record->would >= VERDICT_GREYLIST));
}

static bool to_keep(const struct gate_decision *decision, const struct record *record)
{
    switch (policy_decisions(decision->setup->config->policy)->record) {
    case RECORD_ALL:
        return true;
    case RECORD_REFUSED:
        return refused(record);
    case RECORD_OFF:
        return false;
    }
    return false;
}

static void disguise_record(struct pseudonym_keys *keys, struct record *record,
                            struct record_disguise *disguise)
{
    struct mac_key key;
    if (pseudonym_keys_mode(keys) != PSEUDONYMS_OFF && pseudonym_keys_newest(keys, &key))
        record_disguise(record, &key, disguise);
}

void gate_record(const struct gate_decision *decision)
{
    struct server *server = decision->setup->server;
    const bool off = policy_decisions(decision->setup->config->policy)->record == RECORD_OFF;
    const bool heard = tail_wanted(server->tail);
    if ((off || server->policy->store == NULL) && !heard)
        return;
    struct record record;
    struct record_context context = decision->context;
    struct buf text = {0};
    context.time_ms = now_ms();
    trial_record_fill(decision->trial, &context, &record);
    const bool kept = to_keep(decision, &record);
    if (!kept && !heard)
        return;
    struct record_disguise disguise = {.count = 0};
    disguise_record(server->policy->pseudonyms, &record, &disguise);
    record_write(&record, &text);
    buf_add(&text, "", 1); /* decision_tell wants a string */
    if (kept)
        decision_tell(server->policy->store, &record, buf_data(&text));
    if (heard)
        tail_tell(server->tail, buf_data(&text), buf_len(&text) - 1);
    counters_add(server->counters, COUNTER_RECORDS, 1);
    buf_free(&text);
    record_disguise_free(&disguise);
}
