/* SPDX-License-Identifier: ISC */
/*
 * db_file: the database's files under their names.
 *
 * Promises: nothing here opens a database file, for closing it again would drop SQLite's locks on
 * it; nothing is removed or overwritten. The log goes before the database when both are renamed: a
 * database whose log is elsewhere lacks its last changes, but a log beside another database would
 * be played into it.
 */
#include "db/db_file.h"

#include "lib/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define ROOM        ((uint64_t)1024 * 1024)
#define ROOM_SHARE  16 /* or that part of a small file system */
#define SAME_SECOND 100

void db_file_init(struct db_file *file, const char *directory)
{
    *file = (struct db_file){0};
    file->path = mem_printf("%s/gatepost.db", directory);
    file->log = mem_printf("%s-wal", file->path);
    file->index = mem_printf("%s-shm", file->path);
}

void db_file_clear(struct db_file *file)
{
    free(file->path);
    free(file->log);
    free(file->index);
    *file = (struct db_file){0};
}

static struct db_identity identity(const char *path)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return (struct db_identity){0};
    return (struct db_identity){st.st_dev, st.st_ino};
}

static bool same(struct db_identity a, struct db_identity b)
{
    return a.device == b.device && a.number == b.number;
}

void db_file_note(struct db_file *file)
{
    file->main_open = identity(file->path);
    file->log_open = identity(file->log);
}

enum db_file_place db_file_check(const struct db_file *file)
{
    if (!same(identity(file->path), file->main_open))
        return FILE_MOVED;
    return same(identity(file->log), file->log_open) ? FILE_SAME : FILE_LOG_MOVED;
}

bool db_file_same_log(const struct db_file *file, struct db_identity log)
{
    return same(identity(file->log), log);
}

/* False: errno, EEXIST where `to` is there. What is not there need not be renamed. */
static bool rename_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0 || errno == ENOENT)
        return true;
    if (errno != EINVAL && errno != ENOSYS)
        return false;
    if (identity(to).number != 0) { /* a file system that cannot promise it */
        errno = EEXIST;
        return false;
    }
    return rename(from, to) == 0 || errno == ENOENT;
}

static bool rename_all(const struct db_file *file, const char *to, bool log_only)
{
    char *log = mem_printf("%s-wal", to);
    char *index = mem_printf("%s-shm", to);
    bool free_name = identity(to).number == 0;
    errno = EEXIST;
    bool ok = free_name && rename_new(file->log, log) && rename_new(file->index, index) &&
              (log_only || rename_new(file->path, to));
    free(log);
    free(index);
    return ok;
}

bool db_file_set_aside(const struct db_file *file, const char *word, int64_t now, bool log_only,
                       char *name, size_t size)
{
    char stamp[32];
    time_t seconds = (time_t)now;
    struct tm tm;
    if (gmtime_r(&seconds, &tm) == NULL ||
        strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &tm) == 0)
        snprintf(stamp, sizeof stamp, "%lld", (long long)now);
    bool ok = false;
    for (int i = 0; i < SAME_SECOND && !ok; i++) {
        char *to = i == 0 ? mem_printf("%s.%s-%s", file->path, word, stamp)
                          : mem_printf("%s.%s-%s.%d", file->path, word, stamp, i);
        ok = rename_all(file, to, log_only);
        const char *slash = strrchr(to, '/');
        snprintf(name, size, "%s", slash != NULL ? slash + 1 : to);
        free(to);
        if (!ok && errno != EEXIST)
            break;
    }
    return ok && db_file_sync_directory(file->path);
}

static uint64_t size_of(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

uint64_t db_file_size(const struct db_file *file)
{
    return size_of(file->path) + size_of(file->log) + size_of(file->index);
}

static char *directory_of(const char *path)
{
    char *copy = mem_strdup(path);
    char *directory = mem_strdup(dirname(copy));
    free(copy);
    return directory;
}

bool db_file_has_room(const struct db_file *file)
{
    char *directory = directory_of(file->path);
    struct statvfs fs;
    int got = statvfs(directory, &fs);
    free(directory);
    if (got != 0)
        return true;
    uint64_t share = (uint64_t)fs.f_blocks / ROOM_SHARE * fs.f_frsize;
    return (uint64_t)fs.f_bavail * fs.f_frsize >= (share < ROOM ? share : ROOM);
}

bool db_file_sync_directory(const char *path)
{
    char *directory = directory_of(path);
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(directory);
    if (fd < 0)
        return false;
    bool ok = fsync(fd) == 0;
    close(fd);
    return ok;
}
