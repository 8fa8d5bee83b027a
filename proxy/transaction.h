/* SPDX-License-Identifier: ISC */
#ifndef PROXY_TRANSACTION_H
#define PROXY_TRANSACTION_H
/* One MAIL to end of data: everything about it in one object, freed whole by RSET, EHLO, STARTTLS
 * (so nothing of an earlier transaction can stay behind). */

#include "lib/buf.h"
#include "proxy/gate.h"
#include "proxy/param.h"
#include "proxy/path.h"
#include "proxy/text_in.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRANSACTION_LOG_MAX 480 /* octets of recipients kept for the log line */
#define TRANSACTION_NAMED   20  /* accepted recipients kept for the decision record */

/* How a transaction came to its end. */
enum transaction_end {
    TRANSACTION_LEFT,      /* before its message was whole */
    TRANSACTION_DELIVERED, /* the backend took the message */
    TRANSACTION_JUDGED,    /* a verdict refused the message */
    TRANSACTION_UNFIT,     /* we refused the message for its form or size */
    TRANSACTION_REFUSED,   /* the backend refused it */
    TRANSACTION_FAULT,     /* it could not be asked */
};

struct delivery;
struct spool;
struct spool_budget;

struct transaction {
    uint64_t began;            /* monotonic ms */
    char *sender;              /* "" for <> */
    char *mail;                /* the MAIL command for the backend, with CRLF */
    struct param_set params;   /* of MAIL */
    struct delivery *delivery; /* NULL until the first recipient passed */
    size_t backend;            /* its route */
    char backend_name[64];     /* where it went, for the log */
    size_t asked;              /* recipients that passed our own rules */
    size_t accepted;           /* recipients the backend took */
    size_t refused;            /* by us or by it */
    char *rcpt;                /* the address now being asked for */
    char *rcpt_line;           /* its RCPT command for the backend, while the verdict is awaited */
    char *named[TRANSACTION_NAMED]; /* the first accepted recipients, NULL behind the last */
    size_t recorded;                /* refused recipients that have a decision record */
    enum transaction_end end;
    struct buf to;       /* accepted recipients for the log, cut */
    struct buf refusals; /* "address: reply" of the first refusals, cut */
    struct text_in text;
    struct spool *spool;         /* NULL before DATA or BDAT */
    struct spool_budget *budget; /* of which `held` octets are taken for the header section */
    uint64_t held;
    struct buf head;             /* our fields */
    uint64_t stored;             /* octets that came out of the decoder */
    bool rcpt_exempt;            /* it is postmaster or abuse */
    enum trial_class rcpt_class; /* its own, once the verdict on it is there */
    enum trial_class class;      /* of all accepted ones, since the message has one verdict */
    bool too_big;                /* more than SIZE */
    bool folded; /* the text begins with a blank: it would continue our last field */
    bool text_begun;
    bool spool_full;
    bool chunked;       /* by BDAT */
    bool chunk_refused; /* an earlier chunk was: later ones are 503 */
    char *reply;        /* the last words to the client about it, for the log */
};

struct transaction *transaction_new(const struct path *sender, const struct param_set *params,
                                    const char *mail, uint64_t now)
    __attribute__((warn_unused_result));
/* Frees it, but for the delivery, which must have been taken out. NULL is fine. */
void transaction_free(struct transaction *txn);
/* Notes the answer to the recipient asked for last. */
void transaction_note(struct transaction *txn, const char *address, bool accepted,
                      const char *reply);

#endif
