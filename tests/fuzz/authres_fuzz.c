/* SPDX-License-Identifier: ISC */
/*
 * Fuzzes policy/auth/authres, both ways.
 *
 * The input is lines. Written: each line is what a peer said (sender, HELO, names, tags of
 * signatures, reasons); the field that comes of it must be one field, read by the tests' strict
 * reader with every method there and the sender as it was said. Read: the whole input is the value
 * of a field that came; where a strict reader finds our id, or it is put in front, it is ours.
 */
#include "policy/auth/authres.h"

#include "lib/mem.h"
#include "lib/str.h"
#include "tests/fuzz/must.h"
#include "tests/unit/support/authres_reader.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OURS       "mx.example.org"
#define WORDS      16
#define SIGNATURES 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const char *at, *end;
    char *word[WORDS];
    size_t words;
    unsigned choice; /* of the first octet */
};

/* The next line, without NULs. */
static char *take(struct input *in)
{
    const char *end = in->at < in->end ? memchr(in->at, '\n', (size_t)(in->end - in->at)) : NULL;
    if (end == NULL)
        end = in->end;
    char *word = mem_strndup(in->at, (size_t)(end - in->at));
    in->at = end < in->end ? end + 1 : end;
    in->word[in->words++] = word;
    return word;
}

/* ---- written -----------------------------------------------------------------------------------
 */

static void set_spf(struct spf_known *known, unsigned choice, const char *domain, const char *why)
{
    known->checked = (choice & 8) != 0;
    known->result = (enum spf_result)(choice % 7);
    snprintf(known->domain, sizeof known->domain, "%s", domain);
    snprintf(known->mechanism, sizeof known->mechanism, "%s", why);
    snprintf(known->why, sizeof known->why, "%s", why);
}

static void hold(const struct authres_client *client, const struct message_auth_results *results)
{
    static struct reader_results read;
    struct buf out = {0};
    authres_write(client, results, &out);
    MUST(reader_field(buf_data(&out), buf_len(&out), &read) == NULL);
    size_t signatures = results->signatures > 0 ? results->signatures : 1;
    MUST(strcmp(read.id, OURS) == 0 && read.methods == 6 + signatures);
    static const char *const method[] = {"spf", "spf", "arc", "dmarc", "iprev", "auth"};
    for (size_t i = 0; i < read.methods; i++) {
        size_t at = i < 2 ? i : i < 2 + signatures ? SIZE_MAX : i - signatures;
        MUST(strcmp(read.method[i].method, at == SIZE_MAX ? "dkim" : method[at]) == 0);
    }
    const struct reader_method *spf = &read.method[0];
    if (client->sender[0] != '\0' && strlen(client->sender) <= 256) {
        MUST(spf->props == 1 && strcmp(spf->prop[0].name, "smtp.mailfrom") == 0);
        bool ascii = true;
        for (const char *c = client->sender; *c != '\0'; c++)
            ascii = ascii && *c >= ' ' && *c < 0x7f;
        MUST(!ascii || strcmp(spf->prop[0].value, client->sender) == 0);
    }
    buf_free(&out);
    authres_write_received_spf(client, results, &out);
    const char *second = memmem(buf_data(&out), buf_len(&out), "\r\nReceived-SPF:", 15);
    size_t first = second != NULL ? (size_t)(second - buf_data(&out)) + 2 : buf_len(&out);
    MUST(buf_len(&out) == 0 || reader_lines(buf_data(&out), first) == NULL);
    MUST(second == NULL || reader_lines(second + 2, buf_len(&out) - first) == NULL);
    buf_free(&out);
}

static void write_all(struct input *in)
{
    struct addr address;
    (void)addr_parse_ip((in->choice & 1) != 0 ? "2001:db8::1" : "192.0.2.1", &address);
    const struct authres_client client = {
        .authserv_id = OURS,
        .client = &address,
        .sender = take(in),
        .helo = take(in),
        .reverse_name = take(in),
        .login = take(in),
        .override = (in->choice & 2) != 0 ? "trusted ARC chain" : "",
        .mark = (in->choice & 4) != 0 ? "quarantine" : "",
        .reverse_skipped = (in->choice & 16) != 0,
        .reverse_confirmed = (in->choice & 32) != 0,
        .authenticated = (in->choice & 64) != 0,
    };
    const char *why = take(in);
    const char *domain = take(in);
    struct dkim_signature dkim[SIGNATURES];
    const struct dkim_signature *signature[SIGNATURES];
    for (size_t i = 0; i < SIGNATURES; i++) {
        dkim[i] = (struct dkim_signature){.result = (enum dkim_result)((in->choice + i) % 7),
                                          .why = why,
                                          .domain = domain,
                                          .identity = i < 1 ? take(in) : client.sender,
                                          .selector = i < 1 ? take(in) : client.helo,
                                          .algorithm = "rsa-sha256",
                                          .bits = in->choice};
        snprintf(dkim[i].b, sizeof dkim[i].b, "%s", client.helo);
        signature[i] = &dkim[i];
    }
    const struct arc_answer arc = {.result = (enum arc_result)(in->choice % 4),
                                   .why = why,
                                   .sets = in->choice % 3,
                                   .sealer = domain,
                                   .oldest_pass = "1"};
    const struct dmarc_answer dmarc = {.result = (enum dmarc_result)(in->choice % 5),
                                       .why = why,
                                       .domain = domain,
                                       .at = domain,
                                       .org = domain,
                                       .testing = (in->choice & 1) != 0};
    struct message_auth_results results = {.signatures = in->choice % (SIGNATURES + 1),
                                           .signature = signature,
                                           .arc = &arc,
                                           .dmarc = &dmarc};
    set_spf(&results.spf, in->choice, domain, why);
    set_spf(&results.spf_helo, in->choice / 2, domain, why);
    hold(&client, &results);
}

/* ---- read --------------------------------------------------------------------------------------
 */

/* Does the field "NAME:" + `front` + value claim to be ours? Of more than one line-end, the first
 * field counts. */
static bool claims(const char *front, const char *value, size_t len, struct reader_results *read)
{
    struct header *header = header_new(1 << 20, 100);
    header_add(header, front, strlen(front));
    (void)header_add(header, value, len);
    (void)header_add(header, "\r\n\r\n", 4);
    MUST(header_complete(header));
    const struct header_field *field = header_field(header, 0);
    bool ours = authres_is_ours(field, OURS);
    if (read != NULL && reader_read(field->value, field->value_len, read))
        MUST(ours || !str_case_eq(read->id, strlen(read->id), OURS));
    header_free(header);
    return ours;
}

static void read_all(const char *value, size_t len)
{
    static struct reader_results read;
    (void)claims("Authentication-Results:", value, len, &read);
    MUST(claims("Authentication-Results: mx.EXAMPLE.org;", value, len, NULL));
    MUST(claims("Authentication-Results:(a (b))\r\n \"mx.example.org\" ", value, len, NULL));
    MUST(!claims("Authentication-Results: other.example;", value, len, NULL));
    MUST(!claims("X-Results: mx.example.org;", value, len, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct input in = {.at = text, .end = text + size};
    if (size > 0)
        in.choice = (unsigned char)*in.at++;
    write_all(&in);
    for (size_t i = 0; i < in.words; i++)
        free(in.word[i]);
    read_all(text, size);
    return 0;
}
