/* SPDX-License-Identifier: ISC */
/*
 * spf_explain: the domain's own words for a fail (RFC 7208 6.2).
 *
 * Promises: the record that decided is asked, never one that was only included or that redirected.
 * Whatever is wrong (a DNS fault, no record or several, octets that are no US-ASCII, a macro that
 * is none) means that there are no words, and changes no result; the look-up counts against no
 * limit. What comes out is printable US-ASCII, cut to SPF_EXPLANATION_MAX.
 */
#include "policy/auth/spf_int.h"

#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

/* The text is there: what it says of this client. */
static enum spf_flow put_words(struct spf *s)
{
    struct spf_macro_facts facts = spf_facts(s, s->frame[0]->domain);
    bool wants_name;
    if (spf_macro_fault(s->explanation.text, s->explanation.len, SPF_MACRO_TEXT, &wants_name) !=
        NULL) {
        spf_say(s, "the explanation is malformed");
        return spf_end(s, s->result);
    }
    if (wants_name && !spf_names_show(s, facts.domain, &facts.name))
        return SPF_WAITS;
    spf_macro_text(s->explanation.text, s->explanation.len, &facts, s->words, sizeof s->words);
    return spf_end(s, s->result);
}

static enum spf_flow on_text(struct spf *s, const struct dns_answer *answer)
{
    if (answer->status != DNS_FOUND || answer->count != 1)
        return spf_end(s, s->result);
    size_t len = answer->txt[0].len;
    char *text = mem_alloc(len + 1);
    memcpy(text, answer->txt[0].text, len);
    s->explanation = (struct spf_text){text, len};
    s->step = put_words;
    return SPF_GO_ON;
}

enum spf_flow spf_explain(struct spf *s)
{
    const struct spf_frame *frame = s->frame[0];
    if (frame->record.exp.len == 0)
        return spf_end(s, s->result);
    if (!spf_expand(s, frame->record.exp, frame->domain, s->target))
        return SPF_WAITS;
    return spf_query(s, DNS_TXT, s->target, on_text);
}
