/* SPDX-License-Identifier: ISC */
/*
 * tarpit_talk_test: what a tarpit says to whom and when, and that it is SMTP at every octet: whole
 * replies of one code, whatever the client says and wherever the talk is cut short.
 */
#include "proxy/tarpit_talk.h"

#include "lib/buf.h"
#include "tests/unit/support/smtp_replies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HOST   "mx.example.org"
#define ID     "0123456789abcduv"
#define SECOND 1000ULL

struct world {
    struct talk_words *words;
    struct talk talk;
    struct talk_pace pace;
    uint8_t id[TALK_ID_LEN];
    struct buf said;
    char codes[8192];
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    w->words = talk_words_new(HOST);
    w->pace = (struct talk_pace){.time = 600 * SECOND, .interval = SECOND};
    talk_id_pack(w->id, ID);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    talk_words_free(w->words);
    buf_free(&w->said);
    free(w);
    return 0;
}

static void begin(struct world *w, enum tarpit_stage stage, enum tarpit_last_word last)
{
    buf_free(&w->said);
    w->pace.held = 0;
    talk_init(&w->talk, w->words, stage, last, &w->pace);
}

static void one_octet(struct world *w)
{
    char octet = talk_octet(&w->talk, w->words, w->id);
    buf_add(&w->said, &octet, 1);
    w->pace.held += w->pace.interval;
    talk_said(&w->talk, w->words, &w->pace);
}

/* Says the reply, and those to what has been heard. */
static void speak(struct world *w)
{
    do {
        while (talk_speaks(&w->talk))
            one_octet(w);
    } while (talk_answer(&w->talk, w->words, &w->pace));
}

static void hear(struct world *w, const char *text)
{
    talk_hear(&w->talk, text, strlen(text));
}

static void hurry(struct world *w)
{
    char out[TALK_HURRY_MOST];
    size_t n = talk_hurry(&w->talk, w->words, w->id, out);
    assert_true(n <= sizeof out);
    buf_add(&w->said, out, n);
}

static const char *codes(struct world *w)
{
    if (!smtp_replies(buf_data(&w->said), buf_len(&w->said), w->codes, sizeof w->codes))
        fail_msg("no replies: %.*s", (int)buf_len(&w->said), buf_data(&w->said));
    return w->codes;
}

static bool was_said(struct world *w, const char *text)
{
    return memmem(buf_data(&w->said), buf_len(&w->said), text, strlen(text)) != NULL;
}

static void test_what_is_answered_to_what(void **state)
{
    static const struct {
        const char *name;
        enum tarpit_stage stage;
        enum tarpit_last_word last;
        const char *client, *codes;
        enum talk_end end;
    } cases[] = {
        {"greeting, then silence", TARPIT_BANNER, TARPIT_REJECT, "", "220", TALK_GOES_ON},
        {"whole dialogue, rejected", TARPIT_BANNER, TARPIT_REJECT,
         "EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n", "220 250 250 550", TALK_LAST_WORD},
        {"whole dialogue, deferred", TARPIT_BANNER, TARPIT_DEFER,
         "HELO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n", "220 250 250 450", TALK_LAST_WORD},
        {"taken at EHLO", TARPIT_EHLO, TARPIT_REJECT, "MAIL FROM:<>\r\n", "250 250", TALK_GOES_ON},
        {"taken at MAIL", TARPIT_MAIL, TARPIT_DEFER, "RCPT TO:<c@d>\r\n", "250 450",
         TALK_LAST_WORD},
        {"taken at RCPT", TARPIT_RCPT, TARPIT_REJECT, "", "550", TALK_LAST_WORD},
        {"taken at RCPT, deferred", TARPIT_RCPT, TARPIT_DEFER, "", "450", TALK_LAST_WORD},
        {"nothing after the last word", TARPIT_RCPT, TARPIT_REJECT, "DATA\r\nQUIT\r\n", "550",
         TALK_LAST_WORD},
        {"DATA", TARPIT_EHLO, TARPIT_REJECT, "DATA\r\n", "250 550", TALK_LAST_WORD},
        {"BDAT", TARPIT_EHLO, TARPIT_DEFER, "BDAT 10 LAST\r\n", "250 450", TALK_LAST_WORD},
        {"RCPT without MAIL", TARPIT_EHLO, TARPIT_REJECT, "rcpt to:<a@b>\r\n", "250 550",
         TALK_LAST_WORD},
        {"any case", TARPIT_EHLO, TARPIT_REJECT, "mAiL from:<>\r\nRcPt to:<>\r\n", "250 250 550",
         TALK_LAST_WORD},
        {"QUIT", TARPIT_BANNER, TARPIT_REJECT, "QUIT\r\nRCPT TO:<a@b>\r\n", "220 221", TALK_QUIT},
        {"no STARTTLS, no AUTH", TARPIT_EHLO, TARPIT_REJECT, "STARTTLS\r\nAUTH PLAIN AA\r\n",
         "250 502 502", TALK_GOES_ON},
        {"NOOP and RSET", TARPIT_EHLO, TARPIT_REJECT, "NOOP\r\nRSET\r\nVRFY a\r\n",
         "250 250 250 502", TALK_GOES_ON},
        {"prefixes of commands", TARPIT_EHLO, TARPIT_REJECT, "RCP\r\nR\r\nDAT\r\nQU\r\n",
         "250 502 502 502 502", TALK_GOES_ON},
        {"empty lines and blanks", TARPIT_EHLO, TARPIT_REJECT, "\r\n \r\n QUIT\r\n",
         "250 502 502 502", TALK_GOES_ON},
        {"bare LF ends a line", TARPIT_EHLO, TARPIT_REJECT, "NOOP\nQUIT\n", "250 250 221",
         TALK_QUIT},
        {"no end of line, no command", TARPIT_EHLO, TARPIT_REJECT, "RCPT TO:<a@b>\r", "250",
         TALK_GOES_ON},
        {"five ahead are kept, more forgotten", TARPIT_EHLO, TARPIT_REJECT,
         "NOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nQUIT\r\n", "250 250 250 250 250 250",
         TALK_GOES_ON},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t cut = 0; cut <= strlen(cases[i].client); cut++) { /* wherever it is cut */
            begin(w, cases[i].stage, cases[i].last);
            talk_hear(&w->talk, cases[i].client, cut);
            hear(w, cases[i].client + cut);
            speak(w);
            if (strcmp(codes(w), cases[i].codes) != 0 || talk_end(&w->talk) != cases[i].end)
                fail_msg("%s: %s", cases[i].name, w->codes);
        }
    }
}

static void test_a_patient_client_hears_all_in_its_time_the_last_word_at_the_end(void **state)
{
    static const uint64_t times[] = {60, 200, 600, 3600, 12 * 3600};
    static const char dialogue[] = "EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\n";
    struct world *w = *state;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        w->pace.time = times[i] * SECOND;
        w->pace.interval = 100;
        for (enum tarpit_stage stage = TARPIT_BANNER; stage <= TARPIT_RCPT; stage++) {
            begin(w, stage, TARPIT_REJECT);
            size_t said = (stage > TARPIT_BANNER ? 8U : 0) + (stage > TARPIT_EHLO ? 14U : 0) +
                          (stage > TARPIT_MAIL ? 15U : 0);
            hear(w, &dialogue[said]);
            speak(w);
            assert_int_equal(talk_end(&w->talk), TALK_LAST_WORD);
            assert_true(w->pace.held <= w->pace.time);
            assert_true(w->pace.held >= w->pace.time * 6 / 10);
            codes(w);
        }
    }
}

static void test_where_time_is_short_replies_are_short_but_whole(void **state)
{
    struct world *w = *state;
    w->pace.time = 0;
    begin(w, TARPIT_BANNER, TARPIT_REJECT);
    hear(w, "EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\n");
    speak(w);
    assert_string_equal(codes(w), "220 250 250 550");
    const char *all = buf_data(&w->said);
    assert_null(memchr(all, '-', buf_len(&w->said)));
}

static void test_a_greeting_goes_on_in_lines(void **state)
{
    struct world *w = *state;
    begin(w, TARPIT_BANNER, TARPIT_REJECT);
    speak(w);
    assert_true(strncmp(buf_data(&w->said), "220-" HOST " ESMTP\r\n220-", 24) == 0);
    assert_true(was_said(w, "\r\n220 " HOST " ESMTP\r\n"));
    assert_true(w->pace.held > 60 * SECOND && w->pace.held <= 150 * SECOND);
}

static void test_EHLO_offers_nothing_of_use(void **state)
{
    static const char *const never[] = {"STARTTLS", "AUTH", "PIPELINING", "CHUNKING", "XCLIENT"};
    struct world *w = *state;
    begin(w, TARPIT_EHLO, TARPIT_REJECT);
    speak(w);
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        assert_false(was_said(w, never[i]));
    const char *line = buf_data(&w->said);
    const char *end = line + buf_len(&w->said);
    assert_true(strncmp(line, "250-" HOST "\r\n", 20) == 0);
    for (line += 20; line < end; line = (const char *)memchr(line, '\n', 500) + 1)
        assert_true(line[4] >= 'A' && line[4] <= 'Z'); /* a keyword */
}

static void test_the_last_word_names_the_session(void **state)
{
    struct world *w = *state;
    char text[RANDOM_ID_LEN + 1];
    begin(w, TARPIT_RCPT, TARPIT_REJECT);
    speak(w);
    assert_true(was_said(w, "\r\n550 5.7.1 Refused, session " ID "\r\n"));
    begin(w, TARPIT_RCPT, TARPIT_DEFER);
    speak(w);
    assert_true(was_said(w, "\r\n450 4.7.1 Refused for now, session " ID "\r\n"));
    begin(w, TARPIT_BANNER, TARPIT_DEFER);
    hurry(w);
    assert_true(was_said(w, "421 4.7.0 " HOST " closing connection, session " ID "\r\n"));
    for (int i = 0; i < 100; i++) {
        char id[RANDOM_ID_LEN + 1];
        random_id(id);
        talk_id_pack(w->id, id);
        talk_id_text(text, w->id);
        assert_string_equal(text, id);
    }
    talk_id_pack(w->id, "not an id of us!");
    talk_id_text(text, w->id);
    assert_string_equal(text, "0000000000000000");
}

/* Ends the talk after each octet in turn; the codes must be `before`, complete, and then `after`.
 */
static void hurry_everywhere(struct world *w, enum tarpit_stage stage, const char *client,
                             const char *said, const char *after)
{
    for (size_t octets = 0;; octets++) {
        begin(w, stage, TARPIT_REJECT);
        hear(w, client);
        size_t n = 0;
        while (n < octets && (talk_speaks(&w->talk) || talk_answer(&w->talk, w->words, &w->pace))) {
            one_octet(w);
            n++;
        }
        bool over = talk_end(&w->talk) != TALK_GOES_ON;
        hurry(w);
        const char *got = codes(w);
        size_t len = strlen(got);
        if (strcmp(got + len - 3, after) != 0 || (len > 3 && strncmp(got, said, len - 4) != 0))
            fail_msg("after %zu octets: %s", octets, got);
        assert_int_equal(talk_end(&w->talk), over ? TALK_LAST_WORD : TALK_HURRIED);
        assert_false(talk_speaks(&w->talk));
        if (n < octets)
            return;
    }
}

static void test_cut_short_anywhere_the_client_sees_whole_replies_and_a_refusal(void **state)
{
    struct world *w = *state;
    hurry_everywhere(w, TARPIT_BANNER, "EHLO a\r\nMAIL FROM:<>\r\n", "220 250 250", "421");
    hurry_everywhere(w, TARPIT_RCPT, "", "", "550");
    w->pace.time = 0; /* tails only */
    hurry_everywhere(w, TARPIT_BANNER, "EHLO a\r\nMAIL FROM:<>\r\n", "220 250 250", "421");
    hurry_everywhere(w, TARPIT_RCPT, "", "", "550");
}

static void test_cut_short_in_a_goodbye_nothing_is_added_to_it(void **state)
{
    struct world *w = *state;
    begin(w, TARPIT_EHLO, TARPIT_REJECT);
    speak(w);
    hear(w, "QUIT\r\n");
    assert_true(talk_answer(&w->talk, w->words, &w->pace));
    one_octet(w);
    hurry(w);
    assert_string_equal(codes(w), "250 221");
    buf_free(&w->said);
    hurry(w); /* it is over */
    assert_int_equal(buf_len(&w->said), 0);
}

static void test_another_host_name_in_the_middle_of_a_line_leaves_it_whole(void **state)
{
    struct world *w = *state;
    static const char *const names[] = {"a.bc", "a-much-longer-name-than-before.example.org", HOST};
    for (size_t octets = 0; octets < 50; octets++) {
        begin(w, TARPIT_BANNER, TARPIT_REJECT);
        for (size_t i = 0; i < octets; i++)
            one_octet(w);
        talk_words_free(w->words);
        w->words = talk_words_new(names[octets % 3]);
        hear(w, "EHLO a\r\n");
        speak(w);
        assert_string_equal(codes(w), "220 250");
    }
}

static void test_the_longest_host_name_fits(void **state)
{
    struct world *w = *state;
    char name[301];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    talk_words_free(w->words);
    w->words = talk_words_new(name);
    hurry_everywhere(w, TARPIT_BANNER, "EHLO a\r\n", "220 250", "421");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        CASE(test_what_is_answered_to_what),
        CASE(test_a_patient_client_hears_all_in_its_time_the_last_word_at_the_end),
        CASE(test_where_time_is_short_replies_are_short_but_whole),
        CASE(test_a_greeting_goes_on_in_lines),
        CASE(test_EHLO_offers_nothing_of_use),
        CASE(test_the_last_word_names_the_session),
        CASE(test_cut_short_anywhere_the_client_sees_whole_replies_and_a_refusal),
        CASE(test_cut_short_in_a_goodbye_nothing_is_added_to_it),
        CASE(test_another_host_name_in_the_middle_of_a_line_leaves_it_whole),
        CASE(test_the_longest_host_name_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
