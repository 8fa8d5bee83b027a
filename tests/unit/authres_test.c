/* SPDX-License-Identifier: ISC */
/* authres_test: what is written in front of a message, and which fields that came claim to be ours.
 */
#include "policy/auth/authres.h"

#include "lib/mem.h"
#include "tests/unit/support/authres_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A client of which all is known, and a message that passes everything. */
struct scene {
    struct addr address;
    struct authres_client client;
    struct message_auth_results results;
    struct dkim_signature dkim[3];
    const struct dkim_signature *signature[3];
    struct arc_answer arc;
    struct dmarc_answer dmarc;
};

static void set_spf(struct spf_known *known, enum spf_result result, const char *domain,
                    const char *mechanism, const char *why)
{
    *known = (struct spf_known){.result = result, .checked = true};
    snprintf(known->domain, sizeof known->domain, "%s", domain);
    snprintf(known->mechanism, sizeof known->mechanism, "%s", mechanism);
    snprintf(known->why, sizeof known->why, "%s", why);
}

static void set_scene(struct scene *s)
{
    *s = (struct scene){
        .dkim = {{.result = DKIM_PASS,
                  .why = "",
                  .domain = "example.com",
                  .selector = "s1",
                  .identity = "@example.com",
                  .algorithm = "rsa-sha256",
                  .b = "AbC+efgh",
                  .bits = 2048}},
        .arc = {.result = ARC_NONE, .why = "", .sealer = "", .oldest_pass = ""},
        .dmarc = {.result = DMARC_PASS,
                  .why = "",
                  .domain = "example.com",
                  .at = "example.com",
                  .org = "example.com",
                  .published = DMARC_POLICY_REJECT,
                  .policy = DMARC_POLICY_REJECT},
    };
    assert_true(addr_parse_ip("192.0.2.1", &s->address));
    s->client = (struct authres_client){.authserv_id = "mx.example.org",
                                        .client = &s->address,
                                        .reverse_name = "mail.example.com",
                                        .reverse_confirmed = true,
                                        .helo = "mail.example.com",
                                        .sender = "joe@example.com",
                                        .login = "",
                                        .override = "",
                                        .mark = ""};
    for (size_t i = 0; i < COUNT(s->signature); i++)
        s->signature[i] = &s->dkim[i];
    s->results = (struct message_auth_results){
        .signatures = 1, .signature = s->signature, .arc = &s->arc, .dmarc = &s->dmarc};
    set_spf(&s->results.spf, SPF_PASS, "example.com", "ip4:192.0.2.0/24", "");
    set_spf(&s->results.spf_helo, SPF_NONE, "mail.example.com", "", "no record");
}

static char *text_of(const struct scene *s, bool received_spf)
{
    struct buf out = {0};
    if (received_spf)
        authres_write_received_spf(&s->client, &s->results, &out);
    else
        authres_write(&s->client, &s->results, &out);
    char *text = mem_strndup(buf_data(&out), buf_len(&out));
    buf_free(&out);
    static struct reader_results read;
    const char *why = received_spf ? NULL : reader_field(text, strlen(text), &read);
    if (why != NULL)
        fail_msg("%s: %s", why, text);
    return text;
}

static void expect(const struct scene *s, bool received_spf, const char *want)
{
    char *text = text_of(s, received_spf);
    assert_string_equal(text, want);
    free(text);
}

/* The field holds this line, apart from what ends it. */
static void expect_part(const char *name, const struct scene *s, const char *want)
{
    char *text = text_of(s, false);
    if (strstr(text, want) == NULL)
        fail_msg("%s: not \"%s\" in\n%s", name, want, text);
    free(text);
}

static void a_message_that_passes_everything(void **state)
{
    (void)state;
    struct scene s;
    set_scene(&s);
    expect(&s, false,
           "Authentication-Results: mx.example.org;\r\n"
           "\tspf=pass smtp.mailfrom=joe@example.com;\r\n"
           "\tspf=none smtp.helo=mail.example.com;\r\n"
           "\tdkim=pass (2048-bit key) header.d=example.com header.i=@example.com\r\n"
           "\theader.s=s1 header.a=rsa-sha256 header.b=AbC+efgh;\r\n"
           "\tarc=none;\r\n"
           "\tdmarc=pass (p=reject) header.from=example.com policy.dmarc=none;\r\n"
           "\tiprev=pass (mail.example.com) policy.iprev=192.0.2.1;\r\n"
           "\tauth=none\r\n");
}

static void every_method_has_a_result_where_nothing_was_evaluated(void **state)
{
    (void)state;
    struct scene s;
    struct buf out = {0};
    set_scene(&s);
    s.client.reverse_skipped = true;
    s.client.authenticated = true;
    s.client.login = "joe smith";
    authres_write(&s.client, NULL, &out);
    buf_add(&out, "", 1);
    assert_string_equal(buf_data(&out), "Authentication-Results: mx.example.org;\r\n"
                                        "\tspf=none smtp.mailfrom=joe@example.com;\r\n"
                                        "\tspf=none smtp.helo=mail.example.com;\r\n"
                                        "\tdkim=none;\r\n"
                                        "\tarc=none;\r\n"
                                        "\tdmarc=none;\r\n"
                                        "\tiprev=none;\r\n"
                                        "\tauth=pass smtp.auth=\"joe smith\"\r\n");
    out.end = out.start;
    authres_write_received_spf(&s.client, NULL, &out);
    assert_int_equal(buf_len(&out), 0);
    buf_free(&out);
}

static void each_signature_is_told_with_its_reason(void **state)
{
    (void)state;
    struct scene s;
    set_scene(&s);
    s.results.signatures = 3;
    s.dkim[0].testing = true;
    s.dkim[1] = (struct dkim_signature){.result = DKIM_FAIL,
                                        .why = "the \"body\" has changed",
                                        .domain = "lists.example.net",
                                        .selector = "s2",
                                        .identity = "a b@lists.example.net",
                                        .algorithm = "ed25519-sha256",
                                        .b = "Ab/d",
                                        .bits = 256};
    s.dkim[2] = (struct dkim_signature){.result = DKIM_NEUTRAL,
                                        .why = "no d=",
                                        .domain = "",
                                        .selector = "",
                                        .identity = "",
                                        .algorithm = ""};
    expect_part("testing", &s, ";\r\n\tdkim=pass (2048-bit key, testing) header.d=example.com");
    expect_part("fail", &s,
                ";\r\n\tdkim=fail (256-bit key) reason=\"the \\\"body\\\" has changed\"\r\n"
                "\theader.d=lists.example.net header.i=\"a b@lists.example.net\"\r\n"
                "\theader.s=s2 header.a=ed25519-sha256 header.b=\"Ab/d\";\r\n");
    expect_part("neutral", &s, "\tdkim=neutral reason=\"no d=\";\r\n\tarc=none");
}

static void results_are_told_as_their_standards_say(void **state)
{
    (void)state;
    struct scene s;
    set_scene(&s);
    s.client.sender = "";
    expect_part("a bounce", &s, "spf=pass smtp.mailfrom=postmaster@mail.example.com;");
    s.client.helo = "";
    expect_part("a bounce without a name", &s, "\tspf=pass;\r\n\tspf=none;");

    set_scene(&s);
    set_spf(&s.results.spf, SPF_TEMPERROR, "example.com", "", "timeout");
    expect_part("spf", &s, "spf=temperror reason=\"timeout\" smtp.mailfrom=joe@example.com;");

    s.arc = (struct arc_answer){
        .result = ARC_PASS, .why = "", .sets = 2, .sealer = "lists.example", .oldest_pass = "0"};
    expect_part("arc", &s,
                "\tarc=pass (i=2 d=lists.example) smtp.remote-ip=192.0.2.1\r\n"
                "\theader.oldest-pass=0;");
    s.arc.result = ARC_FAIL;
    s.arc.why = "cv=fail";
    s.arc.oldest_pass = "";
    expect_part("arc", &s, "\tarc=fail (i=2 d=lists.example) reason=\"cv=fail\"");

    s.dmarc.result = DMARC_FAIL;
    s.client.mark = "quarantine";
    expect_part("marked", &s,
                "\tdmarc=fail (p=reject) header.from=example.com policy.dmarc=quarantine;");
    s.client.mark = "";
    s.client.override = "trusted ARC chain";
    s.dmarc.testing = true;
    expect_part("overridden", &s,
                "\tdmarc=fail (p=reject t=y) header.from=example.com policy.dmarc=none\r\n"
                "\tpolicy.override=\"trusted ARC chain\";");
    s.client.override = "";
    s.dmarc.result = DMARC_TEMPERROR;
    s.dmarc.why = "timeout";
    expect_part("dmarc", &s, "\tdmarc=temperror reason=\"timeout\" header.from=example.com;");

    assert_true(addr_parse_ip("2001:db8::1", &s.address));
    s.client.reverse_confirmed = false;
    expect_part("iprev", &s, "\tiprev=fail (mail.example.com) policy.iprev=\"2001:db8::1\";");
    s.client.reverse_temperror = true;
    expect_part("iprev", &s, "\tiprev=temperror (mail.example.com)");
    s.client.reverse_name = "";
    expect_part("iprev", &s, "\tiprev=temperror policy.iprev=");
    s.client.reverse_temperror = false;
    expect_part("iprev", &s, "\tiprev=permerror policy.iprev=");
}

static void what_a_peer_said_stays_within_its_value(void **state)
{
    (void)state;
    static const struct {
        const char *sender;
        const char *value;
    } cases[] = {
        {"joe@example.com", "smtp.mailfrom=joe@example.com;"},
        {"\"a b\"@example.com", "smtp.mailfrom=\"\\\"a b\\\"@example.com\";"},
        {"a;dkim=pass@example.com", "smtp.mailfrom=\"a;dkim=pass@example.com\";"},
        {"a\r\nSubject: x@example.com", "smtp.mailfrom=\"a??Subject: x@example.com\";"},
        {"a(b@example.com", "smtp.mailfrom=\"a(b@example.com\";"},
        {"a\\@example.com", "smtp.mailfrom=\"a\\\\@example.com\";"},
        {"a..b@example.com", "smtp.mailfrom=\"a..b@example.com\";"},
        {".a@example.com", "smtp.mailfrom=\".a@example.com\";"},
        {"a@[192.0.2.1]", "smtp.mailfrom=\"a@[192.0.2.1]\";"},
        {"a@b@example.com", "smtp.mailfrom=\"a@b@example.com\";"},
        {"postmaster", "smtp.mailfrom=postmaster;"},
        {"j\xc3\xb6@example.com", "smtp.mailfrom=\"j\xc3\xb6@example.com\";"},
        {"j\xf6@example.com", "smtp.mailfrom=\"j?@example.com\";"},
        {"j\xe2\x80\xa8@example.com", "smtp.mailfrom=\"j???@example.com\";"},
    };
    struct scene s;
    set_scene(&s);
    for (size_t i = 0; i < COUNT(cases); i++) {
        s.client.sender = cases[i].sender;
        expect_part(cases[i].sender, &s, cases[i].value);
    }
    s.client.sender = "a@example.com";
    s.client.helo = "x y;\tz";
    expect_part("helo", &s, "smtp.helo=\"x y;?z\";");
    s.client.helo = "j\xc3\xb6.example"; /* no SMTPUTF8 lets that in */
    s.client.sender = "";
    expect_part("a bounce", &s, "smtp.mailfrom=\"postmaster@j??.example\"");
    s.results.spf.checked = true;
    char *received = text_of(&s, true);
    for (const char *c = received; *c != '\0'; c++)
        assert_true((unsigned char)*c < 0x80);
    free(received);
    s.client.sender = "a@example.com";
    s.client.reverse_name = "a)b\\032c.example";
    expect_part("a comment", &s, "(a?b?032c.example)");
    s.dkim[0].identity = "j\xc3\xb6@example.com";
    expect_part("UTF-8 of a header", &s, "header.i=\"j??@example.com\"");
}

static void lines_have_a_bound(void **state)
{
    (void)state;
    static char quotes[321];
    static char more[322];
    static char identity[5000];
    struct scene s;
    set_scene(&s);
    memset(quotes, '"', sizeof quotes - 1);
    memset(more, 'a', sizeof more - 1);
    memset(identity, 'x', sizeof identity - 1);
    s.client.sender = quotes;
    s.client.helo = more;
    s.dkim[0].identity = identity;
    s.dkim[0].why = identity;
    s.dkim[0].result = DKIM_FAIL;
    char *text = text_of(&s, false);
    assert_non_null(strstr(text, "smtp.mailfrom=\"\\\"\\\""));
    assert_null(strstr(text, "smtp.helo"));
    assert_null(strstr(text, "header.i"));
    free(text);
}

static void received_spf_tells_each_identity(void **state)
{
    (void)state;
    struct scene s;
    set_scene(&s);
    set_spf(&s.results.spf_helo, SPF_PERMERROR, "mail.example.com", "", "two records");
    expect(&s, true,
           "Received-SPF: pass (mx.example.org: example.com permits 192.0.2.1)\r\n"
           "\tclient-ip=192.0.2.1; envelope-from=\"joe@example.com\";\r\n"
           "\thelo=mail.example.com; receiver=mx.example.org; identity=mailfrom;\r\n"
           "\tmechanism=\"ip4:192.0.2.0/24\";\r\n"
           "Received-SPF: permerror\r\n"
           "\t(mx.example.org: mail.example.com has an unusable SPF record about 192.0.2.1)\r\n"
           "\tclient-ip=192.0.2.1; envelope-from=\"joe@example.com\";\r\n"
           "\thelo=mail.example.com; receiver=mx.example.org; identity=helo;\r\n"
           "\tproblem=\"two records\";\r\n");
    s.results.spf_helo.checked = false;
    s.results.spf.checked = false;
    expect(&s, true, "");
}

/* ---- ours or not -------------------------------------------------------------------------------
 */

struct claim {
    const char *field;
    bool ours; /* of mx.example.org */
};

static void try_claims(const struct claim *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct header *header = header_new(100000, 10);
        header_add(header, cases[i].field, strlen(cases[i].field));
        header_add(header, "\r\n\r\n", 4);
        assert_true(header_complete(header));
        if (authres_is_ours(header_field(header, 0), "mx.Example.org") != cases[i].ours)
            fail_msg("%s: %s", cases[i].field, cases[i].ours ? "not ours" : "ours");
        header_free(header);
    }
}

static void our_id_is_seen_however_it_is_written(void **state)
{
    (void)state;
    static const struct claim cases[] = {
        {"Authentication-Results: mx.example.org; none", true},
        {"Authentication-Results:mx.example.org;none", true},
        {"AUTHENTICATION-results : MX.EXAMPLE.ORG; none", true},
        {"Authentication-Results: mx.example.org 1; none", true},
        {"Authentication-Results: mx.example.org", true},
        {"Authentication-Results:\r\n\tmx.example.org;\r\n\tspf=pass", true},
        {"Authentication-Results:\r\n \r\n mx.example.org; spf=pass", true},
        {"Authentication-Results: (a) mx.example.org (b); none", true},
        {"Authentication-Results: (a (b \\) c) d) mx.example.org; none", true},
        {"Authentication-Results: (a;b)\r\n (c)mx.example.org/1; none", true},
        {"Authentication-Results: \"mx.example.org\"; none", true},
        {"Authentication-Results: \"m\\x.ex\\ample.org\" 1; none", true},
        {"Authentication-Results: mx . example (x) .\r\n org; none", true},
        {"Authentication-Results: mx.example.org.; none", true},
    };
    try_claims(cases, COUNT(cases));
}

static void one_that_only_some_readers_take_for_ours_is(void **state)
{
    (void)state;
    static const struct claim cases[] = {
        {"Authentication-Results: <mx.example.org>; none", true},
        {"Authentication-Results: ,, mx.example.org; none", true},
        {"Authentication-Results: \"mx.example.org; spf=pass", true},
        {"Authentication-Results: mx.example.org spf=pass", true},
        {"Authentication-Results: ((a) mx.example.org; spf=pass", true},
        {"Authentication-Results: (a (b) mx.example.org; spf=pass) other.example; none", true},
        {"Authentication-Results: ( mx.example.org; spf=pass", true},
        {"Authentication-Results: =?utf-8?q?mx.example.org?=; spf=pass", true},
        {"Authentication-Results: =?UTF-8?B?bXguZXhhbXBsZS5vcmc=?=; spf=pass", true},
        {"Authentication-Results: =?x?q?mx=2Eexample?=\r\n =?x?Q?.org;_spf=3Dpass?=", true},
        {"Authentication-Results: \xef\xbd\x8d\xef\xbd\x98.example.org; spf=pass", true},
        {"Authentication-Results: mx\xe3\x80\x82"
         "example.org; spf=pass",
         true},
    };
    try_claims(cases, COUNT(cases));
}

static void others_are_left_alone(void **state)
{
    (void)state;
    static const struct claim cases[] = {
        {"Authentication-Results: other.example; none", false},
        {"Authentication-Results: \xa0mx.example.org; none", true},
        {"Authentication-Results: \xa0 \x85mx.example.org; none", true},
        {"Authentication-Results: mx.example.org\xa0; none", true},
        {"Authentication-Results: mx.\xff"
         "example.org\x80; none",
         true},
        {"Authentication-Results: mx.exa\x01mple.org\x7f; none", true},
        {"Authentication-Results: mx.exa\r\n mple.o\r\n\t rg; none", true},
        {"Authentication-Results: mx.example.org\r\n a; none", true},
        {"Authentication-Results: a.mx.example.org; none", false},
        {"Authentication-Results: mx.exa mple.org; none", false},
        {"Authentication-Results: mx.exam\xa0; none", false},
        {"Authentication-Results: \xa0other.example; mx.example.org", false},
        {"Authentication-Results: mx.example.org.example; none", false},
        {"Authentication-Results: mx.example.orgs; none", false},
        {"Authentication-Results: mx.example.org-a; none", false},
        {"Authentication-Results: mx.example; none", false},
        {"Authentication-Results: other.example (mx.example.org); none", false},
        {"Authentication-Results: (mx.example.org) other.example; none", false},
        {"Authentication-Results: (to mx.example.org", false},
        {"Authentication-Results: other.example; mx.example.org", false},
        {"Authentication-Results: ; mx.example.org", false},
        {"Authentication-Results:", false},
        {"Authentication-Results: =?utf-8?q?other?=; none", false},
        {"Authentication-Results: =?utf-8?b?bXg", false},
        {"Authentication-Results: =?utf-8?b?!?= mx2", false},
        {"Authentication-Results: b\xc3\xbc"
         "cher.example; none",
         false},
        {"ARC-Authentication-Results: i=1; mx.example.org; none", false},
        {"X-Authentication-Results: mx.example.org; none", false},
        {"Authentication-Results-X: mx.example.org; none", false},
        {"Subject: mx.example.org", false},
    };
    try_claims(cases, COUNT(cases));
}

static void an_id_of_u_labels_is_seen_as_such(void **state)
{
    (void)state;
    static const char text[] =
        "Authentication-Results: B\xc3\x9c"
        "cher.example; none\r\nAuthentication-Results: xn--bcher-kva.example; none\r\n\r\n";
    struct header *header = header_new(1000, 10);
    header_add(header, text, sizeof text - 1);
    assert_true(authres_is_ours(header_field(header, 0), "xn--bcher-kva.example"));
    assert_true(authres_is_ours(header_field(header, 1), "xn--bcher-kva.example"));
    header_free(header);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_that_passes_everything),
        cmocka_unit_test(every_method_has_a_result_where_nothing_was_evaluated),
        cmocka_unit_test(each_signature_is_told_with_its_reason),
        cmocka_unit_test(results_are_told_as_their_standards_say),
        cmocka_unit_test(what_a_peer_said_stays_within_its_value),
        cmocka_unit_test(lines_have_a_bound),
        cmocka_unit_test(received_spf_tells_each_identity),
        cmocka_unit_test(our_id_is_seen_however_it_is_written),
        cmocka_unit_test(one_that_only_some_readers_take_for_ours_is),
        cmocka_unit_test(others_are_left_alone),
        cmocka_unit_test(an_id_of_u_labels_is_seen_as_such),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
