/* SPDX-License-Identifier: ISC */
/*
 * session_fault_test: what the client hears when the backend refuses, misbehaves, is silent or goes
 * away, at each stage: the backend's own words where they judge the mail, else 451, and never a 250
 * that the backend has not said after the end of data.
 */
#include "tests/unit/support/session_script.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

#define HELLO "< 220 mx.example.org ESMTP", "> EHLO client.example", "< 250-mx.example.org *"
#define MAIL  "> MAIL FROM:<a@client.example>", "< 250 2.1.0*"
#define ASK   "> RCPT TO:<b@example.org>"
#define HEARD "{ MAIL FROM:<a@client.example>", "{ RCPT TO:<b@example.org>"
#define YES   "} 250 2.1.0 from\n250 2.1.5 to"
#define RCPT  MAIL, ASK, "+ up", HEARD, YES, "< 250 2.1.5 to"
#define DATA  "> DATA", "< 354 *"
#define TEXT  "> x: y\n\n."
#define FAULT "< 451 4.3.0*"
#define SENT  "} 250 2.0.0 queued", "< 250 2.0.0 queued"

static const struct script deaths[] = {
    {.name = "nobody_listens",
     .step = {HELLO, MAIL, "! refuse", ASK, FAULT, "log Connection refused", "> NOOP", "< 250"}},
    {.name = "the_next_address_takes_over",
     .backend = "address = {\"127.0.0.1:1\", \"127.0.0.1:2\"}",
     .step = {HELLO, MAIL, "! refuse", ASK, "+ up", HEARD, YES, "< 250"}},
    {.name = "it_goes_before_its_banner",
     .step = {HELLO, MAIL, ASK, "+", "! close", FAULT, "log its banner"}},
    {.name = "it_goes_before_it_answers_ehlo",
     .step = {HELLO, MAIL, ASK, "+", "} 220 b", "{ EHLO *", "! close", FAULT, "log reply to EHLO"}},
    {.name = "it_goes_before_it_answers_mail",
     .step = {HELLO, MAIL, ASK, "+ up", HEARD, "! close", FAULT}},
    {.name = "it_goes_before_it_answers_rcpt",
     .step = {HELLO, MAIL, ASK, "+ up", HEARD, "} 250 1", "! close", FAULT}},
    {.name = "a_later_recipient_may_still_be_taken",
     .step = {HELLO, MAIL, ASK, "+ up", HEARD, "} 250 1", "! close", FAULT, ASK, "+ up", HEARD, YES,
              "< 250", DATA, TEXT, "{ DATA", "} 354 go", "{text x: y\n", SENT}},
    {.name = "it_goes_before_it_answers_data",
     .step = {HELLO, RCPT, DATA, TEXT, "{ DATA", "! close", FAULT}},
    {.name = "it_goes_in_the_text",
     .step = {HELLO, RCPT, DATA, TEXT, "{ DATA", "} 354 go", "! close", "{text x: y\n", FAULT}},
    {.name = "it_goes_in_a_large_text",
     .extra = "limits { header-size = 1M }",
     .step = {HELLO, RCPT, DATA, "! big", "> .", "{ DATA", "}} 354 go\r\n", "! close", "{big",
              FAULT}},
    {.name = "it_goes_in_the_text_of_bdat",
     .step = {HELLO, RCPT, ">> BDAT 6 LAST\r\nx: y\r\n", "{bdat x: y\n", "! close", FAULT}},
    {.name = "it_goes_in_the_middle_of_a_reply",
     .step = {HELLO, RCPT, DATA, TEXT, "{ DATA", "} 354 go", "{text x: y\n", "}} 250 2.0.0 ok",
              "! close", FAULT}},
    {.name = "after_a_fault_the_next_message_is_dialled_anew",
     .step = {HELLO, RCPT, DATA, TEXT, "{ DATA", "! close", FAULT, RCPT, DATA, TEXT, "{ DATA",
              "} 354 go", "{text x: y\n", SENT}},
    {.name = "it_goes_between_transactions",
     .step = {HELLO, RCPT, "> RSET", "< 250", "! close", RCPT}},
    {.name = "it_is_dead_when_it_is_used_again",
     .step = {HELLO, RCPT, "> RSET", "< 250", MAIL, ASK, "{ RSET", HEARD, "! close", "+ up", HEARD,
              YES, "< 250"}},
    {.name = "it_is_replaced_once_only",
     .step = {HELLO, RCPT, "> RSET", "< 250", MAIL, ASK, "{ RSET", HEARD, "! close", "+ up", HEARD,
              "! close", FAULT}},
    {.name = "it_says_421_first_when_it_is_used_again",
     .step = {HELLO, RCPT, "> RSET", "< 250", MAIL, ASK, "{ RSET", HEARD, "} 421 4.4.2 idle",
              "{eof", "+ up", HEARD, YES, "< 250"}},
    {.name = "it_says_goodbye_while_idle",
     .step = {HELLO, RCPT, "> RSET", "< 250", "} 421 4.4.2 idle", "{eof", RCPT}},
};

static const struct script replays[] = {
    {.name = "the_envelope_is_replayed",
     .step = {HELLO,
              RCPT,
              "> RCPT TO:<c@example.org>",
              "{ RCPT TO:<c@*",
              "} 251 2.1.5 c",
              "< 251*",
              "> RCPT TO:<d@example.org>",
              "{ RCPT TO:<d@*",
              "} 550 5.1.1 d",
              "< 550 5.1.1 d",
              DATA,
              "! close",
              TEXT,
              "+ up",
              HEARD,
              "{ RCPT TO:<c@example.org>",
              "} 250 1\n250 2\n251 3",
              "{ DATA",
              "} 354 go",
              "{text x: y\n",
              SENT}},
    {.name = "the_envelope_of_a_bdat_is_replayed",
     .step = {HELLO, RCPT, ">> BDAT 2\r\nx:", "< 250", "! close", ">> BDAT 4 LAST\r\n y\r\n",
              "+ up", HEARD, YES, "{bdat x: y\n", SENT}},
    {.name = "a_recipient_is_answered_otherwise",
     .step = {HELLO, RCPT, DATA, "! close", TEXT, "+ up", HEARD, "} 250 1\n550 5.1.1 gone", FAULT,
              "log had accepted before answered 550"}},
    {.name = "a_recipient_is_answered_with_another_code",
     .step = {HELLO, RCPT, DATA, "! close", TEXT, "+ up", HEARD, "} 250 1\n251 2.1.5 elsewhere",
              FAULT}},
    {.name = "mail_is_answered_otherwise",
     .step = {HELLO, RCPT, DATA, "! close", TEXT, "+ up", HEARD, "} 450 4.7.1 wait\n503 no",
              FAULT}},
    {.name = "it_is_gone_for_good",
     .step = {HELLO, RCPT, DATA, "! close", "! refuse", TEXT, FAULT}},
    {.name = "it_goes_again_in_the_replay",
     .step = {HELLO, RCPT, DATA, "! close", TEXT, "+ up", HEARD, "! close", FAULT}},
    {.name = "a_further_recipient_meets_a_replay",
     .step = {HELLO, RCPT, "! close", "> RCPT TO:<c@example.org>", "+ up", HEARD,
              "{ RCPT TO:<c@example.org>", "} 250 1\n250 2\n250 3", "< 250 3", DATA, TEXT, "{ DATA",
              "} 354 go", "{text x: y\n", SENT}},
    {.name = "what_goes_by_data_instead_ends_in_a_newline",
     .step =
         {HELLO, RCPT, ">> BDAT 4\r\nx: y", "< 250", "! close", "> BDAT 0 LAST", "+", "} 220 b",
          "{ EHLO *",
          "} 250-b\n250-PIPELINING\n250-8BITMIME\n250-ENHANCEDSTATUSCODES\n250-DSN\n250 SMTPUTF8",
          HEARD, YES, "{ DATA", "} 354 go", "{text x: y", SENT}},
    {.name = "the_new_one_offers_less",
     .step = {HELLO, RCPT, DATA, "! close", TEXT, "+", "} 220 b", "{ EHLO *",
              "} 250-b\n250 8BITMIME", FAULT, "log offers less"}},
};

static const struct script silences[] = {
    {.name = "no_banner",
     .extra = "timeouts { backend-connect = 10s }",
     .step = {HELLO, MAIL, ASK, "+", "# 9999", "<n 0", "# 1", FAULT, "log its banner"}},
    {.name = "no_reply_to_ehlo",
     .extra = "timeouts { backend-reply = 10s }",
     .step = {HELLO, MAIL, ASK, "+", "} 220 b", "{ EHLO *", "# 10000", FAULT}},
    {.name = "no_reply_to_mail",
     .extra = "timeouts { backend-reply = 10s }",
     .step = {HELLO, MAIL, ASK, "+ up", HEARD, "# 10000", FAULT, "{eof"}},
    {.name = "each_reply_has_its_time",
     .extra = "timeouts { backend-reply = 10s }",
     .step = {HELLO, MAIL, ASK, "+ up", HEARD, "# 9000", "} 250 1", "# 9000", "} 250 2",
              "< 250 2"}},
    {.name = "no_reply_to_data",
     .extra = "timeouts { backend-reply = 10s }",
     .step = {HELLO, RCPT, DATA, TEXT, "{ DATA", "# 10000", FAULT, "{eof"}},
    {.name = "no_reply_to_the_end_of_data",
     .extra = "timeouts { backend-reply = 10s backend-end-of-data = 20s }",
     .step = {HELLO, RCPT, DATA, TEXT, "{ DATA", "} 354 go", "{text x: y\n", "# 19999", "<n 0",
              "# 1", FAULT, "{eof"}},
};

static const struct script clients[] = {
    {.name = "it_leaves_before_its_final_dot",
     .step = {HELLO, RCPT, DATA, ">> x: y\r\n\r\n.\r", "! leave", "{ QUIT", "log the client left"}},
    {.name = "it_leaves_before_our_final_dot",
     .step = {HELLO, RCPT, DATA, TEXT, "{ DATA", "! leave", "} 354 go", "{eof",
              "log the client left"}},
    {.name = "it_leaves_after_our_final_dot",
     .step = {HELLO, RCPT, DATA, TEXT, "{ DATA", "} 354 go", "{text x: y\n", "! leave",
              "} 250 2.0.0 queued", "{ QUIT", "log reply=\"250 2.0.0 queued\""}},
    {.name = "it_leaves_while_rcpt_waits",
     .step = {HELLO, MAIL, ASK, "+ up", HEARD, "! leave", YES, "{ QUIT"}},
    {.name = "it_leaves_while_the_backend_is_dialled",
     .step = {HELLO, MAIL, ASK, "! leave", "+ up", HEARD, YES, "{ QUIT"}},
    {.name = "it_is_not_kept_waiting_for_rcpt_without_end",
     .extra = "timeouts { backend-reply = 4m }",
     .step = {HELLO, MAIL, ASK, "+ up", HEARD, "# 200000", "} 250 1", "# 39999", "<n 0", "# 1",
              FAULT, "{eof", "> NOOP", "< 250"}},
    {.name = "it_is_not_kept_waiting_for_the_end_of_data_without_end",
     .extra = "timeouts { backend-reply = 4m backend-end-of-data = 6m }",
     .step = {HELLO, RCPT, DATA, TEXT, "{ DATA", "# 200000", "} 354 go", "{text x: y\n", "# 339999",
              "<n 0", "# 1", FAULT, "{eof"}},
    {.name = "it_is_not_kept_waiting_for_auth_without_end",
     .listen = "auth = plain",
     .extra = "timeouts { backend-reply = 4m }",
     .step = {HELLO, "> AUTH PLAIN AGEAYg==", "+", "# 5000", "} 220 b", "{ EHLO *",
              "} 250-b\n250 AUTH PLAIN", "{ AUTH *", "# 234999", "<n 0", "# 1", FAULT, "{eof",
              "> NOOP", "< 250"}},
};

static const struct script oddities[] = {
    {.name = "a_reply_before_the_end_of_data",
     .step = {HELLO, RCPT, DATA, TEXT, "{ DATA", "} 354 go\n250 2.0.0 early", FAULT}},
    {.name = "a_reply_before_data",
     .step = {HELLO, RCPT, DATA, "} 250 2.0.0 early", TEXT, "+ up", HEARD, YES, "{ DATA",
              "} 354 go", "{text x: y\n", SENT}},
    {.name = "two_replies_to_rcpt",
     .step = {HELLO, MAIL, ASK, "+ up", HEARD, "} 250 1\n250 2\n250 3", "< 250 2", DATA, TEXT,
              "+ up", HEARD, YES, "{ DATA", "} 354 go", "{text x: y\n", SENT}},
    {.name = "two_replies_where_commands_go_one_by_one",
     .step = {HELLO, MAIL, ASK, "+", "} 220 b", "{ EHLO *",
              "} 250-b\n250-8BITMIME\n250-ENHANCEDSTATUSCODES\n250-DSN\n250 SMTPUTF8", "{ MAIL *",
              "} 250 1\n250 2", FAULT}},
    {.name = "a_refused_rset",
     .step = {HELLO, RCPT, "> RSET", "< 250", MAIL, ASK, "{ RSET", HEARD, "} 500 what", FAULT,
              "{eof"}},
    {.name = "refused_data_is_the_reply_to_the_message",
     .step = {HELLO, RCPT, DATA, TEXT, "{ DATA", "} 452 4.3.1 full", "< 452 4.3.1 full", MAIL, ASK,
              "{ RSET", HEARD}},
    {.name = "it_offers_no_xclient",
     .backend = "client-address = xclient",
     .step = {HELLO, MAIL, ASK, "+", "} 220 b", "{ EHLO client.example", "} 250 b", FAULT,
              "log XCLIENT"}},
    {.name = "it_refuses_xclient",
     .backend = "client-address = xclient",
     .step = {HELLO, MAIL, ASK, "+", "} 220 b", "{ EHLO client.example",
              "} 250-b\n250 XCLIENT NAME ADDR PROTO HELO", "{ XCLIENT *", "} 550 no", FAULT}},
    {.name = "it_hears_who_the_client_is_by_xclient",
     .backend = "client-address = xclient",
     .unknown = true,
     .step = {HELLO, MAIL, ASK, "+", "} 220 b", "{ EHLO client.example",
              "} 250-b\n250-PIPELINING\n250 XCLIENT ADDR HELO",
              "{ XCLIENT HELO=client.example ADDR=198.51.100.7", "} 220 b", "{ EHLO client.example",
              "} 250-b\n250-PIPELINING\n250 XCLIENT ADDR HELO", HEARD, YES, "< 250"}},
    {.name = "it_hears_who_the_client_is_by_xforward",
     .backend = "client-address = xforward",
     .unknown = true,
     .step = {HELLO, MAIL, ASK, "+", "} 220 b", "{ EHLO mx.example.org",
              "} 250-b\n250-PIPELINING\n250 XFORWARD ADDR HELO",
              "{ XFORWARD HELO=client.example ADDR=198.51.100.7", HEARD, "} 250 0", YES, "< 250"}},
    {.name = "it_offers_no_xforward",
     .backend = "client-address = xforward",
     .step = {HELLO, MAIL, ASK, "+", "} 220 b", "{ EHLO *", "} 250 b", FAULT, "log XFORWARD"}},
    {.name = "it_hears_who_the_client_is_by_proxy",
     .backend = "client-address = proxy-v1",
     .step = {HELLO, MAIL, ASK, "+", "{ PROXY *", "} 220 b", "{ EHLO client.example"}},
    {.name = "it_must_offer_starttls",
     .backend =
         "tls = verify tls-fingerprints = {\"00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:"
         "11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\"}",
     .step = {HELLO, MAIL, ASK, "+", "} 220 b", "{ EHLO *", "} 250 b", FAULT, "log STARTTLS"}},
    {.name = "plaintext_behind_its_220",
     .backend = "tls = may",
     .step = {HELLO, MAIL, ASK, "+", "} 220 b", "{ EHLO *", "} 250-b\n250 STARTTLS", "{ STARTTLS",
              "} 220 go\n250 x", FAULT, "log plaintext behind"}},
    {.name = "it_refuses_starttls",
     .backend = "tls = may",
     .step = {HELLO, MAIL, ASK, "+", "} 220 b", "{ EHLO *", "} 250-b\n250 STARTTLS", "{ STARTTLS",
              "} 454 no", FAULT}},
    {.name = "its_handshake_fails",
     .backend = "tls = may",
     .step = {HELLO, MAIL, ASK, "+", "} 220 b", "{ EHLO *", "} 250-b\n250 STARTTLS", "{ STARTTLS",
              "} 220 go", "! close", FAULT, "! ignore"}},
};

static const struct script reuse[] = {
    {.name = "a_connection_goes_to_the_pool_and_back",
     .backend = "reuse = yes",
     .step = {HELLO,     RCPT, DATA,  TEXT,  "{ DATA", "} 354 go", "{text x: y\n", SENT,
              MAIL,      ASK,  HEARD, YES,   "< 250",  "> RSET",   "< 250",        "{ RSET",
              "} 250 0", MAIL, ASK,   HEARD, YES,      "< 250"}},
    {.name = "one_that_owes_its_reply_is_not_used",
     .backend = "reuse = yes",
     .step = {HELLO, RCPT, "> RSET", "< 250", "{ RSET", MAIL, ASK, "+ up", HEARD, YES, "< 250"}},
    {.name = "one_that_refuses_rset_is_dropped",
     .backend = "reuse = yes",
     .step = {HELLO, RCPT, "> RSET", "< 250", "{ RSET", "} 500 what", "{eof", MAIL, ASK, "+ up",
              HEARD}},
    {.name = "one_that_grew_old_is_dropped",
     .backend = "reuse = yes reuse-idle = 10s",
     .step = {HELLO, RCPT, "> RSET", "< 250", "{ RSET", "} 250 0", "# 10000", "{ QUIT", MAIL, ASK,
              "+ up", HEARD}},
    {.name = "one_that_carried_enough_is_dropped",
     .backend = "reuse = yes reuse-messages = 1",
     .step = {HELLO, RCPT, DATA, TEXT, "{ DATA", "} 354 go", "{text x: y\n", SENT, "{ QUIT", MAIL,
              ASK, "+ up", HEARD}},
    {.name = "one_that_refused_often_enough_is_dropped",
     .backend = "reuse = yes reuse-errors = 2",
     .step = {HELLO,    MAIL,      ASK,
              "+ up",   HEARD,     "} 250 1\n550 5.1.1 no",
              "< 550",  "> RSET",  "< 250",
              "{ RSET", "} 250 0", MAIL,
              ASK,      HEARD,     "} 250 1\n450 4.2.1 later",
              "< 450",  "> RSET",  "< 250",
              "{ QUIT", MAIL,      ASK,
              "+ up",   HEARD}},
    {.name = "one_that_says_421_first_is_replaced",
     .backend = "reuse = yes",
     .step = {HELLO,     RCPT,   "> RSET", "< 250",    "{ RSET",
              "} 250 0", MAIL,   ASK,      HEARD,      "} 421 4.4.2 idle",
              "{eof",    "+ up", HEARD,    YES,        "< 250",
              DATA,      TEXT,   "{ DATA", "} 354 go", "{text x: y\n",
              SENT}},
    {.name = "one_that_says_421_is_replaced_once_only",
     .backend = "reuse = yes",
     .step = {HELLO, RCPT, "> RSET", "< 250", "{ RSET", "} 250 0", MAIL, ASK, HEARD,
              "} 421 4.4.2 idle", "{eof", "+ up", HEARD, "} 421 4.3.2 busy", FAULT, "{eof"}},
    {.name = "one_that_says_421_later_is_not_replaced",
     .backend = "reuse = yes",
     .step = {HELLO, RCPT, "> RSET", "< 250", "{ RSET", "} 250 0", MAIL, ASK, HEARD,
              "} 250 1\n421 4.3.2 closing", FAULT, "{eof"}},
    {.name = "one_that_saw_auth_is_never_given_to_others",
     .listen = "auth = plain",
     .backend = "reuse = yes",
     .step = {HELLO, "> AUTH PLAIN AGEAYg==", "+ up", "{ AUTH *", "} 535 no", "< 535 no", MAIL, ASK,
              HEARD, YES, "< 250", "> QUIT", "< 221", "<eof", "{ QUIT"}},
};

/* What becomes of a reply to MAIL, RCPT, DATA and the end of data: '=' the client hears the same,
 * '!' a fault, 451; ' ' is no reply to be looked at there. */
static const struct mapping {
    const char *reply;
    char to[5];
} mappings[] = {
    {"250 2.1.5 ok", " =!="},
    {"251 2.1.5 elsewhere", " =!="},
    {"252 2.1.5 perhaps", " =!="},
    {"250-2.1.5 two\n250 2.1.5 lines", " =!="},
    {"450 4.2.0 later", "===="},
    {"451 4.3.0 trouble", "===="},
    {"452 4.5.3 many", "===="},
    {"421 4.3.2 closing", "!!!!"},
    {"550 5.1.1 unknown", "===="},
    {"551 5.1.6 moved", "===="},
    {"552 5.2.2 full", "===="},
    {"553 5.1.3 name", "===="},
    {"554 5.7.1 refused", "===="},
    {"555 5.5.4 parameter", "===="},
    {"500 5.5.1 what", "!!!!"},
    {"501 5.5.4 syntax", "!!!!"},
    {"502 5.5.1 not here", "!!!!"},
    {"503 5.5.1 sequence", "!!!!"},
    {"504 5.5.4 parameter", "!!!!"},
    {"521 5.3.2 no mail", "!!!!"},
    {"530 5.7.0 starttls first", "!!!!"},
    {"511 5.1.1 x", "!!!!"},
    {"535 5.7.8 x", "!!!!"},
    {"541 5.4.1 x", "!!!!"},
    {"571 5.7.1 x", "!!!!"},
    {"334 eA==", "!!!!"},
    {"354 go", "!! !"},
    {"150 x", "!!!!"},
    {"600 x", "!!!!"},
    {"25 x", "!!!!"},
    {"250_x", "!!!!"},
    {"hello", "!!!!"},
    {"250-a\n251 b", "!!!!"},
};

static void step(struct player *p, const char *format, const char *text)
{
    char *line = mem_printf("%s%s", format, text);
    script_step(p, line);
    free(line);
}

static void steps(struct player *p, const char *const *list)
{
    for (; *list != NULL; list++)
        script_step(p, *list);
}

/* Plays a dialogue in which the reply comes at `stage`. */
static void map(const struct mapping *mapping, int stage)
{
    static const char *const ask[] = {HELLO, MAIL, ASK, "+ up", HEARD, NULL};
    static const char *const data[] = {"< 250 2.1.5 to", DATA, TEXT, "{ DATA", NULL};
    static const char *const text[] = {"} 354 go", "{text x: y\n", NULL};
    const struct script script = {.name = mapping->reply, .step = {"(mapping)"}};
    struct player p;
    script_begin(&p, &script);
    steps(&p, ask);
    if (stage == 1)
        script_step(&p, "} 250 2.1.0 from");
    if (stage >= 2) {
        script_step(&p, YES);
        steps(&p, data);
    }
    if (stage == 3)
        steps(&p, text);
    step(&p, "} ", mapping->reply);
    if (stage == 0 && mapping->to[0] == '=')
        script_step(&p, "} 503 5.5.1 need MAIL");
    if (mapping->to[stage] == '!')
        script_step(&p, FAULT);
    else
        step(&p, "< ", mapping->reply);
    script_silence(&p);
    script_end(&p);
}

static void replies_are_mapped(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(mappings); i++)
        for (int stage = 0; stage < 4; stage++)
            if (mappings[i].to[stage] != ' ')
                map(&mappings[i], stage);
}

/* A refusal of the connection itself is never one of the mail. */
static void replies_to_connections_are_faults(void **state)
{
    static const char *const replies[] = {"421 busy", "450 x", "550 x", "554 no",
                                          "521 x",    "354 x", "x"};
    static const char *const ask[] = {HELLO, MAIL, ASK, "+", NULL};
    (void)state;
    for (size_t i = 0; i < COUNT(replies); i++) {
        for (int stage = 0; stage < 2; stage++) {
            const struct script script = {.name = replies[i], .step = {"(connection)"}};
            struct player p;
            script_begin(&p, &script);
            steps(&p, ask);
            if (stage == 1) {
                script_step(&p, "} 220 b");
                script_step(&p, "{ EHLO *");
            }
            step(&p, "} ", replies[i]);
            script_step(&p, FAULT);
            script_silence(&p);
            script_end(&p);
        }
    }
}

/* Our token in its EHLO: it is ourselves. */
static void a_backend_that_is_ourselves_is_a_fault(void **state)
{
    static const char *const ask[] = {HELLO, MAIL, ASK, "+", "} 220 mx", "{ EHLO *", NULL};
    static const char *const end[] = {FAULT, "{eof", "log is ourselves", NULL};
    const struct script script = {.name = "ourselves", .step = {"(token)"}};
    struct player p;
    (void)state;
    script_begin(&p, &script);
    steps(&p, ask);
    step(&p, "} 250 mx ", p.rig.server->token);
    steps(&p, end);
    script_silence(&p);
    script_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_are_mapped),
        cmocka_unit_test(replies_to_connections_are_faults),
        cmocka_unit_test(a_backend_that_is_ourselves_is_a_fault),
    };
    int failed = script_run("deaths", deaths, COUNT(deaths));
    failed += script_run("replays", replays, COUNT(replays));
    failed += script_run("silences", silences, COUNT(silences));
    failed += script_run("clients", clients, COUNT(clients));
    failed += script_run("oddities", oddities, COUNT(oddities));
    failed += script_run("reuse", reuse, COUNT(reuse));
    failed += cmocka_run_group_tests_name("replies", tests, NULL, NULL);
    tls_server_unref(script_tls);
    return failed;
}
