/* SPDX-License-Identifier: ISC */
/* Fuzzes policy/mailbox_key: any text gives a bounded key, and the key of a recipient's key is
 * itself. */
#include "policy/mailbox_key.h"

#include "lib/mem.h"

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
    if (strlen(key) >= sizeof key || strcmp(key, again) != 0)
        abort();
    free(text);
    return 0;
}
