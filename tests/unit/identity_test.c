/* SPDX-License-Identifier: ISC */
/* identity_test: the names under which a client is remembered, and their order. */
#include "policy/identity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void who_a_client_is(void **state)
{
    (void)state;
    static const struct {
        const char *name, *client, *spf, *reverse;
        bool dynamic;
        const char *want; /* apart by blanks */
    } cases[] = {
        {"an address", "192.0.2.77", NULL, NULL, false, "192.0.2.0/24"},
        {"no names", "192.0.2.77", "", "", false, "192.0.2.0/24"},
        {"IPv6", "2001:db8:1:2:3::4", NULL, NULL, false, "2001:db8:1:2::/64"},
        {"IPv4 in IPv6", "::ffff:192.0.2.77", NULL, NULL, false, "192.0.2.0/24"},
        {"a reverse name", "192.0.2.77", NULL, "out.mail.example.co.uk", false,
         "example.co.uk 192.0.2.0/24"},
        {"in any case", "192.0.2.77", NULL, "OUT.Example.com", false, "example.com 192.0.2.0/24"},
        {"one that looks dynamic", "192.0.2.77", NULL, "dsl-77.example.com", true, "192.0.2.0/24"},
        {"a public suffix", "192.0.2.77", NULL, "co.uk", false, "192.0.2.0/24"},
        {"a customer's name of a hoster", "192.0.2.77", NULL, "x.me.github.io", false,
         "me.github.io 192.0.2.0/24"},
        {"SPF first", "192.0.2.77", "news.example.org", "out.example.com", false,
         "example.org example.com 192.0.2.0/24"},
        {"SPF though the name looks dynamic", "192.0.2.77", "example.org", "dsl.example.com", true,
         "example.org 192.0.2.0/24"},
        {"none twice", "192.0.2.77", "a.example.com", "b.example.com", false,
         "example.com 192.0.2.0/24"},
        {"no address, but a name", NULL, NULL, "out.example.com", false, "example.com"},
        {"nobody", NULL, NULL, NULL, false, ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct addr client = {0};
        struct identities ids;
        char got[3 * IDENTITY_SIZE] = "";
        if (cases[i].client != NULL)
            assert_true(addr_parse_ip(cases[i].client, &client));
        identity_of(&(struct identity_facts){.client = &client,
                                             .spf_domain = cases[i].spf,
                                             .reverse = cases[i].reverse,
                                             .dynamic = cases[i].dynamic},
                    &ids);
        for (size_t k = 0; k < ids.count; k++) {
            strcat(got, k > 0 ? " " : "");
            strcat(got, ids.text[k]);
        }
        if (strcmp(got, cases[i].want) != 0)
            fail_msg("%s: %s", cases[i].name, got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_a_client_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
