/* SPDX-License-Identifier: ISC */
/*
 * control_socket: the control socket as a file.
 *
 * Promises: at no moment may anybody connect who may not in the end: the file is born with mode
 * 0600, whatever the umask, gets its group and then its mode, and only then listens. No link is
 * followed at its last step: what stands at the path and is no socket stays, and is a fault. Only
 * the file we made is removed.
 * Limits: two daemons that start at once on one path are told apart by the store's lock, not here.
 */
#include "admin/control_socket.h"

#include "lib/log.h"
#include "lib/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64

static bool fault(char **why, const char *what, const char *path, const char *advice)
{
    *why = mem_printf("cannot %s the control socket %s: %s%s", what, path, strerrordesc_np(errno),
                      advice);
    return false;
}

static bool set_address(struct sockaddr_un *out, const char *path, char **why)
{
    size_t len = strlen(path);
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (len == 0 || len >= sizeof out->sun_path) {
        *why = mem_printf("the control socket \"%s\" has a name of %zu octets; the kernel takes 1 "
                          "to %zu",
                          path, len, sizeof out->sun_path - 1);
        return false;
    }
    memcpy(out->sun_path, path, len);
    return true;
}

/* 0: somebody answers; else why not, as errno has it. */
static int try_connect(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    int error = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 ? 0 : errno;
    close(fd);
    return error == EAGAIN ? 0 : error; /* a full queue is somebody's */
}

/* Takes away a socket that nobody listens on. */
static bool clear_path(const struct sockaddr_un *address, char **why)
{
    const char *path = address->sun_path;
    struct stat st;
    if (lstat(path, &st) != 0)
        return errno == ENOENT ||
               fault(why, "look for", path, "; its directory must be the daemon user's");
    if (!S_ISSOCK(st.st_mode)) {
        *why = mem_printf("%s is no socket, so it stays; name another control socket, or remove it",
                          path);
        return false;
    }
    int error = try_connect(address);
    if (error == 0) {
        *why = mem_printf(
            "somebody listens on the control socket %s; is gatepostd running already?", path);
        return false;
    }
    errno = error;
    if (error != ECONNREFUSED && error != ENOENT)
        return fault(why, "try", path, "");
    if (unlink(path) != 0 && errno != ENOENT)
        return fault(why, "replace", path, "");
    return true;
}

static bool remember(struct control_socket *s, gid_t *group)
{
    struct stat st;
    if (lstat(s->path, &st) != 0 || !S_ISSOCK(st.st_mode) || st.st_uid != geteuid())
        return false;
    s->device = st.st_dev;
    s->inode = st.st_ino;
    *group = st.st_gid;
    return true;
}

static void owner_alone(const char *path, const char *group, const char *reason)
{
    log_event(LOG_LEVEL_WARNING, NULL, "control",
              "%s: group %s: %s; only root and the daemon's own user can connect", path, group,
              reason);
}

/* Lets the group in, where there is one. */
static void give_to_group(const char *path, gid_t has, const char *group)
{
    errno = 0;
    const struct group *entry = getgrnam(group);
    if (entry == NULL) {
        owner_alone(path, group, "there is no such group");
        return;
    }
    /* Mostly it is the daemon's own already; under systemd chown() is not allowed. */
    if ((has != entry->gr_gid &&
         fchownat(AT_FDCWD, path, (uid_t)-1, entry->gr_gid, AT_SYMLINK_NOFOLLOW) != 0) ||
        fchmodat(AT_FDCWD, path, 0660, AT_SYMLINK_NOFOLLOW) != 0)
        owner_alone(path, group, strerrordesc_np(errno));
}

/* The mode that a socket has before it is bound is that of its file, less the umask (unix(7) says
 * so of Linux), so there is no moment of a wider one and the process's umask stays. */
static bool bind_and_listen(struct control_socket *s, const struct sockaddr_un *address,
                            const char *group)
{
    gid_t has;
    s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0 || fchmod(s->fd, 0600) != 0 ||
        bind(s->fd, (const struct sockaddr *)address, sizeof *address) != 0)
        return false;
    if (!remember(s, &has))
        return false;
    give_to_group(s->path, has, group);
    return listen(s->fd, BACKLOG) == 0;
}

bool control_socket_open(struct control_socket *s, const char *path, const char *group, char **why)
{
    struct sockaddr_un address;
    *s = (struct control_socket){.fd = -1};
    if (!set_address(&address, path, why) || !clear_path(&address, why))
        return false;
    s->path = mem_strdup(path);
    if (bind_and_listen(s, &address, group))
        return true;
    fault(why, "make", path, "; its directory must be there, and be the daemon user's");
    control_socket_close(s);
    return false;
}

void control_socket_close(struct control_socket *s)
{
    struct stat st;
    if (s->path != NULL && s->inode != 0 && lstat(s->path, &st) == 0 && st.st_dev == s->device &&
        st.st_ino == s->inode)
        unlink(s->path);
    if (s->fd >= 0)
        close(s->fd);
    free(s->path);
    *s = (struct control_socket){.fd = -1};
}
