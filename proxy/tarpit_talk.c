/* SPDX-License-Identifier: ISC */
/*
 * tarpit_talk: the dialogue of a tarpit with one client.
 *
 * A reply is a head, any number of fillers and a tail, all lines of one code; the head and the
 * fillers are left out where they would take too long. The time that is left is shared evenly among
 * the replies still to come (greeting, EHLO, MAIL, RCPT), so that a client with patience has heard
 * the whole dialogue, its refusal last, when its time is over.
 * Promises: only valid replies of RFC 5321 (4.2.1: one code a reply; 4.1.1.1: EHLO keywords); no
 * extension that would let the client say more at a time or in secret; RCPT, DATA and BDAT get the
 * last word, never 2xx or 354.
 * Limits: commands are known by their first four letters and what follows is not looked at; of
 * commands sent ahead HEARD_MOST are kept. Where the host's name changes in the middle of a line,
 * the line is a mixture of both.
 */
#include "proxy/tarpit_talk.h"

#include "lib/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOSTNAME_MOST "255" /* octets of it that are said */
#define LINE_MOST     320
#define CR_SAID       UINT16_MAX /* of talk.pos: the line lacks its LF */
#define HEARD_BITS    3
#define HEARD_MOST    5
#define ID_FIRST      0x80 /* in a text: this and the 15 that follow stand for the session id */

enum line { LINE_HEAD, LINE_FILL, LINE_TAIL, LINE_NONE };
#define LINES 3

enum reply {
    SAY_GREETING,
    SAY_EHLO,
    SAY_MAIL,
    SAY_REJECT,
    SAY_DEFER,
    SAY_OK,
    SAY_UNKNOWN,
    SAY_CLOSING,
    SAY_ENOUGH, /* only by talk_hurry */
    SAY_REPLIES
};

/* %s: the host's name, \a: the session id. */
static const char *const text[SAY_REPLIES][LINES] = {
    [SAY_GREETING] = {"220-%s ESMTP", "220-Please wait, this takes its time", "220 %s ESMTP"},
    [SAY_EHLO] = {"250-%s", "250-XWAIT Please wait, this takes its time", "250 SIZE 10485760"},
    [SAY_MAIL] = {"250-2.1.0 Sender noted", "250-2.1.0 Please wait, this takes its time",
                  "250 2.1.0 Sender OK"},
    [SAY_REJECT] = {"550-5.7.1 Mail from this client is not wanted here",
                    "550-5.7.1 Please wait, there is more to be said",
                    "550 5.7.1 Refused, session \a"},
    [SAY_DEFER] = {"450-4.7.1 Mail from this client is not wanted here",
                   "450-4.7.1 Please wait, there is more to be said",
                   "450 4.7.1 Refused for now, session \a"},
    [SAY_OK] = {NULL, NULL, "250 2.0.0 OK"},
    [SAY_UNKNOWN] = {NULL, NULL, "502 5.5.1 Command not implemented"},
    [SAY_CLOSING] = {NULL, NULL, "221 2.0.0 %s closing connection"},
    [SAY_ENOUGH] = {NULL, NULL, "421 4.7.0 %s closing connection, session \a"},
};

struct talk_words {
    uint16_t len[SAY_REPLIES][LINES];
    char *line[SAY_REPLIES][LINES]; /* without CRLF; NULL: the reply has none */
};

/* ---- words ---- */

static void make_line(struct talk_words *words, enum reply reply, enum line line,
                      const char *hostname)
{
    char out[LINE_MOST];
    size_t len = 0;
    for (const char *in = text[reply][line]; *in != '\0'; in++) {
        if (in[0] == '%' && in[1] == 's') {
            len += (size_t)snprintf(out + len, sizeof out - len, "%." HOSTNAME_MOST "s", hostname);
            in++;
        } else if (*in == '\a') {
            for (int i = 0; i < RANDOM_ID_LEN; i++)
                out[len++] = (char)(ID_FIRST + i);
        } else {
            out[len++] = *in;
        }
    }
    words->len[reply][line] = (uint16_t)len;
    words->line[reply][line] = mem_strndup(out, len);
}

struct talk_words *talk_words_new(const char *hostname)
{
    struct talk_words *words = mem_alloc(sizeof *words);
    for (enum reply reply = 0; reply < SAY_REPLIES; reply++)
        for (enum line line = 0; line < LINES; line++)
            if (text[reply][line] != NULL)
                make_line(words, reply, line, hostname);
    return words;
}

void talk_words_free(struct talk_words *words)
{
    if (words == NULL)
        return;
    for (enum reply reply = 0; reply < SAY_REPLIES; reply++)
        for (enum line line = 0; line < LINES; line++)
            free(words->line[reply][line]);
    free(words);
}

/* ---- the session id: 16 characters of 5 bits ---- */

static const char digits[] = "0123456789abcdefghijklmnopqrstuv";

void talk_id_pack(uint8_t out[static TALK_ID_LEN], const char id[static RANDOM_ID_LEN + 1])
{
    unsigned bits = 0;
    unsigned have = 0;
    for (size_t i = 0, n = 0; i < RANDOM_ID_LEN; i++) {
        const char *digit = id[i] != '\0' ? strchr(digits, id[i]) : NULL;
        if (digit == NULL) {
            memset(out, 0, TALK_ID_LEN);
            return;
        }
        bits = (bits << 5 | (unsigned)(digit - digits)) & 0xfff;
        have += 5;
        if (have >= 8) {
            have -= 8;
            out[n++] = (uint8_t)(bits >> have);
        }
    }
}

static char id_digit(const uint8_t id[static TALK_ID_LEN], size_t i)
{
    size_t bit = i * 5;
    unsigned two = (unsigned)id[bit / 8] << 8;
    if (bit / 8 + 1 < TALK_ID_LEN)
        two |= id[bit / 8 + 1];
    return digits[two >> (11 - bit % 8) & 31];
}

void talk_id_text(char out[static RANDOM_ID_LEN + 1], const uint8_t id[static TALK_ID_LEN])
{
    for (size_t i = 0; i < RANDOM_ID_LEN; i++)
        out[i] = id_digit(id, i);
    out[RANDOM_ID_LEN] = '\0';
}

/* ---- speaking ---- */

static void begin_line(struct talk *talk, enum line line)
{
    talk->line = line & 3u;
    talk->pos = 0;
}

/* May this line be said, and is there still time for the tail behind it? A tenth is kept back,
 * since bytes come late rather than early. */
static bool has_time(const struct talk *talk, const struct talk_words *words, enum line line,
                     const struct talk_pace *pace)
{
    uint64_t until = (uint64_t)talk->until * 1000;
    if (words->line[talk->reply][line] == NULL || until <= pace->held)
        return false;
    uint64_t octets = (until - pace->held) * 9 / (pace->interval * 10 + 1);
    return words->len[talk->reply][line] + 2u + words->len[talk->reply][LINE_TAIL] + 2u <= octets;
}

/* How many replies share the time that is left, this one among them. */
static unsigned sharers(enum reply reply)
{
    switch (reply) {
    case SAY_GREETING:
        return 4;
    case SAY_EHLO:
        return 3;
    case SAY_MAIL:
        return 2;
    case SAY_REJECT:
    case SAY_DEFER:
    case SAY_OK:
    case SAY_UNKNOWN:
    case SAY_CLOSING:
    case SAY_ENOUGH:
    case SAY_REPLIES:
        break;
    }
    return 1;
}

static void begin_reply(struct talk *talk, const struct talk_words *words, enum reply reply,
                        const struct talk_pace *pace)
{
    uint64_t left = pace->time > pace->held ? pace->time - pace->held : 0;
    uint64_t until = (pace->held + left / sharers(reply)) / 1000;
    talk->until = (uint16_t)(until < UINT16_MAX ? until : UINT16_MAX);
    talk->reply = reply & 15u;
    begin_line(talk, has_time(talk, words, LINE_HEAD, pace) ? LINE_HEAD : LINE_TAIL);
}

static bool is_last(enum reply reply)
{
    return reply == SAY_REJECT || reply == SAY_DEFER;
}

static enum reply last_word(const struct talk *talk)
{
    return talk->defer ? SAY_DEFER : SAY_REJECT;
}

void talk_init(struct talk *talk, const struct talk_words *words, enum tarpit_stage stage,
               enum tarpit_last_word last, const struct talk_pace *pace)
{
    *talk = (struct talk){.defer = last == TARPIT_DEFER};
    switch (stage) {
    case TARPIT_BANNER:
        begin_reply(talk, words, SAY_GREETING, pace);
        break;
    case TARPIT_EHLO:
        begin_reply(talk, words, SAY_EHLO, pace);
        break;
    case TARPIT_MAIL:
        begin_reply(talk, words, SAY_MAIL, pace);
        break;
    case TARPIT_RCPT:
        begin_reply(talk, words, last_word(talk), pace);
        break;
    }
}

bool talk_speaks(const struct talk *talk)
{
    return talk->line != LINE_NONE;
}

enum talk_end talk_end(const struct talk *talk)
{
    return talk->end;
}

char talk_octet(const struct talk *talk, const struct talk_words *words,
                const uint8_t id[static TALK_ID_LEN])
{
    if (talk->pos == CR_SAID)
        return '\n';
    if (talk->pos >= words->len[talk->reply][talk->line])
        return '\r';
    unsigned char octet = (unsigned char)words->line[talk->reply][talk->line][talk->pos];
    return octet < ID_FIRST ? (char)octet : id_digit(id, octet % RANDOM_ID_LEN);
}

/* The tail is said. */
static void end_reply(struct talk *talk)
{
    begin_line(talk, LINE_NONE);
    if (is_last(talk->reply))
        talk->end = TALK_LAST_WORD;
    else if (talk->reply == SAY_CLOSING)
        talk->end = TALK_QUIT;
}

void talk_said(struct talk *talk, const struct talk_words *words, const struct talk_pace *pace)
{
    if (talk->pos < words->len[talk->reply][talk->line])
        talk->pos++;
    else if (talk->pos != CR_SAID)
        talk->pos = CR_SAID;
    else if (talk->line == LINE_TAIL)
        end_reply(talk);
    else
        begin_line(talk, has_time(talk, words, LINE_FILL, pace) ? LINE_FILL : LINE_TAIL);
}

/* ---- listening ---- */

enum command {
    HEARD_NOTHING,
    HEARD_HELLO,
    HEARD_MAIL,
    HEARD_RCPT, /* or DATA, BDAT: what gets the last word */
    HEARD_QUIT,
    HEARD_NOOP, /* or RSET */
    HEARD_OTHER
};

#define LETTERS 4

static const struct {
    char word[LETTERS + 1];
    enum command command;
} commands[] = {
    {"EHLO", HEARD_HELLO}, {"HELO", HEARD_HELLO}, {"MAIL", HEARD_MAIL},
    {"RCPT", HEARD_RCPT},  {"RSET", HEARD_NOOP},  {"DATA", HEARD_RCPT},
    {"BDAT", HEARD_RCPT},  {"QUIT", HEARD_QUIT},  {"NOOP", HEARD_NOOP},
};
#define COMMANDS (sizeof commands / sizeof *commands)

/* The ear's state: 0 at the beginning of a line, then the word that the letters so far begin
 * (EAR_WORDS + word * LETTERS + letters), then what command the line is. */
enum { EAR_LINE, EAR_COMMAND = HEARD_OTHER, EAR_WORDS };

static unsigned ear_letter(unsigned ear, char octet)
{
    size_t word = ear < EAR_WORDS ? 0 : (ear - EAR_WORDS) / LETTERS;
    size_t letters = ear < EAR_WORDS ? 0 : (ear - EAR_WORDS) % LETTERS;
    char upper = octet >= 'a' && octet <= 'z' ? (char)(octet - 'a' + 'A') : octet;
    for (size_t i = 0; i < COMMANDS; i++) {
        if (memcmp(commands[i].word, commands[word].word, letters) != 0 ||
            commands[i].word[letters] != upper)
            continue;
        if (letters + 1 == LETTERS)
            return commands[i].command;
        return (unsigned)(EAR_WORDS + i * LETTERS + letters + 1);
    }
    return HEARD_OTHER;
}

static void keep(struct talk *talk, unsigned command)
{
    unsigned heard = talk->heard;
    unsigned at = 0;
    while (at < HEARD_MOST * HEARD_BITS && (heard >> at & 7u) != HEARD_NOTHING)
        at += HEARD_BITS;
    if (at < HEARD_MOST * HEARD_BITS)
        talk->heard = (uint16_t)(heard | command << at);
}

void talk_hear(struct talk *talk, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned ear = talk->ear;
        if (data[i] == '\n') {
            keep(talk, ear == EAR_LINE || ear > EAR_COMMAND ? HEARD_OTHER : ear);
            ear = EAR_LINE;
        } else if (ear == EAR_LINE || ear > EAR_COMMAND) {
            ear = ear_letter(ear, data[i]);
        }
        talk->ear = ear & 127u;
    }
}

static enum reply reply_to(const struct talk *talk, enum command command)
{
    switch (command) {
    case HEARD_HELLO:
        return SAY_EHLO;
    case HEARD_MAIL:
        return SAY_MAIL;
    case HEARD_RCPT:
        return last_word(talk);
    case HEARD_QUIT:
        return SAY_CLOSING;
    case HEARD_NOOP:
        return SAY_OK;
    case HEARD_NOTHING:
    case HEARD_OTHER:
        break;
    }
    return SAY_UNKNOWN;
}

bool talk_answer(struct talk *talk, const struct talk_words *words, const struct talk_pace *pace)
{
    enum command command = talk->heard & 7u;
    if (command == HEARD_NOTHING || talk->end != TALK_GOES_ON)
        return false;
    talk->heard = (uint16_t)(talk->heard >> HEARD_BITS);
    begin_reply(talk, words, reply_to(talk, command), pace);
    return true;
}

/* ---- hurrying ---- */

/* The rest of the line, with its CRLF. */
static size_t rest_of_line(struct talk *talk, const struct talk_words *words,
                           const uint8_t id[static TALK_ID_LEN], char *out)
{
    size_t n = 0;
    do {
        out[n] = talk_octet(talk, words, id);
        talk->pos = out[n] == '\r' ? CR_SAID : (uint16_t)(talk->pos + 1);
    } while (out[n++] != '\n');
    return n;
}

size_t talk_hurry(struct talk *talk, const struct talk_words *words,
                  const uint8_t id[static TALK_ID_LEN], char out[static TALK_HURRY_MOST])
{
    size_t n = 0;
    if (talk->end != TALK_GOES_ON)
        return 0;
    enum reply reply = talk->reply;
    bool last = talk_speaks(talk) && (is_last(reply) || reply == SAY_CLOSING);
    bool begun = talk_speaks(talk) && (talk->line != LINE_HEAD || talk->pos > 0);
    if (begun || last) {
        bool tail = talk->line == LINE_TAIL;
        if (begun)
            n += rest_of_line(talk, words, id, out);
        if (!tail) {
            begin_line(talk, LINE_TAIL);
            n += rest_of_line(talk, words, id, out + n);
        }
    }
    if (!last) {
        talk->reply = SAY_ENOUGH;
        begin_line(talk, LINE_TAIL);
        n += rest_of_line(talk, words, id, out + n);
    }
    begin_line(talk, LINE_NONE);
    talk->end = TALK_HURRIED;
    return n;
}
