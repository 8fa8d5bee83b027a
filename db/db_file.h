/* SPDX-License-Identifier: ISC */
#ifndef DB_DB_FILE_H
#define DB_DB_FILE_H
/*
 * The database as files of a directory: gatepost.db, its log (-wal) and its index of the log
 * (-shm): are these still the ones we opened, how large are they, and how are they put out of the
 * way without losing any. Blocking calls, one thread.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct db_identity {
    dev_t device;
    ino_t number; /* 0: no file */
};

struct db_file {
    char *path; /* of gatepost.db */
    char *log;
    char *index;
    struct db_identity main_open, log_open; /* db_file_note() */
};

void db_file_init(struct db_file *file, const char *directory);
void db_file_clear(struct db_file *file);

/* What lies under the names now is what SQLite has open. */
void db_file_note(struct db_file *file);
enum db_file_place {
    FILE_SAME,      /* as noted */
    FILE_MOVED,     /* the database is gone or another one */
    FILE_LOG_MOVED, /* its log is, while the database is the same */
};
enum db_file_place db_file_check(const struct db_file *file);

/* The log that lies there now is `log`. */
bool db_file_same_log(const struct db_file *file, struct db_identity log);

/* Renames the three to gatepost.db.WORD-TIME, ...-wal and ...-shm (`now`: seconds since the epoch,
 * written as 20261122T170000Z), never over a file that exists; with `log_only` but the last two.
 * False: errno. `name` gets the new name of the first, without its directory. */
bool db_file_set_aside(const struct db_file *file, const char *word, int64_t now, bool log_only,
                       char *name, size_t size);

/* Octets of all three. */
uint64_t db_file_size(const struct db_file *file);
/* The file system has room for work, not just for a page. True where it cannot be known. */
bool db_file_has_room(const struct db_file *file);
/* Makes changes of names in the directory of `path` last. False: errno. */
bool db_file_sync_directory(const char *path);

#endif
