/* SPDX-License-Identifier: ISC */
/* setup_test: which backend a domain goes to, and what is advertised of what backends offer. */
#include "proxy/setup.h"

#include "lib/mem.h"
#include "proxy/config_int.h"
#include "tests/unit/support/fake_backend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HEAD                                                                                       \
    "hostname = mx.example.org\nstate-dir = \"/tmp\"\n"                                            \
    "relay { domains = {\"example.org\", \".example.org\"} }\n"                                    \
    "listen mx { address = {\"127.0.0.1:25\"} auth-backend = second }\n"

static struct server *server;

static int setup_server(void **state)
{
    (void)state;
    server = server_new("/tmp");
    return 0;
}

static int teardown_server(void **state)
{
    (void)state;
    server_free(server);
    return 0;
}

/* ---- routes ---- */

#define ROUTES                                                                                     \
    HEAD "backend first { address = {\"192.0.2.1:25\"} domains = {\"mail.example.org\"} }\n"       \
         "backend second { address = {\"192.0.2.2:25\"} domains = {\".lists.example.org\", "       \
         "\"lists.example.org\"} }\n"                                                              \
         "backend third { address = {\"192.0.2.3:25\"} }\n"                                        \
         "backend fourth { address = {\"192.0.2.4:25\"} }\n"

static const struct {
    const char *domain;
    size_t backend;
} routes[] = {
    {"mail.example.org", 0},      {"MAIL.example.ORG", 0},
    {"sub.mail.example.org", 2},  {"xmail.example.org", 2},
    {"lists.example.org", 1},     {"a.lists.example.org", 1},
    {"a.b.lists.example.org", 1}, {".lists.example.org", 1},
    {"xlists.example.org", 2},    {"example.org", 2}, /* the first without domains */
    {"foreign.example", 2},       {"", 2},
};

static void test_a_domain_goes_where_it_is_named_else_to_the_default(void **state)
{
    (void)state;
    struct setup *setup = fake_setup(server, ROUTES);
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        size_t got = setup_route(setup, routes[i].domain);
        if (got != routes[i].backend)
            fail_msg("\"%s\" goes to %zu", routes[i].domain, got);
    }
    setup_unref(setup);
}

static void test_without_a_default_the_rest_goes_to_the_first(void **state)
{
    (void)state;
    struct setup *setup =
        fake_setup(server, HEAD
                   "backend first { address = {\"192.0.2.1:25\"} domains = {\"a.example.org\"} }\n"
                   "backend second { address = {\"192.0.2.2:25\"} domains = {\"b.example.org\"} "
                   "}\n");
    assert_int_equal(setup_route(setup, "b.example.org"), 1);
    assert_int_equal(setup_route(setup, "c.example.org"), 0);
    setup_unref(setup);
}

/* ---- what is advertised ---- */

#define OFFERS                                                                                     \
    HEAD "backend first { address = {\"192.0.2.1:25\", \"192.0.2.11:25\"} }\n"                     \
         "backend second { address = {\"192.0.2.2:25\"} domains = {\"b.example.org\"} }\n"

/* EHLO replies of the two addresses of the first backend and of the second; NULL: not heard. */
static const struct {
    const char *name;
    const char *ehlo[3];
    const char *advertised;
} offers[] = {
    {"none was heard", {NULL, NULL, NULL}, "PIPELINING\n"},
    {"all offer the same",
     {"x\nSIZE 100\n8BITMIME\nPIPELINING", "x\nSIZE 100\n8BITMIME\nPIPELINING",
      "x\nSIZE 100\n8BITMIME\nPIPELINING"},
     "PIPELINING\nSIZE 100\n8BITMIME\n"},
    {"one lacks something",
     {"x\nSIZE 100\nDSN\nPIPELINING", "x\nSIZE 200\nPIPELINING", "x\nSIZE\nDSN\nPIPELINING"},
     "PIPELINING\nSIZE 100\n"},
    {"one address of a backend was not heard",
     {"x\nDSN\nPIPELINING", NULL, "x\nDSN\nPIPELINING"},
     "PIPELINING\nDSN\n"},
    {"a backend of its own was not heard",
     {"x\nDSN\nPIPELINING", "x\nDSN\nPIPELINING", NULL},
     "PIPELINING\n"},
    {"AUTH is the auth backend's alone",
     {"x\nPIPELINING\nAUTH LOGIN", "x\nPIPELINING", "x\nPIPELINING\nAUTH PLAIN LOGIN"},
     "PIPELINING\nAUTH PLAIN LOGIN\n"},
    {"AUTH of another backend is none",
     {"x\nPIPELINING\nAUTH LOGIN", "x\nPIPELINING\nAUTH LOGIN", "x\nPIPELINING"},
     "PIPELINING\n"},
    {"what is not on the list is not passed on",
     {"x\nPIPELINING\nXSECRET\nETRN", "x\nPIPELINING\nXSECRET\nETRN",
      "x\nPIPELINING\nXSECRET\nETRN"},
     "PIPELINING\n"},
};

static struct setup *setup_of(size_t row)
{
    struct setup *setup = fake_setup(server, OFFERS);
    struct health *health[] = {setup->health[0][0], setup->health[0][1], setup->health[1][0]};
    for (size_t i = 0; i < 3; i++) {
        struct capability cap;
        if (offers[row].ehlo[i] == NULL)
            continue;
        capability_parse(&cap, offers[row].ehlo[i]);
        health_learn(health[i], &cap);
    }
    return setup;
}

static void test_what_all_offer_is_advertised(void **state)
{
    (void)state;
    const struct addr dialled = net_loopback(25);
    for (size_t i = 0; i < sizeof offers / sizeof *offers; i++) {
        teardown_server(NULL);
        setup_server(NULL);
        struct setup *setup = setup_of(i);
        struct capability common = setup_offer(setup, &setup->config->listen[0], &dialled);
        struct buf text = {0};
        capability_print(&common, &text);
        buf_add(&text, "", 1);
        if (strcmp(buf_data(&text), offers[i].advertised) != 0)
            fail_msg("%s: %s", offers[i].name, buf_data(&text));
        buf_free(&text);
        setup_unref(setup);
    }
}

/* ---- as one ---- */

static void test_what_was_learned_outlives_a_reload(void **state)
{
    (void)state;
    struct setup *old = fake_setup(server, OFFERS);
    struct capability cap;
    capability_parse(&cap, "x\nDSN");
    health_learn(old->health[0][1], &cap);
    struct setup *new = fake_setup(server, ROUTES);
    assert_ptr_equal(new->health[0][0], old->health[0][0]);
    setup_ref(old);
    setup_unref(old);
    assert_true(health_offer(old->health[0][1], &cap)); /* a session holds it still */
    setup_unref(old);
    setup_unref(new);
    setup_unref(NULL);
}

static void test_a_certificate_that_is_missing_leaves_nothing_behind(void **state)
{
    (void)state;
    char *why = NULL, *faults = NULL, *warnings = NULL;
    char path[] = "/tmp/setup_test.XXXXXX";
    assert_non_null(mkdtemp(path));
    net_certificate(path, "mx");
    char *text =
        mem_printf(ROUTES "tls { certificate = \"%s/mx.pem\" key = \"%s/mx.key\" }\n", path, path);
    struct config *config = config_read_text("x.conf", text, strlen(text), &faults, &warnings);
    if (config == NULL)
        fail_msg("%s", faults);
    struct setup *setup = setup_new(server, config_ref(config), &why);
    assert_non_null(setup);
    assert_non_null(setup->tls);
    setup_unref(setup);
    unlink(config->tls_pair[0].certificate);
    assert_null(setup_new(server, config_ref(config), &why));
    assert_non_null(strstr(why, "mx.pem"));
    unlink(config->tls_pair[0].key);
    assert_int_equal(config->references, 1);
    config_unref(config);
    rmdir(path);
    free(why);
    free(text);
    free(faults);
    free(warnings);
}

static void test_each_process_has_a_token_of_its_own(void **state)
{
    (void)state;
    struct server *other = server_new("/tmp");
    assert_int_equal(strlen(server->token), 32);
    assert_string_not_equal(server->token, other->token);
    server_free(other);
    server_free(NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup_server, teardown_server)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_domain_goes_where_it_is_named_else_to_the_default),
        CASE(test_without_a_default_the_rest_goes_to_the_first),
        CASE(test_what_all_offer_is_advertised),
        CASE(test_what_was_learned_outlives_a_reload),
        CASE(test_a_certificate_that_is_missing_leaves_nothing_behind),
        CASE(test_each_process_has_a_token_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
