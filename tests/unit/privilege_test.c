/* SPDX-License-Identifier: ISC */
/*
 * privilege_test: root is given up for good, and unreadable files are found. Most of it needs root
 * to begin with and the user "nobody"; each such test runs in a child, and is skipped elsewhere.
 */
#include "proxy/privilege.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define USER "nobody"

/* Runs `check` in a child; it returns NULL, or what is wrong. */
static void in_child(const char *(*check)(void))
{
    int end[2];
    char text[256] = "";
    assert_int_equal(pipe(end), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const char *wrong = check();
        if (wrong != NULL && write(end[1], wrong, strlen(wrong)) < 0)
            _exit(2);
        _exit(0);
    }
    close(end[1]);
    ssize_t len = read(end[0], text, sizeof text - 1);
    close(end[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (len != 0 || status != 0)
        fail_msg("%s (status %d)", text, status);
}

static void need_root(void)
{
    if (geteuid() != 0 || getpwnam(USER) == NULL)
        skip();
}

/* One of the capability sets of /proc/self/status ("CapEff:"), all ones where it is not found. */
static unsigned long long capabilities(const char *set)
{
    char line[256];
    unsigned long long value = ~0ull;
    FILE *file = fopen("/proc/self/status", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, set, strlen(set)) == 0)
            value = strtoull(line + strlen(set), NULL, 16);
    if (file != NULL)
        fclose(file);
    return value;
}

static const char *check_sets(unsigned long long want)
{
    static const char *const sets[] = {"CapEff:", "CapPrm:", "CapBnd:"};
    for (size_t i = 0; i < 3; i++)
        if (capabilities(sets[i]) != want)
            return sets[i];
    return capabilities("CapInh:") != 0 || capabilities("CapAmb:") != 0 ? "CapInh or CapAmb" : NULL;
}

static const char *check_user(void)
{
    const struct passwd *nobody = getpwnam(USER);
    gid_t groups[64];
    int count = getgroups(64, groups);
    if (getuid() != nobody->pw_uid || geteuid() != nobody->pw_uid)
        return "not the user";
    if (getgid() != nobody->pw_gid || getegid() != nobody->pw_gid)
        return "not the group";
    for (int i = 0; i < count; i++)
        if (groups[i] == 0)
            return "still in root's group";
    if (setuid(0) == 0 || setgid(0) == 0 || setgroups(0, NULL) == 0)
        return "root came back";
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? NULL : "new privileges are possible";
}

static const char *drop_all(void)
{
    char *why;
    if (setgroups(2, (gid_t[]){0, 1}) != 0)
        return "setgroups";
    if (!privilege_drop(USER, false, &why))
        return why;
    if (socket(AF_INET, SOCK_RAW, 1) >= 0)
        return "a raw socket was given";
    const char *wrong = check_sets(0);
    return wrong != NULL ? wrong : check_user();
}

static void nothing_is_left_of_root(void **state)
{
    (void)state;
    need_root();
    in_child(drop_all);
}

static const char *drop_but_net_raw(void)
{
    char *why;
    if (!privilege_drop(USER, true, &why))
        return why;
    if (socket(AF_INET, SOCK_RAW, 1) < 0)
        return "no raw socket was given";
    const char *wrong = check_sets(1ull << 13); /* CAP_NET_RAW */
    return wrong != NULL ? wrong : check_user();
}

static void only_net_raw_is_kept_where_asked(void **state)
{
    (void)state;
    need_root();
    if ((capabilities("CapPrm:") & 1ull << 13) == 0)
        skip();
    in_child(drop_but_net_raw);
}

static const char *drop_as_other(void)
{
    char *why;
    if (!privilege_drop(USER, false, &why))
        return why;
    uid_t uid = getuid();
    if (!privilege_drop("no-such-user", true, &why) || !privilege_user_ok("no-such-user", &why))
        return "the user is not ignored";
    return getuid() == uid ? NULL : "the user changed";
}

static void as_non_root_the_user_is_ignored(void **state)
{
    (void)state;
    need_root();
    in_child(drop_as_other);
}

static const char *drop_without_user(void)
{
    char *why;
    uid_t uid = getuid();
    if (!privilege_drop(NULL, false, &why))
        return why;
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return "new privileges are possible";
    return getuid() == uid ? NULL : "the user changed";
}

static void without_a_user_we_stay_who_we_are(void **state)
{
    (void)state;
    in_child(drop_without_user);
}

static void a_user_that_will_not_do_is_an_error(void **state)
{
    (void)state;
    static const struct {
        const char *user, *why;
    } cases[] = {{"no-such-user", "there is no user \"no-such-user\"; make one"},
                 {"root", "user \"root\" is root; name one"}};
    need_root();
    for (size_t i = 0; i < 2; i++) {
        char *why;
        assert_false(privilege_user_ok(cases[i].user, &why));
        assert_non_null(strstr(why, cases[i].why));
        free(why);
        assert_false(privilege_drop(cases[i].user, false, &why));
        assert_non_null(strstr(why, cases[i].why));
        free(why);
        assert_false(privilege_can_read(cases[i].user, "/", &why));
        assert_non_null(strstr(why, cases[i].why));
        free(why);
    }
    char *why;
    assert_true(privilege_user_ok(USER, &why));
    assert_null(why);
}

static const char *raise_limit(void)
{
    struct rlimit limit = {64, 128};
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return "setrlimit";
    if (privilege_raise_descriptors() != 128)
        return "not the hard limit";
    return privilege_raise_descriptors() == 128 ? NULL : "the second time differs";
}

static void descriptors_go_to_the_hard_limit(void **state)
{
    (void)state;
    in_child(raise_limit);
}

static const struct read_case {
    const char *name;
    mode_t directory, file;
    bool users_group; /* the file belongs to the user's group */
    const char *why;  /* NULL: readable */
} read_cases[] = {
    {"for all", 0755, 0644, false, NULL},
    {"for its group", 0755, 0640, true, NULL},
    {"for root alone", 0755, 0600, false, "setfacl -m u:nobody:r"},
    {"for another group", 0755, 0640, false, "restart gatepostd from the renewal hook"},
    {"behind a closed directory", 0700, 0644, false, "user \"nobody\" cannot read it"},
};

static void files_the_user_cannot_read_are_found(void **state)
{
    (void)state;
    need_root();
    char directory[] = "/tmp/privilege_test.XXXXXX";
    char path[64];
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/key", directory);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    for (size_t i = 0; i < sizeof read_cases / sizeof read_cases[0]; i++) {
        const struct read_case *c = &read_cases[i];
        gid_t group = c->users_group ? getpwnam(USER)->pw_gid : 0;
        char *why;
        assert_int_equal(
            chown(path, 0, group) | chmod(path, c->file) | chmod(directory, c->directory), 0);
        bool ok = privilege_can_read(USER, path, &why);
        if (ok != (c->why == NULL) || (!ok && strstr(why, c->why) == NULL))
            fail_msg("%s: %s", c->name, ok ? "readable" : why);
        assert_true(ok || strncmp(why, path, strlen(path)) == 0);
        free(why);
        assert_true(privilege_can_read(NULL, path, &why)); /* as ourselves, root */
    }
    unlink(path);
    rmdir(directory);
}

static void a_missing_file_is_told_apart(void **state)
{
    (void)state;
    char *why;
    const char *users[] = {NULL, geteuid() == 0 && getpwnam(USER) != NULL ? USER : NULL};
    for (size_t i = 0; i < 2; i++) {
        assert_false(privilege_can_read(users[i], "/nonexistent/key", &why));
        assert_string_equal(why, "/nonexistent/key: cannot read it: No such file or directory");
        free(why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_left_of_root),
        cmocka_unit_test(only_net_raw_is_kept_where_asked),
        cmocka_unit_test(as_non_root_the_user_is_ignored),
        cmocka_unit_test(without_a_user_we_stay_who_we_are),
        cmocka_unit_test(a_user_that_will_not_do_is_an_error),
        cmocka_unit_test(descriptors_go_to_the_hard_limit),
        cmocka_unit_test(files_the_user_cannot_read_are_found),
        cmocka_unit_test(a_missing_file_is_told_apart),
    };
    return cmocka_run_group_tests_name("privilege", tests, NULL, NULL);
}
