/* SPDX-License-Identifier: ISC */
#ifndef TESTS_UNIT_SUPPORT_ASKED_DNS_H
#define TESTS_UNIT_SUPPORT_ASKED_DNS_H
/*
 * A fake_dns that is filled from lines and writes down, in order, what it is asked:
 *
 *     struct asked_dns dns;
 *     asked_dns_open(&dns, "TXT _dmarc.example.com v=DMARC1; p=none\n"
 *                          "A b.example.com !TEMPFAIL timeout");
 *     ...code under test asks &dns.dns...
 *     asked_dns_run(&dns);
 *     assert_string_equal(asked_dns_text(&dns), "TXT _dmarc.example.com\n");
 *     asked_dns_close(&dns);
 *
 * A line: type, name, then records as in fake_dns_set() (several TXT records apart by '|'), or one
 * of "!NODATA", "!NXDOMAIN", "!TEMPFAIL why", "!HOLD". What no line names does not exist.
 */

#include "lib/buf.h"
#include "tests/unit/support/fake_dns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct asked_dns {
    struct dns dns; /* first: what is asked */
    struct dns *fake;
    struct buf text;
};

static const char *const asked_dns_type[] = {
    [DNS_A] = "A",   [DNS_AAAA] = "AAAA", [DNS_PTR] = "PTR",
    [DNS_MX] = "MX", [DNS_TXT] = "TXT",   [DNS_TLSA] = "TLSA"};

static struct dns_question *asked_dns_ask(struct dns *dns, enum dns_type type, const char *name,
                                          dns_fn fn, void *arg)
{
    struct asked_dns *asked = (struct asked_dns *)dns;
    buf_printf(&asked->text, "%s %s\n", asked_dns_type[type], name);
    return dns_ask(asked->fake, type, name, fn, arg); /* who cancels speaks to the fake */
}

static void asked_dns_line(struct dns *fake, char *line)
{
    char word[8], name[DNS_NAME_MAX + 1];
    int at = 0;
    enum dns_type type = DNS_A;
    if (sscanf(line, "%7s %253s %n", word, name, &at) != 2 || at == 0)
        abort();
    while (strcmp(word, asked_dns_type[type]) != 0)
        if (type++ == DNS_TLSA)
            abort();
    char *records = line + at;
    for (char *bar = records; (bar = strchr(bar, '|')) != NULL;)
        *bar = '\n';
    if (strcmp(records, "!NODATA") == 0)
        fake_dns_status(fake, type, name, DNS_NODATA, NULL);
    else if (strcmp(records, "!NXDOMAIN") == 0)
        fake_dns_status(fake, type, name, DNS_NXDOMAIN, NULL);
    else if (strcmp(records, "!HOLD") == 0)
        fake_dns_hold(fake, type, name);
    else if (strncmp(records, "!TEMPFAIL ", 10) == 0)
        fake_dns_status(fake, type, name, DNS_TEMPFAIL, records + 10);
    else
        fake_dns_set(fake, type, name, records);
}

static inline void asked_dns_open(struct asked_dns *asked, const char *lines)
{
    static const struct dns_ops ops = {.ask = asked_dns_ask};
    memset(asked, 0, sizeof *asked);
    asked->dns.ops = &ops;
    asked->fake = fake_dns_new();
    while (lines != NULL && *lines != '\0') {
        size_t len = strcspn(lines, "\n");
        char line[1024];
        snprintf(line, sizeof line, "%.*s", (int)len, lines);
        asked_dns_line(asked->fake, line);
        lines += len + (lines[len] == '\n');
    }
}

/* Answers what is asked until nothing is that may be answered. */
static inline void asked_dns_run(struct asked_dns *asked)
{
    while (fake_dns_run(asked->fake) > 0)
        ;
}

/* What was asked since the start, a line each; good until more is asked. */
static inline const char *asked_dns_text(struct asked_dns *asked)
{
    if (buf_len(&asked->text) == 0 || buf_data(&asked->text)[buf_len(&asked->text) - 1] != '\0')
        buf_add(&asked->text, "", 1);
    return buf_data(&asked->text);
}

static inline void asked_dns_close(struct asked_dns *asked)
{
    fake_dns_free(asked->fake);
    buf_free(&asked->text);
}

#endif
