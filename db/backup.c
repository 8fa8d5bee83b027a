/* SPDX-License-Identifier: ISC */
/*
 * backup: a copy of the whole database while it is in use.
 *
 * VACUUM INTO, on a read-only connection and in a thread of its own. sqlite3_backup would have to
 * step on the writer's connection (another one begins anew with every change), so that each step
 * and the fsync of the whole copy hold up the writer; this holds up nobody, and the copy is one
 * moment's state without free pages. Its price: the log cannot begin anew before it has ended, so
 * it grows by what is written meanwhile.
 *
 * Promises: an existing file is never overwritten; the copy is the owner's alone (0600); under its
 * name it is whole and on disk, for it is made under another one beside it. What cannot be copied
 * is the copy's fault and does not make the store degraded.
 */
#include "db/sqlite_int.h"

#include "lib/mem.h"
#include "lib/random.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define IDLE_MS      60000u
#define STEPS_A_LOOK 10000

static int on_progress(void *arg)
{
    return atomic_load(&((struct sqlite_store *)arg)->stopping);
}

/* The functions below return NULL, or why it cannot be; the caller frees it. */

static char *fault(const char *path)
{
    return mem_printf("%s: %s", path, strerror(errno));
}

static char *vacuum_into(struct db *db, const char *path)
{
    char *sql = sqlite3_mprintf("VACUUM INTO %Q", path);
    bool ok = sql != NULL && db_exec(db, sql);
    sqlite3_free(sql);
    return ok ? NULL : mem_printf("the copy failed: %s", db->why);
}

static char *copy(struct sqlite_store *store, const char *path)
{
    struct db db;
    pthread_mutex_lock(&store->gate);
    bool opened = db_open(&db, store->file.path, false);
    pthread_mutex_unlock(&store->gate);
    if (!opened)
        return mem_printf("the database cannot be read: %s", db.why);
    sqlite3_progress_handler(db.sql, STEPS_A_LOOK, on_progress, store);
    char *why = NULL;
    if (!db_exec(&db, "PRAGMA query_only = OFF")) /* the file is still opened for reading alone */
        why = mem_printf("the copy failed: %s", db.why);
    else
        why = vacuum_into(&db, path);
    db_close(&db);
    return why;
}

static char *sync_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fault(path);
    char *why = fsync(fd) == 0 ? NULL : fault(path);
    close(fd);
    return why;
}

/* SQLite writes into an empty file that is there, and so it has the mode we want. */
static char *create(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0)
        return fault(path);
    close(fd);
    return NULL;
}

/* Under its name only where nothing has it. */
static char *publish(const char *part, const char *path)
{
    if (link(part, path) != 0)
        return fault(path);
    unlink(part);
    return db_file_sync_directory(path) ? NULL : fault(path);
}

static char *back_up(struct sqlite_store *store, const char *path)
{
    struct stat st;
    if (path == NULL || path[0] != '/')
        return mem_strdup("the file must be named with its whole path");
    if (lstat(path, &st) == 0)
        return mem_printf("%s exists already", path);
    char token[RANDOM_TOKEN_LEN + 1];
    random_token(token);
    char *part = mem_printf("%s.%s", path, token);
    char *why = create(part);
    if (why == NULL) {
        why = copy(store, part);
        if (why == NULL)
            why = sync_file(part);
        if (why == NULL)
            why = publish(part, path);
        if (why != NULL)
            unlink(part);
    }
    free(part);
    return why;
}

void *sqlite_backup_run(void *arg)
{
    struct sqlite_store *store = arg;
    for (;;) {
        struct store_item *item;
        if (store_queue_take(store->copies, &item, 1, IDLE_MS) > 0) {
            item->answer.answer.op = item->question->op;
            item->answer.answer.count = 1;
            item->why = back_up(store, item->question->text);
            store_queue_answer(store->copies, &item, 1);
        } else if (store_queue_stopping(store->copies)) {
            return NULL;
        }
    }
}
