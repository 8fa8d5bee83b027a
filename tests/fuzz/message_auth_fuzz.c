/* SPDX-License-Identifier: ISC */
/*
 * Fuzzes policy/auth/message_auth with whole messages: DKIM, ARC and DMARC together, in a DNS that
 * has the keys of tests/unit/support/signed_mail.h and, for any other name, what the input wants.
 *
 * Octets: choices (enum choice), the step of the cut stream, what other names have (mod 4: a
 * record, no record, no such name, a fault), the length of that record, the record, the message.
 *
 * What must hold: whole, or cut into steps, the results are the same; the questions to DNS are
 * bounded; once DNS has answered it is settled; where time is up it is, too, and nothing has
 * passed; what is written of it is one field by the grammar.
 */
#include "policy/auth/message_auth.h"

#include "dns/name.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "policy/auth/authres.h"
#include "tests/fuzz/must.h"
#include "tests/unit/support/asked_dns.h"
#include "tests/unit/support/authres_reader.h"
#include "tests/unit/support/signed_mail.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SIGNATURES  10
#define HEADER_MOST 65536
#define QUESTIONS                                                                                  \
    (SIGNATURES + 2 * ARC_SETS_MOST + DMARC_QUERIES_MOST * (1 + DMARC_IDENTIFIERS_MOST))

enum choice { /* bits of the first octet */
              CHOICE_NO_DKIM = 1,
              CHOICE_NO_ARC = 2,
              CHOICE_NO_DMARC = 4,
              CHOICE_PSL = 8,
              CHOICE_SPF = 16, /* passes for example.com */
              CHOICE_PARTIAL = 32,
              CHOICE_SHORT = 64, /* little of the header is kept */
};

enum others { OTHERS_RECORD, OTHERS_NODATA, OTHERS_NXDOMAIN, OTHERS_FAULT };

struct input {
    unsigned choice;
    size_t step;
    enum others others;
    char *record; /* the caller frees */
    const char *text;
    size_t len;
};

struct script {
    struct dns dns; /* first: what is asked */
    struct asked_dns table;
    const struct input *in;
    size_t asked;
};

static struct dns_question *on_ask(struct dns *dns, enum dns_type type, const char *name, dns_fn fn,
                                   void *arg)
{
    struct script *script = (struct script *)dns;
    char normal[DNS_NAME_MAX + 1];
    struct dns *fake = script->table.fake;
    script->asked++;
    bool known = strstr(signed_mail_dns, name) != NULL || !dns_name_normal(name, normal);
    switch (script->in->others) {
    case OTHERS_RECORD:
        if (!known && type == DNS_TXT)
            fake_dns_set(fake, type, name, script->in->record);
        break;
    case OTHERS_NODATA:
        if (!known)
            fake_dns_status(fake, type, name, DNS_NODATA, NULL);
        break;
    case OTHERS_NXDOMAIN:
        break;
    case OTHERS_FAULT:
        if (!known)
            fake_dns_status(fake, type, name, DNS_TEMPFAIL, "timeout");
        break;
    }
    return dns_ask(fake, type, name, fn, arg);
}

static void set_env(struct message_auth_env *env, const struct input *in)
{
    *env = (struct message_auth_env){
        .header_size = (in->choice & CHOICE_SHORT) != 0 ? 512 : HEADER_MOST,
        .dkim = (in->choice & CHOICE_NO_DKIM) == 0,
        .arc = (in->choice & CHOICE_NO_ARC) == 0,
        .dmarc = (in->choice & CHOICE_NO_DMARC) == 0,
        .dkim_rules = {.signatures = SIGNATURES,
                       .least_bits = 1024,
                       .partial = (in->choice & CHOICE_PARTIAL) != 0,
                       .now = SIGNED_MAIL_TIME + 60},
        .arc_rules = {.sets = ARC_SETS_MOST, .least_bits = 1024, .now = SIGNED_MAIL_TIME + 60},
        .discovery = (in->choice & CHOICE_PSL) != 0 ? DMARC_PSL : DMARC_TREE_WALK,
    };
}

/* ---- what came of it ---------------------------------------------------------------------------
 */

static void write_results(const struct message_auth_results *results, struct buf *said)
{
    static struct reader_results read;
    struct addr address;
    struct buf out = {0};
    (void)addr_parse_ip("192.0.2.1", &address);
    const struct authres_client client = {.authserv_id = "mx.example.org",
                                          .client = &address,
                                          .reverse_name = "",
                                          .helo = "mail.example.com",
                                          .sender = "joe@example.com",
                                          .login = "",
                                          .override = "",
                                          .mark = ""};
    authres_write(&client, results, &out);
    MUST(reader_field(buf_data(&out), buf_len(&out), &read) == NULL);
    MUST(read.methods >= 7);
    buf_add(said, buf_data(&out), buf_len(&out));
    for (size_t i = 0; i < header_count(results->header); i++)
        buf_add_str(said, authres_is_ours(header_field(results->header, i), "mx.example.org")
                              ? "ours "
                              : "");
    buf_printf(said, "author %d %s\n", results->author.status, results->author.domain);
    buf_free(&out);
}

static void nothing_has_passed(const struct message_auth_results *results)
{
    for (size_t i = 0; i < results->signatures; i++)
        MUST(results->signature[i]->result != DKIM_PASS);
    MUST(results->arc->result != ARC_PASS);
    MUST(results->dmarc->result != DMARC_PASS);
}

static void on_changed(void *arg)
{
    unsigned *changed = arg;
    MUST((*changed)++ == 0);
}

/* Evaluates the message in steps; DNS answers at its end, or never. */
static void evaluate(const struct input *in, size_t step, bool answers, struct buf *said)
{
    static const struct dns_ops ops = {.ask = on_ask};
    struct script script = {.dns = {.ops = &ops}, .in = in};
    struct message_auth_env env;
    struct spf_known spf = {.result = SPF_NONE};
    struct spf_known helo = {.result = SPF_NONE};
    unsigned changed = 0;
    asked_dns_open(&script.table, signed_mail_dns);
    set_env(&env, in);
    env.loop = loop_new();
    env.dns = &script.dns;
    if (answers && (in->choice & CHOICE_SPF) != 0)
        spf = (struct spf_known){.result = SPF_PASS, .checked = true, .domain = "example.com"};
    struct message_auth *auth = message_auth_new(&env, on_changed, &changed);
    for (size_t at = 0; at < in->len; at += step)
        message_auth_text(auth, in->text + at, in->len - at < step ? in->len - at : step);
    message_auth_end(auth, &spf, &helo);
    bool settled = message_auth_settled(auth);
    for (unsigned i = 0; answers && i < 200 && !message_auth_settled(auth); i++) {
        asked_dns_run(&script.table);
        loop_poll(env.loop);
    }
    if (answers)
        MUST(message_auth_settled(auth) && fake_dns_open(script.table.fake) == 0);
    loop_poll(env.loop);
    MUST(changed == (answers && !settled ? 1 : 0));
    message_auth_give_up(auth);
    MUST(message_auth_settled(auth) && script.asked <= QUESTIONS);
    if (!answers)
        nothing_has_passed(message_auth_results(auth));
    write_results(message_auth_results(auth), said);
    message_auth_free(auth);
    loop_poll(env.loop);
    asked_dns_close(&script.table);
    loop_free(env.loop);
}

static unsigned take(const uint8_t **data, size_t *size)
{
    if (*size == 0)
        return 0;
    (*size)--;
    return *(*data)++;
}

/* A record as the table takes it: one line, not empty. */
static char *take_record(const uint8_t **data, size_t *size)
{
    size_t len = take(data, size);
    len = len < *size ? len : *size;
    char *record = mem_strndup((const char *)*data, len);
    *data += len;
    *size -= len;
    for (char *c = record; *c != '\0'; c++)
        *c = *c == '\n' ? ' ' : *c;
    if (record[0] != '\0')
        return record;
    free(record);
    return mem_strdup("v=DMARC1; p=reject");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {.choice = take(&data, &size)};
    struct buf whole = {0};
    struct buf cut = {0};
    struct buf late = {0};
    in.step = take(&data, &size) + 1;
    in.others = (enum others)(take(&data, &size) % 4);
    in.record = take_record(&data, &size);
    in.text = (const char *)data;
    in.len = size;
    evaluate(&in, size + 1, true, &whole);
    evaluate(&in, in.step, true, &cut);
    MUST(buf_len(&whole) == buf_len(&cut));
    MUST(memcmp(buf_data(&whole), buf_data(&cut), buf_len(&cut)) == 0);
    evaluate(&in, size + 1, false, &late);
    buf_free(&whole);
    buf_free(&cut);
    buf_free(&late);
    free(in.record);
    return 0;
}
