/* SPDX-License-Identifier: ISC */
/*
 * store_question: deep copies of questions.
 *
 * Promises: one allocation; a text longer than the contract allows is cut (STORE_TEXT_MOST, a
 * record at STORE_RECORD_MOST, a path at PATH_MAX). The walk over a question is written once and
 * walked twice, first to count the octets, then to copy.
 */
#include "db/store_question.h"

#include "lib/mem.h"

#include <limits.h>
#include <string.h>

struct copier {
    char *memory; /* NULL: counting */
    size_t octets;
};

static const char *copy_text(struct copier *c, const char *text, size_t most)
{
    if (text == NULL)
        return NULL;
    size_t len = strnlen(text, most);
    char *to = NULL;
    if (c->memory != NULL) {
        to = c->memory + c->octets;
        memcpy(to, text, len);
        to[len] = '\0';
    }
    c->octets += len + 1;
    return to;
}

static const char *copy_word(struct copier *c, const char *text)
{
    return copy_text(c, text, STORE_TEXT_MOST);
}

/* Room for an array; NULL while counting. */
static void *make_room(struct copier *c, size_t count, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    c->octets = (c->octets + align - 1) / align * align;
    void *to = c->memory != NULL && count > 0 ? c->memory + c->octets : NULL;
    c->octets += count * size;
    return to;
}

static void copy_grey(struct copier *c, struct grey_question *grey)
{
    for (size_t i = 0; i < grey->identities && i < STORE_IDENTITIES_MOST; i++)
        grey->identity[i] = copy_word(c, grey->identity[i]);
    grey->sender = copy_word(c, grey->sender);
    grey->recipient = copy_word(c, grey->recipient);
}

static void copy_grey_filter(struct copier *c, struct grey_filter *filter)
{
    filter->identity = copy_word(c, filter->identity);
    filter->sender = copy_word(c, filter->sender);
    filter->recipient = copy_word(c, filter->recipient);
}

static void copy_entries(struct copier *c, struct store_question *q)
{
    struct entry *to = make_room(c, q->put.count, sizeof *to);
    for (size_t i = 0; i < q->put.count; i++) {
        struct entry one = q->put.entry[i];
        one.key = copy_word(c, one.key);
        one.reason = copy_word(c, one.reason);
        one.author = copy_word(c, one.author);
        if (to != NULL)
            to[i] = one;
    }
    q->put.entry = to;
}

static void copy_identities(struct copier *c, struct store_question *q)
{
    struct identity_item *to = make_room(c, q->put.count, sizeof *to);
    for (size_t i = 0; i < q->put.count; i++) {
        struct identity_item one = q->put.identity[i];
        one.text = copy_word(c, one.text);
        if (to != NULL)
            to[i] = one;
    }
    q->put.identity = to;
}

static void copy_decisions(struct copier *c, struct store_question *q)
{
    struct decision_item *to = make_room(c, q->put.count, sizeof *to);
    for (size_t i = 0; i < q->put.count; i++) {
        struct decision_item one = q->put.decision[i];
        one.id = copy_word(c, one.id);
        one.client = copy_word(c, one.client);
        one.sender = copy_word(c, one.sender);
        one.recipient = copy_word(c, one.recipient);
        one.verdict = copy_word(c, one.verdict);
        one.record = copy_text(c, one.record, STORE_RECORD_MOST);
        if (to != NULL)
            to[i] = one;
    }
    q->put.decision = to;
}

static void copy_counters(struct copier *c, struct store_question *q)
{
    struct counter_item *to = make_room(c, q->put.count, sizeof *to);
    for (size_t i = 0; i < q->put.count; i++) {
        struct counter_item one = q->put.counter[i];
        one.name = copy_word(c, one.name);
        if (to != NULL)
            to[i] = one;
    }
    q->put.counter = to;
}

static void copy_decision_filter(struct copier *c, struct decision_filter *filter)
{
    filter->id = copy_word(c, filter->id);
    filter->client = copy_word(c, filter->client);
    filter->sender = copy_word(c, filter->sender);
    filter->recipient = copy_word(c, filter->recipient);
}

/* *q is a shallow copy; what it points to becomes ours. */
static void copy_into(struct copier *c, struct store_question *q)
{
    switch (q->op) {
    case STORE_GREY:
        copy_grey(c, &q->grey);
        break;
    case STORE_GREY_PAGE:
    case STORE_GREY_EDIT:
        copy_grey_filter(c, &q->grey_edit.filter);
        break;
    case STORE_ENTRY_PUT:
        copy_entries(c, q);
        break;
    case STORE_ENTRY_DELETE:
    case STORE_ENTRY_PAGE:
        q->entry.key = copy_word(c, q->entry.key);
        break;
    case STORE_IDENTITY_PUT:
        copy_identities(c, q);
        break;
    case STORE_DECISION_PUT:
        copy_decisions(c, q);
        break;
    case STORE_DECISION_PAGE:
        copy_decision_filter(c, &q->decision);
        break;
    case STORE_COUNTER_ADD:
        copy_counters(c, q);
        break;
    case STORE_IDENTITY_PAGE:
    case STORE_COUNTER_PAGE:
        break;
    case STORE_FORGET:
        q->text = copy_word(c, q->text);
        break;
    case STORE_BACKUP:
        q->text = copy_text(c, q->text, PATH_MAX);
        break;
    }
}

struct store_question *store_question_copy(const struct store_question *question, size_t *octets)
{
    struct copier count = {.octets = sizeof *question};
    struct store_question scratch = *question;
    copy_into(&count, &scratch);
    struct store_question *copy = mem_alloc(count.octets);
    struct copier fill = {.memory = (char *)copy, .octets = sizeof *copy};
    scratch = *question;
    copy_into(&fill, &scratch);
    *copy = scratch;
    *octets = count.octets;
    return copy;
}
