/* SPDX-License-Identifier: ISC */
/* gate_test: what the gate answers to a recipient, as replies, and the domain it gives for routes.
 */
#include "proxy/gate.h"

#include "policy/relay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct config config;

static int setup(void **state)
{
    (void)state;
    const char *why = NULL;
    struct cidr network;
    config.relay = relay_new();
    assert_true(relay_add_domain(config.relay, "example.org", &why));
    assert_true(relay_add_domain(config.relay, "listed.org", &why));
    assert_true(cidr_parse("192.0.2.0/24", &network, &why));
    relay_add_network(config.relay, &network);
    assert_true(relay_add_recipient(config.relay, "user@listed.org", &why));
    assert_true(relay_add_recipient(config.relay, "@example.org", &why));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    relay_unref(config.relay);
    return 0;
}

static void test_a_client_is_trusted_by_its_network_only(void **state)
{
    static const struct {
        const char *client;
        bool trusted;
    } cases[] = {{"192.0.2.9", true},
                 {"192.0.3.9", false},
                 {"2001:db8::1", false},
                 {"::ffff:192.0.2.9", true}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct addr client = {0};
        assert_true(addr_parse_ip(cases[i].client, &client));
        if (gate_client_trusted(&config, &client) != cases[i].trusted)
            fail_msg("%s", cases[i].client);
    }
    assert_false(gate_client_trusted(&config, &(struct addr){0}));
}

#define PASS (-1)

static const struct {
    const char *name;
    const char *path;
    bool trusted;
    int reply; /* enum reply, or PASS */
    const char *domain;
} cases[] = {
    {"own", "<a@example.org>", false, PASS, "example.org"},
    {"own, in capitals with a dot", "<a@EXAMPLE.Org>", false, PASS, "example.org"},
    {"a subdomain is not own", "<a@sub.example.org>", false, REPLY_RELAY_DENIED, "sub.example.org"},
    {"foreign", "<a@example.net>", false, REPLY_RELAY_DENIED, "example.net"},
    {"foreign, trusted", "<a@Example.net>", true, PASS, "example.net"},
    {"routed on by percent", "<a%example.net@example.org>", false, REPLY_ROUTED_LOCAL_PART,
     "example.org"},
    {"the same, trusted", "<a%example.net@example.org>", true, PASS, "example.org"},
    {"routed on in quotes", "<\"a@example.net\"@example.org>", false, REPLY_ROUTED_LOCAL_PART,
     "example.org"},
    {"a pipe", "<\"|prog\"@example.org>", false, REPLY_ROUTED_LOCAL_PART, "example.org"},
    {"on the list", "<user@listed.org>", false, PASS, "listed.org"},
    {"not on the list", "<nobody@listed.org>", false, REPLY_NO_SUCH_RECIPIENT, "listed.org"},
    {"not on the list, trusted", "<nobody@listed.org>", true, REPLY_NO_SUCH_RECIPIENT,
     "listed.org"},
    {"postmaster alone", "<postmaster>", false, PASS, ""},
    {"a literal", "<a@[192.0.2.1]>", false, REPLY_RELAY_DENIED, "[192.0.2.1]"},
};

static void test_the_answer_is_a_reply_and_a_domain(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct path path;
        size_t used;
        char domain[PATH_DOMAIN_MAX + 1] = "?";
        enum reply reply = REPLY_OK;
        const char *text = cases[i].path;
        assert_int_equal(path_parse(text, strlen(text), false, &path, &used), PATH_OK);
        bool passes = gate_recipient(&config, &path, cases[i].trusted, domain, &reply);
        if (passes != (cases[i].reply == PASS) || (!passes && (int)reply != cases[i].reply) ||
            strcmp(domain, cases[i].domain) != 0)
            fail_msg("%s: %d, reply %d, \"%s\"", cases[i].name, passes, (int)reply, domain);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_client_is_trusted_by_its_network_only),
        cmocka_unit_test(test_the_answer_is_a_reply_and_a_domain),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
