/* SPDX-License-Identifier: ISC */
/* Fuzzes policy/mailbox_key: any text gives a bounded key, and the key of a recipient's key is
 * itself unless a part was cut (half a character more or less is another name). */
#include "policy/mailbox_key.h"

#include "lib/mem.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char key[MAILBOX_KEY_SIZE], again[MAILBOX_KEY_SIZE];
    char *text = mem_strndup((const char *)data, size);
    mailbox_key_sender(text, key);
    if (strlen(key) >= sizeof key)
        abort();
    mailbox_key_recipient(text, key);
    mailbox_key_recipient(key, again);
    const char *at = strrchr(text, '@');
    bool cut = at != NULL && (at - text > 64 || strlen(at + 1) > 255);
    if (strlen(key) >= sizeof key || (!cut && at != NULL && strcmp(key, again) != 0))
        abort();
    free(text);
    return 0;
}
