/* SPDX-License-Identifier: ISC */
/*
 * list_watch: list files that change while the daemon runs.
 *
 * A file is read by a thread that lives for this alone, not in slices on the loop: a slice can be
 * made short, but a read from a disk or a network that is slow cannot, and the main thread has the
 * watchdog to answer. The thread touches only its job: it reads what has changed and builds the
 * table's new store; the loop looks whether it is done, and then swaps.
 *
 * Promises: at most one such thread; a file is read only after it has stayed the same for one look,
 * so that one that is being written is not read by half (rename(2) is better still); what is said
 * of a file is said once for each of its states.
 */
#include "policy/list_files_int.h"

#include "lib/log.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "policy/list_table.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define DONE_LOOK_MS 100 /* while the thread runs */

/* All that the thread has; the loop's again once it is done. */
struct job {
    pthread_t thread;
    const struct list_files *files;
    bool *wanted;               /* [count]: to be read */
    struct list_read *read;     /* [count] */
    struct list_store **change; /* [count]: what was read without a fault, or NULL */
    struct list_store *all;     /* for the table */
    atomic_bool stop, done;
};

struct list_watch {
    struct loop *loop;
    struct list_files *files;
    struct list_table *table;
    struct timer *timer;
    struct list_stamp *seen; /* [count]: at the last look */
    struct job *job;         /* NULL: none */
};

/* ---- the thread ---------------------------------------------------------------------------------
 */

static void *work(void *arg)
{
    struct job *job = arg;
    bool any = false;
    for (size_t i = 0; i < job->files->count && !atomic_load(&job->stop); i++) {
        if (!job->wanted[i])
            continue;
        list_file_read(&job->files->file[i], &job->read[i], &job->stop);
        job->change[i] = job->read[i].entries;
        any = any || job->change[i] != NULL;
    }
    if (any && !atomic_load(&job->stop))
        list_files_merge(job->files, job->change, job->all);
    atomic_store(&job->done, true);
    return NULL;
}

static void job_free(struct job *job)
{
    for (size_t i = 0; i < job->files->count; i++) {
        list_store_free(job->change[i]); /* NULL where it was taken over */
        buf_free(&job->read[i].said);
    }
    list_store_free(job->all);
    free(job->wanted);
    free(job->read);
    free(job->change);
    free(job);
}

/* Begins to read those that are wanted (taken over). */
static void begin(struct list_watch *watch, bool *wanted)
{
    struct job *job = mem_alloc(sizeof *job);
    size_t count = watch->files->count;
    job->files = watch->files;
    job->wanted = wanted;
    job->read = mem_alloc(count * sizeof *job->read);
    job->change = mem_alloc(count * sizeof *job->change);
    job->all = list_table_aside(watch->table);
    atomic_init(&job->stop, false);
    atomic_init(&job->done, false);
    if (pthread_create(&job->thread, NULL, work, job) == 0)
        watch->job = job;
    else
        job_free(job); /* tried again at the next look, for nothing has been noted */
}

/* ---- the loop -----------------------------------------------------------------------------------
 */

/* The first line that says a fault; the caller frees. */
static char *first_fault(const struct list_read *read)
{
    const char *text = buf_data(&read->said);
    const char *end = text + buf_len(&read->said);
    while (text < end && *text != '!')
        text = (const char *)memchr(text, '\n', (size_t)(end - text)) + 1;
    if (text == end)
        return mem_strdup("it cannot be read");
    return mem_strndup(text + 2, strcspn(text + 2, "\n"));
}

static size_t entries_in(const struct list_store *store)
{
    size_t count = 0;
    for (unsigned list = 0; list < 3; list++)
        for (unsigned kind = 0; kind < ENTRY_KINDS; kind++)
            count += store->count[list][kind];
    return count;
}

static void say(const struct list_file *file, const struct list_read *read)
{
    struct log_line line;
    if (read->entries != NULL) {
        log_begin(&line, LOG_LEVEL_INFO, NULL, "list-file");
        log_str(&line, "file", file->path);
        log_num(&line, "entries", (long long)entries_in(read->entries));
    } else {
        char *why = first_fault(read);
        log_begin(&line, LOG_LEVEL_WARNING, NULL, "list-file-fault");
        log_str(&line, "file", file->path);
        log_num(&line, "faults", (long long)read->faults);
        log_str(&line, "why", why);
        free(why);
    }
    log_end(&line);
}

/* Takes over what the thread has read. */
static void finish(struct list_watch *watch)
{
    struct job *job = watch->job;
    bool any = false;
    pthread_join(job->thread, NULL);
    for (size_t i = 0; i < watch->files->count; i++) {
        struct list_file *file = &watch->files->file[i];
        if (!job->wanted[i])
            continue;
        say(file, &job->read[i]);
        file->stamp = job->read[i].stamp;
        if (job->change[i] == NULL)
            continue;
        list_store_free(file->entries);
        file->entries = job->change[i];
        job->change[i] = NULL;
        any = true;
    }
    if (any) {
        list_table_use_files(watch->table, job->all);
        job->all = NULL;
    }
    watch->job = NULL;
    job_free(job);
}

static void look(struct list_watch *watch)
{
    bool *wanted = mem_alloc(watch->files->count * sizeof *wanted);
    bool any = false;
    for (size_t i = 0; i < watch->files->count; i++) {
        struct list_stamp now;
        list_file_stamp(watch->files->file[i].path, &now);
        wanted[i] = !list_stamp_same(&now, &watch->files->file[i].stamp) &&
                    list_stamp_same(&now, &watch->seen[i]);
        any = any || wanted[i];
        watch->seen[i] = now;
    }
    if (any)
        begin(watch, wanted);
    else
        free(wanted);
}

static void on_timer(void *arg)
{
    struct list_watch *watch = arg;
    if (watch->job != NULL && atomic_load(&watch->job->done))
        finish(watch);
    else if (watch->job == NULL)
        look(watch);
    timer_set(watch->timer, watch->job != NULL ? DONE_LOOK_MS : LIST_WATCH_MS);
}

struct list_watch *list_watch_new(struct loop *loop, struct list_files *files,
                                  struct list_table *table)
{
    if (files->count == 0)
        return NULL;
    struct list_watch *watch = mem_alloc(sizeof *watch);
    watch->loop = loop;
    watch->files = files;
    watch->table = table;
    watch->seen = mem_alloc(files->count * sizeof *watch->seen);
    for (size_t i = 0; i < files->count; i++)
        watch->seen[i] = files->file[i].stamp;
    watch->timer = timer_new(loop, on_timer, watch);
    timer_set(watch->timer, LIST_WATCH_MS);
    return watch;
}

void list_watch_free(struct list_watch *watch)
{
    if (watch == NULL)
        return;
    if (watch->job != NULL) {
        atomic_store(&watch->job->stop, true);
        pthread_join(watch->job->thread, NULL);
        job_free(watch->job);
    }
    timer_free(watch->timer);
    free(watch->seen);
    free(watch);
}
