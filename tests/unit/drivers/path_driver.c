/* SPDX-License-Identifier: ISC */
/*
 * Asks proxy/path from outside: one case a line on stdin, "sender HEX" or "rcpt HEX" (the text
 * behind "MAIL FROM:" or "RCPT TO:"); one verdict a line on stdout: "ok USED HEX" (HEX: path.text),
 * "syntax", "long" or "input" (not a case).
 */
#include "lib/str.h"
#include "proxy/path.h"

#include <stdio.h>
#include <string.h>

#define LINE_SIZE 8192
#define TEXT_SIZE ((LINE_SIZE) / 2)

static const char *verdict_of(enum path_result result)
{
    switch (result) {
    case PATH_OK:
        return "ok";
    case PATH_SYNTAX:
        return "syntax";
    case PATH_TOO_LONG:
        return "long";
    }
    return "input";
}

static void run_case(const char *hex, size_t hex_len, bool sender)
{
    unsigned char text[TEXT_SIZE];
    struct path path;
    size_t used;
    size_t len = hex_len / 2;

    if (len > sizeof(text) || !str_hex_decode(text, len, hex, hex_len)) {
        puts("input");
        return;
    }
    enum path_result result = path_parse((const char *)text, len, sender, &path, &used);
    printf("%s", verdict_of(result));
    if (result == PATH_OK) {
        printf(" %zu ", used);
        for (const char *c = path.text; *c != '\0'; c++)
            printf("%02x", (unsigned char)*c);
    }
    putchar('\n');
}

int main(void)
{
    char line[LINE_SIZE];

    while (fgets(line, sizeof(line), stdin) != NULL) {
        size_t len = strcspn(line, "\n");
        if (str_case_starts(line, len, "sender "))
            run_case(line + 7, len - 7, true);
        else if (str_case_starts(line, len, "rcpt "))
            run_case(line + 5, len - 5, false);
        else
            puts("input");
    }
    return 0;
}
