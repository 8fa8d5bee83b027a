/* SPDX-License-Identifier: ISC */
/*
 * privilege: who the process is and what it may.
 *
 * Started as root, gatepostd binds its ports and then becomes an ordinary user for good: groups,
 * gid and uid in all three forms, every capability gone from all sets but CAP_NET_RAW where
 * transparent mode asks for it (IP_TRANSPARENT, ip(7)), the bounding set emptied likewise, and
 * no_new_privs, so that no set-uid program gives anything back. That root cannot come back is
 * tried, not assumed. Started as another user it keeps what it was given (systemd's
 * AmbientCapabilities=).
 *
 * Whether `user` can read a file is tried by a child that becomes that user, since ACLs, groups and
 * the directories above make it a question only the kernel answers well. The child uses nothing but
 * system calls, so other threads do not matter to it.
 */
#include "proxy/privilege.h"

#include "lib/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A user as the kernel knows it. */
struct identity {
    uid_t uid;
    gid_t gid;
    gid_t *group; /* all of them, `gid` included */
    int groups;
};

static bool failed(char **why, const char *what, int error)
{
    char room[128];
    const char *reason = strerror_r(error, room, sizeof room);
    *why = mem_printf("cannot %s: %s", what, reason);
    return false;
}

/* Looks `user` up; false: no such user, or root. The caller frees who->group. */
static bool identify(const char *user, struct identity *who, char **why)
{
    char room[4096];
    struct passwd entry;
    struct passwd *found = NULL;
    *who = (struct identity){0};
    int error = getpwnam_r(user, &entry, room, sizeof room, &found);
    if (found == NULL) {
        if (error != 0)
            return failed(why, "look up the user", error);
        *why = mem_printf("there is no user \"%s\"; make one (adduser --system --group %s) or name "
                          "another",
                          user, user);
        return false;
    }
    if (found->pw_uid == 0) {
        *why = mem_printf("user \"%s\" is root; name one without privileges", user);
        return false;
    }
    who->uid = found->pw_uid;
    who->gid = found->pw_gid;
    who->groups = 32;
    do
        who->group = mem_grow(who->group, (size_t)who->groups, sizeof *who->group);
    while (getgrouplist(user, who->gid, who->group, &who->groups) < 0);
    return true;
}

bool privilege_user_ok(const char *user, char **why)
{
    struct identity who;
    *why = NULL;
    if (user == NULL || geteuid() != 0)
        return true;
    bool ok = identify(user, &who, why);
    free(who.group);
    return ok;
}

/* ---- dropping ---- */

/* Empties the bounding set (needs CAP_SETPCAP, so before the user changes). Where a container
 * withholds that, no_new_privs alone has to do: nothing can be gained by exec then either. */
static bool bound_capabilities(bool keep_net_raw, char **why)
{
    for (cap_value_t cap = 0; cap <= CAP_LAST_CAP; cap++) {
        if (keep_net_raw && cap == CAP_NET_RAW)
            continue;
        if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1 && cap_drop_bound(cap) != 0 && errno != EPERM)
            return failed(why, "drop capabilities from the bounding set", errno);
    }
    return true;
}

/* Leaves the process with CAP_NET_RAW or nothing. */
static bool set_capabilities(bool keep_net_raw, char **why)
{
    static const cap_value_t net_raw[] = {CAP_NET_RAW};
    cap_t caps = cap_init();
    bool ok = caps != NULL;
    if (ok && keep_net_raw)
        ok = cap_set_flag(caps, CAP_PERMITTED, 1, net_raw, CAP_SET) == 0 &&
             cap_set_flag(caps, CAP_EFFECTIVE, 1, net_raw, CAP_SET) == 0;
    ok = ok && cap_set_proc(caps) == 0;
    int error = errno;
    cap_free(caps);
    if (!ok && keep_net_raw) {
        failed(why, "keep CAP_NET_RAW, which transparent mode needs", error);
        return false;
    }
    return ok || failed(why, "drop capabilities", error);
}

static bool become(const struct identity *who, bool keep_net_raw, char **why)
{
    if (!bound_capabilities(keep_net_raw, why))
        return false;
    if (prctl(PR_SET_KEEPCAPS, keep_net_raw ? 1 : 0, 0, 0, 0) != 0)
        return failed(why, "keep capabilities", errno);
    if (setgroups((size_t)who->groups, who->group) != 0)
        return failed(why, "take the user's groups", errno);
    if (setresgid(who->gid, who->gid, who->gid) != 0)
        return failed(why, "take the user's group", errno);
    if (setresuid(who->uid, who->uid, who->uid) != 0)
        return failed(why, "become the user", errno);
    return set_capabilities(keep_net_raw, why);
}

/* True where root is gone for good. */
static bool is_final(const struct identity *who, char **why)
{
    uid_t real, effective, saved;
    gid_t rgid, egid, sgid;
    bool same = getresuid(&real, &effective, &saved) == 0 && getresgid(&rgid, &egid, &sgid) == 0 &&
                real == who->uid && effective == who->uid && saved == who->uid &&
                rgid == who->gid && egid == who->gid && sgid == who->gid;
    if (!same || setuid(0) == 0 || setgid(0) == 0) {
        *why = mem_strdup("root's privileges were dropped but came back; this system cannot be "
                          "trusted to run gatepostd as root, start it as an ordinary user");
        return false;
    }
    return true;
}

bool privilege_drop(const char *user, bool keep_net_raw, char **why)
{
    *why = NULL;
    if (user != NULL && geteuid() == 0) {
        struct identity who;
        bool ok =
            identify(user, &who, why) && become(&who, keep_net_raw, why) && is_final(&who, why);
        free(who.group);
        if (!ok)
            return false;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return failed(why, "give up new privileges", errno);
    return true;
}

long privilege_raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return -1;
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    if (before != limit.rlim_max && setrlimit(RLIMIT_NOFILE, &limit) != 0)
        limit.rlim_cur = before;
    return (long)limit.rlim_cur;
}

/* ---- may it be read ---- */

/* 0 or the errno of opening `path`. */
static int try_open(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

/* The same as `who`, in a child; raw system calls, since glibc's would call on all threads. */
static int try_open_as(const struct identity *who, const char *path)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        if (syscall(SYS_setgroups, who->groups, who->group) != 0 ||
            syscall(SYS_setresgid, who->gid, who->gid, who->gid) != 0 ||
            syscall(SYS_setresuid, who->uid, who->uid, who->uid) != 0)
            _exit(errno);
        _exit(try_open(path));
    }
    if (child < 0)
        return errno;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return errno;
    return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

static void describe_unreadable(const char *user, const char *path, int error, char **why)
{
    char room[128];
    const char *reason = strerror_r(error, room, sizeof room);
    if (user != NULL && error == EACCES)
        *why = mem_printf("%s: user \"%s\" cannot read it: %s; give the file a group that %s is in "
                          "and mode 640, or: setfacl -m u:%s:r %s (and u:%s:x on the directories "
                          "above), or restart gatepostd from the renewal hook",
                          path, user, reason, user, user, path, user);
    else if (error == EACCES)
        *why = mem_printf("%s: cannot read it: %s; give the file a group that this process is in "
                          "and mode 640",
                          path, reason);
    else
        *why = mem_printf("%s: cannot read it: %s", path, reason);
}

bool privilege_can_read(const char *user, const char *path, char **why)
{
    int error;
    *why = NULL;
    if (user == NULL || geteuid() != 0) {
        user = NULL;
        error = try_open(path);
    } else {
        struct identity who;
        bool known = identify(user, &who, why);
        error = known ? try_open_as(&who, path) : 0;
        free(who.group);
        if (!known)
            return false;
    }
    if (error != 0)
        describe_unreadable(user, path, error, why);
    return error == 0;
}
