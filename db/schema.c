/* SPDX-License-Identifier: ISC */
/*
 * schema: the tables, and how a file of an older version becomes one of ours.
 *
 * Version N is made from N - 1 by element N - 1 of `steps`; a new version is one more element, and
 * none is ever changed again. All steps that a file needs and its new PRAGMA user_version are one
 * transaction: whatever happens, the file is wholly of the one version or of the other.
 *
 * Version 1:
 *   meta      `hash`: the secret key of the hashes below, drawn once for a file
 *   triplet   one row of about 20 octets for each identity of a triplet, side by side (grey_row.h);
 *             the row of the strongest has the texts, too. No index: it is swept and listed by
 * scan. entry     list entries; looked for by key identity  by hash of the text, so that a second
 * index of the texts is not needed decision  records; the number is given once, even after the
 * newest was deleted counter   a handful
 */
#include "db/table_int.h"

#include <stdio.h>

static const char *const steps[SCHEMA_VERSION] = {
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    "INSERT INTO meta (name, value) VALUES ('hash', randomblob(16));"
    "CREATE TABLE triplet ("
    "  key INTEGER PRIMARY KEY,"
    "  at INTEGER NOT NULL," /* twice the seconds since 2020, and 1 where it is white */
    "  detail BLOB"          /* NULL: another row has it */
    ") STRICT;"
    "CREATE TABLE entry ("
    "  number INTEGER PRIMARY KEY,"
    "  list INTEGER NOT NULL, kind INTEGER NOT NULL, origin INTEGER NOT NULL,"
    "  action INTEGER NOT NULL, unproven INTEGER NOT NULL,"
    "  created INTEGER NOT NULL, expires INTEGER NOT NULL,"
    "  key TEXT NOT NULL, reason TEXT NOT NULL, author TEXT NOT NULL,"
    "  UNIQUE (key, kind, list, origin)"
    ") STRICT;"
    "CREATE INDEX entry_expires ON entry (expires) WHERE expires > 0;"
    "CREATE TABLE identity ("
    "  key INTEGER PRIMARY KEY,"
    "  first INTEGER NOT NULL, last INTEGER NOT NULL, proven INTEGER NOT NULL,"
    "  text TEXT NOT NULL"
    ") STRICT;"
    "CREATE TABLE decision ("
    "  number INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  time_ms INTEGER NOT NULL, proven INTEGER NOT NULL,"
    "  id TEXT NOT NULL COLLATE NOCASE, client TEXT NOT NULL,"
    "  sender TEXT NOT NULL, recipient TEXT NOT NULL,"
    "  verdict TEXT NOT NULL, record TEXT NOT NULL"
    ") STRICT;"
    "CREATE INDEX decision_id ON decision (id);"
    "CREATE INDEX decision_time ON decision (time_ms);"
    "CREATE TABLE counter ("
    "  number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, value INTEGER NOT NULL"
    ") STRICT;",
};

static bool is_newer(struct db *db, int64_t version, int known)
{
    db_fail(db, SQLITE_ERROR);
    snprintf(db->why, sizeof db->why,
             "the database is of schema version %lld and this program knows versions up to %d: "
             "it was written by a newer one",
             (long long)version, known);
    return false;
}

static bool run_steps(struct db *db, const char *const step[], int64_t version, int count)
{
    for (int64_t i = version; i < count; i++) {
        if (!db_exec(db, step[i]))
            return false;
    }
    char note[64];
    snprintf(note, sizeof note, "PRAGMA user_version = %d", count);
    return db_exec(db, note);
}

bool schema_run(struct db *db, const char *const step[], int count)
{
    int64_t version;
    if (!db_number(db, "PRAGMA user_version", &version))
        return false;
    if (version == count)
        return true;
    if (version > count || version < 0)
        return is_newer(db, version, count);
    if (db_begin(db) && run_steps(db, step, version, count) && db_commit(db))
        return true;
    db_rollback(db);
    return false;
}

bool schema_migrate(struct db *db)
{
    return schema_run(db, steps, SCHEMA_VERSION) && table_hash(db);
}
