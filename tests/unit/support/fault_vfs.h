/* SPDX-License-Identifier: ISC */
#ifndef TESTS_UNIT_SUPPORT_FAULT_VFS_H
#define TESTS_UNIT_SUPPORT_FAULT_VFS_H
/*
 * A disk that fails when it is told to: a layer between SQLite and the system that counts its calls
 * and lets chosen ones fail. For the whole process; any thread may go through it.
 */

#include <stdbool.h>

enum vfs_fault {
    VFS_NONE,
    VFS_FULL,        /* a write finds no room */
    VFS_IO,          /* opening, reading, writing, truncating or syncing fails */
    VFS_SHORT_WRITE, /* half of it is written */
    VFS_SHORT_READ,  /* the system returns the first half only, without an error; the rest is there
                      * when it is asked again. (What SQLite calls a short read is the file's end.)
                      */
};

/* SQLite uses it from now on. */
void fault_vfs_install(void);
/* Lets the `at`-th call (from 1) that can fail so fail, and all behind it where `on`. */
void fault_vfs_arm(enum vfs_fault fault, long at, bool on);
/* No more faults; returns how many there were. */
long fault_vfs_disarm(void);
/* How often a log was synced since the beginning. */
long fault_vfs_log_syncs(void);
/* Every sync takes so long. */
void fault_vfs_delay(unsigned ms);

#endif
