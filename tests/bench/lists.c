/* SPDX-License-Identifier: ISC */
/*
 * lists: look-ups among many list entries, for the benchmark.
 *
 *   lists ENTRIES SECONDS     look-ups a second of one thread among that many deny entries
 *   lists file ENTRIES        prints as many, one a line, for `gatepostctl deny import`
 *
 * Of the entries 9 in 10 are addresses, the others networks (/24). A look-up is one client with all
 * that is known of it: address, HELO, confirmed name, sender, recipient; 1 in 10 is listed.
 */
#include "policy/list_table.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH = 1000, CLIENTS = 4096, MOST = 10000000 };

static unsigned long number(const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (end == text || *end != '\0' || value == 0 || value > MOST) {
        fprintf(stderr, "lists: not a number from 1 to %d: %s\n", MOST, text);
        exit(2);
    }
    return value;
}

/* Entry number `n` as it is written; no two are the same. */
static const char *key_of(unsigned long n, char key[static ENTRY_KEY_MOST])
{
    uint32_t host = 0x0b000000U + (uint32_t)n * 7;
    struct in_addr address = {.s_addr =
                                  htonl(n % 10 == 9 ? 0x50000000U + (uint32_t)n * 256 : host)};
    char text[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &address, text, sizeof text);
    snprintf(key, ENTRY_KEY_MOST, "%s%s", text, n % 10 == 9 ? "/24" : "");
    return key;
}

static void fill(struct list_table *table, unsigned long count)
{
    static char key[BATCH][ENTRY_KEY_MOST];
    static struct entry entry[BATCH];
    for (unsigned long i = 0; i < count; i++) {
        entry[i % BATCH] = (struct entry){.list = ENTRY_DENY,
                                          .kind = ENTRY_CLIENT,
                                          .key = key_of(i, key[i % BATCH]),
                                          .reason = "",
                                          .author = ""};
        if (i % BATCH == BATCH - 1 || i + 1 == count)
            list_table_put_all(table, entry, i % BATCH + 1);
    }
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void make_clients(struct addr client[CLIENTS], unsigned long count)
{
    char key[ENTRY_KEY_MOST];
    for (unsigned long i = 0; i < CLIENTS; i++) {
        key_of(i * 2654435761UL % count / 10 * 10, key); /* an address, not a network */
        if (i % 10 != 0)
            snprintf(key, sizeof key, "198.51.%lu.%lu", i / 256 % 256, i % 256);
        addr_parse_ip(key, &client[i]);
    }
}

static void measure(unsigned long count, unsigned long wanted)
{
    static struct addr client[CLIENTS];
    struct list_table *table = list_table_new();
    unsigned long done = 0, listed = 0;
    double start = seconds_now(), filled;
    fill(table, count);
    make_clients(client, count);
    filled = seconds_now() - start;
    start = seconds_now();
    while (seconds_now() - start < (double)wanted) {
        for (unsigned long i = 0; i < CLIENTS; i++, done++) {
            const struct list_facts facts = {.client = &client[i],
                                             .helo = "mail.example.net",
                                             .reverse = "mail.example.net",
                                             .sender = "someone@example.net",
                                             .recipient = "user@example.org"};
            struct list_verdict verdict;
            list_judge(table, &facts, 1, &verdict);
            listed += verdict.ruling == LIST_DENIED;
        }
    }
    printf("{\"entries\": %lu, \"fill_seconds\": %.3f, \"lookups\": %lu, \"listed\": %lu, "
           "\"seconds\": %.3f}\n",
           count, filled, done, listed, seconds_now() - start);
    list_table_free(table);
}

int main(int argc, char **argv)
{
    char key[ENTRY_KEY_MOST];
    if (argc != 3) {
        fputs("usage: lists ENTRIES SECONDS | lists file ENTRIES\n", stderr);
        return 2;
    }
    if (strcmp(argv[1], "file") != 0)
        measure(number(argv[1]), number(argv[2]));
    else
        for (unsigned long i = 0; i < number(argv[2]); i++)
            puts(key_of(i, key));
    return 0;
}
