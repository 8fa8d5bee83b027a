/* SPDX-License-Identifier: ISC */
/*
 * spf_fuzz: an evaluation whose DNS is hostile: the input is client, identity and all answers, and
 * begins again where it ends, so that a few octets make loops and crowds of records.
 *
 *   CHOICE CANCEL LEN SENDER LEN HELO, then for each question
 *   0 nxdomain, 1 nodata, 2 tempfail, else found: COUNT and so many records:
 *     A, AAAA   0 the client's, else another        MX, PTR   NAME of those below
 *     TXT       COUNT TERM... of those below; COUNT 31: LEN OCTETS
 *
 * What must hold: one question at a time, each for a name that fits; never more than the limits of
 * RFC 7208 4.6.4 make; one answer, never after it was cancelled; an explanation is of a fail and
 * printable.
 */
#include "lib/loop.h"
#include "lib/mem.h"
#include "policy/auth/spf_int.h"
#include "tests/fuzz/must.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define QUERIES_MOST (1 + SPF_TERMS_MOST * (1 + SPF_NAMES_MOST) + 1 + SPF_NAMES_MOST + 1)
#define RECORDS_MAX  12

enum choice { CHOICE_SIX = 1, CHOICE_HELO = 2, CHOICE_CANCEL = 4 };

static const char *const names[] = {
    "d.example", "mx.d.example", "a.example",     "",        "a\\032b.example", "x\\046y.example",
    "i.example", "MX.D.EXAMPLE", "other.example", "example", "r.example",       "\\999",
};
static const char *const terms[] = {
    " -all",
    " +all",
    " ~all",
    " ?all",
    " a",
    " mx",
    " ptr",
    " a:a.example/8//8",
    " mx:mx.d.example",
    " ptr:example",
    " exists:%{p}.%{d}",
    " exists:%{l1r-}.%{ir}.%{v}.d.example",
    " include:d.example",
    " include:%{p}",
    " include:i.example",
    " redirect=d.example",
    " redirect=%{d}",
    " exp=d.example",
    " exp=%{p}.%{s}",
    " ip4:192.0.2.0/24",
    " ip6:::/0",
    " -include:%{d}",
    " moo=%{c}",
    " a:%{S}.%{o}.%{o}.%{o}",
    " x",
    "v=spf1",
    "v=spf1 a",
    "%{p} %{c} %{t} %{h}",
    " -a:%{h}",
    " -mx/0",
    " a a a a a",
};
#define NAMES (sizeof names / sizeof names[0])
#define TERMS (sizeof terms / sizeof terms[0])

struct input {
    const uint8_t *data;
    size_t size, at;
};

struct question {
    struct dns_question question; /* first */
    enum dns_type type;
    dns_fn fn;
    void *arg;
};

struct fuzz {
    struct dns dns; /* first */
    struct input in;
    struct question *open;
    struct addr client;
    unsigned asked, answered;
    bool cancelled;
};

static uint8_t take(struct input *in)
{
    return in->data[in->at++ % in->size];
}

static char *take_text(struct input *in)
{
    size_t len = take(in);
    char *text = mem_alloc(len + 1);
    for (size_t i = 0; i < len; i++)
        text[i] = (char)take(in);
    return text;
}

/* ---- DNS ----------------------------------------------------------------------------------------
 */

static struct dns_question *ask(struct dns *dns, enum dns_type type, const char *name, dns_fn fn,
                                void *arg)
{
    struct fuzz *f = (struct fuzz *)dns;
    MUST(f->open == NULL && strlen(name) <= DNS_NAME_MAX);
    MUST(++f->asked <= QUERIES_MOST);
    f->open = mem_alloc(sizeof *f->open);
    f->open->question.dns = dns;
    f->open->type = type;
    f->open->fn = fn;
    f->open->arg = arg;
    return &f->open->question;
}

static void cancel(struct dns_question *question)
{
    struct fuzz *f = (struct fuzz *)question->dns;
    MUST(f->open == (struct question *)question);
    free(f->open);
    f->open = NULL;
}

static const struct dns_ops ops = {ask, cancel};

/* A text of terms, or of anything; the caller frees. */
static char *take_txt(struct input *in, size_t *len)
{
    size_t count = take(in) % 32;
    char *text = mem_strdup("v=spf1");
    if (count == 31) {
        free(text);
        text = take_text(in);
        *len = strlen(text);
        return text;
    }
    for (size_t i = 0; i < count; i++) {
        const char *term = terms[take(in) % TERMS];
        char *more = i == 0 && term[0] != ' ' ? mem_strdup(term) : mem_printf("%s%s", text, term);
        free(text);
        text = more;
    }
    *len = strlen(text);
    return text;
}

struct records {
    struct addr addr[RECORDS_MAX];
    const char *name[RECORDS_MAX];
    struct dns_mx mx[RECORDS_MAX];
    struct dns_txt txt[RECORDS_MAX];
    char *text[RECORDS_MAX];
};

static void take_record(struct fuzz *f, struct records *r, size_t i, enum dns_type type)
{
    switch (type) {
    case DNS_A:
    case DNS_AAAA:
        r->addr[i].family = type == DNS_A ? AF_INET : AF_INET6;
        r->addr[i].ip[0] = take(&f->in);
        if (r->addr[i].ip[0] == 0)
            r->addr[i] = f->client;
        break;
    case DNS_PTR:
        r->name[i] = names[take(&f->in) % NAMES];
        break;
    case DNS_MX:
        r->mx[i].host = names[take(&f->in) % NAMES];
        break;
    case DNS_TXT:
        r->text[i] = take_txt(&f->in, &r->txt[i].len);
        r->txt[i].text = r->text[i];
        break;
    case DNS_TLSA:
        abort(); /* SPF does not ask for it */
    }
}

static void point(struct dns_answer *a, const struct records *r)
{
    if (a->type == DNS_A || a->type == DNS_AAAA)
        a->addr = r->addr;
    else if (a->type == DNS_PTR)
        a->name = r->name;
    else if (a->type == DNS_MX)
        a->mx = r->mx;
    else
        a->txt = r->txt;
}

static void answer(struct fuzz *f)
{
    struct question *q = f->open;
    struct records *r = mem_alloc(sizeof *r);
    struct dns_answer a = {.type = q->type};
    uint8_t how = take(&f->in);
    a.status = how == 0   ? DNS_NXDOMAIN
               : how == 1 ? DNS_NODATA
               : how == 2 ? DNS_TEMPFAIL
                          : DNS_FOUND;
    a.why = how == 2 ? "timeout" : NULL;
    a.count = how > 2 ? 1 + take(&f->in) % RECORDS_MAX : 0;
    for (size_t i = 0; i < a.count; i++)
        take_record(f, r, i, q->type);
    point(&a, r);
    f->open = NULL;
    q->fn(&a, q->arg);
    for (size_t i = 0; i < RECORDS_MAX; i++)
        free(r->text[i]);
    free(r);
    free(q);
}

/* ---- what comes of it --------------------------------------------------------------------------
 */

static void check_printable(const char *text, size_t most)
{
    MUST(strlen(text) <= most);
    for (const char *c = text; *c != '\0'; c++)
        MUST(*c >= ' ' && *c <= '~');
}

static void on_answer(const struct spf_answer *a, void *arg)
{
    struct fuzz *f = arg;
    MUST(!f->cancelled && ++f->answered == 1);
    MUST(a->queries == f->asked && a->result <= SPF_PERMERROR);
    MUST(a->terms <= SPF_TERMS_MOST + 1 && a->voids <= SPF_VOIDS_MOST + 1);
    bool over = a->terms > SPF_TERMS_MOST || a->voids > SPF_VOIDS_MOST;
    MUST(!over || a->result == SPF_PERMERROR);
    bool reason = a->result == SPF_NONE || a->result >= SPF_TEMPERROR;
    MUST((a->why[0] != '\0') == reason);
    MUST(a->explanation[0] == '\0' || a->result == SPF_FAIL);
    check_printable(a->explanation, SPF_EXPLANATION_MAX);
}

static void on_trace(const char *line, void *arg)
{
    (void)arg;
    MUST(strlen(line) < 600 && strpbrk(line, "\r\n\x1b") == NULL);
}

static void run(struct fuzz *f, struct loop *loop)
{
    enum choice choice = take(&f->in);
    unsigned until = take(&f->in);
    char *sender = take_text(&f->in), *helo = take_text(&f->in);
    f->client.family = choice & CHOICE_SIX ? AF_INET6 : AF_INET;
    f->client.ip[0] = 192;
    f->client.ip[2] = 2;
    struct spf_query query = {
        .client = f->client,
        .helo = helo,
        .sender = sender,
        .helo_identity = (choice & CHOICE_HELO) != 0,
        .hostname = "here.example",
        .time_ms = 60000,
    };
    struct spf *spf = spf_ask(loop, &f->dns, &query, on_trace, on_answer, f);
    free(sender);
    free(helo);
    MUST(f->asked == 0 && f->answered == 0);
    loop_poll(loop);
    while (f->open != NULL) {
        if ((choice & CHOICE_CANCEL) && until-- == 0) {
            f->cancelled = true;
            spf_cancel(spf);
            break;
        }
        answer(f);
    }
    loop_poll(loop);
    MUST(f->open == NULL && f->answered == !f->cancelled);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz fuzz = {.dns.ops = &ops, .in = {data, size, 0}};
    if (size == 0)
        return 0;
    struct loop *loop = loop_new();
    run(&fuzz, loop);
    loop_free(loop);
    return 0;
}
