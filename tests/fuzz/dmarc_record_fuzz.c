/* SPDX-License-Identifier: ISC */
/*
 * dmarc_record_fuzz: any octets as a record. A record begins with its version, says why it is bad
 * and then wants nothing; np falls back to sp and sp to p; the same octets read again, with
 * something that means nothing behind, say the same.
 */
#include "policy/auth/dmarc.h"

#include "lib/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool truth)
{
    if (!truth)
        abort();
}

static bool same(const struct dmarc_record *a, const struct dmarc_record *b)
{
    return a->p == b->p && a->sp == b->sp && a->np == b->np && a->testing == b->testing &&
           a->strict_dkim == b->strict_dkim && a->strict_spf == b->strict_spf && a->psd == b->psd &&
           a->has_rua == b->has_rua;
}

static void check_one(const char *text, size_t size, enum dmarc_reading reading,
                      const struct dmarc_record *record, const char *why)
{
    expect((why[0] != '\0') == (reading == DMARC_BAD_RECORD));
    expect(record->p <= DMARC_POLICY_REJECT && record->sp <= DMARC_POLICY_REJECT &&
           record->np <= DMARC_POLICY_REJECT && record->psd <= DMARC_PSD_NO);
    if (reading == DMARC_NO_RECORD)
        return;
    expect(size >= 8 && (text[0] == 'v' || text[0] == 'V'));
    expect(memmem(text, size, "DMARC1", 6) != NULL);
    if (reading == DMARC_BAD_RECORD)
        expect(!record->has_rua && record->p + record->sp + record->np == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dmarc_record one, two;
    const char *why, *again;
    const char *text = (const char *)data;
    enum dmarc_reading reading = dmarc_record_parse(text, size, &one, &why);
    check_one(text, size, reading, &one, why);
    char *longer = mem_alloc(size + 8);
    if (size > 0)
        memcpy(longer, data, size);
    memcpy(longer + size, "; pct=7", 7);
    if (reading != DMARC_NO_RECORD) {
        expect(dmarc_record_parse(longer, size + 7, &two, &again) == reading);
        expect(same(&one, &two));
    }
    free(longer);
    return 0;
}
