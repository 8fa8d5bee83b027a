/* SPDX-License-Identifier: ISC */
/*
 * systemd: what we tell systemd and get from it; the only file with libsystemd.
 *
 * Type=notify on systemd 252 (Type=notify-reload came later): a reload is RELOADING=1 with the
 * monotonic time, then READY=1. The watchdog is pinged at half its interval, by whoever knows that
 * all workers are alive. See sd_notify(3), sd_listen_fds(3), sd_journal_sendv(3).
 *
 * Log lines go to the journal with their session and event as fields, so that
 * `journalctl GATEPOST_SESSION=...` tells the story of one connection.
 */
#define SD_JOURNAL_SUPPRESS_LOCATION /* whose line of ours wrote it tells nobody anything */

#include "proxy/systemd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

size_t systemd_sockets(struct systemd_socket *out, size_t max)
{
    char **names = NULL;
    int given = sd_listen_fds_with_names(1, &names);
    size_t count = 0;
    for (int i = 0; i < given; i++) {
        int fd = SD_LISTEN_FDS_START + i;
        const char *name = names != NULL && names[i] != NULL ? names[i] : "";
        if (count < max) {
            out[count].fd = fd;
            snprintf(out[count++].name, SYSTEMD_NAME_MAX, "%s", name);
        } else {
            close(fd);
        }
        if (names != NULL)
            free(names[i]);
    }
    free(names);
    return count;
}

void systemd_ready(const char *status)
{
    if (status != NULL)
        sd_notifyf(0, "READY=1\nSTATUS=%s", status);
    else
        sd_notify(0, "READY=1");
}

void systemd_reloading(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
               (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
}

void systemd_stopping(uint64_t extend_us)
{
    if (extend_us > 0)
        sd_notifyf(0, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%" PRIu64, extend_us);
    else
        sd_notify(0, "STOPPING=1");
}

uint64_t systemd_watchdog_interval_ms(void)
{
    uint64_t interval_us = 0;
    if (sd_watchdog_enabled(0, &interval_us) <= 0)
        return 0;
    uint64_t half_ms = interval_us / 2000;
    return half_ms > 0 ? half_ms : 1;
}

void systemd_watchdog_ping(void)
{
    sd_notify(0, "WATCHDOG=1");
}

/* "NAME=value" in `room`, cut where it does not fit (nothing of ours is that long). */
static struct iovec field(char *room, size_t size, const char *name, const char *value)
{
    int len = snprintf(room, size, "%s=%s", name, value);
    size_t used = len < 0 ? 0 : (size_t)len;
    return (struct iovec){.iov_base = room, .iov_len = used < size ? used : size - 1};
}

void systemd_journal(enum log_level level, const char *event, const char *session,
                     const char *message)
{
    static const char *const priority[] = {"PRIORITY=3", "PRIORITY=4", "PRIORITY=6", "PRIORITY=7"};
    static const char identifier[] = "SYSLOG_IDENTIFIER=gatepostd";
    char message_room[LOG_LINE_MAX + sizeof "MESSAGE="];
    char event_room[128];
    char session_room[128];
    struct iovec fields[5];
    int count = 0;
    fields[count++] = field(message_room, sizeof message_room, "MESSAGE", message);
    fields[count++] = (struct iovec){(void *)(uintptr_t)priority[level], strlen(priority[level])};
    fields[count++] = (struct iovec){(void *)(uintptr_t)identifier, sizeof identifier - 1};
    fields[count++] = field(event_room, sizeof event_room, "GATEPOST_EVENT", event);
    if (session != NULL)
        fields[count++] = field(session_room, sizeof session_room, "GATEPOST_SESSION", session);
    sd_journal_sendv(fields, count);
}
