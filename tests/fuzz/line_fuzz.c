/* SPDX-License-Identifier: ISC */
/*
 * Fuzz target of proxy/line: the whole input is split into lines with a small limit, then every
 * prefix must give the same first answer.
 */
#include "proxy/line.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX 24

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
    if (!truth)
        abort();
}

/* What the result says about the bytes must be true of them. */
static void check(enum line_result r, const char *text, size_t line_len, size_t used)
{
    size_t end = used - line_len;

    switch (r) {
    case LINE_OK:
        require(end == 2 && memcmp(text + line_len, "\r\n", 2) == 0);
        for (size_t i = 0; i < line_len; i++)
            require(text[i] != '\r' && text[i] != '\n' && text[i] != '\0');
        break;
    case LINE_BARE_LF:
        require(end == 1 && text[line_len] == '\n');
        break;
    case LINE_BARE_CR:
        require(memchr(text, '\r', line_len) != NULL);
        break;
    case LINE_NUL:
        require(memchr(text, '\0', line_len) != NULL);
        break;
    case LINE_TOO_LONG:
        require(line_len == 0 && used >= LINE_MAX);
        break;
    case LINE_MORE:
        require(line_len == 0 && used == 0);
        break;
    }
}

static void check_cuts(const char *text, size_t len, enum line_result whole)
{
    size_t line_len;
    size_t used;

    for (size_t cut = 0; cut <= len && cut <= LINE_MAX * 2; cut++) {
        enum line_result r = line_split(text, cut, LINE_MAX, &line_len, &used);
        require(r == LINE_MORE || r == whole);
        require(used <= cut);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;

    while (size > 0) {
        size_t line_len;
        size_t used;
        enum line_result r = line_split(text, size, LINE_MAX, &line_len, &used);

        require(used <= size && line_len <= used);
        check(r, text, line_len, used);
        check_cuts(text, size, r);
        if (r == LINE_MORE)
            break;
        text += used;
        size -= used;
    }
    return 0;
}
