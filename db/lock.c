/* SPDX-License-Identifier: ISC */
/*
 * lock: one holder of a state directory at a time.
 *
 * An open file description lock on DIRECTORY/gatepost.lock: the kernel drops it when the process
 * ends, however it ends, and it excludes a second holder in the same process, too. The file's text
 * is the holder's pid, for people and for the error text; the lock does not depend on it. The file
 * is never removed, or two could hold a lock of that name; if somebody else removes it lock_held()
 * tells.
 */
#include "db/lock.h"

#include "lib/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES 10 /* while others remove the file */

struct lock {
    char *path;
    int fd;
};

/* In words, who holds it. */
static char *taken(const char *path, int fd)
{
    char text[32] = "";
    ssize_t got = pread(fd, text, sizeof text - 1, 0);
    long pid = got > 0 ? strtol(text, NULL, 10) : 0;
    if (pid == (long)getpid())
        return mem_printf("%s is held by this process already", path);
    if (pid > 0)
        return mem_printf("%s is held by process %ld", path, pid);
    return mem_printf("%s is held by another process", path);
}

/* False with *why. *again: the file was removed meanwhile. */
static bool take(struct lock *lock, bool *again, char **why)
{
    *again = false;
    lock->fd = open(lock->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (lock->fd < 0) {
        *why = mem_printf("%s: %s", lock->path, strerror(errno));
        return false;
    }
    struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(lock->fd, F_OFD_SETLK, &all) != 0) {
        *why = errno == EAGAIN || errno == EACCES
                   ? taken(lock->path, lock->fd)
                   : mem_printf("%s: %s", lock->path, strerror(errno));
        return false;
    }
    *again = !lock_held(lock);
    if (*again)
        *why = mem_printf("%s is removed again and again", lock->path);
    return !*again;
}

/* Without a word where the disk is full: the lock holds all the same. */
static void write_pid(int fd)
{
    char text[32];
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)len, 0) != len)
        (void)!ftruncate(fd, 0);
}

struct lock *lock_new(const char *directory, char **why)
{
    struct lock *lock = mem_alloc(sizeof *lock);
    lock->path = mem_printf("%s/gatepost.lock", directory);
    for (int tries = 0; tries < TRIES; tries++) {
        bool again;
        if (take(lock, &again, why)) {
            write_pid(lock->fd);
            return lock;
        }
        if (lock->fd >= 0)
            close(lock->fd);
        if (!again)
            break;
        if (tries + 1 < TRIES)
            free(*why);
    }
    free(lock->path);
    free(lock);
    return NULL;
}

void lock_free(struct lock *lock)
{
    if (lock == NULL)
        return;
    close(lock->fd);
    free(lock->path);
    free(lock);
}

bool lock_held(const struct lock *lock)
{
    struct stat ours, there;
    return fstat(lock->fd, &ours) == 0 && lstat(lock->path, &there) == 0 &&
           ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}
