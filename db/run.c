/* SPDX-License-Identifier: ISC */
/*
 * run: which file answers which question, on which connection, and whether the disk is waited for.
 */
#include "db/table_int.h"

bool run_reads(enum store_op op)
{
    switch (op) {
    case STORE_GREY_PAGE:
    case STORE_ENTRY_PAGE:
    case STORE_IDENTITY_PAGE:
    case STORE_DECISION_PAGE:
    case STORE_COUNTER_PAGE:
        return true;
    case STORE_GREY:
    case STORE_GREY_EDIT:
    case STORE_ENTRY_PUT:
    case STORE_ENTRY_DELETE:
    case STORE_IDENTITY_PUT:
    case STORE_DECISION_PUT:
    case STORE_COUNTER_ADD:
    case STORE_FORGET:
    case STORE_BACKUP:
        return false;
    }
    return false;
}

bool run_durable(enum store_op op)
{
    /* What an administrator was told, and what must not come back. */
    return op == STORE_ENTRY_PUT || op == STORE_ENTRY_DELETE || op == STORE_FORGET;
}

bool run_question(struct db *db, const struct store_question *question, struct db_answer *out)
{
    out->answer = (struct store_answer){.op = question->op, .status = STORE_OK};
    switch (question->op) {
    case STORE_GREY:
        return grey_run(db, question, out);
    case STORE_GREY_PAGE:
        return grey_page_run(db, question, out);
    case STORE_GREY_EDIT:
        return grey_edit_run(db, question, out);
    case STORE_ENTRY_PUT:
        return entry_put_run(db, question, out);
    case STORE_ENTRY_DELETE:
        return entry_delete_run(db, question, out);
    case STORE_ENTRY_PAGE:
        return entry_page_run(db, question, out);
    case STORE_IDENTITY_PUT:
        return identity_put_run(db, question, out);
    case STORE_IDENTITY_PAGE:
        return identity_page_run(db, question, out);
    case STORE_DECISION_PUT:
        return decision_put_run(db, question, out);
    case STORE_DECISION_PAGE:
        return decision_page_run(db, question, out);
    case STORE_COUNTER_ADD:
        return counter_add_run(db, question, out);
    case STORE_COUNTER_PAGE:
        return counter_page_run(db, question, out);
    case STORE_FORGET:
        return forget_run(db, question, out);
    case STORE_BACKUP:
        break;
    }
    return db_fail(db, SQLITE_MISUSE);
}
