/* SPDX-License-Identifier: ISC */
/*
 * Asks proxy/proxy_header from outside: the bytes of one connection a line on stdin, in hex; one
 * verdict a line on stdout: "ok USED SRC DST" (with ports), "local USED", "more", "invalid WHY" or
 * "input" (not a case).
 */
#include "lib/str.h"
#include "proxy/proxy_header.h"

#include <stdio.h>
#include <string.h>

#define LINE_SIZE 8192

static void run_case(const char *hex, size_t hex_len)
{
    unsigned char data[LINE_SIZE / 2];
    struct addr src;
    struct addr dst;
    size_t len = hex_len / 2;
    size_t used;
    const char *why = "";
    char from[ADDR_TEXT_MAX];
    char to[ADDR_TEXT_MAX];

    if (len > sizeof(data) || !str_hex_decode(data, len, hex, hex_len)) {
        puts("input");
        return;
    }
    switch (proxy_header_parse((const char *)data, len, &src, &dst, &used, &why)) {
    case PROXY_HEADER_OK:
        printf("ok %zu %s %s\n", used, addr_text(&src, from), addr_text(&dst, to));
        break;
    case PROXY_HEADER_LOCAL:
        printf("local %zu\n", used);
        break;
    case PROXY_HEADER_MORE:
        puts("more");
        break;
    case PROXY_HEADER_INVALID:
        printf("invalid %s\n", why);
        break;
    }
}

int main(void)
{
    char line[LINE_SIZE];

    while (fgets(line, sizeof(line), stdin) != NULL)
        run_case(line, strcspn(line, "\n"));
    return 0;
}
