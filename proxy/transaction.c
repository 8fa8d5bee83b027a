/* SPDX-License-Identifier: ISC */
/*
 * transaction: one MAIL to end of data (RFC 5321 3.3), as one object.
 *
 * Promises: freeing it forgets everything: sender, recipients, text and spool go together.
 */
#include "proxy/transaction.h"

#include "lib/mem.h"
#include "proxy/spool.h"

#include <stdlib.h>
#include <string.h>

struct transaction *transaction_new(const struct path *sender, const struct param_set *params,
                                    const char *mail, uint64_t now)
{
    struct transaction *txn = mem_alloc(sizeof *txn);
    txn->began = now;
    txn->sender = mem_strdup(sender->text);
    txn->mail = mem_strdup(mail);
    txn->params = *params;
    return txn;
}

void transaction_free(struct transaction *txn)
{
    if (txn == NULL)
        return;
    spool_free(txn->spool);
    if (txn->held > 0)
        spool_budget_give(txn->budget, txn->held);
    buf_free(&txn->to);
    buf_free(&txn->refusals);
    buf_free(&txn->head);
    free(txn->sender);
    free(txn->mail);
    free(txn->rcpt);
    free(txn->rcpt_line);
    for (size_t i = 0; i < TRANSACTION_NAMED; i++)
        free(txn->named[i]);
    free(txn->reply);
    free(txn);
}

/* Adds one item to a list for the log, unless it is full. */
static void list(struct buf *to, const char *text, const char *more)
{
    if (buf_len(to) >= TRANSACTION_LOG_MAX)
        return;
    if (buf_len(to) > 0)
        buf_add_str(to, ", ");
    buf_add_str(to, text);
    if (more == NULL)
        return;
    buf_add_str(to, ": ");
    buf_add(to, more, strcspn(more, "\r\n"));
}

void transaction_note(struct transaction *txn, const char *address, bool accepted,
                      const char *reply)
{
    if (!accepted) {
        txn->refused++;
        list(&txn->refusals, address, reply);
        return;
    }
    if (txn->accepted < TRANSACTION_NAMED)
        txn->named[txn->accepted] = mem_strdup(address);
    txn->accepted++;
    list(&txn->to, address, NULL);
}
