/* SPDX-License-Identifier: ISC */
/*
 * Measures policy/list_table: "list_table_driver ENTRIES [SECONDS]" puts in that many entries (half
 * of them addresses, the others /24 networks) and asks about random clients with all facts; then it
 * puts in some thousand of each other kind and networks of eight other lengths, and asks again. One
 * figure a line, by processor time.
 */
#include "policy/list_table.h"

#include "lib/mem.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SLICE 1000
#define ASKED 4096 /* clients made up beforehand */

static uint64_t state = 88172645463325252u;

static uint32_t pick(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void put_networks(struct list_table *table, size_t count)
{
    static char key[SLICE][ENTRY_KEY_MOST];
    static struct entry entry[SLICE];
    for (size_t done = 0; done < count; done += SLICE) {
        for (size_t i = 0; i < SLICE; i++) {
            uint32_t ip = pick();
            if (i % 2 == 0)
                snprintf(key[i], sizeof key[i], "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255,
                         ip >> 8 & 255, ip & 255);
            else
                snprintf(key[i], sizeof key[i], "%u.%u.%u.0/24", ip >> 24, ip >> 16 & 255,
                         ip >> 8 & 255);
            entry[i] = (struct entry){.list = ENTRY_DENY, .kind = ENTRY_CLIENT, .key = key[i]};
        }
        list_table_put_all(table, entry, SLICE);
    }
}

static void put_others(struct list_table *table)
{
    char key[ENTRY_KEY_MOST];
    struct entry entry = {.list = ENTRY_DENY, .key = key};
    for (unsigned bits = 10; bits < 24; bits++) { /* as Spamhaus DROP has */
        snprintf(key, sizeof key, "203.0.0.0/%u", bits < 16 ? 16 : bits);
        list_table_put(table, &entry);
    }
    for (unsigned kind = ENTRY_HELO; kind < ENTRY_KINDS; kind++) {
        entry.kind = (enum entry_kind)kind;
        for (unsigned i = 0; i < 1000; i++) {
            snprintf(key, sizeof key, "n%u.example", i);
            list_table_put(table, &entry);
            snprintf(key, sizeof key, "mail.n%u.example", i);
            list_table_put(table, &entry);
            snprintf(key, sizeof key, "u%u@n%u.example", i, i);
            if (kind >= ENTRY_SENDER)
                list_table_put(table, &entry);
        }
    }
}

struct asked {
    struct addr client;
    char helo[48], reverse[48], sender[48];
};

static void make_up(struct asked *a)
{
    uint32_t ip = pick();
    a->client = (struct addr){.family = 2};
    for (unsigned i = 0; i < 4; i++)
        a->client.ip[i] = (uint8_t)(ip >> (8 * i));
    snprintf(a->helo, sizeof a->helo, "mail%u.isp.example", pick() % 10000);
    snprintf(a->reverse, sizeof a->reverse, "host%u.isp.example", pick() % 10000);
    snprintf(a->sender, sizeof a->sender, "user@n%u.shop.example", pick() % 10000);
}

static void ask(struct list_table *table, double most, const char *what)
{
    static struct asked asked[ASKED];
    struct list_verdict verdict;
    unsigned long count = 0;
    unsigned long denied = 0;
    for (size_t i = 0; i < ASKED; i++)
        make_up(&asked[i]);
    double begun = seconds();
    while (seconds() - begun < most) {
        for (size_t i = 0; i < ASKED; i++, count++) {
            /* Clients come new: else the table's lines would stay in the cache. */
            uint32_t ip = pick();
            asked[i].client.ip[1] = (uint8_t)ip;
            asked[i].client.ip[2] = (uint8_t)(ip >> 8);
            struct list_facts facts = {&asked[i].client, asked[i].helo,         asked[i].reverse,
                                       asked[i].sender,  "postmaster@own.test", false};
            list_judge(table, &facts, 1700000000, &verdict);
            denied += verdict.ruling == LIST_DENIED;
        }
    }
    double took = seconds() - begun;
    printf("look-ups a second, %s: %.0f (%.1f %% denied)\n", what, (double)count / took,
           100.0 * (double)denied / (double)count);
}

int main(int argc, char **argv)
{
    size_t entries = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
    double most = argc > 2 ? strtod(argv[2], NULL) : 3;
    struct list_table *table = list_table_new();
    struct mallinfo2 before = mallinfo2();
    double begun = seconds();
    put_networks(table, entries);
    double took = seconds() - begun;
    struct mallinfo2 after = mallinfo2();
    size_t octets = after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;
    printf("entries put a second: %.0f\n", (double)entries / took);
    printf("octets an entry: %.0f\n", (double)octets / (double)entries);
    ask(table, most, "addresses and /24 alone");
    put_others(table);
    ask(table, most, "all kinds");
    list_table_free(table);
    return 0;
}
