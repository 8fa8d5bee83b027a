/* SPDX-License-Identifier: ISC */
/*
 * Fuzz target of relay: "local NUL domain" against a fixed rule. Asserts: no stranger gets to a
 * domain that is not own by a plain comparison of its normal form, none with a routed local part;
 * trust never takes away; the normal form is its own normal form, printable and bounded.
 */
#include "policy/relay.h"

#include "lib/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CHECK(what)                                                                                \
    do {                                                                                           \
        if (!(what))                                                                               \
            __builtin_trap();                                                                      \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct relay_rule *rule_new(bool recipients)
{
    static const char *const domains[] = {"example.org", ".example.net", "xn--bcher-kva.example",
                                          "[192.0.2.1]"};
    struct relay_rule *rule = relay_new();
    const char *why = NULL;
    for (size_t i = 0; i < sizeof domains / sizeof domains[0]; i++)
        CHECK(relay_add_domain(rule, domains[i], &why));
    CHECK(!recipients || relay_add_recipient(rule, "user@example.org", &why));
    return rule;
}

static bool is_own(const char *domain)
{
    static const char tail[] = ".example.net";
    char normal[256];
    if (!relay_domain_normal(domain, normal, sizeof normal))
        return false;
    size_t len = strlen(normal);
    return strcmp(normal, "example.org") == 0 || strcmp(normal, "xn--bcher-kva.example") == 0 ||
           strcmp(normal, "[192.0.2.1]") == 0 ||
           (len > strlen(tail) && normal[0] != '[' &&
            strcmp(normal + len - strlen(tail), tail) == 0);
}

static void check_normal(const char *domain)
{
    char normal[256], again[256], small[8];
    if (relay_domain_normal(domain, normal, sizeof normal)) {
        CHECK(normal[0] != '\0' && strlen(normal) <= 255);
        for (const char *p = normal; *p != '\0'; p++)
            CHECK(*p >= ' ' && *p <= '~' && (*p < 'A' || *p > 'Z'));
        CHECK(relay_domain_normal(normal, again, sizeof again) && strcmp(normal, again) == 0);
    }
    if (relay_domain_normal(domain, small, sizeof small))
        CHECK(strlen(small) < sizeof small);
}

static void check_judge(const struct relay_rule *rule, const char *local, const char *domain,
                        bool recipients)
{
    size_t len = strlen(local);
    bool own = is_own(domain);
    bool postmaster = strcasecmp(local, "postmaster") == 0;
    enum relay_answer stranger = relay_judge(rule, local, len, domain, false);
    enum relay_answer trusted = relay_judge(rule, local, len, domain, true);
    if (!own) {
        bool bare = postmaster && domain[0] == '\0';
        CHECK(stranger == (bare ? RELAY_OWN : RELAY_DENIED));
        CHECK(trusted == (bare ? RELAY_OWN : RELAY_TRUSTED));
        return;
    }
    CHECK(stranger == RELAY_SUSPICIOUS || stranger == trusted);
    CHECK(trusted == RELAY_OWN || (recipients && trusted == RELAY_NO_SUCH));
    if (strpbrk(local, "%!@") != NULL || local[0] == '/' || local[0] == '|')
        CHECK(stranger == RELAY_SUSPICIOUS);
    if (postmaster || strcasecmp(local, "user") == 0)
        CHECK(stranger != RELAY_NO_SUCH || (strcasecmp(domain, "example.org") != 0 && !postmaster));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *local = mem_strndup((const char *)data, size);
    const char *domain = strlen(local) < size ? local + strlen(local) + 1 : "";
    check_normal(domain);
    for (int recipients = 0; recipients < 2; recipients++) {
        struct relay_rule *rule = rule_new(recipients != 0);
        const char *why = NULL;
        check_judge(rule, local, domain, recipients != 0);
        CHECK(relay_add_domain(rule, domain, &why) == (why == NULL));
        CHECK(relay_add_recipient(rule, local, &why) == (why == NULL));
        relay_unref(rule);
    }
    free(local);
    return 0;
}
