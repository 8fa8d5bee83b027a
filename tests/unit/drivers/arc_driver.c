/* SPDX-License-Identifier: ISC */
/*
 * Asks policy/auth/arc from outside. A case is a line on stdin: the time, then in hexadecimal
 * digits and apart by blanks the message, and for each key its name and its text; "-" is an empty
 * text. On stdout a line: result, sets, oldest-pass or "-", questions, and the reason.
 */
#include "lib/buf.h"
#include "lib/mem.h"
#include "lib/str.h"
#include "policy/auth/arc.h"
#include "tests/unit/support/fake_dns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_BITS  1024
#define HEADER_MOST ((size_t)1 << 20)

static void ignore(void *arg)
{
    (void)arg;
}

/* The octets of the next word of the line; the caller frees them. NULL: there is none. */
static char *next(char **at, size_t *len)
{
    char *word = strsep(at, " \n");
    if (word == NULL || *word == '\0')
        return NULL;
    *len = strcmp(word, "-") == 0 ? 0 : strlen(word) / 2;
    char *out = mem_alloc(*len + 1);
    if (!str_hex_decode((unsigned char *)out, *len, word, *len * 2)) {
        fprintf(stderr, "no hexadecimal: %.40s\n", word);
        exit(1);
    }
    return out;
}

static void publish(struct dns *dns, char **at)
{
    size_t len;
    char *name;
    while ((name = next(at, &len)) != NULL) {
        char *text = next(at, &len);
        if (text == NULL)
            exit(1);
        fake_dns_set(dns, DNS_TXT, name, text);
        free(name);
        free(text);
    }
}

static void judge(struct dns *dns, const char *message, size_t len, int64_t now)
{
    struct arc_rules rules = {.sets = ARC_SETS_MOST, .least_bits = LEAST_BITS, .now = now};
    struct header *header = header_new(HEADER_MOST, HEADER_MOST);
    struct body_hash *hash = body_hash_new();
    size_t used = header_add(header, message, len);
    header_end(header);
    struct arc *arc = arc_new(dns, header, &rules, hash, ignore, NULL);
    body_hash_add(hash, message + used, len - used);
    body_hash_end(hash);
    arc_end(arc);
    while (fake_dns_run(dns) > 0)
        ;
    const struct arc_answer *answer = arc_answer(arc);
    if (arc_settled(arc))
        printf("%s %u %s %zu %s\n", arc_result_name(answer->result), answer->sets,
               answer->oldest_pass[0] != '\0' ? answer->oldest_pass : "-", fake_dns_asked(dns),
               answer->why);
    else
        puts("unsettled");
    arc_free(arc);
    body_hash_free(hash);
    header_free(header);
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        char *at = line;
        size_t len;
        int64_t now = strtoll(strsep(&at, " "), NULL, 10);
        char *message = at != NULL ? next(&at, &len) : NULL;
        if (message == NULL) {
            puts("input");
            continue;
        }
        struct dns *dns = fake_dns_new();
        publish(dns, &at);
        judge(dns, message, len, now);
        fake_dns_free(dns);
        free(message);
    }
    free(line);
    return 0;
}
