/* SPDX-License-Identifier: ISC */
/*
 * Fuzz target of tarpit_talk: what a client may say to a tarpit. The first octet chooses where the
 * client is taken and the last word, the second the time it is held; then come pieces, each an
 * octet that says how many octets the tarpit speaks first, one that says how long the piece is, and
 * the piece. Asserts: whole, valid replies, each the one that is due by a model of its own; RCPT,
 * DATA and BDAT get the last word; nothing comes after it.
 */
#include "proxy/tarpit_talk.h"

#include "lib/buf.h"
#include "tests/unit/support/smtp_replies.h"

#include <strings.h>

#define CHECK(what)                                                                                \
    do {                                                                                           \
        if (!(what))                                                                               \
            __builtin_trap();                                                                      \
    } while (0)

#define KEPT 5

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct play {
    struct talk_words *words;
    struct talk talk;
    struct talk_pace pace;
    uint8_t id[TALK_ID_LEN];
    struct buf said;
    struct buf codes; /* due so far, joined by blanks */
    const char *last; /* word */
    const char *kept[KEPT];
    size_t count;
    char line[4]; /* its beginning */
    size_t len;   /* of the line */
};

static void due(struct play *p, const char *code)
{
    if (buf_len(&p->codes) > 0)
        buf_add(&p->codes, " ", 1);
    buf_add(&p->codes, code, 3);
}

static const char *answer_to(const struct play *p)
{
    static const char *const good[] = {"EHLO", "HELO", "MAIL", "NOOP", "RSET"};
    static const char *const final[] = {"RCPT", "DATA", "BDAT"};
    if (p->len < 4)
        return "502";
    for (size_t i = 0; i < sizeof final / sizeof *final; i++)
        if (strncasecmp(p->line, final[i], 4) == 0)
            return p->last;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (strncasecmp(p->line, good[i], 4) == 0)
            return "250";
    return strncasecmp(p->line, "QUIT", 4) == 0 ? "221" : "502";
}

static void hear(struct play *p, const char *text, size_t len)
{
    talk_hear(&p->talk, text, len);
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '\n') {
            if (p->len < sizeof p->line)
                p->line[p->len] = text[i];
            p->len++;
            continue;
        }
        if (p->count < KEPT)
            p->kept[p->count++] = answer_to(p);
        p->len = 0;
    }
}

static void speak(struct play *p, size_t octets)
{
    for (size_t i = 0; i < octets && talk_end(&p->talk) == TALK_GOES_ON; i++) {
        if (!talk_speaks(&p->talk)) {
            bool answers = talk_answer(&p->talk, p->words, &p->pace);
            CHECK(answers == (p->count > 0));
            if (!answers)
                return;
            due(p, p->kept[0]);
            p->count--;
            memmove(p->kept, p->kept + 1, sizeof p->kept - sizeof *p->kept);
        }
        char octet = talk_octet(&p->talk, p->words, p->id);
        buf_add(&p->said, &octet, 1);
        p->pace.held += p->pace.interval;
        talk_said(&p->talk, p->words, &p->pace);
    }
}

static void begin(struct play *p, uint8_t how, uint8_t seconds)
{
    static const char *const codes[] = {"220", "250", "250", "550"};
    bool defer = (how & 4) != 0;
    enum tarpit_stage stage = how & 3u;
    p->words = talk_words_new("mx.example.org");
    p->last = defer ? "450" : "550";
    p->pace.interval = 100;
    p->pace.time = (uint64_t)seconds * 1000;
    talk_id_pack(p->id, "0123456789abcduv");
    talk_init(&p->talk, p->words, stage, defer ? TARPIT_DEFER : TARPIT_REJECT, &p->pace);
    due(p, stage == TARPIT_RCPT ? p->last : codes[stage]);
}

/* The codes that were said are those that were due; one that nothing was said of may be missing. */
static void check(struct play *p)
{
    static char codes[65536];
    char out[TALK_HURRY_MOST];
    size_t over = talk_end(&p->talk) != TALK_GOES_ON;
    size_t n = talk_hurry(&p->talk, p->words, p->id, out);
    CHECK(n <= sizeof out && (n == 0) == over && !talk_speaks(&p->talk));
    buf_add(&p->said, out, n);
    CHECK(smtp_replies(buf_data(&p->said), buf_len(&p->said), codes, sizeof codes));
    size_t len = strlen(codes);
    size_t all = buf_len(&p->codes);
    if (!over && strcmp(codes + len - 3, "421") == 0)
        len = len > 3 ? len - 4 : 0;
    CHECK(len == all || len + 4 == all || len + 3 == all);
    CHECK(memcmp(codes, buf_data(&p->codes), len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct play play = {0};
    if (size < 2 || size > 4096)
        return 0;
    begin(&play, data[0], data[1]);
    for (size_t at = 2; at + 2 <= size;) {
        size_t octets = data[at];
        size_t len = data[at + 1];
        at += 2;
        if (len > size - at)
            len = size - at;
        speak(&play, octets * 8);
        hear(&play, (const char *)data + at, len);
        at += len;
    }
    speak(&play, 1000);
    check(&play);
    talk_words_free(play.words);
    buf_free(&play.said);
    buf_free(&play.codes);
    return 0;
}
