/* SPDX-License-Identifier: ISC */
/* gate_test: what the gate answers to a recipient, as replies, the domain it gives for routes, and
 * that what a peer says takes neither the id nor the page from a refusal. */
#include "proxy/gate.h"

#include "policy/relay.h"
#include "proxy/config.h"

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

#define ID  "0123456789abcdef"
#define URL "https://help.example/%i"

/* The reply in full, to a reason of `len` octets `octet`. */
static const char *refusal_line(char octet, size_t len, const char *url, enum reply reply)
{
    static char line[1024];
    char reason[600];
    struct gate_refusal refusal;
    struct buf out = {0};
    struct config told = {.reject_url = (char *)(uintptr_t)url};
    memset(reason, octet, len);
    reason[len] = '\0';
    gate_limited(&told, ID, reply, reason, &refusal);
    reply_write(refusal.reply, refusal.text, &out);
    assert_true(buf_len(&out) < sizeof line);
    memcpy(line, buf_data(&out), buf_len(&out));
    line[buf_len(&out)] = '\0';
    buf_free(&out);
    return line;
}

static void test_a_reason_of_any_length_leaves_the_id_and_the_page(void **state)
{
    (void)state;
    for (size_t len = 0; len < 600; len++) {
        const char *line = refusal_line('#', len, URL, REPLY_DEFERRED);
        const char *end = strstr(line, " (" ID ", https://help.example/" ID ")\r\n");
        if (strlen(line) > 512 || end == NULL || strchr(end + 1, '\n')[1] != '\0')
            fail_msg("%zu: %s", len, line);
        if (len <= 255) /* a domain's explanation is told whole */
            assert_int_equal(strspn(strstr(line, "later: ") + 7, "#"), len);
    }
}

static void test_what_a_peer_said_is_one_printable_line(void **state)
{
    static const char octets[] = {'\r', '\n', '\t', '\x7f', '\x80', '\xff', '\x1b', '%'};
    (void)state;
    for (size_t i = 0; i < sizeof octets; i++) {
        const char *line = refusal_line(octets[i], 300, URL, REPLY_LIMITED);
        assert_true(strlen(line) <= 512);
        assert_non_null(strstr(line, " (" ID ", "));
        for (const char *at = line; at < line + strlen(line) - 2; at++)
            assert_in_range((unsigned char)*at, ' ', '~');
    }
}

static void test_the_longest_url_leaves_room_for_words(void **state)
{
    char url[201];
    (void)state;
    memset(url, 'u', sizeof url - 1);
    url[sizeof url - 1] = '\0';
    const char *line = refusal_line('x', 255, url, REPLY_DEFERRED);
    assert_true(strlen(line) <= 512 && strspn(strstr(line, "xx"), "x") >= 150);
    assert_non_null(strstr(line, url));
    for (size_t at = 0; at + 2 < sizeof url; at += 2)
        memcpy(url + at, "%i", 2);
    line = refusal_line('x', 255, url, REPLY_DEFERRED);
    assert_true(strlen(line) <= 512 && strspn(strstr(line, "xx"), "x") >= 150);
    assert_string_equal(line + strlen(line) - 3, ")\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_client_is_trusted_by_its_network_only),
        cmocka_unit_test(test_the_answer_is_a_reply_and_a_domain),
        cmocka_unit_test(test_a_reason_of_any_length_leaves_the_id_and_the_page),
        cmocka_unit_test(test_what_a_peer_said_is_one_printable_line),
        cmocka_unit_test(test_the_longest_url_leaves_room_for_words),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
