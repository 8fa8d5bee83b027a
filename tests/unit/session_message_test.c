/* SPDX-License-Identifier: ISC */
/*
 * session_message_test: what goes in front of a message, what of it is left out, and the end of
 * data whose verdict has to be waited for.
 */
#include "tests/unit/support/session_script.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

#define HELLO    "< 220 mx.example.org ESMTP", "> EHLO client.example", "< 250-mx.example.org *"
#define MAIL     "> MAIL FROM:<a@client.example>", "< 250 2.1.0*"
#define TO(at)   "> RCPT TO:<" at "@example.org>"
#define TAKEN    "+ up", "{ MAIL *", "{ RCPT *", "} 250 1\n250 2", "< 250 2"
#define BEGUN    HELLO, MAIL, TO("b"), TAKEN
#define DATA     "> DATA", "< 354 *"
#define TOLD     "} 250 sent", "< 250 sent"
#define FORGED   "Authentication-Results: mx.example.org; dkim=pass"
#define OTHERS   "Authentication-Results: mx.example.net; dkim=pass"
#define RECEIVED "{ Received: from *", "{ \tby *", "{ \tfor *"
#define OURS     "{field Received: ", "{field Authentication-Results: mx.example.org;"

static const struct script heads[] = {
    {.name = "received_comes_first_and_what_was_found_below_it",
     .step = {BEGUN, DATA, "> x: y\n\nz\n.", "{ DATA", "} 354 go", RECEIVED,
              "{field Authentication-Results: mx.example.org;", "{ x: y", "! ignore", TOLD}},
    {.name = "the_same_by_bdat",
     .step = {BEGUN, ">> BDAT 6 LAST\r\nx: y\r\n", "{bdat x: y\n", TOLD}},
    {.name = "a_trusted_client_s_mail_has_it_too",
     .client = "192.0.2.9",
     .step = {BEGUN, DATA, "> x: y\n.", "{ DATA", "} 354 go", "{text x: y", TOLD}},
    {.name = "a_text_that_begins_folded_continues_received_and_not_what_was_found",
     .step = {BEGUN, DATA, "> \tdkim=pass header.d=bank.example\nx: y\n.", "{ DATA", "} 354 go",
              "{field Authentication-Results: mx.example.org;", RECEIVED,
              "{ \tdkim=pass header.d=bank.example", "{ x: y", "{ .", TOLD}},
    {.name = "the_same_with_a_blank_by_bdat",
     .step = {BEGUN, ">> BDAT 2\r\n ;", "< 250 2.0.0*", ">> BDAT 12 LAST\r\n dkim=pass\r\n",
              "{ BDAT *", "{field Authentication-Results: mx.example.org;", RECEIVED,
              "{  ; dkim=pass", TOLD}},
    {.name = "an_empty_message_has_a_head",
     .step = {BEGUN, DATA, "> .", "{ DATA", "} 354 go", OURS, "{ .", TOLD}},
};

static const struct script cuts[] = {
    {.name = "a_field_that_claims_to_be_ours_is_left_out_and_nothing_else",
     .step = {BEGUN, DATA, "> x: y\n" FORGED "\n\tfolded\n" OTHERS "\n\n" FORGED "\n.", "{ DATA",
              "} 354 go", "{text x: y\n" OTHERS "\n\n" FORGED, TOLD}},
    {.name = "of_a_trusted_client_too",
     .client = "192.0.2.9",
     .step = {BEGUN, DATA, "> " FORGED "\nx: y\n.", "{ DATA", "} 354 go", "{text x: y", TOLD}},
    {.name = "bdat_tells_the_size_that_is_left",
     .step = {BEGUN, ">> BDAT 57 LAST\r\n" FORGED "\r\nx: y\r\n", "{bdat x: y\n", TOLD}},
    {.name = "a_message_of_nothing_else_ends_where_our_fields_do",
     .step = {BEGUN, DATA, "> " FORGED "\n.", "{ DATA", "} 354 go", OURS, "{ .", TOLD}},
    {.name = "lines_that_begin_with_a_dot_are_stuffed_still",
     .step = {BEGUN, DATA, "> " FORGED "\n..x: y\n\n..\n..z\n.", "{ DATA", "} 354 go",
              "{text ..x: y\n\n..\n..z", TOLD}},
    {.name = "a_backend_that_went_meanwhile_hears_the_same",
     .step = {BEGUN, DATA, "! close", "> x: y\n" FORGED "\n\nz\n.", "+ up", "{ MAIL *", "{ RCPT *",
              "} 250 1\n250 2", "{ DATA", "} 354 go", "{text x: y\n\nz", TOLD}},
    {.name = "the_next_message_has_its_own",
     .step = {BEGUN, DATA, "> " FORGED "\nx: y\n.", "{ DATA", "} 354 go", "{text x: y", TOLD, MAIL,
              TO("b"), "{ MAIL *", "{ RCPT *", "} 250 1\n250 2", "< 250 2", DATA,
              "> x: y\nz: long enough to be cut, were it cut as the one before was\n.", "{ DATA",
              "} 354 go", "{text x: y\nz: long enough to be cut, were it cut as the one before was",
              TOLD}},
};

/* Where the backend cannot BDAT, a text without a last CRLF gets one; but not where that was cut.
 */
static const struct script ends[] = {
    {.name = "a_last_line_without_its_end_is_left_out",
     .unknown = true,
     .step = {HELLO, MAIL, TO("b"), "+", "} 220 b.example ESMTP", "{ EHLO *", "} 250 b.example",
              "{ MAIL *", "} 250 1", "{ RCPT *", "} 250 2", "< 250 2",
              ">> BDAT 55 LAST\r\nx: y\r\n" FORGED, "{ DATA", "} 354 go", "{text x: y", TOLD}},
    {.name = "one_that_stays_gets_its_end",
     .unknown = true,
     .step = {HELLO, MAIL, TO("b"), "+", "} 220 b.example ESMTP", "{ EHLO *", "} 250 b.example",
              "{ MAIL *", "} 250 1", "{ RCPT *", "} 250 2", "< 250 2",
              ">> BDAT 55 LAST\r\n" FORGED "\r\nx: y", "{ DATA", "} 354 go", "{text x: y", TOLD}},
};

int main(void)
{
    int failed = script_run("heads", heads, COUNT(heads));
    failed += script_run("cuts", cuts, COUNT(cuts));
    failed += script_run("ends", ends, COUNT(ends));
    tls_server_unref(script_tls);
    return failed;
}
