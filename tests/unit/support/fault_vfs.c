/* SPDX-License-Identifier: ISC */
/* fault_vfs: see the header. Shared memory and locks are passed through. Only 64-bit off_t. */
#include "tests/unit/support/fault_vfs.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

struct fault_file {
    sqlite3_file base;
    bool log;
    sqlite3_file *real; /* lies behind it */
};

static sqlite3_vfs vfs;
static sqlite3_vfs *real_vfs;
static atomic_int armed;
static atomic_long left, hits, log_syncs;
static atomic_bool goes_on;
static atomic_uint delay_ms;

enum call { CALL_OPEN, CALL_READ, CALL_WRITE, CALL_TRUNCATE, CALL_SYNC, CALL_SYSTEM_READ };

static bool can_fail(enum vfs_fault fault, enum call call)
{
    switch (fault) {
    case VFS_NONE:
        return false;
    case VFS_FULL:
    case VFS_SHORT_WRITE:
        return call == CALL_WRITE;
    case VFS_IO:
        return call != CALL_SYSTEM_READ;
    case VFS_SHORT_READ:
        return call == CALL_SYSTEM_READ;
    }
    return false;
}

static enum vfs_fault strike(enum call call)
{
    enum vfs_fault fault = (enum vfs_fault)atomic_load(&armed);
    if (!can_fail(fault, call))
        return VFS_NONE;
    long now = atomic_fetch_sub(&left, 1);
    if (now > 1 || (now < 1 && !atomic_load(&goes_on)))
        return VFS_NONE;
    atomic_fetch_add(&hits, 1);
    return fault;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct fault_file *)file)->real;
}

static int f_close(sqlite3_file *file)
{
    sqlite3_file *real = real_of(file);
    return real->pMethods != NULL ? real->pMethods->xClose(real) : SQLITE_OK;
}

static int f_read(sqlite3_file *file, void *to, int size, sqlite3_int64 at)
{
    sqlite3_file *real = real_of(file);
    if (strike(CALL_READ) != VFS_NONE)
        return SQLITE_IOERR_READ;
    return real->pMethods->xRead(real, to, size, at);
}

static int f_write(sqlite3_file *file, const void *from, int size, sqlite3_int64 at)
{
    sqlite3_file *real = real_of(file);
    switch (strike(CALL_WRITE)) {
    case VFS_NONE:
    case VFS_SHORT_READ:
        return real->pMethods->xWrite(real, from, size, at);
    case VFS_FULL:
        return SQLITE_FULL;
    case VFS_IO:
        return SQLITE_IOERR_WRITE;
    case VFS_SHORT_WRITE:
        real->pMethods->xWrite(real, from, size / 2, at);
        return SQLITE_IOERR_WRITE;
    }
    return SQLITE_IOERR;
}

static int f_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    sqlite3_file *real = real_of(file);
    if (strike(CALL_TRUNCATE) != VFS_NONE)
        return SQLITE_IOERR_TRUNCATE;
    return real->pMethods->xTruncate(real, size);
}

static int f_sync(sqlite3_file *file, int flags)
{
    sqlite3_file *real = real_of(file);
    if (((struct fault_file *)file)->log)
        atomic_fetch_add(&log_syncs, 1);
    unsigned ms = atomic_load(&delay_ms);
    if (ms > 0)
        usleep(ms * 1000);
    if (strike(CALL_SYNC) != VFS_NONE)
        return SQLITE_IOERR_FSYNC;
    return real->pMethods->xSync(real, flags);
}

static int f_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}
static int f_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}
static int f_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}
static int f_check(sqlite3_file *file, int *out)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}
static int f_control(sqlite3_file *file, int op, void *arg)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), op, arg);
}
static int f_sector(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}
static int f_device(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}
static int f_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, out);
}
static int f_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, n, flags);
}
static void f_shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}
static int f_shm_unmap(sqlite3_file *file, int remove)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = f_close,
    .xRead = f_read,
    .xWrite = f_write,
    .xTruncate = f_truncate,
    .xSync = f_sync,
    .xFileSize = f_size,
    .xLock = f_lock,
    .xUnlock = f_unlock,
    .xCheckReservedLock = f_check,
    .xFileControl = f_control,
    .xSectorSize = f_sector,
    .xDeviceCharacteristics = f_device,
    .xShmMap = f_shm_map,
    .xShmLock = f_shm_lock,
    .xShmBarrier = f_shm_barrier,
    .xShmUnmap = f_shm_unmap,
};

static int v_open(sqlite3_vfs *self, const char *name, sqlite3_file *out, int flags, int *got)
{
    (void)self;
    struct fault_file *file = (struct fault_file *)out;
    *file = (struct fault_file){.log = (flags & SQLITE_OPEN_WAL) != 0};
    file->real = (sqlite3_file *)(file + 1);
    if (strike(CALL_OPEN) != VFS_NONE)
        return SQLITE_CANTOPEN;
    int code = real_vfs->xOpen(real_vfs, name, file->real, flags, got);
    if (code == SQLITE_OK)
        file->base.pMethods = &methods;
    return code;
}

/* Whichever of them this SQLite was built with. */

static size_t half(size_t size)
{
    return size > 1 && strike(CALL_SYSTEM_READ) != VFS_NONE ? size / 2 : size;
}

static ssize_t s_read(int fd, void *to, size_t size)
{
    return read(fd, to, half(size));
}

static ssize_t s_pread(int fd, void *to, size_t size, off_t at)
{
    return pread(fd, to, half(size), at);
}

static void install_reads(void)
{
    static const struct {
        const char *name;
        sqlite3_syscall_ptr call;
    } calls[] = {{"read", (sqlite3_syscall_ptr)s_read},
                 {"pread", (sqlite3_syscall_ptr)s_pread},
                 {"pread64", (sqlite3_syscall_ptr)s_pread}};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        if (real_vfs->xGetSystemCall(real_vfs, calls[i].name) != NULL)
            real_vfs->xSetSystemCall(real_vfs, calls[i].name, calls[i].call);
}

void fault_vfs_install(void)
{
    if (real_vfs != NULL)
        return;
    real_vfs = sqlite3_vfs_find(NULL);
    install_reads();
    vfs = *real_vfs;
    vfs.zName = "fault";
    vfs.pNext = NULL;
    vfs.szOsFile = (int)sizeof(struct fault_file) + real_vfs->szOsFile;
    vfs.xOpen = v_open;
    sqlite3_vfs_register(&vfs, 1);
}

void fault_vfs_arm(enum vfs_fault fault, long at, bool on)
{
    atomic_store(&left, at);
    atomic_store(&goes_on, on);
    atomic_store(&hits, 0);
    atomic_store(&armed, (int)fault);
}

long fault_vfs_disarm(void)
{
    atomic_store(&armed, VFS_NONE);
    return atomic_load(&hits);
}

long fault_vfs_log_syncs(void)
{
    return atomic_load(&log_syncs);
}

void fault_vfs_delay(unsigned ms)
{
    atomic_store(&delay_ms, ms);
}
