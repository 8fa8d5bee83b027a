/* SPDX-License-Identifier: ISC */
/*
 * explain_auth: what SPF, DKIM, ARC and DMARC said of a recorded message, as people read it.
 *
 *   spf         fail for example.org, by -all; the end of data decided
 *   spf of helo pass for mx.example.org, by a
 *   dkim        pass for example.org (s1); fail for other.example (s2): the body has changed
 *   arc         pass, 2 sets, sealed by lists.example.org
 *   dmarc       fail for example.com, which asks for reject: forwarder
 *
 * Promises: whatever peers said is made fit for a terminal.
 */
#include "policy/explain.h"

#include "lib/buf.h"
#include "lib/str.h"

#include <string.h>

#define SHOWN_MOST 1024

/* `before` and the text, where there is one. */
static void put(struct buf *out, const char *before, const char *text, const char *behind)
{
    char shown[SHOWN_MOST];
    if (text[0] == '\0')
        return;
    buf_add_str(out, before);
    buf_add(out, shown, str_printable(shown, sizeof shown, text, strlen(text)));
    buf_add_str(out, behind);
}

static void put_spf(struct buf *out, const char *name, const struct record_spf *spf)
{
    if (!spf->checked)
        return;
    buf_printf(out, "%-12s%s", name, spf_result_name(spf->result));
    put(out, " for ", spf->domain, "");
    put(out, ", by ", spf->mechanism, "");
    put(out, ": ", spf->why, "");
    buf_add_str(out, spf->open ? "; the end of data decides\n" : "\n");
}

static void put_signatures(struct buf *out, const struct record *r)
{
    for (size_t i = 0; i < r->signatures; i++) {
        const struct record_signature *signature = &r->signature[i];
        if (i == 0)
            buf_printf(out, "%-12s", "dkim");
        buf_printf(out, "%s%s", i > 0 ? "; " : "", dkim_result_name(signature->result));
        put(out, " for ", signature->domain, "");
        put(out, " (", signature->selector, ")");
        put(out, ": ", signature->why, "");
    }
    if (r->other_signatures > 0)
        buf_printf(out, "; and %zu more", r->other_signatures);
    if (r->signatures > 0)
        buf_add_str(out, "\n");
    else if (r->dmarc.checked)
        buf_printf(out, "%-12snone\n", "dkim");
}

static void put_arc(struct buf *out, const struct record_arc *arc)
{
    if (arc->result == ARC_NONE)
        return;
    buf_printf(out, "%-12s%s, %lu set%s", "arc", arc_result_name(arc->result),
               (unsigned long)arc->sets, arc->sets == 1 ? "" : "s");
    put(out, ", sealed by ", arc->sealer, "");
    put(out, ": ", arc->why, "");
    buf_add_str(out, "\n");
}

static void put_dmarc(struct buf *out, const struct record_dmarc *dmarc)
{
    if (!dmarc->checked)
        return;
    buf_printf(out, "%-12s%s", "dmarc", dmarc_result_name(dmarc->result));
    put(out, " for ", dmarc->domain, "");
    if (dmarc->at[0] != '\0') {
        buf_printf(out, ", which asks for %s", dmarc_policy_name(dmarc->published));
        if (strcmp(dmarc->at, dmarc->domain) != 0)
            put(out, " (at ", dmarc->at, ")");
        if (dmarc->policy != dmarc->published)
            buf_printf(out, ", but while it tests for %s", dmarc_policy_name(dmarc->policy));
    }
    put(out, ": ", dmarc->why, "");
    put(out, "; marked as ", dmarc->mark, "");
    put(out, "; not followed: ", dmarc->override, "");
    buf_add_str(out, "\n");
}

void explain_auth(const struct record *record, struct buf *out)
{
    put_spf(out, "spf", &record->spf);
    put_spf(out, "spf of helo", &record->spf_helo);
    put_signatures(out, record);
    put_arc(out, &record->arc);
    put_dmarc(out, &record->dmarc);
}
