/* SPDX-License-Identifier: ISC */
/*
 * dmarc_walk_fuzz: a hostile DNS, whose every answer comes from the input, asked about an author's
 * domain and identifiers that come from it, too. No walk asks more than DMARC_QUERIES_MOST names
 * and once for the domain itself; a whole evaluation no more than that, and DMARC_QUERIES_MOST for
 * each of DMARC_IDENTIFIERS_MOST identifiers; every question is a name below _dmarc, or the domain;
 * what is answered is told once, with an organisational domain that the domain ends in; and a
 * message is never said to pass without an aligned identifier. Input: lines; the first octet says
 * how, the first line the domain, the second identifiers apart by blanks, the rest are answers.
 */
#include "policy/auth/dmarc.h"

#include "lib/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define IDENTIFIERS 24

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct question {
    struct dns_question question; /* first */
    TAILQ_ENTRY(question) link;
    enum dns_type type;
    char *name;
    dns_fn fn;
    void *arg;
};

struct hostile {
    struct dns dns; /* first */
    TAILQ_HEAD(, question) open;
    const char *domain;
    const char *at, *end; /* the answers that are left */
    size_t asked, records, addresses;
};

static void expect(bool truth)
{
    if (!truth)
        abort();
}

/* ---- the DNS --------------------------------------------------------------------------------- */

static struct dns_question *ask(struct dns *dns, enum dns_type type, const char *name, dns_fn fn,
                                void *arg)
{
    struct hostile *h = (struct hostile *)dns;
    struct question *q = mem_alloc(sizeof *q);
    expect(type == DNS_TXT || type == DNS_A);
    if (type == DNS_A)
        expect(strcmp(name, h->domain) == 0);
    else
        expect(name[0] == '\0' || strncmp(name, "_dmarc.", 7) == 0);
    *q = (struct question){.question = {dns}, .type = type, .fn = fn, .arg = arg};
    q->name = mem_strdup(name);
    *(type == DNS_TXT ? &h->records : &h->addresses) += 1;
    h->asked++;
    TAILQ_INSERT_TAIL(&h->open, q, link);
    return &q->question;
}

static void question_free(struct hostile *h, struct question *q)
{
    TAILQ_REMOVE(&h->open, q, link);
    free(q->name);
    free(q);
}

static void cancel(struct dns_question *question)
{
    question_free((struct hostile *)question->dns, (struct question *)question);
}

static const struct dns_ops ops = {ask, cancel};

/* The next line of the input. */
static struct dns_txt line(struct hostile *h)
{
    struct dns_txt text = {h->at, (size_t)(h->end - h->at)};
    const char *stop = text.len > 0 ? memchr(h->at, '\n', text.len) : NULL;
    if (stop != NULL)
        text.len = (size_t)(stop - h->at);
    h->at = stop != NULL ? stop + 1 : h->end;
    return text;
}

/* Answers the oldest question: '!' a fault, '-' NXDOMAIN, '0' no data, '2' two records of the next
 * lines, else a record of the line. */
static void answer_one(struct hostile *h)
{
    static const struct addr address = {.family = 0};
    struct question *q = TAILQ_FIRST(&h->open);
    struct dns_txt text[2] = {line(h)};
    char first = text[0].len > 0 ? text[0].text[0] : '-';
    struct dns_answer answer = {.status = DNS_FOUND, .type = q->type, .count = 1, .txt = text};
    if (first == '!')
        answer = (struct dns_answer){.status = DNS_TEMPFAIL, .type = q->type, .why = "timeout"};
    else if (first == '-' || first == '0')
        answer = (struct dns_answer){.status = first == '-' ? DNS_NXDOMAIN : DNS_NODATA,
                                     .type = q->type};
    else if (q->type == DNS_A)
        answer.addr = &address;
    else if (first == '2') {
        text[0] = line(h);
        text[1] = line(h);
        answer.count = 2;
    }
    dns_fn fn = q->fn;
    void *arg = q->arg;
    question_free(h, q);
    fn(&answer, arg);
}

/* ---- one walk -------------------------------------------------------------------------------- */

static bool is_end(const char *name, const char *end)
{
    size_t len = strlen(name), tail = strlen(end);
    return len >= tail && strcmp(name + len - tail, end) == 0;
}

static void on_found(const struct dmarc_found *found, void *arg)
{
    ++*(unsigned *)arg;
    expect(found->status != DNS_NXDOMAIN);
    expect(is_end(found->domain, found->org) && is_end(found->domain, found->at));
    expect((found->org[0] == '\0') == (found->domain[0] == '\0'));
    expect(found->queries <= DMARC_QUERIES_MOST + 1);
    expect(!found->absent || found->inherited);
    expect(found->status != DNS_TEMPFAIL || found->why[0] != '\0');
}

static void walk_once(struct hostile h, enum dmarc_discovery how, bool want_policy, size_t give_up)
{
    unsigned told = 0;
    TAILQ_INIT(&h.open);
    struct dmarc_walk *walk = dmarc_walk_ask(&h.dns, h.domain, how, want_policy, on_found, &told);
    while (told == 0 && give_up-- > 0)
        answer_one(&h);
    if (told == 0)
        dmarc_walk_cancel(walk);
    expect(TAILQ_EMPTY(&h.open) && told <= 1);
    expect(h.records <= (how == DMARC_PSL ? 2 : DMARC_QUERIES_MOST) && h.addresses <= 1);
}

/* ---- one message ----------------------------------------------------------------------------- */

static void on_changed(void *arg)
{
    ++*(unsigned *)arg;
}

static void check_answer(const struct dmarc_answer *a, const struct hostile *h)
{
    expect((a->result == DMARC_PASS) == (a->spf_aligned || a->dkim_aligned));
    expect(a->result != DMARC_PERMERROR);
    expect(a->result != DMARC_FAIL || (a->at[0] != '\0' && a->org[0] != '\0'));
    expect(a->policy <= a->published && a->queries <= h->asked);
}

static void judge_once(struct hostile h, enum dmarc_discovery how,
                       const struct dmarc_identifiers *who, size_t give_up)
{
    unsigned changed = 0;
    TAILQ_INIT(&h.open);
    struct dmarc *dmarc = dmarc_new(&h.dns, h.domain, how, on_changed, &changed);
    for (size_t early = give_up % 4; early > 0 && !TAILQ_EMPTY(&h.open); early--)
        answer_one(&h);
    dmarc_end(dmarc, who);
    while (!dmarc_settled(dmarc) && give_up-- > 0)
        answer_one(&h);
    if (!dmarc_settled(dmarc))
        dmarc_give_up(dmarc);
    expect(changed <= 1 && TAILQ_EMPTY(&h.open));
    check_answer(dmarc_answer(dmarc), &h);
    expect(h.records <= DMARC_QUERIES_MOST * (1 + DMARC_IDENTIFIERS_MOST) && h.addresses <= 1);
    dmarc_free(dmarc);
}

/* The words of the second line: "?x" is not known, the first is SPF's. */
static size_t words_of(char *text, const char *word[static IDENTIFIERS])
{
    size_t count = 0;
    for (char *next; count < IDENTIFIERS && (next = strsep(&text, " ")) != NULL;)
        if (*next != '\0')
            word[count++] = next;
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *word[IDENTIFIERS], *pass[IDENTIFIERS], *unsure[IDENTIFIERS];
    if (size < 1)
        return 0;
    struct hostile h = {
        .dns = {&ops}, .at = (const char *)data + 1, .end = (const char *)data + size};
    struct dns_txt first = line(&h), second = line(&h);
    char *domain = mem_strndup(first.text, first.len);
    char *text = mem_strndup(second.text, second.len);
    struct dmarc_identifiers who = {.spf_domain = "", .dkim_domain = pass, .dkim_unsure = unsure};
    size_t count = words_of(text, word);
    for (size_t i = 0; i < count; i++) {
        bool known = word[i][0] != '?';
        const char *name = word[i] + !known;
        if (i == 0) {
            who.spf_domain = name;
            who.spf_temperror = !known;
        } else {
            *(known ? &pass[who.dkim_domains++] : &unsure[who.dkim_unsures++]) = name;
        }
    }
    enum dmarc_discovery how = data[0] & 1 ? DMARC_PSL : DMARC_TREE_WALK;
    size_t give_up = data[0] & 2 ? data[0] / 4 : SIZE_MAX - 1;
    h.domain = domain;
    walk_once(h, how, true, give_up);
    walk_once(h, how, false, give_up);
    judge_once(h, how, &who, give_up);
    free(domain);
    free(text);
    return 0;
}
