/* SPDX-License-Identifier: ISC */
/*
 * spool: one message while it waits for its end.
 *
 * In memory while it is small, its room doubling; beyond the memory of a message, or when the
 * memory of all messages is used up, it moves into a file without a name (O_TMPFILE, mode 0600; a
 * file system that cannot gets a file that is unlinked at once), so nothing is left behind however
 * the process ends. Nothing is synced: no client holds a 250 for what lies here.
 *
 * Budgets are atomics shared by all threads. What is allocated is taken from them before and given
 * back exactly; a write buffer of a file is taken from the memory too, and where there is none left
 * each addition is written at once.
 *
 * What is cut stays where it is: a sorted table says where reading jumps, and by how much.
 *
 * Limits: writes block for as long as the disk does; they go to the page cache.
 */
#include "proxy/spool.h"

#include "lib/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_MAX  65536
#define WRITE_BUF 65536
#define ROOM_MIN  1024

struct spool_budget {
    char *directory;
    _Atomic uint64_t per_message;
    _Atomic uint64_t memory_max;
    _Atomic uint64_t files_max;
    _Atomic uint64_t memory;
    _Atomic uint64_t files;
};

struct cut {
    uint64_t at;      /* where it is, counted without those before it */
    uint64_t skipped; /* octets of all up to it, itself included */
};

struct spool {
    struct spool_budget *budget;
    char *room;     /* memory: all of the message; file: what is not written yet; or NULL */
    size_t len;     /* octets in `room` */
    size_t cap;     /* of `room`, all of it taken from the memory budget */
    uint64_t filed; /* octets in the file */
    uint64_t taken; /* from the file budget */
    int fd;         /* -1: in memory */
    struct cut *cut;
    size_t cuts;
    char *error;
};

struct spool_budget *spool_budget_new(const char *directory)
{
    struct spool_budget *budget = mem_alloc(sizeof *budget);
    budget->directory = mem_strdup(directory);
    return budget;
}

void spool_budget_free(struct spool_budget *budget)
{
    if (budget == NULL)
        return;
    free(budget->directory);
    free(budget);
}

void spool_budget_set(struct spool_budget *budget, uint64_t per_message, uint64_t memory,
                      uint64_t files)
{
    atomic_store(&budget->per_message, per_message);
    atomic_store(&budget->memory_max, memory);
    atomic_store(&budget->files_max, files);
}

void spool_budget_used(const struct spool_budget *budget, uint64_t *memory, uint64_t *files)
{
    *memory = atomic_load(&budget->memory);
    *files = atomic_load(&budget->files);
}

/* Takes `n` octets where they fit below `max` (which a reload may have lowered below `used`). */
static bool take(_Atomic uint64_t *used, const _Atomic uint64_t *max, uint64_t n)
{
    uint64_t limit = atomic_load(max);
    uint64_t now = atomic_load(used);
    do {
        if (now > limit || n > limit - now)
            return false;
    } while (!atomic_compare_exchange_weak(used, &now, now + n));
    return true;
}

bool spool_budget_take(struct spool_budget *budget, uint64_t octets)
{
    return take(&budget->memory, &budget->memory_max, octets);
}

void spool_budget_give(struct spool_budget *budget, uint64_t octets)
{
    atomic_fetch_sub(&budget->memory, octets);
}

struct spool *spool_new(struct spool_budget *budget)
{
    struct spool *spool = mem_alloc(sizeof *spool);
    spool->budget = budget;
    spool->fd = -1;
    return spool;
}

static void free_room(struct spool *spool)
{
    free(spool->room);
    atomic_fetch_sub(&spool->budget->memory, spool->cap);
    spool->room = NULL;
    spool->len = spool->cap = 0;
}

void spool_free(struct spool *spool)
{
    if (spool == NULL)
        return;
    free_room(spool);
    if (spool->fd >= 0)
        close(spool->fd);
    atomic_fetch_sub(&spool->budget->files, spool->taken);
    free(spool->cut);
    free(spool->error);
    free(spool);
}

static bool fail(struct spool *spool, const char *what, int error)
{
    char text[128];
    if (spool->error == NULL)
        spool->error = error == 0
                           ? mem_strdup(what)
                           : mem_printf("%s: %s", what, strerror_r(error, text, sizeof text));
    return false;
}

/* Grows `room` to `cap` octets; false: the memory budget does not have them. */
static bool grow(struct spool *spool, size_t cap)
{
    struct spool_budget *budget = spool->budget;
    if (!take(&budget->memory, &budget->memory_max, cap - spool->cap))
        return false;
    spool->room = mem_grow(spool->room, cap, 1);
    spool->cap = cap;
    return true;
}

/* Room for `len` more octets in memory: double if that may be, else just enough. */
static bool reserve(struct spool *spool, size_t len)
{
    uint64_t max = atomic_load(&spool->budget->per_message);
    if (spool->len > max || len > max - spool->len)
        return false;
    size_t need = spool->len + len;
    if (need <= spool->cap)
        return true;
    uint64_t want = spool->cap * 2 > ROOM_MIN ? spool->cap * 2 : ROOM_MIN;
    if (want > max)
        want = max;
    if (want > need && grow(spool, (size_t)want))
        return true;
    return grow(spool, need);
}

static bool write_out(struct spool *spool, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(spool->fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail(spool, "cannot write to the spool file", n < 0 ? errno : EIO);
        data += n;
        len -= (size_t)n;
        spool->filed += (uint64_t)n;
    }
    return true;
}

static bool write_room(struct spool *spool)
{
    if (!write_out(spool, spool->room, spool->len))
        return false;
    spool->len = 0;
    return true;
}

static int open_file(const char *directory)
{
    int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
        return fd;
    char *path = mem_printf("%s/spool.XXXXXX", directory);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    free(path);
    return fd;
}

static bool take_file(struct spool *spool, uint64_t len)
{
    struct spool_budget *budget = spool->budget;
    if (!take(&budget->files, &budget->files_max, len))
        return fail(spool, "the spool is full", 0);
    spool->taken += len;
    return true;
}

/* What was in memory goes into a file, its room back to the budget. */
static bool move_to_file(struct spool *spool)
{
    if (!take_file(spool, spool->len))
        return false;
    spool->fd = open_file(spool->budget->directory);
    if (spool->fd < 0)
        return fail(spool, "cannot make a spool file", errno);
    if (!write_room(spool))
        return false;
    free_room(spool);
    return true;
}

static bool add_to_file(struct spool *spool, const char *data, size_t len)
{
    if (!take_file(spool, len))
        return false;
    if (spool->cap - spool->len < len && spool->len > 0 && !write_room(spool))
        return false;
    if (len >= WRITE_BUF || (spool->room == NULL && !grow(spool, WRITE_BUF)))
        return write_out(spool, data, len);
    memcpy(spool->room + spool->len, data, len);
    spool->len += len;
    return true;
}

bool spool_add(struct spool *spool, const void *data, size_t len)
{
    if (spool->error != NULL)
        return false;
    if (len == 0)
        return true;
    if (spool->fd < 0 && reserve(spool, len)) {
        memcpy(spool->room + spool->len, data, len);
        spool->len += len;
        return true;
    }
    if (spool->fd < 0 && !move_to_file(spool))
        return false;
    return add_to_file(spool, data, len);
}

const char *spool_error(const struct spool *spool)
{
    return spool->error;
}

/* ---- cuts and reading ---------------------------------------------------------------------------
 */

static uint64_t octets(const struct spool *spool)
{
    return spool->filed + spool->len;
}

static uint64_t skipped(const struct spool *spool)
{
    return spool->cuts > 0 ? spool->cut[spool->cuts - 1].skipped : 0;
}

uint64_t spool_size(const struct spool *spool)
{
    return octets(spool) - skipped(spool);
}

void spool_cut(struct spool *spool, uint64_t offset, uint64_t len)
{
    const uint64_t before = skipped(spool);
    const bool first = spool->cuts == 0;
    uint64_t end = first ? 0 : spool->cut[spool->cuts - 1].at + before; /* of what is cut already */
    if (len == 0 || offset < end || offset > octets(spool) || len > octets(spool) - offset)
        return;
    if (!first && offset == end) {
        spool->cut[spool->cuts - 1].skipped += len;
        return;
    }
    if ((spool->cuts & (spool->cuts - 1)) == 0) /* 0, 1, 2, 4...: full */
        spool->cut = mem_grow(spool->cut, first ? 1 : spool->cuts * 2, sizeof *spool->cut);
    spool->cut[spool->cuts++] = (struct cut){.at = offset - before, .skipped = before + len};
}

bool spool_end_cut(const struct spool *spool)
{
    return spool->cuts > 0 && spool->cut[spool->cuts - 1].at == spool_size(spool);
}

/* How many cuts lie before what is read at `offset`. */
static size_t cuts_before(const struct spool *spool, uint64_t offset)
{
    size_t low = 0;
    size_t high = spool->cuts;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (spool->cut[middle].at <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* `most` octets at most, of what was added. */
static long read_at(struct spool *spool, uint64_t offset, size_t most, char room[static READ_MAX],
                    const char **data)
{
    if (offset >= spool->filed) {
        *data = spool->room + (offset - spool->filed);
        return (long)most;
    }
    uint64_t left = spool->filed - offset;
    ssize_t n;
    do {
        n = pread(spool->fd, room, left < most ? (size_t)left : most, (off_t)offset);
    } while (n < 0 && errno == EINTR);
    if (n <= 0) {
        fail(spool, "cannot read the spool file", n < 0 ? errno : EIO);
        return -1;
    }
    *data = room;
    return n;
}

long spool_read(struct spool *spool, uint64_t offset, char room[static 65536], const char **data)
{
    uint64_t size = spool_size(spool);
    if (offset >= size)
        return 0;
    size_t before = cuts_before(spool, offset);
    uint64_t left = (before < spool->cuts ? spool->cut[before].at : size) - offset;
    if (before > 0)
        offset += spool->cut[before - 1].skipped;
    return read_at(spool, offset, left < READ_MAX ? (size_t)left : READ_MAX, room, data);
}
