/* SPDX-License-Identifier: ISC */
/*
 * Asks from outside about Authentication-Results and dates: one case a line on stdin, one verdict a
 * line on stdout.
 *
 * "ours ID HEX"  HEX: the value of a field; "ours" or "other" (policy/auth/authres.h)
 * "read HEX"     what the tests' own reader makes of it (tests/unit/support/authres_reader.h):
 *                "id method=result;reason;ptype.property=value;...  ..." with each text in hex, or
 *                "wrong"
 * "date HEX"     seconds since the epoch, or "none" (lib/mail_date.h)
 */
#include "lib/mail_date.h"
#include "lib/str.h"
#include "policy/auth/authres.h"
#include "tests/unit/support/authres_reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LINE_SIZE 8192
#define TEXT_SIZE ((LINE_SIZE) / 2)

static void put_hex(const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        printf("%02x", (unsigned char)*c);
}

static void run_ours(const char *id, const char *value, size_t len)
{
    struct header *header = header_new(LINE_SIZE, 10);
    header_add(header, "Authentication-Results:", 23);
    header_add(header, value, len);
    header_add(header, "\r\n\r\n", 4);
    puts(header_complete(header) && authres_is_ours(header_field(header, 0), id) ? "ours"
                                                                                 : "other");
    header_free(header);
}

static void run_read(const char *value, size_t len)
{
    static struct reader_results results;
    if (!reader_read(value, len, &results)) {
        puts("wrong");
        return;
    }
    put_hex(results.id);
    for (size_t i = 0; i < results.methods; i++) {
        const struct reader_method *m = &results.method[i];
        printf(" %s=%s;", m->method, m->result);
        put_hex(m->reason);
        for (size_t j = 0; j < m->props; j++) {
            printf(";%s=", m->prop[j].name);
            put_hex(m->prop[j].value);
        }
    }
    putchar('\n');
}

static void run_date(const char *value, size_t len)
{
    int64_t date;
    if (mail_date_parse(value, len, &date))
        printf("%" PRId64 "\n", date);
    else
        puts("none");
}

/* `line`: "verb [id] HEX". */
static void run_case(char *line)
{
    char text[TEXT_SIZE];
    char *hex = strrchr(line, ' ');
    if (hex == NULL) {
        puts("input");
        return;
    }
    *hex++ = '\0';
    size_t len = strlen(hex) / 2;
    if (!str_hex_decode((unsigned char *)text, len, hex, strlen(hex)))
        puts("input");
    else if (strncmp(line, "ours ", 5) == 0)
        run_ours(line + 5, text, len);
    else if (strcmp(line, "read") == 0)
        run_read(text, len);
    else if (strcmp(line, "date") == 0)
        run_date(text, len);
    else
        puts("input");
}

int main(void)
{
    char line[LINE_SIZE];

    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        run_case(line);
    }
    return 0;
}
