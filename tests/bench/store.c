/* SPDX-License-Identifier: ISC */
/*
 * store: greylist decisions through the store interface, for the benchmark.
 *
 *   store grow DIRECTORY COUNT white|waiting   COUNT triplets come, in no order: octets each
 *   store fill DIRECTORY COUNT                 COUNT white triplets, quickly (in the order of keys)
 *   store ask DIRECTORY COUNT SECONDS          two threads ask about them: decisions a second
 *
 * A triplet has two identities, as a client with a confirmed name has, and texts of usual length.
 * Of the questions of `ask` 8 in 10 are about white triplets, 1 is about a new one, and 1 about one
 * that still waits. Each thread has WINDOW questions open all the time, on a loop of its own, as
 * workers do. Prints one line of JSON.
 */
#include "db/db_int.h"
#include "db/grey_row.h"
#include "db/sqlite_store.h"
#include "lib/loop.h"
#include "lib/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { THREADS = 2, WINDOW = 128, FILL_BATCH = 20000, DELAY = 300, POLL_MS = 5 };
static const struct grey_rule rule = {
    .delay = DELAY, .retry_window = 48 * 3600, .white_lifetime = 36 * 86400};

struct triplet {
    char domain[48], network[32], sender[64], recipient[48];
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "store: %s: %s\n", what, why);
    exit(1);
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static unsigned long number(const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (end == text || *end != '\0' || value == 0 || value > 100000000)
        die("not a number", text);
    return value;
}

/* Triplet number `n`; neighbours have nothing in common. */
static void make_triplet(struct triplet *t, unsigned long n)
{
    unsigned long mixed = (n * 2654435761UL) & 0xffffffUL;
    snprintf(t->domain, sizeof t->domain, "example%lu.net", n % 200000);
    snprintf(t->network, sizeof t->network, "%lu.%lu.%lu.0/24", 11 + n % 100, mixed & 255,
             mixed >> 8 & 255);
    snprintf(t->sender, sizeof t->sender, "someone%lu@example%lu.net", n, n % 200000);
    snprintf(t->recipient, sizeof t->recipient, "user%lu@example.org", n % 1000);
}

static struct store_question question_of(const struct triplet *t, int64_t now)
{
    return (struct store_question){.op = STORE_GREY,
                                   .now = now,
                                   .grey = {.rule = rule,
                                            .identities = 2,
                                            .identity = {t->domain, t->network},
                                            .sender = t->sender,
                                            .recipient = t->recipient}};
}

static struct store *open_store(const char *directory)
{
    char *why = NULL;
    struct sqlite_store_config config = {.directory = directory,
                                         .waiting_lifetime = rule.retry_window,
                                         .white_lifetime = rule.white_lifetime};
    struct store *store = sqlite_store_new(&config, &why);
    if (store == NULL)
        die(directory, why);
    return store;
}

static char *database(const char *directory)
{
    return mem_printf("%s/gatepost.db", directory);
}

/* ---- asking -------------------------------------------------------------------------------------
 */

struct asker {
    struct store *store;
    struct loop *loop;
    struct timer *timer;
    unsigned long count, seed, next_new;
    unsigned long from, to; /* `grow`: these numbers in turn; else `ask`'s mixture */
    int64_t now;
    double until;
    bool done;
    unsigned open;
    unsigned long answers, down;
};

/* xorshift: the same questions in each run. */
static unsigned long draw(struct asker *asker)
{
    asker->seed ^= asker->seed << 13;
    asker->seed ^= asker->seed >> 7;
    asker->seed ^= asker->seed << 17;
    return asker->seed >> 11;
}

/* False: there are no more. */
static bool next_number(struct asker *asker, unsigned long *number)
{
    if (asker->to != 0) {
        *number = asker->from;
        return asker->from++ < asker->to;
    }
    unsigned long kind = draw(asker) % 10;
    *number = draw(asker) % asker->count;
    if (kind == 8)
        *number = asker->next_new++;
    else if (kind == 9 && asker->next_new > asker->count * 4)
        *number = asker->next_new - 1 - draw(asker) % 64 % (asker->next_new - asker->count * 4);
    return !asker->done;
}

static void ask(struct asker *asker);

static void on_answer(const struct store_answer *answer, void *arg)
{
    struct asker *asker = arg;
    asker->open--;
    if (answer->status == STORE_OK)
        asker->answers++;
    else
        asker->down++;
    ask(asker);
}

static void ask(struct asker *asker)
{
    unsigned long n;
    struct triplet t;
    while (asker->open < WINDOW && next_number(asker, &n)) {
        make_triplet(&t, n);
        const struct store_question question = question_of(&t, asker->now);
        asker->open++;
        store_ask(asker->store, asker->loop, &question, on_answer, asker);
    }
    if (asker->open == 0)
        loop_stop(asker->loop);
}

static void on_time(void *arg)
{
    struct asker *asker = arg;
    asker->done = asker->to == 0 && seconds_now() >= asker->until;
    if (!asker->done)
        timer_set(asker->timer, POLL_MS);
}

static void *run_asker(void *arg)
{
    struct asker *asker = arg;
    on_time(asker);
    ask(asker);
    loop_run(asker->loop);
    return NULL;
}

/* Runs THREADS askers that are copies of `like`, each with its part of the numbers; returns how
 * many answers came, and sets how many seconds it took. */
static unsigned long run_askers(const struct asker *like, double *seconds)
{
    struct asker asker[THREADS];
    pthread_t thread[THREADS];
    unsigned long answers = 0, down = 0, share = like->to / THREADS;
    double start = seconds_now();
    for (unsigned i = 0; i < THREADS; i++) {
        asker[i] = *like;
        asker[i].loop = loop_new();
        asker[i].timer = timer_new(asker[i].loop, on_time, &asker[i]);
        asker[i].seed = 88172645463325252UL + i;
        asker[i].from = i * share;
        asker[i].to = like->to == 0 ? 0 : i + 1 == THREADS ? like->to : (i + 1) * share;
        asker[i].next_new = like->count * (4 + 4 * i);
        pthread_create(&thread[i], NULL, run_asker, &asker[i]);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        answers += asker[i].answers;
        down += asker[i].down;
    }
    *seconds = seconds_now() - start;
    for (unsigned i = 0; i < THREADS; i++) {
        timer_free(asker[i].timer);
        loop_free(asker[i].loop);
    }
    if (down > 0)
        die("questions were not answered", "the store is down");
    return answers;
}

/* ---- what can be told -------------------------------------------------------------------------
 */

static void grow(const char *directory, unsigned long count, bool white)
{
    struct stat st;
    double seconds = 0, more;
    char *path = database(directory);
    struct store *store = open_store(directory);
    struct asker like = {.store = store, .to = count, .now = time(NULL) - 2 * DELAY};
    run_askers(&like, &seconds);
    if (white) {
        like.now += DELAY + 1;
        run_askers(&like, &more);
        seconds += more;
    }
    sqlite_store_free(store);
    if (stat(path, &st) != 0)
        die(path, "is not there");
    printf("{\"triplets\": %lu, \"octets_each\": %.1f, \"seconds\": %.3f}\n", count,
           (double)st.st_size / (double)count, seconds);
    free(path);
}

struct place { /* of a triplet in the table */
    sqlite3_int64 key;
    unsigned long number;
};

static int compare_places(const void *a, const void *b)
{
    const struct place *one = a, *other = b;
    return one->key < other->key ? -1 : one->key > other->key;
}

static struct place *places_of(const struct db *db, unsigned long count)
{
    struct place *place = mem_grow(NULL, count, sizeof *place);
    for (unsigned long i = 0; i < count; i++) {
        struct triplet t;
        struct grey_texts texts;
        make_triplet(&t, i);
        grey_texts_set(&texts, t.domain, t.sender, t.recipient);
        place[i] = (struct place){grey_row_key(&db->hash, &texts), i};
    }
    qsort(place, count, sizeof *place, compare_places);
    return place;
}

static void see(struct db *db, unsigned long n, int64_t now)
{
    struct triplet t;
    struct db_answer answer = {0};
    make_triplet(&t, n);
    const struct store_question question = question_of(&t, now);
    if (!run_question(db, &question, &answer))
        die("greylist", db->why);
    db_answer_clear(&answer);
}

static void fill(const char *directory, unsigned long count)
{
    struct db db = {0};
    char *path = database(directory);
    int64_t now = time(NULL) - 2 * DELAY;
    double start = seconds_now();
    if (!db_open(&db, path, true) || !schema_migrate(&db))
        die(path, db.why);
    struct place *place = places_of(&db, count);
    for (unsigned long i = 0; i < count; i++) {
        bool whole;
        if (i % FILL_BATCH == 0 && !db_begin(&db))
            die(path, db.why);
        see(&db, place[i].number, now);
        see(&db, place[i].number, now + DELAY + 1);
        if ((i + 1) % FILL_BATCH == 0 || i + 1 == count) {
            if (!db_commit(&db) || !db_checkpoint(&db, &whole))
                die(path, db.why);
        }
    }
    db_close(&db);
    free(place);
    free(path);
    printf("{\"triplets\": %lu, \"seconds\": %.3f}\n", count, seconds_now() - start);
}

static void on_first(const struct store_answer *answer, void *arg)
{
    if (answer->status != STORE_OK)
        die("the first question", answer->why != NULL ? answer->why : "no answer");
    loop_stop(arg);
}

/* From opening to the first answer. */
static struct store *start_store(const char *directory, double *seconds)
{
    struct triplet t;
    double start = seconds_now();
    struct loop *loop = loop_new();
    struct store *store = open_store(directory);
    make_triplet(&t, 0);
    const struct store_question question = question_of(&t, time(NULL));
    store_ask(store, loop, &question, on_first, loop);
    loop_run(loop);
    loop_free(loop);
    *seconds = seconds_now() - start;
    return store;
}

static void decide(const char *directory, unsigned long count, unsigned long wanted)
{
    double start, seconds;
    struct store *store = start_store(directory, &start);
    const struct asker like = {
        .store = store, .count = count, .now = time(NULL), .until = seconds_now() + (double)wanted};
    unsigned long answers = run_askers(&like, &seconds);
    sqlite_store_free(store);
    printf("{\"triplets\": %lu, \"start_seconds\": %.3f, \"decisions\": %lu, \"seconds\": %.3f}\n",
           count, start, answers, seconds);
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "grow") == 0)
        grow(argv[2], number(argv[3]), strcmp(argv[4], "white") == 0);
    else if (argc == 4 && strcmp(argv[1], "fill") == 0)
        fill(argv[2], number(argv[3]));
    else if (argc == 5 && strcmp(argv[1], "ask") == 0)
        decide(argv[2], number(argv[3]), number(argv[4]));
    else
        die("usage", "store grow|fill|ask DIRECTORY COUNT [white|waiting|SECONDS]");
    return 0;
}
