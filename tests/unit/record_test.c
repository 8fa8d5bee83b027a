/* SPDX-License-Identifier: ISC */
/* record_test: decision records written, read, told, and held to their length. */
#include "policy/record.h"

#include "lib/buf.h"
#include "tests/unit/support/fake_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The form that is documented, every field once. */
static const char whole[] =
    "{\"id\":\"7Q2M\",\"time\":\"2026-11-22T17:00:00.123Z\",\"stage\":\"rcpt\","
    "\"client\":\"192.0.2.1\",\"helo\":\"mail.example\",\"reverse\":\"mx.example.net\","
    "\"confirmed\":true,\"sender\":\"u@example.net\",\"recipients\":[\"a@example.org\","
    "\"b@example.org\"],\"others\":3,\"listener\":\"mx\",\"mode\":\"observe\","
    "\"authenticated\":true,\"trusted\":true,\"proven\":true,\"exempt\":true,"
    "\"thresholds\":{\"greylist\":2,\"reject\":6.5,\"tarpit\":10.25},"
    "\"findings\":[{\"check\":\"dnsbl\",\"zone\":\"zen.example\",\"label\":\"Zen\","
    "\"at\":\"connect\",\"answer\":\"127.0.0.4\",\"score\":6,\"mode\":\"score\",\"ms\":12,"
    "\"counted\":true},{\"check\":\"reverse-dns\",\"label\":\"reverse-dns.none\","
    "\"at\":\"connect\",\"answer\":\"NXDOMAIN\",\"score\":-0.05,\"mode\":\"reject\",\"ms\":3,"
    "\"refuses\":true,\"code\":\"5.7.25\",\"counted\":true},{\"check\":\"helo\",\"label\":\"helo\","
    "\"at\":\"helo\",\"answer\":\"timeout\",\"score\":0,\"mode\":\"score\",\"ms\":5000,"
    "\"counted\":false,\"abstained\":true},{\"check\":\"rhsbl\",\"zone\":\"dbl.example\","
    "\"label\":\"dbl.example\",\"at\":\"sender\",\"score\":0,\"mode\":\"observe\",\"ms\":1,"
    "\"counted\":false,\"once\":true,\"quiet\":true}],"
    "\"clean\":[{\"check\":\"dnsbl\",\"zone\":\"other.example\",\"at\":\"connect\",\"ms\":7}],"
    "\"dropped\":4,\"spf\":{\"result\":\"fail\",\"domain\":\"example.net\","
    "\"mechanism\":\"-all\",\"why\":\"w\",\"open\":true},\"spf-helo\":{\"result\":"
    "\"permerror\",\"domain\":\"mail.example\",\"why\":\"two records\"},\"dkim\":[{\"result\":"
    "\"pass\",\"domain\":\"a.example\",\"selector\":\"s1\"},{\"result\":\"policy\",\"domain\":"
    "\"b.example\",\"selector\":\"s2\",\"why\":\"a short key\"}],\"dkim-others\":7,\"arc\":"
    "{\"result\":\"temperror\",\"sets\":2,\"sealer\":\"l.example\",\"why\":\"no answer\"},"
    "\"dmarc\":{\"result\":\"fail\",\"domain\":\"c.example\",\"at\":\"example\","
    "\"published\":\"reject\",\"policy\":\"quarantine\",\"why\":\"none aligned\",\"mark\":"
    "\"quarantine\",\"override\":\"forwarder\"},\"list\":{\"ruling\":\"deny\",\"kind\":\"client\","
    "\"key\":\"192.0.2.0/24\","
    "\"origin\":\"automatic\",\"action\":\"tarpit\"},\"greylist\":{\"state\":\"early\","
    "\"wait\":212,\"all\":true,\"identity\":[\"example.net\",\"192.0.2.0/"
    "24\"]},\"trap\":\"t@example.org\",\"banned\":true,\"score\":5.95,"
    "\"verdict\":\"pass\",\"would\":\"tarpit\",\"by\":\"deny\",\"refused\":\"relay\","
    "\"reply\":\"550 5.7.1 Refused\"}";

static const char least[] =
    "{\"id\":\"\",\"time\":\"1970-01-01T00:00:00.000Z\",\"stage\":\"connect\","
    "\"client\":\"unknown\",\"mode\":\"enforce\",\"thresholds\":{\"greylist\":0,\"reject\":0,"
    "\"tarpit\":0},\"findings\":[],\"score\":0,\"verdict\":\"pass\",\"would\":\"pass\","
    "\"by\":\"none\"}";

static struct record *read_record(const char *text)
{
    const char *why = NULL;
    struct record *record = record_parse(text, strlen(text), &why);
    if (record == NULL)
        fail_msg("%s: %s", why, text);
    return record;
}

static char *written(const struct record *record)
{
    struct buf out = {0};
    record_write(record, &out);
    buf_add(&out, "", 1);
    return out.data;
}

static void a_record_that_is_read_and_written_is_the_same(void **state)
{
    (void)state;
    static const char *const texts[] = {whole, least};
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct record *record = read_record(texts[i]);
        char *text = written(record);
        assert_string_equal(text, texts[i]);
        free(text);
        record_free(record);
    }
}

static void every_field_is_read(void **state)
{
    (void)state;
    struct record *r = read_record(whole);
    assert_string_equal(r->id, "7Q2M");
    assert_int_equal(r->time_ms, INT64_C(1795366800123));
    assert_int_equal(r->stage, RECORD_RCPT);
    assert_string_equal(r->sender, "u@example.net");
    assert_int_equal(r->recipients, 2);
    assert_int_equal(r->others, 3);
    assert_true(r->observe && r->trusted && r->proven && r->exempt && r->authenticated);
    assert_int_equal(r->thresholds.reject, 650);
    assert_int_equal(r->thresholds.tarpit, 1025);
    assert_int_equal(r->findings, 4);
    assert_int_equal(r->finding[0].stage, CHECK_AT_CONNECT);
    assert_int_equal(r->finding[1].score, -5);
    assert_string_equal(r->finding[1].code, "5.7.25");
    assert_true(r->finding[2].abstained && !record_counts(&r->finding[2]));
    assert_true(r->finding[3].once && r->finding[3].quiet);
    assert_int_equal(r->clean[0].ms, 7);
    assert_int_equal(r->dropped, 4);
    assert_true(r->finding[1].refuses && !r->finding[0].refuses);
    assert_true(r->spf.checked && r->spf.open && r->spf_helo.checked && !r->spf_helo.open);
    assert_int_equal(r->spf.result, SPF_FAIL);
    assert_string_equal(r->spf.mechanism, "-all");
    assert_int_equal(r->spf_helo.result, SPF_PERMERROR);
    assert_int_equal(r->signatures, 2);
    assert_int_equal(r->signature[1].result, DKIM_POLICY);
    assert_string_equal(r->signature[1].why, "a short key");
    assert_int_equal(r->other_signatures, 7);
    assert_int_equal(r->arc.result, ARC_TEMPERROR);
    assert_int_equal(r->arc.sets, 2);
    assert_true(r->dmarc.checked);
    assert_int_equal(r->dmarc.published, DMARC_POLICY_REJECT);
    assert_int_equal(r->dmarc.policy, DMARC_POLICY_QUARANTINE);
    assert_string_equal(r->dmarc.override, "forwarder");
    assert_int_equal(r->list.ruling, RECORD_LIST_DENY);
    assert_int_equal(r->list.origin, ENTRY_AUTOMATIC);
    assert_int_equal(r->list.action, ENTRY_TARPIT);
    assert_int_equal(r->greylist.asked, RECORD_GREY_ASKED);
    assert_int_equal(r->greylist.state, GREY_EARLY);
    assert_true(r->greylist.all && r->banned);
    assert_string_equal(r->trap, "t@example.org");
    assert_string_equal(r->greylist.identity[1], "192.0.2.0/24");
    assert_true(r->judged);
    assert_int_equal(r->action, VERDICT_PASS);
    assert_int_equal(r->would, VERDICT_TARPIT);
    assert_int_equal(r->cause, VERDICT_BY_DENY);
    record_free(r);
    r = read_record(least);
    assert_false(r->judged);
    assert_false(r->spf.checked || r->spf_helo.checked || r->dmarc.checked);
    assert_string_equal(r->dmarc.mark, "");
    assert_null(r->sender);
    assert_null(r->helo);
    record_free(r);
}

static void a_null_sender_is_not_no_sender(void **state)
{
    (void)state;
    struct record *record = read_record(least);
    record->sender = "";
    char *text = written(record);
    assert_non_null(strstr(text, "\"sender\":\"\""));
    free(text);
    record_free(record);
}

static void whatever_strings_hold_the_object_is_valid(void **state)
{
    (void)state;
    static const struct {
        const char *name, *said, *json, *read; /* read: NULL: as it was said */
    } cases[] = {
        {"plain", "mail.example", "mail.example", NULL},
        {"quote and backslash", "a\"b\\c", "a\\\"b\\\\c", NULL},
        {"controls", "a\r\n\x1b[31m\x7f", "a\\u000d\\u000a\\u001b[31m\\u007f", NULL},
        {"UTF-8", "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", NULL},
        {"what turns text around",
         "a\xe2\x80\xae"
         "b",
         "a\\u202eb", NULL},
        {"C1",
         "\xc2\x9b"
         "31m",
         "\\u009b31m", NULL},
        {"beyond the BMP", "\xf0\x9f\x93\xa8", "\xf0\x9f\x93\xa8", NULL},
        {"no UTF-8", "a\xff\xc0\x80z", "a\\\\xff\\\\xc0\\\\x80z", "a\\xff\\xc0\\x80z"},
        {"cut UTF-8", "a\xe2\x80", "a\\\\xe2\\\\x80", "a\\xe2\\x80"},
        {"a surrogate", "\xed\xa0\x80", "\\\\xed\\\\xa0\\\\x80", "\\xed\\xa0\\x80"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct record *record = read_record(least);
        char want[128];
        record->helo = cases[i].said;
        char *text = written(record);
        snprintf(want, sizeof want, "\"helo\":\"%s\"", cases[i].json);
        if (strstr(text, want) == NULL)
            fail_msg("%s: %s", cases[i].name, text);
        struct record *again = read_record(text);
        assert_string_equal(again->helo, cases[i].read != NULL ? cases[i].read : cases[i].said);
        record_free(again);
        free(text);
        record_free(record);
    }
}

/* As much as there can be of everything, each octet of a text becoming six. */
static void fill(struct record *r, char *text)
{
    memset(text, '\x01', 1000);
    text[1000] = '\0';
    *r = (struct record){.id = text, .helo = text, .reverse = text, .sender = text};
    r->listener = r->reply = r->refused = text;
    for (r->recipients = 0; r->recipients < RECORD_RECIPIENTS; r->recipients++)
        r->recipient[r->recipients] = text;
    r->spf = r->spf_helo = (struct record_spf){
        .checked = true, .domain = text, .mechanism = text, .why = text, .open = true};
    for (; r->signatures < RECORD_SIGNATURES; r->signatures++)
        r->signature[r->signatures] =
            (struct record_signature){.domain = text, .selector = text, .why = text};
    r->arc = (struct record_arc){.result = ARC_FAIL, .sealer = text, .why = text};
    r->dmarc = (struct record_dmarc){
        .checked = true, .domain = text, .at = text, .why = text, .mark = text, .override = text};
    r->list = (struct record_list){.ruling = RECORD_LIST_DENY, .key = text};
    r->greylist = (struct record_greylist){
        .asked = RECORD_GREY_ASKED, .identities = 3, .identity = {text, text, text}};
    for (r->findings = 0; r->findings < RECORD_FINDINGS; r->findings++) {
        r->finding[r->findings] = (struct record_finding){.check = "dnsbl",
                                                          .zone = text,
                                                          .label = text,
                                                          .answer = text,
                                                          .code = "",
                                                          .mode = CHECK_SCORE,
                                                          .score = (score_t)r->findings};
    }
    for (r->cleans = 0; r->cleans < RECORD_CLEAN; r->cleans++)
        r->clean[r->cleans] = (struct record_clean){.check = "dnsbl", .zone = text};
}

static void a_record_is_never_too_long(void **state)
{
    (void)state;
    char text[1001];
    struct record r;
    fill(&r, text);
    char *json = written(&r);
    assert_true(strlen(json) <= STORE_RECORD_MOST);
    struct record *again = read_record(json);
    assert_true(again->findings > 0);
    assert_int_equal(again->cleans, 0);
    assert_int_equal(again->findings + again->dropped, RECORD_FINDINGS + RECORD_CLEAN);
    /* What is left is what counted most. */
    assert_int_equal(again->finding[again->findings - 1].score, RECORD_FINDINGS - 1);
    record_free(again);
    free(json);
}

static void what_says_least_is_left_out_first(void **state)
{
    (void)state;
    char text[1001];
    struct record r;
    fill(&r, text);
    for (size_t i = 0; i < r.findings; i++) {
        r.finding[i].score = 100;
        r.finding[i].label = "x";
        r.finding[i].abstained = true;
    }
    r.finding[3].abstained = false;
    r.finding[60].abstained = false;
    r.finding[60].mode = CHECK_OBSERVE;
    char *json = written(&r);
    struct record *again = read_record(json);
    assert_true(again->findings >= 2 && again->findings < RECORD_FINDINGS);
    bool counted = false;
    bool observed = false;
    for (size_t i = 0; i < again->findings; i++) {
        counted = counted || record_counts(&again->finding[i]);
        observed = observed || again->finding[i].mode == CHECK_OBSERVE;
    }
    assert_true(counted && observed);
    record_free(again);
    free(json);
}

static void it_is_appended(void **state)
{
    (void)state;
    char text[1001];
    struct record r;
    struct buf out = {0};
    fill(&r, text);
    buf_add_str(&out, "in front");
    record_write(&r, &out);
    assert_memory_equal(buf_data(&out), "in front{\"id\"", 13);
    assert_true(buf_len(&out) <= STORE_RECORD_MOST + 8);
    buf_free(&out);
}

/* Replaces the first `what` in `whole`. */
static char *changed(const char *what, const char *by)
{
    const char *at = strstr(whole, what);
    assert_non_null(at);
    struct buf out = {0};
    buf_add(&out, whole, (size_t)(at - whole));
    buf_add_str(&out, by);
    buf_add_str(&out, at + strlen(what));
    buf_add(&out, "", 1);
    return out.data;
}

static void what_is_no_record_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *what, *by;
    } cases[] = {
        {"{\"id\"", "[{\"id\""},
        {"\"id\":\"7Q2M\"", "\"id\":7"},
        {"\"id\":\"7Q2M\",", ""},
        {"\"id\":\"7Q2M\"", "\"id\":\"a\",\"id\":\"b\""},
        {"2026-11-22T17", "2026-11-22 17"},
        {"2026-11-22T17", "2O26-11-22T17"},
        {"00.123Z", "00Z"},
        {"00.123Z", "00.123Z "},
        {"\"stage\":\"rcpt\"", "\"stage\":\"unknown\""},
        {"\"client\":\"192.0.2.1\"", "\"client\":\"192.0.2\""},
        {"\"confirmed\":true", "\"confirmed\":\"yes\""},
        {"\"others\":3", "\"others\":-3"},
        {"\"others\":3", "\"others\":4294967296"},
        {"\"mode\":\"observe\"", "\"mode\":\"off\""},
        {"\"tarpit\":10.25", "\"tarpit\":\"10\""},
        {",\"tarpit\":10.25", ""},
        {"\"tarpit\":10.25", "\"tarpit\":1e300"},
        {"\"thresholds\":{", "\"thresholds\":[],\"t\":{"},
        {"[\"a@example.org\"", "[1"},
        {"[\"a@example.org\"", "[\"\\u0000\""},
        {"\"findings\":[", "\"findings\":[1,"},
        {"\"check\":\"dnsbl\",", ""},
        {"\"mode\":\"score\",\"ms\":12", "\"mode\":\"loud\",\"ms\":12"},
        {"\"counted\":true", "\"counted\":false"},
        {"\"refuses\":true", "\"refuses\":1"},
        {"\"spf\":{\"result\":\"fail\"", "\"spf\":{\"result\":\"failed\""},
        {"\"spf\":{\"result\":\"fail\"", "\"spf\":[],\"s\":{\"result\":\"fail\""},
        {"\"open\":true", "\"open\":1"},
        {"\"dkim\":[{", "\"dkim\":[1,{"},
        {"\"dkim\":[{", "\"dkim\":[{},{},{},{},{"},
        {"\"sets\":2", "\"sets\":-2"},
        {"\"published\":\"reject\",", ""},
        {"\"policy\":\"quarantine\"", "\"policy\":\"burn\""},
        {"\"kind\":\"client\"", "\"kind\":\"friend\""},
        {"\"ruling\":\"deny\"", "\"ruling\":\"maybe\""},
        {"\"state\":\"early\"", "\"state\":\"grey\""},
        {"\"by\":\"deny\"", "\"by\":\"unknown\""},
        {"\"verdict\":\"pass\"", "\"verdict\":\"fine\""},
        {"\"reply\":\"550", "\"reply\":\"\xff"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *why = NULL;
        char *text = changed(cases[i].what, cases[i].by);
        if (record_parse(text, strlen(text), &why) != NULL)
            fail_msg("this was taken: %s", text);
        assert_non_null(why);
        free(text);
    }
}

static void fields_of_a_later_release_are_passed_over(void **state)
{
    (void)state;
    char *text = changed("{\"id\"", "{\"later\":{\"result\":\"pass\"},\"id\"");
    struct record *record = read_record(text);
    assert_string_equal(record->id, "7Q2M");
    record_free(record);
    free(text);
}

static void an_array_has_an_end(void **state)
{
    (void)state;
    struct buf out = {0};
    const char *why = NULL;
    for (size_t i = 0; i <= RECORD_RECIPIENTS; i++)
        buf_add_str(&out, i == 0 ? "\"recipients\":[\"a\"" : ",\"a\"");
    buf_add_str(&out, "],\"x\":[\"a@example.org\"");
    buf_add(&out, "", 1);
    char *text = changed("\"recipients\":[\"a@example.org\"", buf_data(&out));
    assert_null(record_parse(text, strlen(text), &why));
    free(text);
    buf_free(&out);
    char *long_text = calloc(1, STORE_RECORD_MOST + 2);
    memset(long_text, ' ', STORE_RECORD_MOST + 1);
    assert_null(record_parse(long_text, STORE_RECORD_MOST + 1, &why));
    free(long_text);
}

static void times_are_written_in_utc(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {1, "1970-01-01T00:00:00.001Z"},
        {INT64_C(1795366800123), "2026-11-22T17:00:00.123Z"},
        {INT64_C(951825599999), "2000-02-29T11:59:59.999Z"},
        {INT64_C(253402300799999), "9999-12-31T23:59:59.999Z"},
        {-1, "1970-01-01T00:00:00.000Z"},
        {INT64_MAX, "1970-01-01T00:00:00.000Z"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[RECORD_TIME_SIZE];
        assert_string_equal(record_time_text(cases[i].ms, text), cases[i].text);
    }
}

static void the_store_is_told_a_row_for_each_recipient(void **state)
{
    (void)state;
    const struct decision_item *item = NULL;
    struct store *store = fake_store_new();
    struct record *record = read_record(whole);
    decision_tell(store, record, whole);
    assert_int_equal(fake_store_decisions(store, &item), 2);
    assert_string_equal(item[0].recipient, "a@example.org");
    assert_string_equal(item[1].recipient, "b@example.org");
    assert_string_equal(item[1].id, "7Q2M");
    assert_string_equal(item[1].client, "192.0.2.1");
    assert_string_equal(item[1].sender, "u@example.net");
    assert_string_equal(item[1].verdict, "pass");
    assert_string_equal(item[1].record, whole);
    assert_true(item[1].proven);
    assert_int_equal(item[1].time_ms, record->time_ms);
    record_free(record);
    record = read_record(least);
    decision_tell(store, record, least);
    assert_int_equal(fake_store_decisions(store, &item), 3);
    decision_tell(NULL, record, least);
    record_free(record);
    fake_store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_that_is_read_and_written_is_the_same),
        cmocka_unit_test(every_field_is_read),
        cmocka_unit_test(a_null_sender_is_not_no_sender),
        cmocka_unit_test(whatever_strings_hold_the_object_is_valid),
        cmocka_unit_test(a_record_is_never_too_long),
        cmocka_unit_test(what_says_least_is_left_out_first),
        cmocka_unit_test(it_is_appended),
        cmocka_unit_test(what_is_no_record_is_told),
        cmocka_unit_test(fields_of_a_later_release_are_passed_over),
        cmocka_unit_test(an_array_has_an_end),
        cmocka_unit_test(times_are_written_in_utc),
        cmocka_unit_test(the_store_is_told_a_row_for_each_recipient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
