/* SPDX-License-Identifier: ISC */
/* record_disguise_test: a record with pseudonyms shows nobody, and is still a record. */
#include "policy/record_disguise.h"

#include "lib/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct mac_key key = {{1}};

static struct record whole(const char *client)
{
    struct record r = {
        .id = "AAAA",
        .helo = "[192.0.2.77]",
        .reverse = "c000024d.dyn.example.net",
        .sender = "someone@example.net",
        .recipients = 2,
        .recipient = {"person@example.org", "postmaster"},
        .listener = "mx",
        .findings = 3,
        .finding = {{.check = "dnsbl", .zone = "z", .label = "zen", .answer = "127.0.0.4"},
                    {.check = "helo", .zone = "", .label = "h", .answer = "see ip=192.0.2.77"},
                    {.check = "r", .zone = "", .label = "r", .answer = "c000024d.dyn.example.net"}},
        .spf = {.checked = true,
                .result = SPF_PERMERROR,
                .domain = "c000024d.dyn.example.net",
                .mechanism = "ip4:192.0.2.77",
                .why = "192.0.2.77.spf.example.net has two"},
        .spf_helo = {.checked = true,
                     .domain = "kept.example",
                     .mechanism = "-all",
                     .why = "by 192.0.2.77"},
        .signatures = 1,
        .signature = {{.domain = "signer.example", .selector = "s1", .why = "for 192.0.2.77"}},
        .arc = {.result = ARC_FAIL, .sealer = "sealer.example", .why = "at 192.0.2.77"},
        .dmarc = {.checked = true,
                  .domain = "author.example",
                  .at = "",
                  .why = "of 192.0.2.77",
                  .mark = "",
                  .override = ""},
        .list = {.ruling = RECORD_LIST_DENY, .kind = ENTRY_CLIENT, .key = "192.0.2.77"},
        .greylist = {.asked = RECORD_GREY_ASKED,
                     .identities = 2,
                     .identity = {"example.net", "192.0.2.0/24"}},
        .trap = "trap@example.org",
        .reply = "550 5.1.1 <person@example.org>: no such user",
    };
    for (size_t i = 0; i < r.findings; i++)
        r.finding[i].code = "";
    assert_true(addr_parse_ip(client, &r.client));
    return r;
}

static void nobody_is_shown(void **state)
{
    (void)state;
    static const char *const gone[] = {"192.0.2.77", "c000024d", "someone", "person", "trap@"};
    static const char *const stays[] = {
        "127.0.0.4",      "192.0.2.0/24",   "\"example.net\"", "\"postmaster\"", "@example.org",
        "550 5.1.1 ",     "see ip=100::",   ".example.net",    "\"AAAA\"",       "kept.example",
        "signer.example", "sealer.example", "author.example"};
    struct record_disguise own;
    struct record record = whole("192.0.2.77");
    struct buf out = {0};
    record_disguise(&record, &key, &own);
    record_write(&record, &out);
    buf_add(&out, "", 1);
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++) {
        print_message("%s goes\n", gone[i]);
        assert_null(strstr(buf_data(&out), gone[i]));
    }
    for (size_t i = 0; i < sizeof stays / sizeof stays[0]; i++) {
        print_message("%s stays\n", stays[i]);
        assert_non_null(strstr(buf_data(&out), stays[i]));
    }
    buf_free(&out);
    record_disguise_free(&own);
}

static void it_is_read_again(void **state)
{
    (void)state;
    struct record_disguise own;
    struct record record = whole("192.0.2.77");
    struct buf out = {0};
    const char *why;
    record_disguise(&record, &key, &own);
    record_write(&record, &out);
    struct record *again = record_parse(buf_data(&out), buf_len(&out), &why);
    assert_non_null(again);
    assert_true(addr_same_ip(&again->client, &record.client));
    assert_string_equal(again->sender, record.sender);
    record_free(again);
    buf_free(&out);
    record_disguise_free(&own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_shown),
        cmocka_unit_test(it_is_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
