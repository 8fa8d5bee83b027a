/* SPDX-License-Identifier: ISC */
/*
 * mailbox_key: senders' addresses without what changes from message to message.
 *
 *   prvs=1234abcdef=user@d (BATV), msprvs1=..=user, btv1==..==user    user@d
 *   SRS0=hash=TT=d=user@f, SRS1=hash=g==hash=TT=d=user@f  srs=d=user@f, srs=g=d=user@f
 *   user+tag@d                                                        user@d
 *   bounce-12345-user=example.org@d (VERP)                            bounce-#-#@d
 *
 * Numbers are taken out of addresses only that a machine has made: where a word says so ("bounce",
 * "return"), a recipient is encoded, or a word is a long run of random digits and letters. So
 * john-1985 and john-1986 stay two people.
 *
 * Promises: pure, linear, bounded; quoted local parts are only lower-cased. Limits: what is longer
 * than RFC 5321 4.5.3.1 allows is cut.
 */
#include "policy/mailbox_key.h"

#include "policy/relay.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define LOCAL_MOST  64
#define DOMAIN_MOST 255
#define DELIMITERS  "-_.=+"

struct address {
    char local[LOCAL_MOST + 1];
    char domain[DOMAIN_MOST + 1];
    const char *at; /* "@" where there was one */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return c >= 'a' && c <= 'z';
}

static void lower(char *out, size_t most, const char *text, size_t len)
{
    if (len > most)
        len = most;
    for (size_t i = 0; i < len; i++)
        out[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + ('a' - 'A') : text[i]);
    out[len] = '\0';
}

static void split(const char *text, struct address *out)
{
    const char *at = strrchr(text, '@');
    size_t len = at != NULL ? (size_t)(at - text) : strlen(text);
    lower(out->local, LOCAL_MOST, text, len);
    out->domain[0] = '\0';
    out->at = at != NULL ? "@" : "";
    if (at != NULL && !relay_domain_normal(at + 1, out->domain, sizeof out->domain))
        lower(out->domain, DOMAIN_MOST, at + 1, strlen(at + 1));
}

static const char *join(const char *prefix, const struct address *address,
                        char out[static MAILBOX_KEY_SIZE])
{
    snprintf(out, MAILBOX_KEY_SIZE, "%s%s%s%s", prefix, address->local, address->at,
             address->domain);
    return out;
}

/* ---- signed and rewritten addresses -------------------------------------------------------------
 */

/* The local part without its first `len` octets. */
static void cut(char *local, size_t len)
{
    memmove(local, local + len, strlen(local + len) + 1);
}

/* The rest behind "NAME" and a tag up to `end`, or NULL; there is something of each. */
static const char *behind_tag(const char *local, const char *name, const char *end)
{
    size_t len = strlen(name);
    if (strncmp(local, name, len) != 0)
        return NULL;
    const char *found = strstr(local + len, end);
    return found != NULL && found > local + len && found[strlen(end)] != '\0' ? found + strlen(end)
                                                                              : NULL;
}

/* draft-levine-smtp-batv, and two that look like it. */
static void take_out_signature(char *local)
{
    static const char *const forms[][2] = {{"prvs=", "="}, {"msprvs1=", "="}, {"btv1==", "=="}};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        const char *rest = behind_tag(local, forms[i][0], forms[i][1]);
        if (rest != NULL) {
            cut(local, (size_t)(rest - local));
            return;
        }
    }
}

/* Behind "HASH=TT=" of SRS0, or NULL. */
static const char *behind_stamp(const char *text)
{
    const char *stamp = strchr(text, '=');
    const char *rest = stamp != NULL ? strchr(stamp + 1, '=') : NULL;
    return rest != NULL && rest[1] != '\0' ? rest + 1 : NULL;
}

static bool is_srs(const char *local, const char *name)
{
    return strncmp(local, name, 4) == 0 && local[4] != '\0' && strchr("=-+", local[4]) != NULL;
}

/* The Sender Rewriting Scheme: `prefix` gets what stands for it, `local` keeps the original local
 * part. True: it was that. */
static bool take_out_srs(char *local, char prefix[static LOCAL_MOST + 8])
{
    char host[LOCAL_MOST + 2] = "";
    const char *rest = NULL;
    const char *tagged = strstr(local, "+srs="); /* as Exchange Online writes it */
    if (is_srs(local, "srs0")) {
        rest = behind_stamp(local + 5);
    } else if (is_srs(local, "srs1")) {
        const char *first = strchr(local + 5, '=');
        const char *second = first != NULL ? strchr(first + 1, '=') : NULL;
        if (second == NULL || second[1] == '\0')
            return false;
        snprintf(host, sizeof host, "%.*s", (int)(second - first), first + 1);
        rest = behind_stamp(second + 2);
    } else if (tagged != NULL) {
        rest = behind_stamp(tagged + 5);
    }
    const char *user = rest != NULL ? strchr(rest, '=') : NULL;
    if (user == NULL || user[1] == '\0')
        return false;
    snprintf(prefix, LOCAL_MOST + 8, "srs=%s%.*s", host, (int)(user + 1 - rest), rest);
    cut(local, (size_t)(user + 1 - local));
    return true;
}

/* ---- what machines make -------------------------------------------------------------------------
 */

struct word {
    size_t len, digits, hex; /* hex: digits too */
    bool plain;              /* digits and letters only */
};

static struct word measure(const char *text)
{
    struct word word = {.len = strcspn(text, DELIMITERS), .plain = true};
    for (size_t i = 0; i < word.len; i++) {
        word.digits += is_digit(text[i]);
        word.hex += is_digit(text[i]) || (text[i] >= 'a' && text[i] <= 'f');
        word.plain = word.plain && (is_digit(text[i]) || is_letter(text[i]));
    }
    return word;
}

/* A word that nobody is called. */
static bool is_token(const struct word *word)
{
    bool mixed = word->plain && word->digits > 0 && word->digits < word->len;
    return mixed &&
           ((word->len >= 12 && word->hex == word->len) || (word->len >= 16 && word->digits >= 4));
}

/* Of an address that a machine has made: what may be another one in the next message. */
static bool changes(const struct word *word)
{
    if (!word->plain || word->digits == 0)
        return false;
    return word->digits == word->len || is_token(word) ||
           (word->len >= 4 && word->hex == word->len) || (word->len >= 8 && word->digits >= 2);
}

static bool is_marker(const char *text, size_t len)
{
    static const char *const markers[] = {"bounce", "bounces", "return", "returns", "verp",
                                          "errors", "fbl",     "unsub",  "msgid"};
    for (size_t i = 0; i < sizeof markers / sizeof markers[0]; i++) {
        if (strlen(markers[i]) == len && strncmp(text, markers[i], len) == 0)
            return true;
    }
    return false;
}

static bool has_marker(const char *text)
{
    for (const char *at = text; *at != '\0';) {
        size_t len = strcspn(at, DELIMITERS);
        if (is_marker(at, len))
            return true;
        at += len;
        at += strspn(at, DELIMITERS);
    }
    return false;
}

static bool has_token(const char *text)
{
    for (const char *at = text; *at != '\0';) {
        struct word word = measure(at);
        if (is_token(&word))
            return true;
        at += word.len;
        at += strspn(at, DELIMITERS);
    }
    return false;
}

/* "NAME-user=example.org": where the encoded recipient begins, or NULL. */
static char *encoded_recipient(char *local)
{
    char *equals = strrchr(local, '=');
    if (equals == NULL || equals == local || strchr(equals, '.') == NULL)
        return NULL;
    for (char *p = equals; p > local + 1; p--) {
        if (p[-1] == '-' || p[-1] == '+')
            return p < equals ? p : NULL;
    }
    return NULL;
}

static void take_out_numbers(char *local)
{
    char out[LOCAL_MOST + 1];
    size_t used = 0;
    for (const char *at = local; *at != '\0';) {
        struct word word = measure(at);
        if (changes(&word)) {
            out[used++] = '#';
        } else {
            memcpy(out + used, at, word.len);
            used += word.len;
        }
        at += word.len;
        if (*at != '\0')
            out[used++] = *at++;
    }
    out[used] = '\0';
    memcpy(local, out, used + 1);
}

static void take_out_changes(struct address *address)
{
    char *local = address->local;
    bool made = has_marker(local) || has_marker(address->domain) || has_token(local);
    char *recipient = encoded_recipient(local);
    char *plus = strchr(local, '+');
    if (recipient != NULL && (made || is_digit(recipient[-2]))) {
        made = true;
        memcpy(recipient, "#", 2);
    }
    if (plus != NULL && plus > local)
        *plus = '\0';
    if (made)
        take_out_numbers(local);
}

const char *mailbox_key_sender(const char *text, char out[static MAILBOX_KEY_SIZE])
{
    struct address address;
    char prefix[LOCAL_MOST + 8] = "";
    split(text, &address);
    if (address.local[0] == '"')
        return join("", &address, out);
    take_out_signature(address.local);
    take_out_srs(address.local, prefix);
    take_out_changes(&address);
    return join(prefix, &address, out);
}

const char *mailbox_key_recipient(const char *text, char out[static MAILBOX_KEY_SIZE])
{
    struct address address;
    split(text, &address);
    return join("", &address, out);
}
