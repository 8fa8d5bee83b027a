/* SPDX-License-Identifier: ISC */
/*
 * trial_spf: what SPF has said of the client's HELO name and of its sender, as facts for the checks
 * that come later, for the message's fields, and for the record.
 *
 * Promises: facts.spf and facts.spf_helo are never NULL. What is known of HELO lasts as long as the
 * name, but outside of a transaction only the octets of its texts are kept: an idle session stays
 * small.
 */
#include "policy/trial_int.h"

#include "lib/mem.h"
#include "policy/auth/message_auth.h"

#include <stdlib.h>
#include <string.h>

#define TEXTS 4 /* of a struct spf_known */

/* A packed one: its result, then its texts, each with its NUL. */
#define PACKED_AT 1

static const struct spf_known unknown = {.result = SPF_NONE};

/* The fields' sizes, for both ways. */
static size_t text_of(struct spf_known *known, size_t index, char **out)
{
    char *const at[TEXTS] = {known->domain, known->mechanism, known->why, known->explanation};
    const size_t size[TEXTS] = {sizeof known->domain, sizeof known->mechanism, sizeof known->why,
                                sizeof known->explanation};
    *out = at[index];
    return size[index];
}

static char *pack(const struct spf_known *known)
{
    struct spf_known copy = *known;
    char *text;
    size_t len = PACKED_AT;
    for (size_t i = 0; i < TEXTS; i++) {
        size_t size = text_of(&copy, i, &text);
        text[size - 1] = '\0';
        len += strlen(text) + 1;
    }
    char *packed = mem_alloc(len);
    char *to = packed + PACKED_AT;
    packed[0] = (char)known->result;
    for (size_t i = 0; i < TEXTS; i++) {
        text_of(&copy, i, &text);
        memcpy(to, text, strlen(text) + 1);
        to += strlen(text) + 1;
    }
    return packed;
}

static void unpack(const char *packed, struct spf_known *out)
{
    const char *from = packed + PACKED_AT;
    char *text;
    *out = (struct spf_known){.result = (enum spf_result)packed[0], .checked = true};
    for (size_t i = 0; i < TEXTS; i++) {
        text_of(out, i, &text);
        memcpy(text, from, strlen(from) + 1);
        from += strlen(from) + 1;
    }
}

/* A fact that is ours, unless it says that nothing is known. */
static void drop(const struct spf_known **fact)
{
    if (*fact != &unknown)
        free((struct spf_known *)(uintptr_t)*fact);
    *fact = &unknown;
}

static void keep(const struct spf_known **fact, const struct spf_known *known)
{
    struct spf_known *copy = mem_alloc(sizeof *copy);
    *copy = *known;
    copy->checked = true;
    if (*fact != NULL)
        drop(fact);
    *fact = copy;
}

void trial_spf_learn(struct trial *trial, bool helo, const struct spf_known *known)
{
    if (!helo) {
        keep(&trial->facts.spf, known);
        return;
    }
    free(trial->helo_spf);
    trial->helo_spf = pack(known);
    if (trial->sent)
        trial_spf_begin(trial);
}

void trial_spf_begin(struct trial *trial)
{
    struct spf_known known;
    if (trial->helo_spf == NULL)
        return;
    unpack(trial->helo_spf, &known);
    keep(&trial->facts.spf_helo, &known);
}

void trial_spf_forget(struct trial *trial, bool helo)
{
    if (trial->facts.spf != NULL)
        drop(&trial->facts.spf);
    if (trial->facts.spf_helo != NULL)
        drop(&trial->facts.spf_helo);
    trial->facts.spf = trial->facts.spf_helo = &unknown;
    if (!helo)
        return;
    free(trial->helo_spf);
    trial->helo_spf = NULL;
}
