/* SPDX-License-Identifier: ISC */
/*
 * fake_dns: questions wait in a list until the test lets them be answered.
 *
 * The answer of a question is read from the table when it is answered, in memory of its own, so the
 * table may change within the callback.
 */
#include "tests/unit/support/fake_dns.h"

#include "dns/name.h"
#include "lib/mem.h"
#include "lib/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define TTL_DEFAULT 300
#define RECORDS_MAX 64

struct entry {
    LIST_ENTRY(entry) link;
    enum dns_type type;
    char name[DNS_NAME_MAX + 1];
    enum dns_status status;
    char *records;
    char *why;
    uint32_t ttl;
    bool held;
};

struct question {
    struct dns_question question; /* first: this is what the asker holds */
    TAILQ_ENTRY(question) link;
    enum dns_type type;
    char name[DNS_NAME_MAX + 1]; /* "": one that cannot be asked */
    size_t serial;
    dns_fn fn;
    void *arg;
};

struct asked {
    LIST_ENTRY(asked) link;
    enum dns_type type;
    char name[DNS_NAME_MAX + 1];
    size_t times;
};

struct fake_dns {
    struct dns dns; /* first: this is what askers see */
    LIST_HEAD(, entry) table;
    TAILQ_HEAD(, question) open;
    LIST_HEAD(, asked) history;
    size_t asked;
};

/* One answer with all it points to. */
struct built {
    struct dns_answer answer;
    char *text;
    struct addr addr[RECORDS_MAX];
    const char *name[RECORDS_MAX];
    struct dns_mx mx[RECORDS_MAX];
    struct dns_txt txt[RECORDS_MAX];
    struct dns_tlsa tlsa[RECORDS_MAX];
    unsigned char data[RECORDS_MAX][64];
};

static _Noreturn void wrong(const char *what, const char *name)
{
    fprintf(stderr, "fake_dns: %s: %s\n", what, name);
    abort();
}

static struct fake_dns *of(const struct dns *dns)
{
    return (struct fake_dns *)(uintptr_t)dns;
}

/* ---- asking ---- */

static void count(struct fake_dns *fake, enum dns_type type, const char *name)
{
    struct asked *asked;
    fake->asked++;
    LIST_FOREACH(asked, &fake->history, link)
    {
        if (asked->type == type && strcmp(asked->name, name) == 0) {
            asked->times++;
            return;
        }
    }
    asked = mem_alloc(sizeof *asked);
    asked->type = type;
    memcpy(asked->name, name, strlen(name) + 1);
    asked->times = 1;
    LIST_INSERT_HEAD(&fake->history, asked, link);
}

static struct dns_question *ask(struct dns *dns, enum dns_type type, const char *name, dns_fn fn,
                                void *arg)
{
    struct fake_dns *fake = of(dns);
    struct question *q = mem_alloc(sizeof *q);
    q->question.dns = dns;
    q->type = type;
    if (!dns_name_normal(name, q->name))
        q->name[0] = '\0';
    count(fake, type, q->name);
    q->serial = fake->asked;
    q->fn = fn;
    q->arg = arg;
    TAILQ_INSERT_TAIL(&fake->open, q, link);
    return &q->question;
}

static void cancel(struct dns_question *question)
{
    struct question *q = (struct question *)question;
    TAILQ_REMOVE(&of(question->dns)->open, q, link);
    free(q);
}

static const struct dns_ops fake_ops = {ask, cancel};

struct dns *fake_dns_new(void)
{
    struct fake_dns *fake = mem_alloc(sizeof *fake);
    fake->dns.ops = &fake_ops;
    LIST_INIT(&fake->table);
    TAILQ_INIT(&fake->open);
    LIST_INIT(&fake->history);
    return &fake->dns;
}

void fake_dns_free(struct dns *dns)
{
    if (dns == NULL)
        return;
    struct fake_dns *fake = of(dns);
    if (!TAILQ_EMPTY(&fake->open))
        wrong("a question is still open", TAILQ_FIRST(&fake->open)->name);
    fake_dns_forget(dns);
    struct asked *asked;
    while ((asked = LIST_FIRST(&fake->history)) != NULL) {
        LIST_REMOVE(asked, link);
        free(asked);
    }
    free(fake);
}

/* ---- the table ---- */

static void normal(const char *name, char out[static DNS_NAME_MAX + 1])
{
    if (!dns_name_normal(name, out))
        wrong("no name that can be asked for", name);
}

static struct entry *find(const struct fake_dns *fake, enum dns_type type, const char *name)
{
    struct entry *entry;
    LIST_FOREACH(entry, &fake->table, link)
    {
        if (entry->type == type && strcmp(entry->name, name) == 0)
            return entry;
    }
    return NULL;
}

static void entry_free(struct entry *entry)
{
    LIST_REMOVE(entry, link);
    free(entry->records);
    free(entry->why);
    free(entry);
}

static struct entry *put(struct dns *dns, enum dns_type type, const char *name)
{
    struct entry *entry = mem_alloc(sizeof *entry);
    normal(name, entry->name);
    struct entry *old = find(of(dns), type, entry->name);
    if (old != NULL)
        entry_free(old);
    entry->type = type;
    entry->ttl = TTL_DEFAULT;
    LIST_INSERT_HEAD(&of(dns)->table, entry, link);
    return entry;
}

static void build(struct built *built, const struct entry *entry);

static void built_free(struct built *built)
{
    free(built->text);
    free(built);
}

void fake_dns_set(struct dns *dns, enum dns_type type, const char *name, const char *records)
{
    struct entry *entry = put(dns, type, name);
    entry->status = DNS_FOUND;
    entry->records = mem_strdup(records);
    struct built *built = mem_alloc(sizeof *built); /* so that a mistake shows here */
    build(built, entry);
    built_free(built);
}

void fake_dns_status(struct dns *dns, enum dns_type type, const char *name, enum dns_status status,
                     const char *why)
{
    if (status == DNS_FOUND || (status == DNS_TEMPFAIL) != (why != NULL))
        wrong("a status without records; `why` with DNS_TEMPFAIL only", name);
    struct entry *entry = put(dns, type, name);
    entry->status = status;
    entry->why = mem_strdup(why);
}

void fake_dns_hold(struct dns *dns, enum dns_type type, const char *name)
{
    struct entry *entry = put(dns, type, name);
    entry->status = DNS_NODATA;
    entry->held = true;
}

void fake_dns_ttl(struct dns *dns, enum dns_type type, const char *name, uint32_t ttl)
{
    char key[DNS_NAME_MAX + 1];
    normal(name, key);
    struct entry *entry = find(of(dns), type, key);
    if (entry == NULL)
        wrong("has no entry to give a TTL", name);
    entry->ttl = ttl;
}

void fake_dns_forget(struct dns *dns)
{
    while (!LIST_EMPTY(&of(dns)->table))
        entry_free(LIST_FIRST(&of(dns)->table));
}

/* ---- answers from text ---- */

static const char *word(char **rest, const char *records)
{
    const char *found = strsep(rest, " ");
    if (found == NULL || *found == '\0')
        wrong("these are no records of that type", records);
    return found;
}

static unsigned number(char **rest, const char *records, unsigned long most)
{
    char *end;
    unsigned long value = strtoul(word(rest, records), &end, 10);
    if (*end != '\0' || value > most)
        wrong("a number is wrong", records);
    return (unsigned)value;
}

static void read_mx(struct built *built, size_t i, char **rest, const char *records)
{
    struct dns_mx mx = {.preference = (uint16_t)number(rest, records, UINT16_MAX)};
    mx.host = word(rest, records);
    if (strcmp(mx.host, ".") == 0)
        mx.host = "";
    for (; i > 0 && built->mx[i - 1].preference > mx.preference; i--)
        built->mx[i] = built->mx[i - 1];
    built->mx[i] = mx;
}

static void read_tlsa(struct built *built, size_t i, char **rest, const char *records)
{
    struct dns_tlsa *tlsa = &built->tlsa[i];
    tlsa->usage = (uint8_t)number(rest, records, UINT8_MAX);
    tlsa->selector = (uint8_t)number(rest, records, UINT8_MAX);
    tlsa->matching = (uint8_t)number(rest, records, UINT8_MAX);
    const char *digits = word(rest, records);
    tlsa->len = strlen(digits) / 2;
    if (tlsa->len > sizeof built->data[i] ||
        !str_hex_decode(built->data[i], tlsa->len, digits, strlen(digits)))
        wrong("up to 64 octets in hex are wanted", records);
    tlsa->data = built->data[i];
}

static void read_one(struct built *built, size_t i, char **rest, const char *records)
{
    switch (built->answer.type) {
    case DNS_A:
    case DNS_AAAA:
        if (!addr_parse_ip(word(rest, records), &built->addr[i]))
            wrong("an address is wanted", records);
        break;
    case DNS_PTR:
        built->name[i] = word(rest, records);
        break;
    case DNS_MX:
        read_mx(built, i, rest, records);
        break;
    case DNS_TXT:
        built->txt[i].text = strsep(rest, "\n");
        built->txt[i].len = strlen(built->txt[i].text);
        break;
    case DNS_TLSA:
        read_tlsa(built, i, rest, records);
        break;
    }
}

static void point(struct built *built)
{
    switch (built->answer.type) {
    case DNS_A:
    case DNS_AAAA:
        built->answer.addr = built->addr;
        break;
    case DNS_PTR:
        built->answer.name = built->name;
        break;
    case DNS_MX:
        built->answer.mx = built->mx;
        break;
    case DNS_TXT:
        built->answer.txt = built->txt;
        break;
    case DNS_TLSA:
        built->answer.tlsa = built->tlsa;
        break;
    }
}

static void build(struct built *built, const struct entry *entry)
{
    struct dns_answer *answer = &built->answer;
    answer->status = entry->status;
    answer->type = entry->type;
    answer->ttl = entry->ttl;
    if (entry->why != NULL)
        answer->why = built->text = mem_strdup(entry->why);
    if (entry->status != DNS_FOUND)
        return;
    char *rest = built->text = mem_strdup(entry->records);
    while (rest != NULL) {
        if (answer->count == RECORDS_MAX)
            wrong("too many records", entry->records);
        read_one(built, answer->count++, &rest, entry->records);
    }
    point(built);
}

/* What the table says of a name it does not have with that type. */
static enum dns_status status_of_name(const struct fake_dns *fake, const char *name)
{
    const struct entry *entry;
    LIST_FOREACH(entry, &fake->table, link)
    {
        if (entry->status == DNS_FOUND && strcmp(entry->name, name) == 0)
            return DNS_NODATA;
    }
    return DNS_NXDOMAIN;
}

/* ---- answering ---- */

static void answer_question(struct fake_dns *fake, struct question *q)
{
    struct built *built = mem_alloc(sizeof *built);
    const struct entry *entry = find(fake, q->type, q->name);
    if (entry != NULL)
        build(built, entry);
    else
        built->answer = (struct dns_answer){
            .status = status_of_name(fake, q->name), .type = q->type, .ttl = TTL_DEFAULT};
    TAILQ_REMOVE(&fake->open, q, link);
    q->fn(&built->answer, q->arg);
    free(q);
    built_free(built);
}

static struct question *next(struct fake_dns *fake, size_t until, enum dns_type type,
                             const char *name)
{
    struct question *q;
    TAILQ_FOREACH(q, &fake->open, link)
    {
        if (q->serial > until)
            return NULL;
        const struct entry *entry = find(fake, q->type, q->name);
        if (entry != NULL && entry->held)
            continue;
        if (name == NULL || (q->type == type && strcmp(q->name, name) == 0))
            return q;
    }
    return NULL;
}

static size_t run(struct fake_dns *fake, enum dns_type type, const char *name)
{
    size_t until = fake->asked, answered = 0;
    struct question *q;
    while ((q = next(fake, until, type, name)) != NULL) {
        answer_question(fake, q);
        answered++;
    }
    return answered;
}

size_t fake_dns_run(struct dns *dns)
{
    return run(of(dns), DNS_A, NULL);
}

size_t fake_dns_run_for(struct dns *dns, enum dns_type type, const char *name)
{
    char key[DNS_NAME_MAX + 1];
    normal(name, key);
    return run(of(dns), type, key);
}

size_t fake_dns_asked(const struct dns *dns)
{
    return of(dns)->asked;
}

size_t fake_dns_asked_for(const struct dns *dns, enum dns_type type, const char *name)
{
    char key[DNS_NAME_MAX + 1];
    normal(name, key);
    const struct asked *asked;
    LIST_FOREACH(asked, &of(dns)->history, link)
    {
        if (asked->type == type && strcmp(asked->name, key) == 0)
            return asked->times;
    }
    return 0;
}

size_t fake_dns_open(const struct dns *dns)
{
    size_t open = 0;
    const struct question *q;
    TAILQ_FOREACH(q, &of(dns)->open, link)
    open++;
    return open;
}
