/* SPDX-License-Identifier: ISC */
/*
 * Asks policy/auth/spf from outside, through the real resolver: "spf_driver PORT [MS]", PORT that
 * of a DNS server on 127.0.0.1, MS what a question to it may take (2000). One case a line on stdin,
 * "mailfrom|helo IP HEX HEX" (HELO and MAIL FROM, "-" for nothing); all are asked at once. One line
 * each on stdout, in their order: "RESULT TERMS VOIDS QUERIES DOMAIN|MECHANISM|WHY|EXPLANATION", or
 * "input" (not a case).
 */
#include "dns/resolver.h"
#include "lib/buf.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "lib/str.h"
#include "policy/auth/spf.h"
#include "tests/unit/support/driver_dns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CASES_MAX 512
#define TEXT_SIZE 1024

struct evaluation {
    char *line; /* what comes of it */
    size_t *open;
    struct loop *loop;
};

static void on_answer(const struct spf_answer *a, void *arg)
{
    struct evaluation *e = arg;
    e->line = mem_printf("%s %u %u %u %s|%s|%s|%s", spf_result_name(a->result), a->terms, a->voids,
                         a->queries, a->domain, a->mechanism, a->why, a->explanation);
    if (--*e->open == 0)
        loop_stop(e->loop);
}

static bool text_of(const char *hex, char out[TEXT_SIZE])
{
    size_t len = strlen(hex) / 2;
    out[0] = '\0';
    if (strcmp(hex, "-") == 0)
        return true;
    if (len >= TEXT_SIZE || !str_hex_decode((unsigned char *)out, len, hex, strlen(hex)))
        return false;
    out[len] = '\0';
    return true;
}

static void ask(struct evaluation *e, struct dns *dns, char *line)
{
    char helo[TEXT_SIZE], sender[TEXT_SIZE];
    struct spf_query query = {
        .helo = helo, .sender = sender, .hostname = "mx.receiver.example", .time_ms = 30000};
    const char *identity = strsep(&line, " "), *ip = strsep(&line, " ");
    const char *helo_hex = strsep(&line, " "), *sender_hex = strsep(&line, " ");
    if (sender_hex == NULL || !addr_parse_ip(ip, &query.client) || !text_of(helo_hex, helo) ||
        !text_of(sender_hex, sender)) {
        e->line = mem_strdup("input");
        return;
    }
    query.helo_identity = strcmp(identity, "helo") == 0;
    ++*e->open;
    (void)!spf_ask(e->loop, dns, &query, NULL, on_answer, e);
}

int main(int argc, char **argv)
{
    static struct evaluation evaluation[CASES_MAX];
    char line[4 * TEXT_SIZE];
    size_t cases = 0, open = 0;
    if (argc < 2) {
        fprintf(stderr, "usage: spf_driver PORT [MS] < CASES\n");
        return 2;
    }
    resolver_init();
    struct loop *loop = loop_new();
    struct resolver *resolver = driver_dns_new(loop, argv[1], argv[2]);
    for (; cases < CASES_MAX && fgets(line, sizeof line, stdin) != NULL; cases++) {
        line[strcspn(line, "\n")] = '\0';
        evaluation[cases] = (struct evaluation){.open = &open, .loop = loop};
        ask(&evaluation[cases], resolver_dns(resolver), line);
    }
    if (open > 0)
        loop_run(loop);
    for (size_t i = 0; i < cases; i++) {
        puts(evaluation[i].line);
        free(evaluation[i].line);
    }
    resolver_free(resolver);
    loop_free(loop);
    resolver_shutdown();
    return 0;
}
