/* SPDX-License-Identifier: ISC */
#ifndef DB_STORE_H
#define DB_STORE_H
/*
 * What is remembered, as those see it who ask: a question in, one answer back through the asker's
 * loop. The embedded store (db/sqlite_store.h) keeps it in a file; a networked one may come later
 * behind the same interface; tests answer from a table. No SQL is known outside of db/.
 *
 * Any thread that has a loop may ask; nothing here blocks. Times are seconds since the epoch, given
 * by the asker. Strings are copied from a question; an answer is valid during the call only.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;

/* Never merged: what is not there is not a store that cannot tell. */
enum store_status {
    STORE_OK,
    STORE_NONE, /* nothing of that kind is there */
    STORE_DOWN, /* the store cannot: `why`; who asked goes on as its manual says */
};

/* ---- greylisting ------------------------------------------------------------------------------
 */

#define STORE_IDENTITIES_MOST 3    /* of one client */
#define STORE_TEXT_MOST       1024 /* octets of any string in a question but a record; longer is cut */

struct grey_rule { /* seconds */
    uint32_t delay, retry_window, white_lifetime;
};

enum grey_state {
    GREY_NEW,    /* seen for the first time (or again after its windows): wait `wait` seconds */
    GREY_EARLY,  /* still waiting */
    GREY_PASSED, /* waited long enough: white from now on */
    GREY_WHITE,  /* was white already; its lifetime begins anew */
};

/* May the triplet pass? It is looked for under every identity, the best state found counts, and is
 * then stored under each of them (db/grey_rule.h has the transitions). */
struct grey_question {
    struct grey_rule rule;
    size_t identities; /* 1 to STORE_IDENTITIES_MOST, the strongest first */
    const char *identity[STORE_IDENTITIES_MOST];
    const char *sender, *recipient; /* normalised: policy/mailbox_key.h */
};

/* One triplet, under its strongest identity. */
struct grey_item {
    const char *identity, *sender, *recipient;
    bool white;
    int64_t first, last; /* seen */
    int64_t until;       /* waiting: may pass from then on; white: ends then */
    uint32_t count;      /* how often it was seen; a white one counts about once an hour */
};

/* NULL matches everything. `identity` is any of the triplet's, in its normal form; `sender` and
 * `recipient` match whole, without case, and of an address also its domain alone ("example.org").
 * Triplets that have ended by `rule` match nothing; `until` is by `rule`, too. */
struct grey_filter {
    const char *identity, *sender, *recipient;
    enum { GREY_ANY, GREY_WAITING_ONLY, GREY_WHITE_ONLY } which;
    struct grey_rule rule; /* all zero: nothing has ended */
};

enum grey_edit {
    GREY_PASS,   /* those that wait are white from now on */
    GREY_DELETE, /* under all identities */
};

/* ---- list entries -------------------------------------------------------------------------------
 */

enum entry_list { ENTRY_ALLOW, ENTRY_DENY, ENTRY_TRAP };
enum entry_kind { ENTRY_CLIENT, ENTRY_HELO, ENTRY_REVERSE, ENTRY_SENDER, ENTRY_RECIPIENT };
#define ENTRY_KINDS 5
enum entry_action { ENTRY_REJECT, ENTRY_TARPIT, ENTRY_DEFER }; /* of a deny entry */
enum entry_origin {
    ENTRY_MANUAL,    /* somebody's command */
    ENTRY_AUTOMATIC, /* a ban: a spamtrap, unknown recipients */
    ENTRY_FILE,      /* the configuration or a list file it names; never stored */
};

/* (list, kind, key, origin) is what there is one of. */
struct entry {
    enum entry_list list;
    enum entry_kind kind;
    enum entry_action action;
    enum entry_origin origin;
    bool unproven;   /* an allow entry by a name that anybody may claim counts all the same */
    const char *key; /* in normal form: policy/entry_text.h */
    const char *reason, *author; /* "" where none was given */
    int64_t created;
    int64_t expires; /* 0: never */
};

struct entry_filter {
    int list;        /* enum entry_list, or -1: any */
    int kind;        /* enum entry_kind, or -1 */
    const char *key; /* exactly, or NULL */
};

/* ---- identities ---------------------------------------------------------------------------------
 */

/* Of a client that delivered mail (policy/known.h). */
struct identity_item {
    const char *text;
    int64_t first, last; /* delivery */
    bool proven;
};

/* ---- decisions ----------------------------------------------------------------------------------
 */

struct decision_item {
    int64_t number;  /* rises; given by the store */
    int64_t time_ms; /* since the epoch */
    const char *id;  /* the session's, as in the reply and the log; one may have several */
    const char *client, *sender, *recipient; /* "" where not known */
    const char *verdict;
    bool proven;
    const char *record; /* JSON text: policy/record.h; up to STORE_RECORD_MOST octets */
};
#define STORE_RECORD_MOST 16384

/* Those that match all that is given, newest first. */
struct decision_filter {
    const char *id, *client, *sender, *recipient; /* whole, without case; NULL: any */
    int64_t since_ms;                             /* 0: all */
};

/* ---- questions ----------------------------------------------------------------------------------
 */

enum store_op {
    STORE_GREY,      /* grey -> state, wait */
    STORE_GREY_PAGE, /* grey_filter, page -> grey items */
    STORE_GREY_EDIT, /* grey_filter, edit, page -> count, next: a part of the work as of a page */
    STORE_ENTRY_PUT, /* entries -> count (but of those kept); safe on disk before the answer */
    STORE_ENTRY_DELETE, /* entry_filter with list, kind and key -> count, of both origins; the same
                         */
    STORE_ENTRY_PAGE,   /* entry_filter, page -> entries */
    STORE_IDENTITY_PUT, /* identities -> count */
    STORE_IDENTITY_PAGE,
    STORE_DECISION_PUT, /* decisions -> count */
    STORE_DECISION_PAGE,
    STORE_COUNTER_ADD, /* counters: delta -> count */
    STORE_COUNTER_PAGE,
    STORE_FORGET, /* text (an address), page -> count, next: all that is stored of it goes, but no
                     list entry; a part of the work as of a page */
    STORE_BACKUP, /* text (a path that does not exist yet): a copy of all, online */
};

struct counter_item {
    const char *name;
    int64_t value;
};

/* A page: up to `most` items behind `cursor` (0: from the start); the answer's `next` is the cursor
 * of the following page, 0 where there is none: the only sign of the end. A store looks at no more
 * than some ten thousand items for one page, so a page may be empty and yet have a next one. Items
 * that come or go between two pages may be missed; none comes twice.
 *
 * STORE_GREY_EDIT and STORE_FORGET are done in such parts, too: up to `most` items are changed,
 * then who asked asks for the rest with `next` as cursor, until that is 0, and adds the counts. */
struct store_page {
    uint64_t cursor;
    unsigned most; /* 1 to STORE_PAGE_MOST */
};
#define STORE_PAGE_MOST 1000

struct store_question {
    enum store_op op;
    int64_t now;
    struct store_page page;
    union {
        struct grey_question grey;
        struct {
            struct grey_filter filter;
            enum grey_edit edit;
        } grey_edit; /* `filter` of STORE_GREY_PAGE, too */
        struct entry_filter entry;
        struct decision_filter decision;
        const char *text;
        struct { /* *_PUT and STORE_COUNTER_ADD: one of them, by op */
            size_t count;
            bool keep; /* STORE_ENTRY_PUT: an entry that is there already stays as it is */
            const struct entry *entry;
            const struct identity_item *identity;
            const struct decision_item *decision;
            const struct counter_item *counter;
        } put;
    };
};

struct store_answer {
    enum store_op op;
    enum store_status status;
    const char *why; /* STORE_DOWN: a sentence for an administrator; else NULL */
    enum grey_state state;
    uint32_t wait;  /* seconds left, of GREY_NEW and GREY_EARLY */
    uint64_t count; /* items below, or how many were changed */
    uint64_t next;  /* cursor of the next page; 0: that was all */
    union {         /* pages */
        const struct grey_item *grey;
        const struct entry *entry;
        const struct identity_item *identity;
        const struct decision_item *decision;
        const struct counter_item *counter;
    };
};

typedef void (*store_fn)(const struct store_answer *answer, void *arg);

/* What `status` shows of it. */
struct store_state {
    bool degraded;
    char why[256];      /* of that */
    int64_t since;      /* degraded since */
    uint64_t waiting;   /* questions */
    uint64_t dropped;   /* since the start, because the queue was full or the store was down */
    uint64_t size;      /* octets on disk */
    uint64_t corrupted; /* files set aside since the start */
    uint64_t recovered; /* how often it was well again: what it has may be something else then */
};

/* ---- asking -------------------------------------------------------------------------------------
 */

struct store;
struct store_request;

struct store_ops { /* one row per kind of store */
    struct store_request *(*ask)(struct store *store, struct loop *loop,
                                 const struct store_question *question, store_fn fn, void *arg);
    void (*cancel)(struct store_request *request);
    void (*tell)(struct store *store, const struct store_question *question);
    void (*state)(struct store *store, struct store_state *out);
};
struct store { /* first member of whoever answers */
    const struct store_ops *ops;
};
struct store_request { /* first member of the answerer's own */
    struct store *store;
};

/* Asks; fn is called exactly once in `loop`'s thread, which is the caller's, and never from inside
 * this call, unless cancelled. Where the store is down or its queue is full the answer is
 * STORE_DOWN. The token is good until fn is called or store_cancel. */
static inline struct store_request *store_ask(struct store *store, struct loop *loop,
                                              const struct store_question *question, store_fn fn,
                                              void *arg)
{
    return store->ops->ask(store, loop, question, fn, arg);
}

/* fn will not be called; what was asked may still happen. In the asker's thread; NULL is fine. */
static inline void store_cancel(struct store_request *request)
{
    if (request != NULL)
        request->store->ops->cancel(request);
}

/* The same without an answer, for what may be lost: decisions, identities, counters. Any thread. */
static inline void store_tell(struct store *store, const struct store_question *question)
{
    store->ops->tell(store, question);
}

/* Any thread. */
static inline void store_state(struct store *store, struct store_state *out)
{
    store->ops->state(store, out);
}

#endif
