/* SPDX-License-Identifier: ISC */
/* str_fuzz: any bytes shown, as xtext and as hex: nothing outruns its room, what is shown is clean
 * UTF-8, and xtext comes back as it was. The first byte chooses the room. */
#include "lib/str.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool truth)
{
    if (!truth)
        abort();
}

static void check_printable(const char *text, size_t len, size_t room)
{
    char *out = malloc(room);
    expect(out != NULL);
    size_t shown = str_printable(out, room, text, len);
    expect(shown < room && strlen(out) == shown);
    for (size_t i = 0; i < shown; i += str_utf8_shown(out + i, shown - i))
        expect(str_utf8_shown(out + i, shown - i) > 0);
    free(out);
}

static void check_xtext(const char *text, size_t len, size_t room)
{
    char *out = malloc(room);
    char *coded = malloc(3 * len + 1);
    expect(out != NULL && coded != NULL);
    expect(str_xtext_encode(coded, 3 * len + 1, text, len));
    bool fits = str_xtext_decode(out, room, coded, strlen(coded));
    expect(fits == (len < room && memchr(text, 0, len) == NULL));
    expect(!fits || (memcmp(out, text, len) == 0 && out[len] == '\0'));
    if (str_xtext_decode(out, room, text, len))
        expect(strlen(out) < room);
    if (str_xtext_encode(out, room, text, len))
        expect(strcmp(out, coded) == 0);
    free(out);
    free(coded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char octets[4];
    if (size == 0)
        return 0;
    const char *text = (const char *)data + 1;
    size_t len = size - 1;
    check_printable(text, len, 4u + data[0]);
    check_xtext(text, len, 1u + data[0]);
    str_hex_decode(octets, sizeof octets, text, len);
    expect(str_case_starts(text, len, "EHLO ") || !str_case_eq(text, len, "EHLO "));
    return 0;
}
