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
    {.name = "a_header_section_is_kept_in_the_memory_of_messages",
     .extra = "limits { header-size = 1M }",
     .step = {BEGUN, DATA, "! big", "> .", "{ DATA", "} 354 go", "! ignore", TOLD}},
    {.name = "where_that_is_used_up_the_message_is_to_come_again",
     .extra = "limits { header-size = 1M }",
     .step = {BEGUN, "! tight", DATA, "! big", "> .", "< 452 4.3.1*", "log header section",
              "> RSET", "< 250", "! ignore"}},
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

/* A message whose DMARC policy is asked for: what DNS says decides, once it says it. */
#define ASKED   "dmarc { reject = honour }\n"
#define AUTHOR  "From: a@bank.example"
#define SAID(p) "dns TXT _dmarc.bank.example v=DMARC1;p=" p
#define POLICY  SAID("reject")
#define WHOLE   DATA, "> " AUTHOR "\n\nz\n.", "<n 0"
#define GOES    "{ DATA", "} 354 go", "{text " AUTHOR "\n\nz", TOLD

static const struct script waits[] = {
    {.name = "the_end_of_data_waits_for_what_is_asked",
     .extra = ASKED,
     .step = {BEGUN, WHOLE, "# 4900", "<n 0", "! dns", GOES}},
    {.name = "and_refuses_by_it",
     .extra = ASKED,
     .step = {POLICY, BEGUN, WHOLE, "! dns", "# 6000", "< 550 5.7.1 Refused: *",
              "log verdict=reject by=rule", "> NOOP", "< 250 2.0.0*"}},
    {.name = "for_five_seconds",
     .extra = ASKED,
     .step = {BEGUN, WHOLE, "# 4900", "<n 0", "# 200", GOES}},
    {.name = "bdat_last_waits_too",
     .extra = ASKED,
     .step = {BEGUN, ">> BDAT 25 LAST\r\n" AUTHOR "\r\n\r\nz", "<n 0", "! dns",
              "{bdat " AUTHOR "\n\nz", TOLD}},
    {.name = "bdat_last_is_refused_too",
     .extra = ASKED,
     .step = {POLICY, BEGUN, ">> BDAT 25 LAST\r\n" AUTHOR "\r\n\r\nz", "! dns", "# 6000",
              "< 550 5.7.1 Refused: *", ">> BDAT 1 LAST\r\nx", "# 6000", "< 503*"}},
    {.name = "a_middle_chunk_waits_for_nothing",
     .extra = ASKED,
     .step = {BEGUN, ">> BDAT 24\r\n" AUTHOR "\r\n\r\n", "< 250 2.0.0 24 octets received",
              ">> BDAT 1 LAST\r\nz", "<n 0", "! dns", "{bdat " AUTHOR "\n\nz", TOLD}},
    {.name = "what_came_meanwhile_is_heard_behind_it",
     .extra = ASKED,
     .step = {BEGUN, DATA, "> " AUTHOR "\n\nz\n.\nNOOP\nMAIL FROM:<a@client.example>", "<n 0",
              "! dns", "{ DATA", "} 354 go", "{text " AUTHOR "\n\nz", "} 250 sent", "< 250 sent",
              "< 250 2.0.0 Ok", "< 250 2.1.0*"}},
    {.name = "and_behind_a_refusal",
     .extra = ASKED,
     .step = {POLICY, BEGUN, DATA, "> " AUTHOR "\n\nz\n.\nNOOP", "! dns", "# 6000",
              "< 550 5.7.1 Refused: *", "< 250 2.0.0 Ok"}},
    {.name = "who_leaves_meanwhile_is_gone_and_nothing_delivered",
     .extra = ASKED,
     .step = {BEGUN, WHOLE, "! leave", "! dns", "{ QUIT", "log reason=\"the client left\""}},
    {.name = "who_resets_meanwhile_is_gone_too",
     .extra = ASKED,
     .step = {BEGUN, WHOLE, "! reset", "# 5100", "! ignore", "log disconnect"}},
    {.name = "a_stop_lets_it_end",
     .extra = ASKED,
     .step = {BEGUN, WHOLE, "! drain", "<n 0", "! dns", GOES, "< 421 4.3.2*", "<eof", "! ignore"}},
    {.name = "a_stop_lets_it_be_refused",
     .extra = ASKED,
     .step = {POLICY, BEGUN, WHOLE, "! drain", "! dns", "< 550 5.7.1 Refused: *", "< 421 4.3.2*",
              "<eof", "! ignore"}},
    {.name = "a_backend_that_goes_meanwhile_is_dialled_again",
     .extra = ASKED,
     .step = {BEGUN, WHOLE, "! close", "! dns", "+ up", "{ MAIL *", "{ RCPT *", "} 250 1\n250 2",
              GOES}},
    {.name = "what_is_unfit_is_refused_at_once",
     .extra = ASKED "limits { header-size = 4K }",
     .step = {POLICY, BEGUN, DATA, "! long", "> \n.", "< 552 5.3.4*", "! dns"}},
    {.name = "what_is_too_big_is_not_asked_about",
     .extra = ASKED "limits { message-size = 64K }",
     .step = {POLICY, BEGUN, DATA, "> " AUTHOR "\n", "! big", "> .", "< 552 5.3.4*"}},
    {.name = "postmaster_gets_it_once_it_can_be_stamped",
     .extra = ASKED,
     .step = {POLICY, HELLO, MAIL, TO("postmaster"), TAKEN, WHOLE, "! dns", "{ DATA", "} 354 go",
              "{text X-Gatepost-Verdict: quarantine\n" AUTHOR "\n\nz", TOLD,
              "log verdict=pass by=exempt"}},
    {.name = "what_is_marked_is_told_and_what_claimed_it_left_out",
     .extra = ASKED,
     .step = {SAID("quarantine"), BEGUN, DATA, "> X-Gatepost-Verdict: pass\n" AUTHOR "\n\nz\n.",
              "! dns", "{ DATA", "} 354 go",
              "{text X-Gatepost-Verdict: quarantine\n" AUTHOR "\n\nz", TOLD}},
    {.name = "the_next_message_is_judged_anew",
     .extra = ASKED,
     .step = {POLICY,
              BEGUN,
              WHOLE,
              "! dns",
              "# 6000",
              "< 550 5.7.1 Refused: *",
              MAIL,
              TO("b"),
              "{ RSET",
              "{ MAIL *",
              "{ RCPT *",
              "} 250\n250 1\n250 2",
              "< 250 2",
              DATA,
              "> From: a@other.example\n.",
              "! dns",
              "{ DATA",
              "} 354 go",
              "{text From: a@other.example",
              TOLD}},
    {.name = "a_rule_needs_not_to_wait",
     .extra = ASKED "newlines { mode = reject }\nbare-newline = normalize",
     .step = {BEGUN, DATA, ">> " AUTHOR "\n\r\nz\r\n.\r\n", "# 6000", "< 550 5.7.1 Refused: *",
              "! dns"}},
};

int main(void)
{
    int failed = script_run("heads", heads, COUNT(heads));
    failed += script_run("cuts", cuts, COUNT(cuts));
    failed += script_run("ends", ends, COUNT(ends));
    failed += script_run("waits", waits, COUNT(waits));
    tls_server_unref(script_tls);
    return failed;
}
