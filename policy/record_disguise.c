/* SPDX-License-Identifier: ISC */
/* record_disguise: a decision record with pseudonyms in place of addresses. */
#include "policy/record_disguise.h"

#include "lib/buf.h"
#include "lib/mem.h"
#include "policy/name_pattern.h"
#include "policy/org_domain.h"
#include "policy/pseudonym.h"

#include <stdlib.h>
#include <string.h>

struct disguising {
    const struct mac_key *key;
    struct record_disguise *own;
    struct addr client;
};

static const char *keep(struct disguising *d, char *text)
{
    return d->own->text[d->own->count++] = text;
}

static const char *mailbox(struct disguising *d, const char *text)
{
    char out[PSEUDONYM_MAILBOX_SIZE];
    if (text == NULL || strchr(text, '@') == NULL)
        return text;
    return keep(d, mem_strdup(pseudonym_mailbox(d->key, text, out)));
}

static const char *any_text(struct disguising *d, const char *text)
{
    struct buf out = {0};
    if (text == NULL || !pseudonym_likely(text, strlen(text)))
        return text;
    pseudonym_text(d->key, text, strlen(text), &out);
    const char *kept = keep(d, mem_strndup(buf_data(&out), buf_len(&out)));
    buf_free(&out);
    return kept;
}

/* The client's pseudonym as a label of its organisation's domain. */
static const char *host_name(struct disguising *d, const char *name)
{
    if (name == NULL || !name_holds_address(name, &d->client))
        return any_text(d, name);
    char label[PSEUDONYM_LABEL_SIZE];
    const char *domain = org_domain(name);
    return keep(d, mem_printf("%s%s%s", pseudonym_label(d->key, &d->client, label),
                              domain != NULL ? "." : "", domain != NULL ? domain : ""));
}

/* Mechanisms are told as the domain wrote them. */
static void disguise_spf(struct disguising *d, struct record_spf *spf)
{
    spf->domain = host_name(d, spf->domain);
    spf->mechanism = any_text(d, spf->mechanism);
    spf->why = any_text(d, spf->why);
}

void record_disguise(struct record *r, const struct mac_key *key, struct record_disguise *own)
{
    struct disguising d = {.key = key, .own = own, .client = r->client};
    own->count = 0;
    pseudonym_client(key, &d.client, &r->client);
    r->helo = host_name(&d, r->helo);
    r->reverse = host_name(&d, r->reverse);
    r->sender = mailbox(&d, r->sender);
    for (size_t i = 0; i < r->recipients; i++)
        r->recipient[i] = mailbox(&d, r->recipient[i]);
    for (size_t i = 0; i < r->findings; i++)
        r->finding[i].answer = host_name(&d, any_text(&d, r->finding[i].answer));
    disguise_spf(&d, &r->spf);
    disguise_spf(&d, &r->spf_helo);
    for (size_t i = 0; i < r->signatures; i++)
        r->signature[i].why = any_text(&d, r->signature[i].why);
    r->arc.why = any_text(&d, r->arc.why);
    r->dmarc.why = any_text(&d, r->dmarc.why);
    r->list.key = any_text(&d, r->list.key);
    for (size_t i = 0; i < r->greylist.identities; i++)
        r->greylist.identity[i] = any_text(&d, r->greylist.identity[i]);
    r->trap = mailbox(&d, r->trap);
    r->reply = any_text(&d, r->reply);
}

void record_disguise_free(struct record_disguise *own)
{
    for (size_t i = 0; i < own->count; i++)
        free(own->text[i]);
    own->count = 0;
}
