/* SPDX-License-Identifier: ISC */
/*
 * received: the Received field put in front of a message (RFC 5321 4.4).
 *
 *   Received: from helo.example (rdns.example [192.0.2.1])
 *           by mx.example.org with ESMTPS id SESSION
 *           (TLSv1.3 cipher TLS_AES_256_GCM_SHA384 256 bits)
 *           for <x@example.org>; Sun, 22 Nov 2026 10:00:00 +0000
 *
 * Nothing the peer says can break the field: its HELO is cut at 255 octets, and what can stand
 * neither in a domain nor in an address literal becomes '?'. A reverse name is written only where
 * it was verified. No line has more than 998 octets. The date is in local time with its offset and
 * knows no locale (RFC 5322 3.3). Protocol words: RFC 3848, RFC 6531 4.3; TLS without EHLO has no
 * word of its own and is SMTP.
 */
#include "proxy/received.h"

#include "lib/str.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define NAME_MAX_OUT 255
#define FOR_MAX      400 /* longer than any path (RFC 5321 4.5.3.1.3) */

static bool is_name_octet(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
}

/* "[...]" with nothing in it but what stands in an address literal. */
static bool is_literal(const char *text, size_t len)
{
    if (len < 3 || text[0] != '[' || text[len - 1] != ']')
        return false;
    for (size_t i = 1; i < len - 1; i++)
        if (!is_name_octet(text[i]) && text[i] != ':')
            return false;
    return true;
}

/* A name of the peer's or of a library's, made safe. */
static void add_name(struct buf *out, const char *text)
{
    size_t len = text != NULL ? strnlen(text, NAME_MAX_OUT) : 0;
    if (len == 0) {
        buf_add_str(out, "unknown");
    } else if (is_literal(text, len)) {
        buf_add(out, text, len);
    } else {
        for (size_t i = 0; i < len;) {
            size_t end = i;
            while (end < len && is_name_octet(text[end]))
                end++;
            buf_add(out, text + i, end - i);
            if (end < len)
                buf_add(out, "?", 1);
            i = end + 1;
        }
    }
}

static void add_client(struct buf *out, const struct received *field)
{
    char ip[ADDR_TEXT_MAX];
    buf_add_str(out, " (");
    if (field->client == NULL || field->client->family == AF_UNSPEC) {
        buf_add_str(out, "unknown)");
        return;
    }
    if (field->client_name != NULL && field->client_name[0] != '\0') {
        add_name(out, field->client_name);
        buf_add_str(out, " ");
    }
    buf_add_str(out, field->client->family == AF_INET6 ? "[IPv6:" : "[");
    buf_add_str(out, addr_ip_text(field->client, ip));
    buf_add_str(out, "])");
}

static const char *protocol(const struct received *field)
{
    static const char *const ascii[] = {"ESMTP", "ESMTPS", "ESMTPA", "ESMTPSA"};
    static const char *const utf8[] = {"UTF8SMTP", "UTF8SMTPS", "UTF8SMTPA", "UTF8SMTPSA"};
    if (!field->esmtp)
        return "SMTP";
    size_t which = (field->tls ? 1U : 0U) + (field->auth ? 2U : 0U);
    return field->utf8 ? utf8[which] : ascii[which];
}

static void add_tls(struct buf *out, const struct received *field)
{
    buf_add_str(out, "\r\n\t(");
    add_name(out, field->tls_version);
    buf_add_str(out, " cipher ");
    add_name(out, field->tls_cipher);
    buf_printf(out, " %d bits)", field->tls_bits);
}

/* May the recipient stand in the header as it is? Non-ASCII only in an SMTPUTF8 message. */
static bool can_name(const struct received *field)
{
    const char *text = field->recipient;
    size_t len = text != NULL ? strnlen(text, FOR_MAX) : 0;
    if (len == 0 || len == FOR_MAX)
        return false;
    for (size_t i = 0; i < len;) {
        size_t n = str_utf8_shown(text + i, len - i);
        if (n == 0 || (n > 1 && !field->utf8))
            return false;
        i += n;
    }
    return true;
}

/* Two digits and what follows them. */
static void add_two(struct buf *out, long number, char behind)
{
    const char text[] = {(char)('0' + number / 10 % 10), (char)('0' + number % 10), behind};
    buf_add(out, text, behind != '\0' ? 3 : 2);
}

/* By hand: this is on the way of each message, and printf is slow. */
static void add_date(struct buf *out, time_t time)
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm tm = {0};
    localtime_r(&time, &tm);
    long minutes = tm.tm_gmtoff / 60;
    buf_add_str(out, days[tm.tm_wday]);
    buf_add_str(out, ", ");
    add_two(out, tm.tm_mday, ' ');
    buf_add_str(out, months[tm.tm_mon]);
    buf_add_str(out, " ");
    add_two(out, (tm.tm_year + 1900) / 100, '\0');
    add_two(out, tm.tm_year + 1900, ' ');
    add_two(out, tm.tm_hour, ':');
    add_two(out, tm.tm_min, ':');
    add_two(out, tm.tm_sec, ' ');
    buf_add_str(out, minutes < 0 ? "-" : "+");
    add_two(out, labs(minutes) / 60, '\0');
    add_two(out, labs(minutes) % 60, '\0');
}

void received_write(const struct received *field, struct buf *out)
{
    buf_add_str(out, "Received: from ");
    add_name(out, field->helo);
    add_client(out, field);
    buf_add_str(out, "\r\n\tby ");
    add_name(out, field->hostname);
    buf_add_str(out, " with ");
    buf_add_str(out, protocol(field));
    buf_add_str(out, " id ");
    add_name(out, field->session);
    if (field->tls)
        add_tls(out, field);
    if (can_name(field)) {
        buf_add_str(out, "\r\n\tfor <");
        buf_add_str(out, field->recipient);
        buf_add_str(out, ">; ");
    } else {
        buf_add_str(out, ";\r\n\t");
    }
    add_date(out, field->time);
    buf_add_str(out, "\r\n");
}
