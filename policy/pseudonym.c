/* SPDX-License-Identifier: ISC */
/*
 * pseudonym: addresses of people replaced by keyed digests (HMAC-SHA-256, 64 bits of it: of a
 * million addresses two share one with a chance of 1 in 30 million).
 *
 * Promises: peers' text of any kind may go in; reading is linear, and what comes out is bounded by
 * the text: each address becomes at most 24 octets longer.
 *
 * Limits: a name that holds an address in another form than its four numbers is left as it is.
 */
#include "policy/pseudonym.h"

#include "lib/buf.h"
#include "lib/str.h"

#include <ctype.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOCAL      "anon-"
#define LOCAL_LEN  (sizeof LOCAL - 1)
#define DIGITS     16
#define LOCAL_MOST 512 /* octets of a local part that is looked for in a text */
#define INPUT_MOST 1040

static const unsigned char discard[8] = {0x01}; /* 100::/64 */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return isxdigit((unsigned char)c) != 0;
}

static bool is_of_name(char c)
{
    return isalnum((unsigned char)c) || c == '-' || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_of_local(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80 ||
           (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~.", c) != NULL);
}

/* ---- digests ------------------------------------------------------------------------------------
 */

/* `kind` keeps mailboxes and clients apart. */
static uint64_t digest(const struct mac_key *key, char kind, const void *data, size_t len)
{
    char input[INPUT_MOST] = {kind};
    if (len > sizeof input - 1)
        len = sizeof input - 1;
    memcpy(input + 1, data, len);
    for (size_t i = 1; kind == 'm' && i <= len; i++)
        input[i] = (char)tolower((unsigned char)input[i]);
    return mac_bytes(key, input, len + 1);
}

static bool is_pseudonym(const char *local, size_t len)
{
    if (len != LOCAL_LEN + DIGITS || !str_case_starts(local, len, LOCAL))
        return false;
    for (size_t i = LOCAL_LEN; i < len; i++) {
        if (!is_hex(local[i]))
            return false;
    }
    return true;
}

static void local_text(uint64_t word, char out[static PSEUDONYM_LABEL_SIZE])
{
    snprintf(out, PSEUDONYM_LABEL_SIZE, LOCAL "%016llx", (unsigned long long)word);
}

const char *pseudonym_mailbox(const struct mac_key *key, const char *address,
                              char out[static PSEUDONYM_MAILBOX_SIZE])
{
    char local[PSEUDONYM_LABEL_SIZE];
    const char *at = strrchr(address, '@');
    if (at == NULL || at == address || is_pseudonym(address, (size_t)(at - address))) {
        snprintf(out, PSEUDONYM_MAILBOX_SIZE, "%s", address);
        return out;
    }
    struct buf domain = {0};
    local_text(digest(key, 'm', address, strlen(address)), local);
    pseudonym_text(key, at + 1, strlen(at + 1), &domain); /* it may be an address literal */
    snprintf(out, PSEUDONYM_MAILBOX_SIZE, "%s@%.*s", local,
             (int)(buf_len(&domain) < 1024 ? buf_len(&domain) : 1024), buf_data(&domain));
    buf_free(&domain);
    return out;
}

static bool stays(const struct addr *a)
{
    static const unsigned char none[16];
    if (a->family == AF_INET)
        return addr_is_loopback(a) || memcmp(a->ip, none, 4) == 0;
    return a->family != AF_INET6 || addr_is_loopback(a) || memcmp(a->ip, none, 16) == 0 ||
           memcmp(a->ip, discard, sizeof discard) == 0;
}

static uint64_t client_digest(const struct mac_key *key, const struct addr *client)
{
    return digest(key, 'c', client->ip, client->family == AF_INET6 ? 16 : 4);
}

const char *pseudonym_label(const struct mac_key *key, const struct addr *client,
                            char out[static PSEUDONYM_LABEL_SIZE])
{
    local_text(client_digest(key, client), out);
    return out;
}

void pseudonym_client(const struct mac_key *key, const struct addr *client, struct addr *out)
{
    const struct addr from = *client;
    *out = from;
    if (stays(&from))
        return;
    const uint64_t word = htobe64(client_digest(key, &from));
    out->family = AF_INET6;
    memcpy(out->ip, discard, sizeof discard);
    memcpy(out->ip + sizeof discard, &word, sizeof word);
}

/* ---- texts --------------------------------------------------------------------------------------
 */

/* A text as it is read: what is before `done` has been copied or replaced. */
struct reading {
    const struct mac_key *key;
    const char *text;
    size_t len, done;
    struct buf *out;
};

static char at(const struct reading *in, size_t i)
{
    return i < in->len ? in->text[i] : '\0';
}

/* `replacement` takes the place of [start, end). */
static void replace(struct reading *in, size_t start, size_t end, const char *replacement)
{
    buf_add(in->out, in->text + in->done, start - in->done);
    buf_add_str(in->out, replacement);
    in->done = end;
}

/* Where the local part before the '@' begins; `i` itself: there is none. */
static size_t local_start(const struct reading *in, size_t i)
{
    size_t start = i;
    size_t most = i - in->done < LOCAL_MOST ? i - in->done : LOCAL_MOST;
    if (most >= 2 && in->text[i - 1] == '"') {
        for (start = i - 2; i - start < most; start--) {
            if (in->text[start] == '"' && (start == 0 || in->text[start - 1] != '\\'))
                return start;
        }
        return in->text[start] == '"' ? start : i;
    }
    while (i - start < most && is_of_local(in->text[start - 1]))
        start--;
    return start;
}

/* One past the domain behind the '@'; `i` + 1: there is none. */
static size_t domain_end(const struct reading *in, size_t i)
{
    size_t end = i + 1;
    if (at(in, end) == '[') {
        while (end < in->len && in->text[end] != ']' && in->text[end] != ' ')
            end++;
        return at(in, end) == ']' ? end + 1 : i + 1;
    }
    while (is_of_name(at(in, end)) || at(in, end) == '.')
        end++;
    while (end > i + 1 && in->text[end - 1] == '.')
        end--;
    return end;
}

static void read_mailbox(struct reading *in, size_t i)
{
    char local[PSEUDONYM_LABEL_SIZE];
    size_t start = local_start(in, i), end = domain_end(in, i);
    if (start == i || end == i + 1 || is_pseudonym(in->text + start, i - start))
        return;
    local_text(digest(in->key, 'm', in->text + start, end - start), local);
    replace(in, start, i, local);
}

/* "/24" follows, but not what is one address all the same. */
static bool is_network(const struct reading *in, size_t end, const struct addr *client)
{
    const char *whole = client->family == AF_INET6 ? "/128" : "/32";
    size_t len = strlen(whole);
    if (at(in, end) != '/' || !is_digit(at(in, end + 1)))
        return false;
    return in->len - end < len || memcmp(in->text + end, whole, len) != 0 ||
           is_digit(at(in, end + len));
}

/* A network's address and one that is nobody's stay; of another its pseudonym takes the place, as a
 * label where it is a part of a name. */
static void replace_client(struct reading *in, size_t start, size_t end, const struct addr *client)
{
    char text[ADDR_TEXT_MAX + 2], ip[ADDR_TEXT_MAX]; /* longer than a label */
    struct addr pseudonym;
    bool named = (start > 0 && is_of_name(in->text[start - 1])) || is_of_name(at(in, end)) ||
                 (at(in, end) == '.' && is_of_name(at(in, end + 1)));
    if (stays(client) || is_network(in, end, client))
        return;
    if (named) {
        replace(in, start, end, pseudonym_label(in->key, client, text));
        return;
    }
    pseudonym_client(in->key, client, &pseudonym);
    if (client->family == AF_INET && at(in, end) == ':' && is_digit(at(in, end + 1)))
        snprintf(text, sizeof text, "[%s]", addr_ip_text(&pseudonym, ip)); /* a port follows */
    else
        addr_ip_text(&pseudonym, text);
    replace(in, start, end, text);
}

/* Four numbers up to 255 with the same of '.', '-' or '_' between them; 0: not that, else its end.
 */
static size_t quad(const struct reading *in, size_t i, struct addr *out)
{
    *out = (struct addr){.family = AF_INET};
    for (size_t part = 0; part < 4; part++) {
        unsigned number = 0;
        size_t digits = 0;
        for (; digits < 4 && is_digit(at(in, i)); digits++)
            number = number * 10 + (unsigned)(in->text[i++] - '0');
        if (digits == 0 || digits > 3 || number > 255)
            return 0;
        out->ip[part] = (uint8_t)number;
        if (part == 3)
            break;
        const char mark = at(in, i);
        if (mark == '\0' || strchr(".-_", mark) == NULL)
            return 0;
        i++;
    }
    return i;
}

static bool read_quad(struct reading *in, size_t i)
{
    struct addr client;
    if (i > 0 && is_digit(in->text[i - 1]))
        return false;
    size_t end = quad(in, i, &client);
    if (end == 0 || (at(in, end) == '.' && is_digit(at(in, end + 1))))
        return false;
    replace_client(in, i, end, &client);
    return true;
}

static bool follows_tag(const struct reading *in, size_t i)
{
    return i >= 5 && str_case_eq(in->text + i - 5, 5, "IPv6:");
}

/* An IPv6 address, as far as it goes; false: none begins here. */
static bool read_six(struct reading *in, size_t i, size_t *end)
{
    char text[ADDR_TEXT_MAX];
    struct addr client;
    *end = i;
    while (is_hex(at(in, *end)) || at(in, *end) == ':' || at(in, *end) == '.')
        ++*end;
    size_t len = *end - i;
    while (len > 2 && (in->text[i + len - 1] == '.' ||
                       (in->text[i + len - 1] == ':' && in->text[i + len - 2] != ':')))
        len--;
    if (len < 2 || len >= sizeof text || memchr(in->text + i, ':', len) == NULL)
        return false;
    memcpy(text, in->text + i, len);
    text[len] = '\0';
    if (!addr_parse_ip(text, &client))
        return false;
    *end = i + len;
    replace_client(in, i, *end, &client);
    return true;
}

static bool begins_word(const struct reading *in, size_t i)
{
    return i == 0 || follows_tag(in, i) ||
           (!is_of_name(in->text[i - 1]) && in->text[i - 1] != ':' && in->text[i - 1] != '.');
}

bool pseudonym_likely(const char *text, size_t len)
{
    bool digit = false;
    size_t marks = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '@')
            return true;
        digit = digit || is_digit(text[i]);
        marks += text[i] == '.' || text[i] == ':' || text[i] == '-' || text[i] == '_';
    }
    return marks >= 2 && (digit || memchr(text, ':', len) != NULL);
}

void pseudonym_text(const struct mac_key *key, const char *text, size_t len, struct buf *out)
{
    struct reading in = {.key = key, .text = text, .len = len, .out = out};
    size_t six = 0; /* up to there no IPv6 address begins */
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '@')
            read_mailbox(&in, i);
        bool found = i >= six && (is_hex(text[i]) || text[i] == ':') && begins_word(&in, i) &&
                     read_six(&in, i, &six);
        if (!found && is_digit(text[i]))
            found = read_quad(&in, i);
        if (found && in.done > i)
            i = in.done - 1;
        else if (found && six > i)
            i = six - 1;
    }
    buf_add(out, text + in.done, len - in.done);
}
