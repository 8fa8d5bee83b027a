/* SPDX-License-Identifier: ISC */
/*
 * db: one connection to the database file: opened with all its settings, its statements, its
 * faults.
 *
 * The file is in WAL mode, synchronous=NORMAL: what is committed survives the end of the process,
 * and db_sync() makes the next transactions survive a power cut, too. Exactly one connection writes
 * and checkpoints; SQLite before 3.51.3 may corrupt a file where two do. It checkpoints when
 * db_checkpoint() is called, never inside of COMMIT, so that whoever waits for a COMMIT does not
 * wait for thousands of pages to be copied, and a fault of a checkpoint is seen. All others are
 * read-only and do nothing at their end but close.
 *
 * Promises: a fault is noted with SQLite's result code and words, the system's with them. A new
 * file is the owner's alone (0600), and SQLite gives -wal and -shm the same mode. The file is never
 * opened but by SQLite: the end of any other descriptor of it would drop SQLite's locks.
 */
#include "db/db_int.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEPT_OCTETS (1024 * 1024) /* of a cache that is given back else */

#define BUSY_MS 1000 /* another program may hold the file so long */

/* Debian's SQLite overwrites what is deleted; nothing here is secret from whoever has the file. */
static const char common_settings[] = "PRAGMA trusted_schema = OFF;"
                                      "PRAGMA secure_delete = OFF;"
                                      "PRAGMA mmap_size = 0;"
                                      "PRAGMA temp_store = MEMORY;";
/* A question of the greylist changes a page somewhere: small pages are less to write. */
static const char writer_settings[] = "PRAGMA page_size = 2048;"
                                      "PRAGMA journal_mode = WAL;"
                                      "PRAGMA synchronous = NORMAL;"
                                      "PRAGMA wal_autocheckpoint = 0;"
                                      "PRAGMA journal_size_limit = 100000000;"
                                      "PRAGMA cache_size = -131072;";
static const char reader_settings[] = "PRAGMA wal_autocheckpoint = 0;"
                                      "PRAGMA query_only = ON;"
                                      "PRAGMA cache_size = -8192;";

bool db_fail(struct db *db, int code)
{
    db->fault = code & 0xff;
    int system = db->sql != NULL ? sqlite3_system_errno(db->sql) : errno;
    bool told = system != 0 && (db->fault == SQLITE_IOERR || db->fault == SQLITE_CANTOPEN ||
                                db->fault == SQLITE_FULL || db->fault == SQLITE_READONLY);
    snprintf(db->why, sizeof db->why, "%s (%d%s%s)",
             db->sql != NULL && sqlite3_errcode(db->sql) != SQLITE_OK ? sqlite3_errmsg(db->sql)
                                                                      : sqlite3_errstr(code),
             code, told ? ", " : "", told ? strerrordesc_np(system) : "");
    return false;
}

void db_forgive(struct db *db)
{
    db->fault = SQLITE_OK;
    db->why[0] = '\0';
}

bool db_exec(struct db *db, const char *sql)
{
    int code = sqlite3_exec(db->sql, sql, NULL, NULL, NULL);
    return code == SQLITE_OK || db_fail(db, code);
}

void db_give_back(struct db *db)
{
    int used = 0;
    int most;
    if (db->sql != NULL &&
        sqlite3_db_status(db->sql, SQLITE_DBSTATUS_CACHE_USED, &used, &most, 0) == SQLITE_OK &&
        used > KEPT_OCTETS) {
        sqlite3_db_release_memory(db->sql);
        malloc_trim(0); /* its pages lie apart from each other: free() alone keeps them */
    }
}

/* A new file is made before SQLite opens it, for its mode; one that is there is not touched. */
static void create(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd >= 0)
        close(fd);
}

static int on_wal(void *arg, sqlite3 *sql, const char *name, int pages)
{
    (void)sql;
    (void)name;
    ((struct db *)arg)->wal_pages = pages;
    return SQLITE_OK;
}

static bool set_up(struct db *db)
{
    sqlite3_extended_result_codes(db->sql, 1);
    sqlite3_busy_timeout(db->sql, BUSY_MS);
    sqlite3_db_config(db->sql, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    sqlite3_db_config(db->sql, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (!db->writes) {
        sqlite3_db_config(db->sql, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        return db_exec(db, common_settings) && db_exec(db, reader_settings);
    }
    /* SQLite falls back to reading alone where it may not write. */
    if (sqlite3_db_readonly(db->sql, "main") == 1)
        return db_fail(db, SQLITE_READONLY);
    if (!db_exec(db, common_settings) || !db_exec(db, writer_settings))
        return false;
    sqlite3_wal_hook(db->sql, on_wal, db);
    return true;
}

bool db_open(struct db *db, const char *path, bool writes)
{
    *db = (struct db){.writes = writes};
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    flags |= writes ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    if (writes)
        create(path);
    int code = sqlite3_open_v2(path, &db->sql, flags, NULL);
    if (code != SQLITE_OK)
        db_fail(db, code);
    else if (set_up(db))
        return true;
    sqlite3_close(db->sql);
    db->sql = NULL;
    return false;
}

void db_close(struct db *db)
{
    for (size_t i = 0; i < DB_STATEMENTS; i++)
        sqlite3_finalize(db->kept[i]);
    memset(db->kept, 0, sizeof db->kept);
    if (sqlite3_close(db->sql) != SQLITE_OK)
        abort(); /* a statement was not among the kept: our bug, and the file would stay open */
    db->sql = NULL;
}

void db_abandon(struct db *db)
{
    if (db->sql != NULL)
        sqlite3_db_config(db->sql, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    db_close(db);
}

sqlite3_stmt *db_statement(struct db *db, int number, const char *sql)
{
    sqlite3_stmt **kept = &db->kept[number];
    if (*kept == NULL) {
        int code = sqlite3_prepare_v3(db->sql, sql, -1, SQLITE_PREPARE_PERSISTENT, kept, NULL);
        if (code != SQLITE_OK)
            db_fail(db, code);
        return *kept;
    }
    sqlite3_reset(*kept);
    sqlite3_clear_bindings(*kept);
    return *kept;
}

int db_step(struct db *db, sqlite3_stmt *statement)
{
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        return 1;
    if (code != SQLITE_DONE)
        db_fail(db, code);
    sqlite3_reset(statement);
    return code == SQLITE_DONE ? 0 : -1;
}

void db_rest(struct db *db)
{
    for (size_t i = 0; i < DB_STATEMENTS; i++)
        sqlite3_reset(db->kept[i]); /* NULL is fine */
}

bool db_begin(struct db *db)
{
    return db_exec(db, db->writes ? "BEGIN IMMEDIATE" : "BEGIN");
}

bool db_commit(struct db *db)
{
    db_rest(db);
    return db_exec(db, "COMMIT");
}

void db_rollback(struct db *db)
{
    db_rest(db);
    if (db->sql != NULL && !sqlite3_get_autocommit(db->sql)) /* SQLite may have done it itself */
        sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
}

bool db_sync(struct db *db, bool full)
{
    if (db->synced == full)
        return true;
    if (!db_exec(db, full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL"))
        return false;
    db->synced = full;
    return true;
}

bool db_checkpoint(struct db *db, bool *whole)
{
    int pages = 0, copied = 0;
    int code =
        sqlite3_wal_checkpoint_v2(db->sql, "main", SQLITE_CHECKPOINT_PASSIVE, &pages, &copied);
    *whole = code == SQLITE_OK && copied == pages;
    if (*whole)
        db->wal_pages = 0; /* the next transaction begins the log anew */
    return code == SQLITE_OK || code == SQLITE_BUSY || db_fail(db, code);
}

bool db_number(struct db *db, const char *sql, int64_t *out)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db->sql, sql, -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    bool ok = code == SQLITE_ROW;
    if (ok)
        *out = sqlite3_column_int64(statement, 0);
    else
        db_fail(db, code);
    sqlite3_finalize(statement);
    return ok;
}
