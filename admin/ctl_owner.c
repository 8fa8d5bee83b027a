/* SPDX-License-Identifier: ISC */
/*
 * ctl_owner: becoming who owns the state directory, before the lock or the database is opened.
 *
 * A database or a lock that root made could not be opened by the daemon, which has left root
 * behind. So root becomes the owner, with that user's groups, in the order groups, group, user, and
 * then makes sure that there is no way back. A directory that root itself owns is right only where
 * the daemon runs as root, that is where the configuration names no other user.
 */
#include "admin/ctl_owner.h"

#include "lib/mem.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Group, groups and user; errno of what failed. */
static bool become(uid_t uid, gid_t gid, const char *name)
{
    int groups = name != NULL ? initgroups(name, gid) : setgroups(1, &gid);
    return groups == 0 && setresgid(gid, gid, gid) == 0 && setresuid(uid, uid, uid) == 0 &&
           setresuid((uid_t)-1, 0, (uid_t)-1) != 0 && geteuid() == uid && getegid() == gid;
}

static bool root_is_right(const char *directory, const char *user, char **why)
{
    if (user == NULL || strcmp(user, "root") == 0)
        return true;
    *why = mem_printf("%s belongs to root, but the daemon runs as %s; make it that user's: "
                      "chown %s: %s",
                      directory, user, user, directory);
    return false;
}

bool ctl_owner_become(const char *directory, const char *user, char **why)
{
    struct stat st;
    if (stat(directory, &st) != 0) {
        *why =
            errno == ENOENT
                ? mem_printf("the state directory %s is not there; start gatepostd once, or make "
                             "it, owned by %s",
                             directory, user != NULL ? user : "the user the daemon runs as")
                : mem_printf("the state directory %s: %s", directory, strerror(errno));
        return false;
    }
    if (!S_ISDIR(st.st_mode)) {
        *why = mem_printf("%s is no directory; state-dir must name one", directory);
        return false;
    }
    if (geteuid() != 0)
        return true;
    if (st.st_uid == 0)
        return root_is_right(directory, user, why);
    const struct passwd *owner = getpwuid(st.st_uid);
    if (become(st.st_uid, owner != NULL ? owner->pw_gid : st.st_gid,
               owner != NULL ? owner->pw_name : NULL))
        return true;
    *why = mem_printf("cannot become the owner of %s (user %u): %s", directory, (unsigned)st.st_uid,
                      strerror(errno));
    return false;
}
