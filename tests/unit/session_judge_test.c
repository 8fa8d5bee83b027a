/* SPDX-License-Identifier: ISC */
/*
 * session_judge_test: dialogues in which the policy has a say: the wait before the banner, verdicts
 * that come early, late and never, limits, the tarpit, and what no verdict can do.
 */
#include "policy/client_limits.h"
#include "policy/policy.h"
#include "tests/unit/support/session_script.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

#define BANNER   "< 220 mx.example.org ESMTP"
#define HELLO    BANNER, "> EHLO client.example", "< 250-mx.example.org *"
#define MAIL     "> MAIL FROM:<a@client.example>", "< 250 2.1.0*"
#define AGAIN    "> MAIL FROM:<a@client.example>"
#define TO(at)   "> RCPT TO:<" at "@example.org>"
#define TAKEN    "+ up", "{ MAIL *", "{ RCPT *", "} 250 1\n250 2", "< 250 2"
#define DATA     "> DATA", "< 354 *"
#define SENT(at) "> " at "\n.", "{ DATA", "} 354 go", "{text " at, "} 250 sent", "< 250 sent"

/* The client is 198.51.100.7. */
#define ZONE(more) "dnsbl \"bl.example\" { listed = \"off\" clean = \"off\" " more " }\n"
#define LISTED     "dns A 7.100.51.198.bl.example 127.0.0.2"
#define ALLOWS     "dnsbl \"wl.example\" { score = -5 listed = \"off\" clean = \"off\" }\n"
#define WAIT       "pregreet { }\n"

static const struct script greetings[] = {
    {.name = "a_stranger_waits_for_the_banner_and_is_served",
     .extra = WAIT,
     .step = {"<n 1", "# 5900", "<n 0", "# 200",
              "< 220-mx.example.org ESMTP\n220 mx.example.org ESMTP", "> EHLO client.example",
              "< 250-mx*", MAIL, TO("b"), TAKEN, "> RSET", "< 250", "log verdict=pass"}},
    {.name = "who_talks_first_is_refused_in_the_same_session",
     .extra = WAIT,
     .step = {"> EHLO client.example", "<n 0", "# 6100", "< 220-mx*", "< 250-mx*", MAIL, TO("b"),
              "# 6000", "< 550 5.7.1 Refused: *", "> QUIT", "< 221*", "<eof",
              "log findings=\"pregreet EHLO client.example +6"}},
    {.name = "no_teaser", .extra = "pregreet { teaser = no }", .step = {"<n 0", "# 6100", BANNER}},
    {.name = "a_trusted_client_waits_for_nothing",
     .client = "192.0.2.9",
     .extra = WAIT,
     .step = {BANNER}},
    {.name = "an_allowed_client_waits_for_nothing",
     .extra = WAIT "lists { allow = {\"198.51.100.0/24\"} }",
     .step = {BANNER}},
    {.name = "a_local_client_waits_for_nothing",
     .client = "10.0.0.1",
     .extra = WAIT,
     .step = {BANNER}},
    {.name = "a_name_that_turns_out_proven_waits_no_longer",
     .extra = WAIT "reverse-dns { }\n",
     .step = {"! proven", "dns PTR 7.100.51.198.in-addr.arpa mail.client.example",
              "dns A mail.client.example 198.51.100.7", "<- 220-mx.example.org ESMTP", "! dns",
              BANNER}},
    {.name = "a_name_that_is_not_waits_on",
     .extra = WAIT "reverse-dns { }\n",
     .step = {"dns PTR 7.100.51.198.in-addr.arpa mail.client.example",
              "dns A mail.client.example 198.51.100.7", "! dns", "# 5900",
              "<- 220-mx.example.org ESMTP"}},
    {.name = "nobody_waits_in_observe_mode", .extra = WAIT "mode = observe", .step = {BANNER}},
    {.name = "who_leaves_during_the_wait_is_gone",
     .extra = WAIT,
     .step = {"<- 220-mx.example.org ESMTP", "! leave", "log reason=\"the client left\""}},
    {.name = "a_stop_during_the_wait",
     .extra = WAIT,
     .step = {"! drain", "< 220-mx.example.org ESMTP\n220 mx.example.org ESMTP", "< 421 4.3.2*",
              "<eof"}},
};

static const struct script verdicts[] = {
    {.name = "a_listed_client_is_refused_at_rcpt_with_the_reason_and_the_id",
     .extra = ZONE("score = 6"),
     .step = {LISTED, HELLO, "! dns", MAIL, TO("b"), "# 6000",
              "< 550 5.7.1 Refused: listed by bl.example (*", "> DATA", "# 6000", "< 554 5.5.1*",
              "> RSET", "< 250",
              "log verdict=reject by=score score=6 findings=\"bl.example 127.0.0.2 +6\""}},
    {.name = "the_reply_names_the_page",
     .extra = ZONE("score = 6") "reject-url = \"https://help.example/?%i\"",
     .step = {LISTED, HELLO, "! dns", MAIL, TO("b"), "# 6000",
              "< 550 5.7.1 Refused: listed by bl.example (*", "> RSET", "< 250",
              "log , https://help.example/?"}},
    {.name = "a_verdict_that_is_late_holds_rcpt",
     .extra = ZONE("score = 6"),
     .step = {LISTED, HELLO, MAIL, TO("b"), "<n 0", "# 1000", "<n 0", "! dns", "# 6000",
              "< 550 5.7.1 Refused: *"}},
    {.name = "a_verdict_that_is_late_and_clean_lets_pass",
     .extra = ZONE("score = 6"),
     .step = {HELLO, MAIL, TO("b"), "<n 0", "! dns", TAKEN}},
    {.name = "no_answer_in_time_is_no_verdict_against_the_client",
     .extra = ZONE("score = 6"),
     .step = {HELLO, MAIL, TO("b"), "# 4000", "<n 0", "# 1100", TAKEN, "> RSET", "< 250",
              "log findings=\"bl.example ? no answer in time\""}},
    {.name = "a_group_waits_and_is_answered_in_order",
     .extra = ZONE("score = 6"),
     .step = {HELLO,
              "> MAIL FROM:<a@client.example>\nRCPT TO:<b@example.org>\nRCPT TO:<c@example.org>",
              "<n 0", "! dns", "+ up", "{ MAIL *", "{ RCPT *", "} 250 1\n250 2", "{ RCPT *",
              "} 250 3", "< 250 2.1.0*", "< 250 2", "< 250 3"}},
    {.name = "a_group_is_refused_in_order",
     .extra = ZONE("score = 6"),
     .step = {LISTED, HELLO,
              "> MAIL FROM:<a@client.example>\nRCPT TO:<b@example.org>\nRCPT "
              "TO:<postmaster@example.org>",
              "! dns", "# 6000", "+ up", "{ MAIL *", "{ RCPT *", "} 250 1\n250 2", "< 250 2.1.0*",
              "< 550 5.7.1*", "< 250 2"}},
    {.name = "who_leaves_while_judged_is_gone",
     .extra = ZONE("score = 6"),
     .step = {HELLO, MAIL, TO("b"), "! leave", "# 6000"}},
    {.name = "postmaster_hears_from_everybody",
     .extra = ZONE("score = 9"),
     .step = {LISTED, HELLO, "! dns", MAIL, TO("Postmaster"), TAKEN, TO("b"), "# 6000",
              "< 550 5.7.1*", DATA, SENT("x: y\n"), "log by=exempt"}},
    {.name = "a_denied_client_not_even_postmaster",
     .extra = "lists { deny = {\"198.51.100.7\"} }",
     .step = {HELLO, MAIL, TO("postmaster"), "< 550 5.7.1 Refused: *"}},
    {.name = "an_allowed_client_is_not_looked_up",
     .extra = ZONE("score = 9") "lists { allow = {\"198.51.100.7\"} deny = {\"198.51.100.0/24\"} }",
     .step = {HELLO, MAIL, TO("b"), TAKEN}},
    {.name = "no_entry_and_no_score_makes_a_relay",
     .extra = ALLOWS "lists { allow = {\"198.51.100.7\"} }",
     .step = {"dns A 7.100.51.198.wl.example 127.0.0.2", HELLO, "! dns", MAIL,
              "> RCPT TO:<b@foreign.example>", "< 550 5.7.1 Relaying denied*"}},
    {.name = "observe_mode_lets_pass_and_says_what_would_be",
     .extra = "mode = observe\n" ZONE("score = 6"),
     .step = {LISTED, HELLO, "! dns", MAIL, TO("b"), TAKEN, "> RSET", "< 250",
              "log verdict=pass would=reject by=score score=6"}},
    {.name = "the_listener_has_its_own_threshold",
     .listen = "reject-threshold = 7",
     .extra = ZONE("score = 6"),
     .step = {LISTED, HELLO, "! dns", MAIL, TO("b"), TAKEN}},
    {.name = "a_rule_refuses_below_the_threshold",
     .extra = ZONE("mode = reject score = 1"),
     .step = {LISTED, HELLO, "! dns", MAIL, TO("b"), "# 6000",
              "< 550 5.7.1 Refused: listed by bl.example*"}},
};

#define HOSTILE ZONE("score = 10")
static const struct script tarpits[] = {
    {.name = "before_the_banner_as_soon_as_it_is_known",
     .extra = WAIT HOSTILE,
     .step = {LISTED, "! dns", "<- 220-mx.example.org ESMTP", "! leave",
              "log taken to the tarpit"}},
    {.name = "an_entry_takes_it_at_once",
     .extra = "lists { tarpit = {\"198.51.100.0/24\"} }",
     .step = {"log taken to the tarpit", "! leave"}},
    {.name = "at_ehlo",
     .extra = HOSTILE,
     .step = {LISTED, BANNER, "! dns", "> EHLO client.example", "log taken to the tarpit",
              "! leave"}},
    {.name = "at_rcpt",
     .extra = HOSTILE,
     .step = {LISTED, HELLO, MAIL, TO("b"), "! dns", "log findings=\"bl.example 127.0.0.2 +10\"",
              "! leave"}},
    {.name = "at_a_rcpt_that_the_relay_rule_refuses",
     .extra = HOSTILE,
     .step = {LISTED, HELLO, "! dns", MAIL, "> RCPT TO:<b@foreign.example>",
              "log taken to the tarpit", "! leave"}},
    {.name = "not_while_an_allow_zone_may_speak_for_it",
     .extra = HOSTILE ALLOWS,
     .step = {LISTED, "dns A 7.100.51.198.wl.example 127.0.0.2", HELLO, MAIL, TO("b"), "! dns",
              TAKEN, "> RSET", "< 250", "log verdict=suspicious by=score score=5"}},
    {.name = "not_once_a_recipient_was_accepted_even_after_rset",
     .extra = "pipelining { score = 10 }\n",
     .step = {HELLO, MAIL, TO("b"), TAKEN, "> RSET", "< 250",
              "> EHLO client.example\nMAIL FROM:<a@client.example>", "# 6000", "< 250-mx*",
              "< 250 2.1.0*", TO("b"), "# 6000", "< 550 5.7.1 Refused: *"}},
    {.name = "at_the_next_command_once_it_hurries",
     .extra = "pipelining { score = 10 }\n",
     .step = {BANNER, "> EHLO client.example\nMAIL FROM:<a@client.example>",
              "log taken to the tarpit", "! leave"}},
    {.name = "not_after_tls",
     .stream = true,
     .extra = HOSTILE,
     .step = {LISTED, HELLO, "> STARTTLS", "< 220*", "! tls", "! dns", "> EHLO client.example",
              "< 250-mx*", MAIL, TO("b"), "# 6000", "< 550 5.7.1 Refused: *"}},
};

#define GREY "greylist { mode = all delay = 120s }\n"
static const struct script memories[] = {
    {.name = "who_must_come_again_is_told_when",
     .extra = GREY,
     .step = {"! store", HELLO, MAIL, TO("b"),
              "< 451 4.7.1 Greylisted, please try again in 120 seconds (*", TO("postmaster"), TAKEN,
              "> RSET", "< 250", "log verdict=pass by=exempt"}},
    {.name = "at_once_is_too_early",
     .extra = GREY,
     .step = {"! store", HELLO, MAIL, TO("b"), "< 451 4.7.1*", "> RSET", "< 250",
              "log verdict=greylist by=greylist greylist=new wait=120", AGAIN, "< 250 2.1.0*",
              TO("b"), "< 451 4.7.1*", "> RSET", "< 250", "log greylist=early"}},
    {.name = "the_reply_waits_for_the_store",
     .extra = GREY,
     .step = {"! store", "! hold", HELLO, MAIL, TO("b"), "<n 0", "! release", "< 451 4.7.1*"}},
    {.name = "a_store_that_says_nothing_lets_pass",
     .extra = GREY,
     .step = {"! store", "! hold", HELLO, MAIL, TO("b"), "# 4900", "<n 0", "# 200", TAKEN,
              "! release", "> RSET", "< 250", "log findings=\"greylist ? no answer in time\""}},
    {.name = "a_store_that_is_down_lets_pass",
     .extra = GREY,
     .step = {"! store", "! down", HELLO, MAIL, TO("b"), TAKEN, "> RSET", "< 250",
              "log findings=\"greylist ? disk is full\""}},
    {.name = "no_store_greylists_nobody", .extra = GREY, .step = {HELLO, MAIL, TO("b"), TAKEN}},
    {.name = "a_group_of_recipients_is_asked_about_one_by_one",
     .extra = GREY,
     .step = {"! store", HELLO,
              "> MAIL FROM:<a@client.example>\nRCPT TO:<b@example.org>\nRCPT TO:<c@example.org>",
              "< 250 2.1.0*", "< 451 4.7.1*", "< 451 4.7.1*"}},
    {.name = "who_leaves_while_the_store_thinks_is_gone",
     .extra = GREY,
     .step = {"! store", "! hold", HELLO, MAIL, TO("b"), "! leave", "! release"}},
    {.name = "a_foreign_recipient_is_refused_and_nobody_asked",
     .extra = GREY,
     .step = {"! store", "! hold", HELLO, MAIL, "> RCPT TO:<b@foreign.example>",
              "< 550 5.7.1 Relaying denied*"}},
    {.name = "a_message_to_whom_it_is_allowed_passes",
     .extra = "lists { deny = {\"198.51.100.0/24\"} }",
     .step = {"entry allow recipient:b@example.org", HELLO, MAIL, TO("c"),
              "< 550 5.7.1 Refused: your address is refused here (*", TO("b"), TAKEN, DATA,
              SENT("x: y\n"), "log verdict=pass by=allow"}},
    {.name = "no_entry_of_any_kind_is_a_relay",
     .extra = "lists { allow = {\"198.51.100.0/24\"} }\n",
     .step = {"entry allow 198.51.100.7",
              "entry allow 0.0.0.0/0",
              "entry allow helo:client.example",
              "entry allow reverse:client.example",
              "dns PTR 7.100.51.198.in-addr.arpa mail.client.example",
              "dns A mail.client.example 198.51.100.7",
              "entry allow sender:a@client.example",
              "entry allow sender:client.example",
              "entry allow recipient:b@foreign.example",
              "entry allow recipient:foreign.example",
              "entry allow recipient:example",
              "entry trap recipient:bait@foreign.example",
              HELLO,
              MAIL,
              "! dns",
              "> RCPT TO:<b@foreign.example>",
              "< 550 5.7.1 Relaying denied*",
              "> RCPT TO:<bait@foreign.example>",
              "< 550 5.7.1 Relaying denied*",
              "> RCPT TO:<b%foreign.example@example.org>",
              "< 550 5.7.1*",
              "> RCPT TO:<postmaster@foreign.example>",
              "< 550 5.7.1 Relaying denied*",
              TO("b"),
              TAKEN}},
    {.name = "what_let_one_mail_in_spares_no_guesser",
     .listen = "auth = plain",
     .extra = "client-limits { failed-logins = 1 }\n",
     .stream = true,
     .step = {"entry allow recipient:b@example.org", HELLO, MAIL, TO("b"), TAKEN, "> RSET", "< 250",
              "> AUTH PLAIN dTp1", "{ QUIT", "+ up", "{ AUTH PLAIN dTp1", "} 535 no", "< 535 no",
              "> AUTH PLAIN dTp1", "< 454*"}},
    {.name = "a_trap_is_answered_as_one_who_is_not_there",
     .step = {"entry trap bait@example.org", HELLO, MAIL, TO("bait"),
              "< 550 5.1.1 No such recipient here", "> RSET", "< 250",
              "log spamtrap=bait@example.org banned=yes"}},
    {.name = "and_takes_who_asks_on_to_the_tarpit",
     .step = {"entry trap bait@example.org", HELLO, MAIL, TO("bait"), "< 550 5.1.1*",
              "> RCPT TO:<b@example.org>", "log taken to the tarpit", "! leave"}},
    {.name = "a_trap_ends_the_transaction_of_others",
     .step = {"entry trap bait@example.org", HELLO, MAIL, TO("b"), TAKEN, TO("bait"),
              "< 550 5.1.1*", DATA, "> x: y\n\n.", "< 550 5.7.1 Refused: *"}},
    {.name = "unknown_recipients_of_the_backend_ban",
     .extra = "spamtraps { unknown-recipients = 2 }\n",
     .step = {HELLO, MAIL, TO("b"), "+ up", "{ MAIL *", "{ RCPT *", "} 250 1\n550 no", "< 550 no",
              TO("c"), "{ RCPT *", "} 550 no", "< 550 no", "> RCPT TO:<d@example.org>",
              "log banned=yes", "! leave", "{ QUIT"}},
    {.name = "an_entry_by_helo_refuses",
     .step = {"entry deny helo:client.example", HELLO, MAIL, TO("b"),
              "< 550 5.7.1 Refused: your host's name is refused here (*"}},
};

static const struct script behaviours[] = {
    {.name = "sending_on_after_ehlo_is_noted_and_slows",
     .extra = "pipelining { }\n",
     .step = {BANNER, "> EHLO client.example\nMAIL FROM:<a@client.example>", "<n 0", "# 1900",
              "<n 0", "# 200", "< 250-mx*", "< 250 2.1.0*", TO("b"), TAKEN, "> RSET", "< 250",
              "log findings=\"pipelining EHLO +3\""}},
    {.name = "what_is_only_observed_slows_nothing",
     .extra = "pipelining { mode = observe }\npregreet { mode = observe }",
     .step = {"> EHLO client.example", "# 6100", "< 220-mx*", "< 250-mx*", "> FOO", "< 500*",
              "> EHLO client.example\nMAIL FROM:<a@client.example>", "< 250-mx*", "< 250 2.1.0*",
              TO("b"), TAKEN, "> RSET", "< 250",
              "log findings=\"pregreet EHLO client.example +6 (observed); pipelining EHLO +3 "
              "(observed)\""}},
    {.name = "a_group_after_ehlo_is_what_pipelining_is_for",
     .extra = "pipelining { }\n",
     .step = {HELLO, "> MAIL FROM:<a@client.example>\nRCPT TO:<b@example.org>\nDATA", "+ up",
              "{ MAIL *", "{ RCPT *", "} 250 1\n250 2", "< 250 2.1.0*", "< 250 2", "< 354*",
              "> x: y\n\n.", "{ DATA", "} 354 go", "{text x: y\n", "} 250 sent", "< 250 sent",
              "log verdict=pass"}},
    {.name = "starttls_forgets_who_the_client_was",
     .stream = true,
     .listen = "auth = plain",
     .extra = ZONE("score = 6"),
     .step = {LISTED, HELLO, "> AUTH PLAIN dTp1", "+ up", "{ AUTH PLAIN dTp1", "} 235 yes",
              "< 235 yes", "> STARTTLS", "< 220*", "{ QUIT", "! tls", "! dns",
              "> EHLO client.example", "< 250-mx*", MAIL, TO("b"), "# 6000",
              "< 550 5.7.1 Refused: *"}},
    {.name = "the_message_before_354_is_too_early_but_for_no_tarpit",
     .extra = "pipelining { score = 10 }\n",
     .step = {HELLO, MAIL, TO("b"), TAKEN, "> DATA\nx: y\n\n.", "# 6000", "< 354 *",
              "< 550 5.7.1 Refused: *"}},
    {.name = "helo_allows_no_group",
     .extra = "pipelining { }\n",
     .step = {BANNER, "> HELO client.example", "< 250", "> MAIL FROM:<a@client.example>\nRSET",
              "# 6000", "< 250 2.1.0*", "< 250 2.0.0*", "log findings=\"pipelining MAIL +3\""}},
    {.name = "what_is_not_smtp_is_noted",
     .extra = "commands { }\n",
     .step = {BANNER, "> GET / HTTP/1.1", "< 554 5.5.1*", "<eof",
              "log findings=\"commands GET / HTTP/1.1 +6\""}},
    {.name = "a_bare_newline_in_the_message_decides_at_its_end",
     .extra = "newlines { score = 6 }\nbare-newline = normalize",
     .step = {HELLO, MAIL, TO("b"), TAKEN, DATA, ">> x: y\n\r\n.\r\n", "# 6000",
              "< 550 5.7.1 Refused: *"}},
    {.name = "postmaster_among_others_frees_no_message",
     .extra = "newlines { score = 6 }\nbare-newline = normalize",
     .step = {HELLO, MAIL, TO("b"), TAKEN, TO("postmaster"), "{ RCPT *", "} 250 3", "< 250 3", DATA,
              ">> x: y\n\r\n.\r\n", "# 6000", "< 550 5.7.1 Refused: *"}},
    {.name = "to_postmaster_it_may_have_bare_newlines",
     .extra = "newlines { score = 6 }\nbare-newline = normalize",
     .step = {HELLO, MAIL, TO("postmaster"), TAKEN, DATA, ">> x: y\n\r\n.\r\n", "{ DATA",
              "} 354 go", "{text x: y\n", "} 250 sent", "< 250 sent"}},
};

static const struct script limits[] = {
    {.name = "postmaster_hears_from_a_client_at_its_limit",
     .extra = "client-limits { recipients = 1 }\n",
     .step = {HELLO, MAIL, TO("b"), TAKEN, TO("c"), "< 450 4.7.1*", TO("postmaster"), "{ RCPT *",
              "} 250 3", "< 250 3"}},
    {.name = "too_many_messages",
     .extra = "client-limits { messages = 1 }\n",
     .step = {HELLO, MAIL, "> RSET", "< 250", "> MAIL FROM:<a@client.example>",
              "< 450 4.7.1 Please try again later: *"}},
    {.name = "too_many_recipients",
     .extra = "client-limits { recipients = 1 }\n",
     .step = {HELLO, MAIL, TO("b"), TAKEN, TO("c"), "< 450 4.7.1 Please try again later: *"}},
    {.name = "too_many_failed_recipients",
     .extra = "client-limits { failed-recipients = 1 }\n",
     .step = {HELLO, MAIL, TO("b"), "+ up", "{ MAIL *", "{ RCPT *", "} 250 1\n550 no", "< 550 no",
              TO("c"), "< 450 4.7.1 Please try again later: *"}},
    {.name = "a_scored_limit_is_a_finding",
     .extra = "client-limits { mode = score messages = 1 score = 6 }\n",
     .step = {HELLO, MAIL, "> RSET", "< 250", MAIL, TO("b"), "# 6000", "< 550 5.7.1*"}},
    {.name = "recipients_deferred_without_end_end_the_session",
     .extra = "client-limits { recipients = 1 }\n",
     .step = {HELLO, MAIL, TO("b"), TAKEN, "! flood", "< 421 4.7.0 Too many errors*", "<eof",
              "{ QUIT"}},
    {.name = "messages_deferred_without_end_are_junk",
     .extra = "client-limits { messages = 1 }\nlimits { junk-commands = 3 }\n",
     .step = {HELLO, MAIL, "> RSET", "< 250", AGAIN, "< 450*", AGAIN,
              "< 421 4.7.0 Too many commands*", "<eof"}},
    {.name = "a_trusted_client_has_no_limits",
     .client = "192.0.2.9",
     .extra = "client-limits { messages = 1 }\n",
     .step = {HELLO, MAIL, "> RSET", "< 250", MAIL}},
};

static void a_reset_is_a_hang_up_too(void **state)
{
    static const struct script script = {.name = "reset", .extra = "hangup { }\n"};
    static const char *const steps[] = {HELLO, "! reset", "log reason=\""};
    struct player p;
    struct addr client;
    (void)state;
    script_begin(&p, &script);
    for (size_t i = 0; i < COUNT(steps); i++)
        script_step(&p, steps[i]);
    addr_parse_ip("198.51.100.7", &client);
    const struct check_config *config =
        policy_check(p.rig.setup->config->policy, &check_client_limits);
    assert_int_equal(client_counted(p.rig.server->policy->clients,
                                    (const struct client_limits_config *)(const void *)config,
                                    &client, CLIENT_HANGUP, clock_ms),
                     1);
    script_end(&p);
}

int main(void)
{
    const struct CMUnitTest others[] = {
        cmocka_unit_test(a_reset_is_a_hang_up_too),
    };
    int failed = script_run("greetings", greetings, COUNT(greetings));
    failed += script_run("verdicts", verdicts, COUNT(verdicts));
    failed += script_run("tarpits", tarpits, COUNT(tarpits));
    failed += script_run("memories", memories, COUNT(memories));
    failed += script_run("behaviours", behaviours, COUNT(behaviours));
    failed += script_run("limits", limits, COUNT(limits));
    failed += cmocka_run_group_tests_name("others", others, NULL, NULL);
    tls_server_unref(script_tls);
    return failed;
}
