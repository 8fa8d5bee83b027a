/* SPDX-License-Identifier: ISC */
/*
 * Unit tests of proxy/config and proxy/options*: the files of tests/unit/config. A bad file says at
 * its head what must be said of it, all of it and nothing else:
 *
 *   # expect: LINE: the beginning or a part of the fault's text
 *
 * and any file may announce its warnings as "# warn: LINE: text". Without LINE: of the file as a
 * whole. They run with the top of the tree as working directory.
 */
#include "proxy/config.h"

#include "policy/relay.h"
#include "proxy/config_int.h"
#include "proxy/options.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CORPUS "tests/unit/config/"

/* ---- the corpus --------------------------------------------------------------------------------
 */

/* Takes the note that begins with "PATH:LINE: " or "PATH: " and has the text out of `notes`. */
static bool take_note(char *notes, const char *path, const char *want)
{
    char prefix[256];
    char *rest = NULL;
    unsigned long line = strtoul(want, &rest, 10);
    const char *text = line != 0 ? rest + 2 : want;
    if (line != 0)
        snprintf(prefix, sizeof prefix, "%s:%lu: ", path, line);
    else
        snprintf(prefix, sizeof prefix, "%s: ", path);
    for (char *p = notes; *p != '\0';) {
        char *end = strchr(p, '\n');
        *end = '\0';
        bool same = strncmp(p, prefix, strlen(prefix)) == 0 && strstr(p, text) != NULL;
        *end = '\n';
        if (same) {
            memmove(p, end + 1, strlen(end + 1) + 1);
            return true;
        }
        p = end + 1;
    }
    return false;
}

/* Every note that the file announces after `keyword` is there, and no other is. */
static void compare_notes(const char *path, const char *keyword, const char *said)
{
    char line[512];
    char *notes = strdup(said != NULL ? said : "");
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, keyword, strlen(keyword)) == 0 &&
            !take_note(notes, path, line + strlen(keyword)))
            fail_msg("%s: missing: %s\nsaid: %s", path, line, said != NULL ? said : "nothing");
    }
    fclose(file);
    if (notes[0] != '\0')
        fail_msg("%s: not announced: %s", path, notes);
    free(notes);
}

/* Whether the state directory of a real system is here says nothing about the file. */
static void drop_state_dir(char *warnings, const char *path)
{
    if (warnings != NULL)
        while (take_note(warnings, path, "4: state-dir /var/lib/gatepost")) {
        }
}

static void run_corpus(const char *pattern, bool good)
{
    glob_t found;
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char *faults = NULL;
        char *warnings = NULL;
        const char *path = found.gl_pathv[i];
        struct config *config = config_read(path, &faults, &warnings);
        compare_notes(path, "# expect: ", faults);
        drop_state_dir(warnings, path);
        if (good)
            compare_notes(path, "# warn: ", warnings);
        if ((config != NULL) != good)
            fail_msg("%s was %s", path, good ? "refused" : "taken");
        config_unref(config);
        free(faults);
        free(warnings);
    }
    globfree(&found);
}

static void test_good_files(void **state)
{
    (void)state;
    run_corpus(CORPUS "good.*.conf", true);
}

static void test_bad_files(void **state)
{
    (void)state;
    run_corpus(CORPUS "bad.*.conf", false);
}

/* ---- what comes of it --------------------------------------------------------------------------
 */

static struct config *read_good(const char *path)
{
    char *faults = NULL;
    char *warnings = NULL;
    struct config *config = config_read(path, &faults, &warnings);
    if (config == NULL)
        fail_msg("%s", faults);
    free(faults);
    free(warnings);
    return config;
}

static void test_smallest_has_the_documented_defaults(void **state)
{
    (void)state;
    char text[ADDR_TEXT_MAX];
    struct config *config = read_good(CORPUS "good.smallest.conf");
    assert_string_equal(config->path, CORPUS "good.smallest.conf");
    assert_string_equal(config->hostname, "mx.example.org");
    assert_string_equal(config->state_dir, "/var/lib/gatepost");
    assert_null(config->user);
    assert_true(config->workers > 0);
    assert_int_equal(config->log_format, LOG_FORMAT_TEXT);
    assert_int_equal(config->log_target, LOG_TARGET_STDERR);
    assert_int_equal(config->log_level, LOG_LEVEL_INFO);
    assert_int_equal(config->listen_count, 1);
    assert_string_equal(config->listen[0].name, "mx");
    assert_int_equal(config->listen[0].address_count, 2);
    assert_string_equal(addr_text(&config->listen[0].address[1], text), "[::]:25");
    assert_int_equal(config->listen[0].auth, LISTEN_AUTH_TLS);
    assert_int_equal(config->listen[0].auth_backend, 0);
    assert_int_equal(config->backend_count, 1);
    assert_string_equal(addr_text(&config->backend[0].address[0], text), "127.0.0.1:10025");
    assert_int_equal(config->backend[0].client_address, CLIENT_ADDRESS_NONE);
    assert_null(config->backend[0].tls_client);
    assert_int_equal(config->backend[0].reuse_connections, 20);
    assert_int_equal(config->backend[0].probe_interval, 60000);
    assert_int_equal(config->tls_pair_count, 1);
    assert_string_equal(config->tls_pair[0].certificate, CORPUS "mx.pem");
    assert_string_equal(config->tls_pair[0].key, CORPUS "mx.key");
    assert_string_equal(config->tls_min_version, "1.2");
    assert_null(config->tls_ciphers);
    assert_int_equal(config->bare_newline, NEWLINE_REJECT);
    assert_int_equal(config->limits.message_size, 50 << 20);
    assert_int_equal(config->limits.spool, 4ULL << 30);
    assert_int_equal(config->timeouts.drain, 15000);
    assert_int_equal(config->timeouts.backend_end_of_data, 300000);
    assert_string_equal(config->control.socket, "/run/gatepost/control");
    assert_string_equal(config->control.group, "gatepost");
    assert_int_equal(config->control.admin_count, 0);
    config_unref(config);
}

static void test_full_takes_every_value(void **state)
{
    (void)state;
    struct config *config = read_good(CORPUS "good.full.conf");
    const struct backend_config *main_backend = &config->backend[0];
    assert_int_equal(config->workers, 3);
    assert_int_equal(config->log_target, LOG_TARGET_JOURNAL);
    assert_int_equal(config->listen[0].proxy_from.count, 2);
    assert_int_equal(config->listen[1].auth_backend, 1);
    assert_true(config->listen[1].implicit_tls);
    assert_int_equal(main_backend->balance, BALANCE_ROUND_ROBIN);
    assert_string_equal(main_backend->domain[0], "example.org");
    assert_string_equal(main_backend->domain[1], ".example.org");
    assert_non_null(main_backend->tls_client);
    assert_string_equal(main_backend->tls_name, "mail.example.org");
    assert_true(main_backend->reuse);
    assert_int_equal(main_backend->reuse_messages, 7);
    assert_non_null(config->backend[1].tls_client);
    assert_int_equal(config->tls_pair_count, 2);
    assert_string_equal(config->tls_pair[1].key, CORPUS "mx2.key");
    assert_int_equal(config->limits.data_rate, 1024);
    assert_int_equal(config->timeouts.proxy_header, 2500);
    assert_int_equal(config->timeouts.drain, 0);
    assert_string_equal(config->control.socket, CORPUS "control");
    assert_int_equal(config->control.admin_count, 2);
    assert_string_equal(config->control.admin[1], "ben");
    config_unref(config);
}

static void test_relay_rule_is_built(void **state)
{
    (void)state;
    struct addr own = {0};
    struct addr foreign = {0};
    struct config *config = read_good(CORPUS "good.full.conf");
    assert_true(addr_parse_ip("192.0.2.77", &own));
    assert_true(addr_parse_ip("198.51.100.1", &foreign));
    assert_true(relay_client_trusted(config->relay, &own));
    assert_false(relay_client_trusted(config->relay, &foreign));
    assert_int_equal(relay_judge(config->relay, "user", 4, "example.org", false), RELAY_OWN);
    assert_int_equal(relay_judge(config->relay, "nobody", 6, "example.org", false), RELAY_NO_SUCH);
    assert_int_equal(relay_judge(config->relay, "user", 4, "example.com", false), RELAY_DENIED);
    config_unref(config);
}

static void test_original_has_no_address(void **state)
{
    (void)state;
    struct config *config = read_good(CORPUS "good.transparent.conf");
    assert_true(config->listen[0].transparent);
    assert_true(config->backend[0].original);
    assert_int_equal(config->backend[0].address_count, 0);
    assert_int_equal(config->backend[0].client_address, CLIENT_ADDRESS_TPROXY);
    assert_int_equal(config->tls_pair_count, 0);
    config_unref(config);
}

static void test_references(void **state)
{
    (void)state;
    struct config *config = read_good(CORPUS "good.smallest.conf");
    assert_ptr_equal(config_ref(config), config);
    config_unref(config);
    assert_string_equal(config->hostname, "mx.example.org");
    config_unref(config);
    config_unref(NULL);
}

static void test_restart_needed(void **state)
{
    (void)state;
    struct config *small = read_good(CORPUS "good.smallest.conf");
    struct config *full = read_good(CORPUS "good.full.conf");
    assert_null(config_restart_needed(small, small));
    char *names = config_restart_needed(small, full);
    assert_string_equal(names, "state-dir, workers, control.socket, control.group, control.admins");
    free(names);
    config_unref(small);
    config_unref(full);
}

static void test_missing_file(void **state)
{
    (void)state;
    char *faults = NULL;
    char *warnings = NULL;
    assert_null(config_read("/nonexistent/gatepost.conf", &faults, &warnings));
    assert_string_equal(faults, "/nonexistent/gatepost.conf: cannot be read (No such file or "
                                "directory); name a readable configuration file\n");
    assert_null(warnings);
    free(faults);
}

/* The sample is right but for the files that only its reader has. */
static void test_sample(void **state)
{
    (void)state;
    char *faults = NULL;
    char *warnings = NULL;
    assert_null(config_read("man/gatepost.conf.sample", &faults, &warnings));
    assert_non_null(strstr(faults, ": certificate: man/mx.pem: No such file"));
    assert_non_null(strstr(faults, ": key: man/mx.key: No such file"));
    size_t count = 0;
    for (const char *p = strchr(faults, '\n'); p != NULL; p = strchr(p + 1, '\n'))
        count++;
    assert_int_equal(count, 2);
    free(faults);
    free(warnings);
}

/* A default that its own row would refuse, and a row without help, are bugs. */
static void test_rows_are_sound(void **state)
{
    (void)state;
    static char memory[sizeof(struct config)];
    for (size_t i = 0; options_sections[i] != NULL; i++) {
        const struct conf_section *section = options_sections[i];
        struct conf *conf = conf_new("defaults", options_sections);
        char text[64];
        snprintf(text, sizeof text, "%s x { }\n", section->name);
        if (section->many)
            assert_true(conf_read_text(conf, text, strlen(text)));
        memset(memory, 0, sizeof memory);
        conf_fill(conf, conf_part(conf, section, 0), memory);
        size_t required = 0;
        for (size_t j = 0; j < section->rows; j++) {
            required += section->row[j].required && (section->many || section->name == NULL);
            assert_non_null(section->row[j].help);
            assert_false(section->row[j].required && section->row[j].initial != NULL);
        }
        if (conf_fault_count(conf) != required)
            fail_msg("%s: %s", section->help, conf_faults(conf));
        conf_clear(section, memory);
        conf_free(conf);
    }
}

static void test_fqdn(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool right;
    } names[] = {
        {"mx.example.org", true},
        {"a-b.c1", true},
        {"mx", false},
        {"mx.example.org.", false},
        {".example.org", false},
        {"mx..example.org", false},
        {"-mx.example.org", false},
        {"mx-.example.org", false},
        {"192.0.2.1", false},
        {"mx_1.example.org", false},
        {"mx example.org", false},
        {"", false},
        {"a123456789012345678901234567890123456789012345678901234567890123.org", false},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (options_is_fqdn(names[i].name) != names[i].right)
            fail_msg("%s", names[i].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_files),
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_smallest_has_the_documented_defaults),
        cmocka_unit_test(test_full_takes_every_value),
        cmocka_unit_test(test_relay_rule_is_built),
        cmocka_unit_test(test_original_has_no_address),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_restart_needed),
        cmocka_unit_test(test_missing_file),
        cmocka_unit_test(test_sample),
        cmocka_unit_test(test_rows_are_sound),
        cmocka_unit_test(test_fqdn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
