/* SPDX-License-Identifier: ISC */
#ifndef ADMIN_CONTROL_SOCKET_H
#define ADMIN_CONTROL_SOCKET_H
/* The control socket as a file: made, given to its group, taken away. Main thread, at start and
 * end. */

#include <stdbool.h>
#include <sys/types.h>

struct control_socket {
    int fd; /* listens, non-blocking; -1: none */
    char *path;
    dev_t device; /* of the file we made, so that no other is removed */
    ino_t inode;
};

/* Listens at `path`: mode 0660 and `group`, or 0600 and a warning in the log where that cannot be.
 * An old socket is replaced only where nobody listens on it. False: *why (the caller frees). */
bool control_socket_open(struct control_socket *socket, const char *path, const char *group,
                         char **why) __attribute__((warn_unused_result));
void control_socket_close(struct control_socket *socket);

#endif
