/* SPDX-License-Identifier: ISC */
/*
 * sqlite_recover: how the writer gets a database, at the start and after every fault.
 *
 * It opens, migrates and then writes and syncs for a try; only what has passed is called well.
 * Damage is believed the second time only, or when a check of the whole file confirms it: one read
 * gone wrong must not cost the list entries. What is damaged is renamed with its log to
 * gatepost.db.corrupt-TIME and a new database begun; one of a newer version is left where it is. A
 * database that was deleted or replaced under us is let go of: what lies there now counts, and our
 * log, should it still lie beside it, is renamed out of its way first.
 *
 * Promises: no file is removed or overwritten. All of it happens behind the gate, so the reader has
 * no part of the old files open in a transaction and never opens half of the new ones.
 */
#include "db/sqlite_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS        4  /* of opening in one go */
#define BACKOFF_MOST  16 /* times the first wait */
#define NAME_SIZE     160
#define SUSPICION_MAX 3 /* then no check is asked any more */

void sqlite_writer_trouble(struct sqlite_writer *writer, enum store_trouble trouble,
                           const char *detail)
{
    struct sqlite_store *store = writer->store;
    if (trouble == TROUBLE_CORRUPT)
        writer->suspicion++;
    store_health_degrade(store->health, trouble, detail);
    uint64_t now = store_queue_clock();
    bool at_once = trouble == TROUBLE_CORRUPT || trouble == TROUBLE_MOVED;
    writer->retry_at = now + (at_once ? 0 : writer->retry_after);
    /* A file that another program holds is still ours. */
    if (trouble != TROUBLE_LOCKED && trouble != TROUBLE_SLOW && trouble != TROUBLE_MOVED)
        db_abandon(&writer->db);
}

bool sqlite_writer_in_place(struct sqlite_writer *writer)
{
    if (!lock_held(writer->lock)) {
        sqlite_writer_trouble(writer, TROUBLE_MOVED, "gatepost.lock was removed");
        return false;
    }
    switch (db_file_check(&writer->store->file)) {
    case FILE_SAME:
        return true;
    case FILE_MOVED:
        sqlite_writer_trouble(writer, TROUBLE_MOVED, "another file is, or none, in its place");
        return false;
    case FILE_LOG_MOVED:
        sqlite_writer_trouble(writer, TROUBLE_MOVED, "its log gatepost.db-wal is gone");
        return false;
    }
    return false;
}

/* ---- behind the gate, the database may be open or not -----------------------------------------
 */

/* Lets go of files that are not where they were. False: a log is beside a database that it does not
 * belong to, and cannot be renamed. */
static bool leave_moved(struct sqlite_writer *writer)
{
    struct db_file *file = &writer->store->file;
    bool open = writer->db.sql != NULL;
    enum db_file_place place = file->main_open.number != 0 ? db_file_check(file) : FILE_SAME;
    if (place == FILE_SAME || (place == FILE_LOG_MOVED && !open))
        return true;
    bool whole;
    if (place == FILE_LOG_MOVED) /* we still have it open: nothing is lost */
        db_checkpoint(&writer->db, &whole);
    struct db_identity old_log = file->log_open;
    db_abandon(&writer->db);
    bool log_is_ours = db_file_same_log(file, old_log);
    char name[NAME_SIZE];
    if (log_is_ours == (place == FILE_MOVED) &&
        !db_file_set_aside(file, "left", writer->store->clock(), true, name, sizeof name))
        return false;
    file->main_open = (struct db_identity){0};
    return true;
}

/* The lock is ours, again if need be. */
static bool hold_lock(struct sqlite_writer *writer)
{
    if (writer->lock != NULL && lock_held(writer->lock))
        return true;
    lock_free(writer->lock);
    char *why = NULL;
    writer->lock = lock_new(writer->store->directory, &why);
    if (writer->lock != NULL)
        return true;
    db_abandon(&writer->db);
    snprintf(writer->db.why, sizeof writer->db.why, "%s", why);
    free(why);
    return false;
}

static enum store_trouble blame(const struct db *db)
{
    enum store_trouble trouble = store_health_meaning(db->fault);
    return trouble != TROUBLE_NONE ? trouble : TROUBLE_FAULT;
}

/* The file is of a version we know, and of the newest afterwards. */
static enum store_trouble migrate(struct db *db)
{
    int64_t version;
    if (!db_number(db, "PRAGMA user_version", &version))
        return blame(db);
    if (version > SCHEMA_VERSION) {
        snprintf(db->why, sizeof db->why, "gatepost.db has version %lld, this program knows %d",
                 (long long)version, SCHEMA_VERSION);
        return TROUBLE_NEWER;
    }
    return schema_migrate(db) ? TROUBLE_NONE : blame(db);
}

static enum store_trouble check_whole(struct db *db, bool indexes)
{
    const char *sql = indexes ? "PRAGMA integrity_check(1)" : "PRAGMA quick_check(1)";
    sqlite3_stmt *check = NULL;
    int code = sqlite3_prepare_v2(db->sql, sql, -1, &check, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(check);
    enum store_trouble trouble = TROUBLE_NONE;
    if (code != SQLITE_ROW) {
        db_fail(db, code);
        trouble = blame(db);
    } else if (strcmp((const char *)sqlite3_column_text(check, 0), "ok") != 0) {
        snprintf(db->why, sizeof db->why, "%s", (const char *)sqlite3_column_text(check, 0));
        trouble = TROUBLE_CORRUPT;
    }
    sqlite3_finalize(check);
    return trouble;
}

/* Writes what is there already, and waits for the disk. */
static enum store_trouble try_writing(struct sqlite_writer *writer)
{
    struct db *db = &writer->db;
    struct sqlite_store *store = writer->store;
    if (!db_file_has_room(&store->file)) {
        snprintf(db->why, sizeof db->why, "the file system has hardly any left");
        return TROUBLE_FULL;
    }
    char sql[64];
    snprintf(sql, sizeof sql, "PRAGMA user_version = %d", SCHEMA_VERSION);
    bool again = store_health_trouble(store->health) != TROUBLE_NONE, whole;
    uint64_t start = store_queue_clock();
    if (!db_sync(db, true) || !db_begin(db) || !db_exec(db, sql) || !db_commit(db) ||
        (again && !db_checkpoint(db, &whole))) {
        db_rollback(db);
        return blame(db);
    }
    uint64_t ms = store_queue_clock() - start;
    if (ms <= store->slow_ms)
        return TROUBLE_NONE;
    snprintf(db->why, sizeof db->why, "writing one page took %llu ms", (unsigned long long)ms);
    return TROUBLE_SLOW;
}

static enum store_trouble open_once(struct sqlite_writer *writer)
{
    struct db *db = &writer->db;
    enum store_trouble trouble = TROUBLE_NONE;
    if (db->sql == NULL) {
        if (!db_open(db, writer->store->file.path, true))
            return blame(db);
        trouble = migrate(db);
        if (trouble == TROUBLE_NONE && writer->suspicion > 0)
            trouble = check_whole(db, writer->suspicion > 1);
    }
    return trouble == TROUBLE_NONE ? try_writing(writer) : trouble;
}

/* The damaged database out of the way. False: it cannot be renamed. */
static bool set_aside(struct sqlite_writer *writer)
{
    struct sqlite_store *store = writer->store;
    char name[NAME_SIZE];
    if (!db_file_set_aside(&store->file, "corrupt", store->clock(), false, name, sizeof name)) {
        snprintf(writer->db.why, sizeof writer->db.why, "it cannot be renamed: %s",
                 strerrordesc_np(errno));
        return false;
    }
    writer->suspicion = 0;
    store_health_corrupted(store->health);
    snprintf(writer->note, sizeof writer->note, "a new database was begun, the damaged one is %s",
             name);
    return true;
}

/* TROUBLE_NONE: open and well. */
static enum store_trouble open_rounds(struct sqlite_writer *writer)
{
    enum store_trouble trouble = TROUBLE_NONE;
    for (int round = 0; round < ROUNDS; round++) {
        bool checked = writer->db.sql == NULL && writer->suspicion > 0;
        trouble = writer->suspicion < SUSPICION_MAX ? open_once(writer) : TROUBLE_CORRUPT;
        if (trouble != TROUBLE_CORRUPT) /* well, or nothing that opening again would mend */
            break;
        if (writer->db.sql != NULL)
            db_abandon(&writer->db);
        store_health_degrade(writer->store->health, trouble, writer->db.why);
        writer->suspicion++;
        if ((checked || writer->suspicion >= SUSPICION_MAX) && !set_aside(writer))
            break;
    }
    return trouble;
}

static enum store_trouble recover_behind_gate(struct sqlite_writer *writer)
{
    struct sqlite_store *store = writer->store;
    store->generation++;
    if (!leave_moved(writer)) {
        snprintf(writer->db.why, sizeof writer->db.why, "its old log cannot be renamed: %s",
                 strerrordesc_np(errno));
        return TROUBLE_MOVED;
    }
    if (!hold_lock(writer))
        return TROUBLE_LOCKED;
    enum store_trouble trouble = open_rounds(writer);
    if (trouble == TROUBLE_NONE)
        db_file_note(&store->file);
    return trouble;
}

void sqlite_writer_recover(struct sqlite_writer *writer)
{
    struct sqlite_store *store = writer->store;
    pthread_mutex_lock(&store->gate);
    enum store_trouble trouble = recover_behind_gate(writer);
    pthread_mutex_unlock(&store->gate);
    uint64_t now = store_queue_clock();
    if (trouble == TROUBLE_NONE) {
        writer->well_since = now;
        store_health_size(store->health, db_file_size(&store->file));
        store_health_recover(store->health, writer->note[0] != '\0' ? writer->note : NULL);
        writer->note[0] = '\0';
        return;
    }
    store_health_degrade(store->health, trouble, writer->db.why);
    if (trouble != TROUBLE_LOCKED && trouble != TROUBLE_SLOW)
        db_abandon(&writer->db);
    writer->retry_at = now + writer->retry_after;
    if (writer->retry_after < (uint64_t)store->retry_ms * BACKOFF_MOST)
        writer->retry_after *= 2;
}
