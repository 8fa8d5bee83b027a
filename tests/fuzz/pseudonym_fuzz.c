/* SPDX-License-Identifier: ISC */
/* pseudonym_fuzz: any text, disguised: bounded, the same each time, and what was an address by
 * itself is none of the text any more. */
#include "lib/buf.h"
#include "lib/mem.h"
#include "policy/pseudonym.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool truth)
{
    if (!truth)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct mac_key key = {{1}};
    char *text = mem_strndup((const char *)data, size);
    size_t len = strlen(text);
    char mailbox[PSEUDONYM_MAILBOX_SIZE];
    struct buf one = {0}, two = {0};
    pseudonym_text(&key, text, len, &one);
    pseudonym_text(&key, text, len, &two);
    expect(buf_len(&one) == buf_len(&two) && buf_len(&one) <= 24 * len);
    expect(len == 0 || memcmp(buf_data(&one), buf_data(&two), buf_len(&one)) == 0);
    bool same = buf_len(&one) == len && memcmp(buf_data(&one), text, len) == 0;
    expect(same || pseudonym_likely(text, len));
    expect(strlen(pseudonym_mailbox(&key, text, mailbox)) < sizeof mailbox);
    buf_free(&one);
    buf_free(&two);
    free(text);
    return 0;
}
