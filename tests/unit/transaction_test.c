/* SPDX-License-Identifier: ISC */
/* transaction_test: what a transaction notes for the log, bounded, and that it is freed whole. */
#include "proxy/transaction.h"

#include "lib/mem.h"
#include "proxy/spool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state)
{
    struct path sender = {.text = "a@example.net", .local_len = 1};
    const struct param_set params = {0};
    char mail[] = "MAIL FROM:<a@example.net>\r\n";
    *state = transaction_new(&sender, &params, mail, 42);
    memset(mail, 'x', sizeof mail - 1); /* it has copies of its own */
    memset(sender.text, 'x', 3);
    return 0;
}

static int teardown(void **state)
{
    transaction_free(*state);
    return 0;
}

static void assert_list(const struct buf *list, const char *want)
{
    char text[2048];
    assert_true(buf_len(list) < sizeof text);
    memcpy(text, buf_data(list), buf_len(list));
    text[buf_len(list)] = '\0';
    assert_string_equal(text, want);
}

static void test_it_begins_with_its_sender_and_nothing_else(void **state)
{
    struct transaction *txn = *state;
    assert_int_equal(txn->began, 42);
    assert_string_equal(txn->sender, "a@example.net");
    assert_string_equal(txn->mail, "MAIL FROM:<a@example.net>\r\n");
    assert_int_equal(txn->accepted + txn->refused + txn->asked, 0);
    assert_null(txn->delivery);
    assert_null(txn->spool);
    assert_null(txn->named[0]);
}

static void test_accepted_and_refused_recipients_are_listed_apart(void **state)
{
    struct transaction *txn = *state;
    transaction_note(txn, "b@example.org", true, "250 2.1.5 Ok\r\n");
    transaction_note(txn, "c@example.org", false, "550 5.1.1 no such user\r\n");
    transaction_note(txn, "d@example.org", true, NULL);
    transaction_note(txn, "e@example.org", false, "550-5.1.1 no\r\n550 such user\r\n");
    assert_int_equal(txn->accepted, 2);
    assert_int_equal(txn->refused, 2);
    assert_string_equal(txn->named[0], "b@example.org");
    assert_string_equal(txn->named[1], "d@example.org");
    assert_null(txn->named[2]);
    assert_list(&txn->to, "b@example.org, d@example.org");
    assert_list(&txn->refusals, "c@example.org: 550 5.1.1 no such user, "
                                "e@example.org: 550-5.1.1 no");
}

static void test_the_lists_are_bounded_the_counts_are_not(void **state)
{
    struct transaction *txn = *state;
    for (int i = 0; i < 2000; i++) {
        char address[64];
        snprintf(address, sizeof address, "recipient-number-%d@example.org", i);
        transaction_note(txn, address, i % 2 == 0, "550 no\r\n");
    }
    assert_int_equal(txn->accepted, 1000);
    assert_int_equal(txn->refused, 1000);
    assert_in_range(buf_len(&txn->to), TRANSACTION_LOG_MAX, TRANSACTION_LOG_MAX + 64);
    assert_in_range(buf_len(&txn->refusals), TRANSACTION_LOG_MAX, TRANSACTION_LOG_MAX + 96);
}

static void test_freeing_it_gives_everything_back(void **state)
{
    struct transaction *txn = *state;
    uint64_t memory = 0, files = 0;
    struct spool_budget *budget = spool_budget_new("/tmp");
    spool_budget_set(budget, 1000, 1000, 0);
    txn->spool = spool_new(budget);
    assert_true(spool_add(txn->spool, "text", 4));
    spool_budget_used(budget, &memory, &files);
    assert_true(memory >= 4);
    txn->reply = mem_strdup("250 ok");
    txn->rcpt = mem_strdup("b@example.org");
    buf_add_str(&txn->head, "Received: x\r\n");
    transaction_free(txn);
    *state = NULL; /* the rest is LeakSanitizer's */
    spool_budget_used(budget, &memory, &files);
    assert_int_equal(memory + files, 0);
    spool_budget_free(budget);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_it_begins_with_its_sender_and_nothing_else),
        CASE(test_accepted_and_refused_recipients_are_listed_apart),
        CASE(test_the_lists_are_bounded_the_counts_are_not),
        CASE(test_freeing_it_gives_everything_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
