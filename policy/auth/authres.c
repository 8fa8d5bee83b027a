/* SPDX-License-Identifier: ISC */
/*
 * authres: the fields that say in front of a message how it was authenticated.
 *
 * Authentication-Results (RFC 8601): a method a line, in the order spf (MAIL FROM, HELO), dkim
 * (each signature), arc (RFC 8617 7), dmarc, iprev, auth. What there was nothing of is none.
 * dmarc's policy.dmarc says what was done: the mark, or none; what the domain has published stands
 * in a comment. The MAIL FROM of a bounce is postmaster at the HELO name (RFC 7208 2.4).
 *
 * Promises: what peers said stands in values only: as it is where it is a token or an address of
 * atoms, else as a quoted string, in which controls and, but for the sender (RFC 6531), octets that
 * are no ASCII become '?'; in comments parentheses and backslashes do, too. A value that is longer
 * than VALUE_MOST is left out, a text for people is cut. So a line has at most 80 octets, or one
 * word.
 */
#include "policy/auth/authres.h"

#include "lib/str.h"

#include <stdio.h>
#include <string.h>

#define LINE_MOST  78
#define VALUE_MOST 320 /* a path of 256 and some */
#define TEXT_MOST  160

struct field {
    struct buf *out;
    size_t column; /* octets of the last line */
};

/* ---- what may stand where ----------------------------------------------------------------------
 */

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* An octet of a token (RFC 2045 5.1). */
static bool is_token_octet(char c)
{
    return c > ' ' && c < 0x7f && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

/* An octet of an atom (RFC 5322 3.2.3). */
static bool is_atom_octet(char c)
{
    return is_alnum(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool is_token(const char *text)
{
    const char *c = text;
    while (is_token_octet(*c))
        c++;
    return c != text && *c == '\0';
}

static bool is_dot_atom(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool dot = text[i] == '.' && i > 0 && i + 1 < len && text[i - 1] != '.';
        if (!dot && !is_atom_octet(text[i]))
            return false;
    }
    return len > 0;
}

/* "[local] @ domain" of atoms and a host name, which RFC 8601 2.2 takes without quotes. */
static bool is_plain_address(const char *text)
{
    const char *at = strchr(text, '@');
    if (at == NULL || (at != text && !is_dot_atom(text, (size_t)(at - text))))
        return false;
    for (const char *c = at + 1; *c != '\0'; c++)
        if (!is_alnum(*c) && strchr("-_.", *c) == NULL)
            return false;
    return is_dot_atom(at + 1, strlen(at + 1));
}

/* The octets of `text` that may stand in a quoted string as one character; 0: none of them. */
static size_t shown(const char *text, size_t len, bool utf8)
{
    size_t octets = str_utf8_shown(text, len);
    return octets == 1 || utf8 ? octets : 0;
}

static void add_quoted(struct buf *out, const char *text, bool utf8)
{
    size_t len = strlen(text);
    buf_add(out, "\"", 1);
    for (size_t i = 0; i < len;) {
        size_t octets = shown(text + i, len - i, utf8);
        if (text[i] == '"' || text[i] == '\\')
            buf_add(out, "\\", 1);
        if (octets > 0)
            buf_add(out, text + i, octets);
        else
            buf_add(out, "?", 1);
        i += octets > 0 ? octets : 1;
    }
    buf_add(out, "\"", 1);
}

/* ---- a folded field ----------------------------------------------------------------------------
 */

static void begin(struct field *field, struct buf *out, const char *name)
{
    *field = (struct field){.out = out, .column = strlen(name) + 1};
    buf_printf(out, "%s:", name);
}

/* A word, behind a blank or on a new line. */
static void put(struct field *field, const struct buf *word)
{
    size_t len = buf_len(word);
    bool fold = field->column + 1 + len > LINE_MOST;
    buf_add_str(field->out, fold ? "\r\n\t" : " ");
    buf_add(field->out, buf_data(word), len);
    field->column = (fold ? 8 : field->column + 1) + len;
}

static void put_text(struct field *field, const char *text)
{
    struct buf word = {0};
    buf_add_str(&word, text);
    put(field, &word);
    buf_free(&word);
}

/* name=value, and `end` behind it; nothing where there is no value, or one that is too long. */
static void put_pair(struct field *field, const char *name, const char *value, bool plain,
                     bool utf8, const char *end)
{
    struct buf word = {0};
    if (value[0] == '\0' || strnlen(value, VALUE_MOST + 1) > VALUE_MOST)
        return;
    buf_printf(&word, "%s=", name);
    if (plain)
        buf_add_str(&word, value);
    else
        add_quoted(&word, value, utf8);
    buf_add_str(&word, end);
    put(field, &word);
    buf_free(&word);
}

static void put_property(struct field *field, const char *name, const char *value)
{
    put_pair(field, name, value, is_token(value) || is_plain_address(value), false, "");
}

/* A text for people, cut. */
static void put_reason(struct field *field, const char *why)
{
    char text[TEXT_MOST + 1];
    snprintf(text, sizeof text, "%s", why);
    put_pair(field, "reason", text, false, false, "");
}

/* "(text)", word by word. */
static void put_comment(struct field *field, const char *text)
{
    char word[TEXT_MOST + 3];
    size_t len = 0;
    word[len++] = '(';
    for (const char *c = text; *c != '\0' && len <= TEXT_MOST; c++) {
        bool fits = *c >= ' ' && *c < 0x7f && strchr("()\\", *c) == NULL;
        word[len++] = fits ? *c : '?';
    }
    word[len++] = ')';
    word[len] = '\0';
    put_text(field, word);
}

/* "; method=result" on a line of its own. */
static void put_method(struct field *field, const char *method, const char *result)
{
    buf_printf(field->out, ";\r\n\t%s=%s", method, result);
    field->column = 8 + strlen(method) + 1 + strlen(result);
}

/* ---- the methods -------------------------------------------------------------------------------
 */

static bool spf_has_why(enum spf_result result)
{
    return result == SPF_TEMPERROR || result == SPF_PERMERROR;
}

/* What MAIL FROM is to SPF; `room` for that of a bounce. */
static const char *mail_from(const struct authres_client *client, char room[static VALUE_MOST + 2])
{
    if (client->sender[0] != '\0' || client->helo[0] == '\0')
        return client->sender;
    snprintf(room, VALUE_MOST + 2, "postmaster@%s", client->helo);
    return room;
}

static void write_spf(struct field *field, const struct authres_client *client,
                      const struct spf_known *mail, const struct spf_known *helo)
{
    char room[VALUE_MOST + 2];
    const char *from = mail_from(client, room);
    put_method(field, "spf", spf_result_name(mail->result));
    if (spf_has_why(mail->result))
        put_reason(field, mail->why);
    put_pair(field, "smtp.mailfrom", from, is_token(from) || is_plain_address(from),
             from == client->sender, "");
    put_method(field, "spf", spf_result_name(helo->result));
    if (spf_has_why(helo->result))
        put_reason(field, helo->why);
    put_property(field, "smtp.helo", client->helo);
}

static void write_signature(struct field *field, const struct dkim_signature *signature)
{
    put_method(field, "dkim", dkim_result_name(signature->result));
    if (signature->bits > 0) {
        char key[48];
        snprintf(key, sizeof key, "%u-bit key%s", signature->bits,
                 signature->testing ? ", testing" : "");
        put_comment(field, key);
    }
    put_reason(field, signature->why);
    put_property(field, "header.d", signature->domain);
    put_property(field, "header.i", signature->identity);
    put_property(field, "header.s", signature->selector);
    put_property(field, "header.a", signature->algorithm);
    put_property(field, "header.b", signature->b);
}

static void write_dkim(struct field *field, const struct message_auth_results *results)
{
    for (size_t i = 0; i < results->signatures; i++)
        write_signature(field, results->signature[i]);
    if (results->signatures == 0)
        put_method(field, "dkim", dkim_result_name(DKIM_NONE));
}

static void write_arc(struct field *field, const struct authres_client *client,
                      const struct arc_answer *arc)
{
    char text[TEXT_MOST];
    char address[ADDR_TEXT_MAX];
    put_method(field, "arc", arc_result_name(arc->result));
    if (arc->result == ARC_NONE)
        return;
    if (arc->sets > 0) {
        snprintf(text, sizeof text, "i=%u%s%s", arc->sets, arc->sealer[0] != '\0' ? " d=" : "",
                 arc->sealer);
        put_comment(field, text);
    }
    if (arc->result != ARC_PASS)
        put_reason(field, arc->why);
    put_property(field, "smtp.remote-ip", addr_ip_text(client->client, address));
    put_property(field, "header.oldest-pass", arc->oldest_pass);
}

static void write_dmarc(struct field *field, const struct authres_client *client,
                        const struct dmarc_answer *dmarc)
{
    bool applies = dmarc->result == DMARC_PASS || dmarc->result == DMARC_FAIL;
    put_method(field, "dmarc", dmarc_result_name(dmarc->result));
    if (applies) {
        char text[32];
        snprintf(text, sizeof text, "p=%s%s", dmarc_policy_name(dmarc->published),
                 dmarc->testing ? " t=y" : "");
        put_comment(field, text);
    } else {
        put_reason(field, dmarc->why);
    }
    put_property(field, "header.from", dmarc->domain);
    if (applies)
        put_property(field, "policy.dmarc", client->mark[0] != '\0' ? client->mark : "none");
    put_property(field, "policy.override", client->override);
}

/* RFC 8601 2.7.3: no name at all is permerror. */
static const char *iprev_result(const struct authres_client *client)
{
    if (client->reverse_skipped)
        return "none";
    if (client->reverse_confirmed)
        return "pass";
    if (client->reverse_temperror)
        return "temperror";
    return client->reverse_name[0] != '\0' ? "fail" : "permerror";
}

static void write_iprev(struct field *field, const struct authres_client *client)
{
    char address[ADDR_TEXT_MAX];
    put_method(field, "iprev", iprev_result(client));
    if (client->reverse_skipped)
        return;
    if (client->reverse_name[0] != '\0')
        put_comment(field, client->reverse_name);
    put_property(field, "policy.iprev", addr_ip_text(client->client, address));
}

void authres_write(const struct authres_client *client, const struct message_auth_results *results,
                   struct buf *out)
{
    static const struct arc_answer arc = {.result = ARC_NONE};
    static const struct dmarc_answer dmarc = {
        .result = DMARC_NONE, .why = "", .domain = "", .at = "", .org = ""};
    static const struct message_auth_results none = {.arc = &arc, .dmarc = &dmarc};
    struct field field;
    const struct message_auth_results *of = results != NULL ? results : &none;
    begin(&field, out, "Authentication-Results");
    if (is_token(client->authserv_id)) {
        put_text(&field, client->authserv_id);
    } else {
        buf_add_str(out, " ");
        add_quoted(out, client->authserv_id, false);
    }
    write_spf(&field, client, &of->spf, &of->spf_helo);
    write_dkim(&field, of);
    write_arc(&field, client, of->arc);
    write_dmarc(&field, client, of->dmarc);
    write_iprev(&field, client);
    put_method(&field, "auth", client->authenticated ? "pass" : "none");
    if (client->authenticated)
        put_pair(&field, "smtp.auth", client->login,
                 is_token(client->login) || is_plain_address(client->login), true, "");
    buf_add_str(out, "\r\n");
}

/* ---- Received-SPF ------------------------------------------------------------------------------
 */

static const char *verb(enum spf_result result)
{
    switch (result) {
    case SPF_PASS:
        return "permits";
    case SPF_FAIL:
        return "does not permit";
    case SPF_SOFTFAIL:
        return "discourages use of";
    case SPF_NEUTRAL:
        return "says nothing of";
    case SPF_NONE:
        return "has no SPF record about";
    case SPF_TEMPERROR:
        return "could not be asked about";
    case SPF_PERMERROR:
        return "has an unusable SPF record about";
    }
    return "";
}

/* "key=value;": a dot-atom as it is, else quoted; a value with an '@' must be (RFC 7208 9.1). */
static void put_key(struct field *field, const char *key, const char *value)
{
    put_pair(field, key, value, is_dot_atom(value, strlen(value)), false, ";");
}

static void write_identity(const struct authres_client *client, const struct spf_known *known,
                           const char *identity, const char *from, struct buf *out)
{
    struct field field;
    char address[ADDR_TEXT_MAX];
    char text[2 * TEXT_MOST];
    if (!known->checked)
        return;
    (void)addr_ip_text(client->client, address);
    begin(&field, out, "Received-SPF");
    put_text(&field, spf_result_name(known->result));
    snprintf(text, sizeof text, "%.60s: %.60s %s %s", client->authserv_id,
             known->domain[0] != '\0' ? known->domain : identity, verb(known->result), address);
    put_comment(&field, text);
    put_key(&field, "client-ip", address);
    put_pair(&field, "envelope-from", from, is_dot_atom(from, strlen(from)), from == client->sender,
             ";");
    put_key(&field, "helo", client->helo);
    put_key(&field, "receiver", client->authserv_id);
    put_key(&field, "identity", identity);
    put_key(&field, "mechanism", known->mechanism);
    if (spf_has_why(known->result))
        put_key(&field, "problem", known->why);
    buf_add_str(out, "\r\n");
}

void authres_write_received_spf(const struct authres_client *client,
                                const struct message_auth_results *results, struct buf *out)
{
    char room[VALUE_MOST + 2];
    const char *from = mail_from(client, room);
    if (results == NULL)
        return;
    write_identity(client, &results->spf, "mailfrom", from, out);
    write_identity(client, &results->spf_helo, "helo", from, out);
}
