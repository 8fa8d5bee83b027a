/* SPDX-License-Identifier: ISC */
/*
 * fake_store: what is remembered, in arrays.
 *
 * An answer is made when the question is asked, and brought by the asker's loop. Strings stay until
 * the store is emptied or freed, so that what an answer points to may change meanwhile.
 */
#include "tests/unit/support/fake_store.h"

#include "db/grey_rule.h"
#include "lib/loop.h"
#include "lib/mem.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#define OPS (STORE_BACKUP + 1)

struct text {
    SLIST_ENTRY(text) link;
    char text[];
};

struct rows { /* an array that grows */
    void *at;
    size_t count;
};

struct triplet {
    struct grey_item item; /* strings and, in a page, what else is shown */
    struct grey_record record;
    struct grey_rule rule;
    uint64_t serial;
    bool strongest; /* stored under the first of its identities */
};

struct request {
    struct store_request request; /* first: this is what the asker holds */
    TAILQ_ENTRY(request) link;
    struct loop *loop;
    store_fn fn;
    void *arg;
    struct store_answer answer;
    void *items; /* of a page */
    bool posted; /* the loop will call */
};

struct fake_store {
    struct store store; /* first: this is what askers see */
    pthread_mutex_t lock;
    const char *down;
    bool held;
    SLIST_HEAD(, text) texts;
    TAILQ_HEAD(, request) open;
    struct rows triplets, entries, identities, decisions, counters;
    uint64_t serial;
    uint64_t dropped;
    size_t asked[OPS];
};

static _Noreturn void wrong(const char *what)
{
    fprintf(stderr, "fake_store: %s\n", what);
    abort();
}

static struct fake_store *of(const struct store *store)
{
    return (struct fake_store *)(uintptr_t)store;
}

/* ---- memory ---- */

static const char *keep(struct fake_store *fake, const char *string)
{
    size_t len = string != NULL ? strlen(string) : 0;
    struct text *text = mem_alloc(sizeof *text + len + 1);
    if (len > 0)
        memcpy(text->text, string, len);
    SLIST_INSERT_HEAD(&fake->texts, text, link);
    return text->text;
}

static void *add(struct rows *rows, size_t size)
{
    rows->at = mem_grow(rows->at, rows->count + 1, size);
    char *row = (char *)rows->at + rows->count++ * size;
    memset(row, 0, size);
    return row;
}

static void take_out(struct rows *rows, size_t size, size_t index)
{
    char *row = (char *)rows->at + index * size;
    rows->count--;
    memmove(row, row + size, (rows->count - index) * size);
}

static void empty(struct fake_store *fake)
{
    struct rows *const all[] = {&fake->triplets, &fake->entries, &fake->identities,
                                &fake->decisions, &fake->counters};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        free(all[i]->at);
        *all[i] = (struct rows){0};
    }
    while (!SLIST_EMPTY(&fake->texts)) {
        struct text *text = SLIST_FIRST(&fake->texts);
        SLIST_REMOVE_HEAD(&fake->texts, link);
        free(text);
    }
}

/* ---- greylisting ---- */

/* NULL matches all; an address matches its domain, too. */
static bool matches(const char *wanted, const char *value)
{
    if (wanted == NULL || strcasecmp(wanted, value) == 0)
        return true;
    const char *at = strrchr(value, '@');
    return at != NULL && strcasecmp(wanted, at + 1) == 0;
}

static struct triplet *find_triplet(struct fake_store *fake, const char *identity,
                                    const struct grey_question *q)
{
    struct triplet *triplet = fake->triplets.at;
    for (size_t i = 0; i < fake->triplets.count; i++) {
        if (strcmp(triplet[i].item.identity, identity) == 0 &&
            strcmp(triplet[i].item.sender, q->sender) == 0 &&
            strcmp(triplet[i].item.recipient, q->recipient) == 0)
            return &triplet[i];
    }
    return NULL;
}

static void see(struct fake_store *fake, const struct store_question *question,
                struct store_answer *answer)
{
    const struct grey_question *q = &question->grey;
    struct grey_record best = {0};
    if (q->identities == 0 || q->identities > STORE_IDENTITIES_MOST)
        wrong("a triplet has 1 to 3 identities");
    for (size_t i = 0; i < q->identities; i++) {
        const struct triplet *found = find_triplet(fake, q->identity[i], q);
        if (found != NULL)
            best = *grey_better(&best, &found->record, &q->rule, question->now);
    }
    answer->state = grey_see(&best, &q->rule, question->now, &answer->wait);
    for (size_t i = 0; i < q->identities; i++) {
        struct triplet *t = find_triplet(fake, q->identity[i], q);
        if (t == NULL) {
            t = add(&fake->triplets, sizeof *t);
            t->item.identity = keep(fake, q->identity[i]);
            t->item.sender = keep(fake, q->sender);
            t->item.recipient = keep(fake, q->recipient);
            t->serial = ++fake->serial;
        }
        t->record = best;
        t->rule = q->rule;
        t->strongest = i == 0;
    }
}

static bool chosen(const struct triplet *t, const struct grey_filter *filter, int64_t now)
{
    if (filter->rule.white_lifetime != 0 && grey_ended(&t->record, &filter->rule, now))
        return false;
    if (filter->which != GREY_ANY && (filter->which == GREY_WHITE_ONLY) != t->record.white)
        return false;
    return matches(filter->identity, t->item.identity) && matches(filter->sender, t->item.sender) &&
           matches(filter->recipient, t->item.recipient);
}

/* From the end, in parts; the cursor is one more than the place of the last one looked at. */
static void edit(struct fake_store *fake, const struct store_question *question,
                 struct store_answer *answer)
{
    size_t behind = question->page.cursor > 0 ? question->page.cursor - 1 : fake->triplets.count;
    for (size_t i = behind; i-- > 0;) {
        struct triplet *t = (struct triplet *)fake->triplets.at + i;
        if (!chosen(t, &question->grey_edit.filter, question->now))
            continue;
        if (answer->count == question->page.most) {
            answer->next = i + 2;
            return;
        }
        answer->count++;
        t->record.white = true;
        t->record.last = question->now;
        if (question->grey_edit.edit == GREY_DELETE)
            take_out(&fake->triplets, sizeof *t, i);
    }
}

static void *grey_page(struct fake_store *fake, const struct store_question *question,
                       struct store_answer *answer)
{
    const struct grey_filter *filter = &question->grey_edit.filter;
    struct rows page = {0};
    const struct triplet *t = fake->triplets.at;
    for (size_t i = 0; i < fake->triplets.count; i++) {
        if (t[i].serial <= question->page.cursor || !chosen(&t[i], filter, question->now) ||
            (filter->identity == NULL && !t[i].strongest))
            continue;
        if (page.count == question->page.most)
            break;
        struct grey_item *item = add(&page, sizeof *item);
        *item = t[i].item;
        item->white = t[i].record.white;
        item->first = t[i].record.first;
        item->last = t[i].record.last;
        item->until = grey_until(&t[i].record, &t[i].rule);
        item->count = t[i].record.count;
        answer->next = page.count == question->page.most ? t[i].serial : 0;
    }
    answer->count = page.count;
    answer->grey = page.at;
    return page.at;
}

/* ---- the rest ---- */

static bool entry_chosen(const struct entry *e, const struct entry_filter *filter)
{
    return (filter->list < 0 || (int)e->list == filter->list) &&
           (filter->kind < 0 || (int)e->kind == filter->kind) &&
           (filter->key == NULL || strcmp(e->key, filter->key) == 0);
}

/* True: it was put in. */
static bool put_entry(struct fake_store *fake, const struct entry *entry, bool stays)
{
    struct entry *to = NULL;
    struct entry *e = fake->entries.at;
    for (size_t i = 0; i < fake->entries.count && to == NULL; i++) {
        if (e[i].list == entry->list && e[i].kind == entry->kind && e[i].origin == entry->origin &&
            strcmp(e[i].key, entry->key) == 0)
            to = &e[i];
    }
    if (to != NULL && stays)
        return false;
    if (to == NULL)
        to = add(&fake->entries, sizeof *to);
    *to = *entry;
    to->key = keep(fake, entry->key);
    to->reason = keep(fake, entry->reason);
    to->author = keep(fake, entry->author);
    return true;
}

static void put_identity(struct fake_store *fake, const struct identity_item *item)
{
    struct identity_item *to = NULL;
    struct identity_item *have = fake->identities.at;
    for (size_t i = 0; i < fake->identities.count && to == NULL; i++) {
        if (strcmp(have[i].text, item->text) == 0)
            to = &have[i];
    }
    if (to == NULL)
        to = add(&fake->identities, sizeof *to);
    *to = *item;
    to->text = keep(fake, item->text);
}

static void put_decision(struct fake_store *fake, const struct decision_item *item)
{
    struct decision_item *to = add(&fake->decisions, sizeof *to);
    *to = *item;
    to->number = (int64_t)++fake->serial;
    to->id = keep(fake, item->id);
    to->client = keep(fake, item->client);
    to->sender = keep(fake, item->sender);
    to->recipient = keep(fake, item->recipient);
    to->verdict = keep(fake, item->verdict);
    to->record = keep(fake, item->record);
}

static void add_counter(struct fake_store *fake, const struct counter_item *item)
{
    struct counter_item *have = fake->counters.at;
    for (size_t i = 0; i < fake->counters.count; i++) {
        if (strcmp(have[i].name, item->name) == 0) {
            have[i].value += item->value;
            return;
        }
    }
    struct counter_item *to = add(&fake->counters, sizeof *to);
    to->name = keep(fake, item->name);
    to->value = item->value;
}

static void put(struct fake_store *fake, const struct store_question *question,
                struct store_answer *answer)
{
    for (size_t i = 0; i < question->put.count; i++) {
        if (question->op == STORE_ENTRY_PUT)
            answer->count += put_entry(fake, &question->put.entry[i], question->put.keep);
        else if (question->op == STORE_IDENTITY_PUT)
            put_identity(fake, &question->put.identity[i]);
        else if (question->op == STORE_DECISION_PUT)
            put_decision(fake, &question->put.decision[i]);
        else
            add_counter(fake, &question->put.counter[i]);
    }
    if (question->op != STORE_ENTRY_PUT)
        answer->count = question->put.count;
}

static void delete_entries(struct fake_store *fake, const struct store_question *question,
                           struct store_answer *answer)
{
    for (size_t i = fake->entries.count; i-- > 0;) {
        struct entry *e = (struct entry *)fake->entries.at + i;
        if (!entry_chosen(e, &question->entry))
            continue;
        take_out(&fake->entries, sizeof *e, i);
        answer->count++;
    }
    answer->status = answer->count > 0 ? STORE_OK : STORE_NONE;
}

static void forget_triplets(struct fake_store *fake, const char *address,
                            struct store_answer *answer)
{
    for (size_t i = fake->triplets.count; i-- > 0;) {
        struct triplet *t = (struct triplet *)fake->triplets.at + i;
        if (strcasecmp(t->item.sender, address) != 0 && strcasecmp(t->item.recipient, address) != 0)
            continue;
        take_out(&fake->triplets, sizeof *t, i);
        answer->count++;
    }
}

static void forget_decisions(struct fake_store *fake, const char *address,
                             struct store_answer *answer)
{
    for (size_t i = fake->decisions.count; i-- > 0;) {
        struct decision_item *d = (struct decision_item *)fake->decisions.at + i;
        if (strcasecmp(d->sender, address) != 0 && strcasecmp(d->recipient, address) != 0 &&
            strcasecmp(d->client, address) != 0)
            continue;
        take_out(&fake->decisions, sizeof *d, i);
        answer->count++;
    }
}

/* Triplets are one part, decisions the next. */
static void forget(struct fake_store *fake, const struct store_question *question,
                   struct store_answer *answer)
{
    if (question->page.cursor > 0) {
        forget_decisions(fake, question->text, answer);
        return;
    }
    forget_triplets(fake, question->text, answer);
    answer->next = 1;
}

static bool decision_chosen(const struct decision_item *d, const struct decision_filter *filter)
{
    return (filter->id == NULL || strcasecmp(d->id, filter->id) == 0) &&
           (filter->client == NULL || strcasecmp(d->client, filter->client) == 0) &&
           (filter->sender == NULL || strcasecmp(d->sender, filter->sender) == 0) &&
           (filter->recipient == NULL || strcasecmp(d->recipient, filter->recipient) == 0) &&
           d->time_ms >= filter->since_ms;
}

/* Newest first; the cursor is a number. */
static void *decision_page(struct fake_store *fake, const struct store_question *question,
                           struct store_answer *answer)
{
    struct rows page = {0};
    uint64_t below = question->page.cursor != 0 ? question->page.cursor : UINT64_MAX;
    for (size_t i = fake->decisions.count; i-- > 0 && page.count < question->page.most;) {
        const struct decision_item *d = (const struct decision_item *)fake->decisions.at + i;
        if ((uint64_t)d->number >= below || !decision_chosen(d, &question->decision))
            continue;
        *(struct decision_item *)add(&page, sizeof *d) = *d;
        answer->next = page.count == question->page.most ? (uint64_t)d->number : 0;
    }
    answer->count = page.count;
    answer->decision = page.at;
    return page.at;
}

/* Of rows that have no number of their own the cursor is the place. */
static void *plain_page(const struct rows *rows, size_t size, const struct store_question *question,
                        struct store_answer *answer)
{
    struct rows page = {0};
    size_t i = (size_t)question->page.cursor;
    for (; i < rows->count && page.count < question->page.most; i++) {
        const char *row = (const char *)rows->at + i * size;
        if (question->op == STORE_ENTRY_PAGE &&
            !entry_chosen((const struct entry *)(const void *)row, &question->entry))
            continue;
        memcpy(add(&page, size), row, size);
    }
    answer->count = page.count;
    answer->next = i < rows->count ? i : 0;
    answer->entry = page.at;
    return page.at;
}

/* Does it; returns the items of a page. */
static void *take(struct fake_store *fake, const struct store_question *q,
                  struct store_answer *answer)
{
    fake->asked[q->op]++;
    *answer = (struct store_answer){.op = q->op, .status = STORE_OK};
    if (fake->down != NULL) {
        answer->status = STORE_DOWN;
        answer->why = fake->down;
        fake->dropped++;
        return NULL;
    }
    switch (q->op) {
    case STORE_GREY:
        see(fake, q, answer);
        return NULL;
    case STORE_GREY_PAGE:
        return grey_page(fake, q, answer);
    case STORE_GREY_EDIT:
        edit(fake, q, answer);
        return NULL;
    case STORE_ENTRY_PUT:
    case STORE_IDENTITY_PUT:
    case STORE_DECISION_PUT:
    case STORE_COUNTER_ADD:
        put(fake, q, answer);
        return NULL;
    case STORE_ENTRY_DELETE:
        delete_entries(fake, q, answer);
        return NULL;
    case STORE_ENTRY_PAGE:
        return plain_page(&fake->entries, sizeof(struct entry), q, answer);
    case STORE_IDENTITY_PAGE:
        return plain_page(&fake->identities, sizeof(struct identity_item), q, answer);
    case STORE_DECISION_PAGE:
        return decision_page(fake, q, answer);
    case STORE_COUNTER_PAGE:
        return plain_page(&fake->counters, sizeof(struct counter_item), q, answer);
    case STORE_FORGET:
        forget(fake, q, answer);
        return NULL;
    case STORE_BACKUP:
        return NULL;
    }
    wrong("a question that is none");
}

/* ---- asking ---- */

static void request_free(struct request *request)
{
    free(request->items);
    free(request);
}

static void on_answer(void *arg)
{
    struct request *request = arg;
    struct fake_store *fake = of(request->request.store);
    if (request->fn != NULL) {
        pthread_mutex_lock(&fake->lock);
        TAILQ_REMOVE(&fake->open, request, link);
        pthread_mutex_unlock(&fake->lock);
        request->fn(&request->answer, request->arg);
    }
    request_free(request);
}

static void post(struct request *request)
{
    request->posted = true;
    loop_defer(request->loop, on_answer, request);
}

static struct store_request *ask(struct store *store, struct loop *loop,
                                 const struct store_question *question, store_fn fn, void *arg)
{
    struct fake_store *fake = of(store);
    struct request *request = mem_alloc(sizeof *request);
    request->request.store = store;
    request->loop = loop;
    request->fn = fn;
    request->arg = arg;
    pthread_mutex_lock(&fake->lock);
    request->items = take(fake, question, &request->answer);
    TAILQ_INSERT_TAIL(&fake->open, request, link);
    bool held = fake->held;
    pthread_mutex_unlock(&fake->lock);
    if (!held)
        post(request);
    return &request->request;
}

static void cancel(struct store_request *token)
{
    struct request *request = (struct request *)token;
    struct fake_store *fake = of(token->store);
    pthread_mutex_lock(&fake->lock);
    TAILQ_REMOVE(&fake->open, request, link);
    pthread_mutex_unlock(&fake->lock);
    request->fn = NULL;
    if (!request->posted)
        request_free(request);
}

static void tell(struct store *store, const struct store_question *question)
{
    struct fake_store *fake = of(store);
    struct store_answer answer;
    pthread_mutex_lock(&fake->lock);
    free(take(fake, question, &answer));
    pthread_mutex_unlock(&fake->lock);
}

static void state(struct store *store, struct store_state *out)
{
    struct fake_store *fake = of(store);
    *out = (struct store_state){0};
    pthread_mutex_lock(&fake->lock);
    out->degraded = fake->down != NULL;
    snprintf(out->why, sizeof out->why, "%s", fake->down != NULL ? fake->down : "");
    out->dropped = fake->dropped;
    pthread_mutex_unlock(&fake->lock);
    out->waiting = fake_store_open(store);
}

static const struct store_ops ops = {.ask = ask, .cancel = cancel, .tell = tell, .state = state};

/* ---- for tests ---- */

struct store *fake_store_new(void)
{
    struct fake_store *fake = mem_alloc(sizeof *fake);
    fake->store.ops = &ops;
    pthread_mutex_init(&fake->lock, NULL);
    SLIST_INIT(&fake->texts);
    TAILQ_INIT(&fake->open);
    return &fake->store;
}

void fake_store_free(struct store *store)
{
    struct fake_store *fake = of(store);
    if (fake == NULL)
        return;
    if (!TAILQ_EMPTY(&fake->open))
        wrong("a question is open at the end");
    empty(fake);
    pthread_mutex_destroy(&fake->lock);
    free(fake);
}

void fake_store_down(struct store *store, const char *why)
{
    of(store)->down = why;
}

void fake_store_hold(struct store *store, bool held)
{
    struct fake_store *fake = of(store);
    struct request *request;
    fake->held = held;
    TAILQ_FOREACH(request, &fake->open, link)
    {
        if (!held && !request->posted)
            post(request);
    }
}

void fake_store_forget(struct store *store)
{
    if (!TAILQ_EMPTY(&of(store)->open))
        wrong("it is emptied while a question is open");
    empty(of(store));
}

size_t fake_store_asked(const struct store *store, enum store_op op)
{
    return of(store)->asked[op];
}

size_t fake_store_open(const struct store *store)
{
    const struct request *request;
    size_t count = 0;
    TAILQ_FOREACH(request, &of(store)->open, link)
    {
        count++;
    }
    return count;
}

size_t fake_store_entries(const struct store *store, const struct entry **out)
{
    *out = of(store)->entries.at;
    return of(store)->entries.count;
}

size_t fake_store_identities(const struct store *store, const struct identity_item **out)
{
    *out = of(store)->identities.at;
    return of(store)->identities.count;
}

size_t fake_store_decisions(const struct store *store, const struct decision_item **out)
{
    *out = of(store)->decisions.at;
    return of(store)->decisions.count;
}
