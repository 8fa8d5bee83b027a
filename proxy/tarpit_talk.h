/* SPDX-License-Identifier: ISC */
#ifndef PROXY_TARPIT_TALK_H
#define PROXY_TARPIT_TALK_H
/*
 * What a tarpit says, octet by octet, and what it makes of what the client says: the dialogue of
 * one client in eight octets, no socket and no clock. Any thread, one at a time for each talk.
 */

#include "lib/random.h"
#include "proxy/tarpit.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TALK_ID_LEN     10   /* octets of a session id without its spelling */
#define TALK_HURRY_MOST 1024 /* octets that talk_hurry writes at most */

struct talk_words;

enum talk_end {
    TALK_GOES_ON,
    TALK_LAST_WORD, /* it was said */
    TALK_QUIT,      /* the client said so, and heard 221 */
    TALK_HURRIED,   /* talk_hurry */
};

struct talk { /* tarpit_talk.c only */
    uint16_t pos;
    uint16_t until;
    uint16_t heard;
    uint8_t reply : 4;
    uint8_t line : 2;
    uint8_t end : 2;
    uint8_t ear : 7;
    uint8_t defer : 1;
};

/* How long the client has been held, is to be held, and the pace; ms. */
struct talk_pace {
    uint64_t held, time, interval;
};

/* The texts, with the host's name in them. */
struct talk_words *talk_words_new(const char *hostname) __attribute__((warn_unused_result));
void talk_words_free(struct talk_words *words);

/* The session id as the functions below want it; what is no such id reads as zeros. */
void talk_id_pack(uint8_t out[static TALK_ID_LEN], const char id[static RANDOM_ID_LEN + 1]);
void talk_id_text(char out[static RANDOM_ID_LEN + 1], const uint8_t id[static TALK_ID_LEN]);

/* Begins with the reply that is owed at `stage`. */
void talk_init(struct talk *talk, const struct talk_words *words, enum tarpit_stage stage,
               enum tarpit_last_word last_word, const struct talk_pace *pace);

/* Is a reply being said? Else, unless the talk is at its end, it is the client's turn. */
bool talk_speaks(const struct talk *talk);
/* The next octet; only while it speaks. */
char talk_octet(const struct talk *talk, const struct talk_words *words,
                const uint8_t id[static TALK_ID_LEN]);
/* That octet has gone out. The words may have changed since; lines stay whole. */
void talk_said(struct talk *talk, const struct talk_words *words, const struct talk_pace *pace);

/* Any octets of the client's, at any time. A few commands ahead are kept, more are forgotten. */
void talk_hear(struct talk *talk, const char *data, size_t len);
/* In the client's turn: begins the reply to the next command. False: none has been heard. */
bool talk_answer(struct talk *talk, const struct talk_words *words, const struct talk_pace *pace);

enum talk_end talk_end(const struct talk *talk);
/* Ends the talk: writes what must still be said at once, so that the client sees whole replies
 * and then a refusal. Returns how many octets; 0 where the talk was at its end. */
size_t talk_hurry(struct talk *talk, const struct talk_words *words,
                  const uint8_t id[static TALK_ID_LEN], char out[static TALK_HURRY_MOST]);

#endif
