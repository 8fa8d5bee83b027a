/* SPDX-License-Identifier: ISC */
#ifndef PROXY_RECEIVED_H
#define PROXY_RECEIVED_H
/* The one Received field put in front of a message (RFC 5321 4.4, protocol words RFC 3848, 6531).
 */

#include "lib/addr.h"
#include "lib/buf.h"

#include <stdbool.h>
#include <time.h>

struct received {
    const char *helo; /* as given */
    const struct addr *client;
    const char *client_name;     /* verified reverse name, NULL: unknown */
    const char *hostname;        /* ours */
    const char *session;         /* id */
    bool esmtp, tls, auth, utf8; /* choose SMTP, ESMTP, ESMTPS, ESMTPSA, UTF8SMTPSA... */
    const char *tls_version;     /* NULL where plain */
    const char *tls_cipher;
    int tls_bits;
    const char *recipient; /* the only one, or NULL (several: not named, RFC 5321 7.2) */
    time_t time;
};

/* Appends the folded field with CRLFs. HELO text is made safe (a comment or domain that cannot
 * break the header). */
void received_write(const struct received *field, struct buf *out);

#endif
