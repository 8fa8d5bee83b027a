/* SPDX-License-Identifier: ISC */
#ifndef TESTS_UNIT_SUPPORT_VIRTUAL_CLOCK_H
#define TESTS_UNIT_SUPPORT_VIRTUAL_CLOCK_H
/*
 * The monotonic clock, the kernel's as well as libevent's, stands still until the test moves it:
 * clock_ms. To be included by one file of a binary, since it defines clock_gettime(2).
 */

#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_ms = 1000000;

int clock_gettime(clockid_t id, struct timespec *ts)
{
    if (id == CLOCK_REALTIME || id == CLOCK_PROCESS_CPUTIME_ID || id == CLOCK_THREAD_CPUTIME_ID)
        return (int)syscall(SYS_clock_gettime, id, ts);
    ts->tv_sec = (time_t)(clock_ms / 1000);
    ts->tv_nsec = (long)(clock_ms % 1000) * 1000000;
    return 0;
}

#endif
