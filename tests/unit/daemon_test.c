/* SPDX-License-Identifier: ISC */
/* daemon_test: what daemon_check() finds before a start or with -t, and in what words. */
#include "proxy/daemon.h"

#include "lib/mem.h"
#include "proxy/config_int.h"
#include "tests/unit/support/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/daemon_test.XXXXXX";

static int setup(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(directory));
    chmod(directory, 0755);
    net_certificate(directory, "mx");
    net_certificate(directory, "other");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char *command = mem_printf("rm -r '%s'", directory);
    int status = system(command);
    free(command);
    return status;
}

static struct config *config_of(const char *extra)
{
    char *faults = NULL, *warnings = NULL;
    char *text = mem_printf("hostname = mx.example.org\nstate-dir = \"%s\"\n"
                            "listen mx { address = {\"127.0.0.1:25\"} }\n"
                            "backend main { address = {\"127.0.0.1:1\"} }\n"
                            "relay { domains = {\"example.org\"} }\n%s\n",
                            directory, extra);
    struct config *config = config_read_text("x.conf", text, strlen(text), &faults, &warnings);
    if (config == NULL)
        fail_msg("%s", faults);
    free(text);
    free(faults);
    free(warnings);
    return config;
}

static struct config *config_with_tls(void)
{
    char *tls =
        mem_printf("tls { certificate = \"%s/mx.pem\" key = \"%s/mx.key\" }", directory, directory);
    struct config *config = config_of(tls);
    free(tls);
    return config;
}

static void assert_fault(struct config *config, const char *words)
{
    char *why = NULL;
    bool ok = daemon_check(config, NULL, &why);
    if (ok || why == NULL || strstr(why, words) == NULL)
        fail_msg("%s, not \"%s\"", why != NULL ? why : "no fault", words);
    free(why);
}

static void assert_fine(struct config *config)
{
    char *why = NULL;
    if (!daemon_check(config, NULL, &why))
        fail_msg("%s", why);
    free(why);
}

static void test_a_config_without_tls_needs_no_files(void **state)
{
    (void)state;
    struct config *config = config_of("");
    assert_fine(config);
    config_unref(config);
}

static void test_a_good_certificate_is_fine(void **state)
{
    (void)state;
    struct config *config = config_with_tls();
    assert_fine(config);
    config_unref(config);
}

static void test_a_missing_file_is_named(void **state)
{
    (void)state;
    struct config *config = config_with_tls();
    char *away = mem_printf("%s/away", directory);
    for (size_t i = 0; i < 2; i++) {
        const char *path = i == 0 ? config->tls_pair[0].certificate : config->tls_pair[0].key;
        assert_int_equal(rename(path, away), 0);
        assert_fault(config, strrchr(path, '/') + 1);
        assert_int_equal(rename(away, path), 0);
    }
    free(away);
    config_unref(config);
}

static void test_a_key_of_another_certificate_is_named(void **state)
{
    (void)state;
    char *tls = mem_printf("tls { certificate = \"%s/mx.pem\" key = \"%s/other.key\" }", directory,
                           directory);
    struct config *config = config_of(tls);
    assert_fault(config, "other.key");
    config_unref(config);
    free(tls);
}

static void test_a_file_that_is_no_certificate_is_named(void **state)
{
    (void)state;
    char *tls =
        mem_printf("tls { certificate = \"%s/mx.key\" key = \"%s/mx.key\" }", directory, directory);
    struct config *config = config_of(tls);
    assert_fault(config, "mx.key");
    config_unref(config);
    free(tls);
}

static void test_a_user_that_does_not_exist_is_named(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip(); /* `user` is ignored then */
    struct config *config = config_of("");
    const char *user = config->user; /* it may have gone since the file was read */
    config->user = "nobody-of-this-name";
    assert_fault(config, "nobody-of-this-name");
    config->user = user;
    config_unref(config);
}

static void test_a_key_that_the_user_cannot_read_is_named(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    char *text = mem_printf("user = \"nobody\"\n"
                            "tls { certificate = \"%s/mx.pem\" key = \"%s/mx.key\" }",
                            directory, directory);
    struct config *config = config_of(text);
    chmod(config->tls_pair[0].key, 0600);
    assert_fault(config, "mx.key");
    chmod(config->tls_pair[0].key, 0644);
    assert_fine(config);
    config_unref(config);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_config_without_tls_needs_no_files),
        cmocka_unit_test(test_a_good_certificate_is_fine),
        cmocka_unit_test(test_a_missing_file_is_named),
        cmocka_unit_test(test_a_key_of_another_certificate_is_named),
        cmocka_unit_test(test_a_file_that_is_no_certificate_is_named),
        cmocka_unit_test(test_a_user_that_does_not_exist_is_named),
        cmocka_unit_test(test_a_key_that_the_user_cannot_read_is_named),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
