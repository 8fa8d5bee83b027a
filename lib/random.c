/* SPDX-License-Identifier: ISC */
/*
 * random: random bytes of the kernel, and the names made of them.
 *
 * Session ids are on the path of every connection, so each thread fetches the bytes of 51 ids with
 * one system call. A child of fork() forgets what its parent had fetched, so no two processes give
 * the same id. 80 bits: among a thousand million ids two are the same with a chance below 1 in a
 * million. Secrets do not come from that stock: random_bytes() and random_token() ask the kernel.
 *
 * Names are spelled in base32hex (RFC 4648 7) in lower case.
 */
#include "lib/random.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define ID_BYTES    (RANDOM_ID_LEN * 5 / 8)
#define TOKEN_BYTES (RANDOM_TOKEN_LEN * 5 / 8)

static _Thread_local struct {
    unsigned char byte[51 * ID_BYTES];
    size_t left;
} stock;

static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

static void forget_stock(void)
{
    stock.left = 0;
}

static void watch_fork(void)
{
    pthread_atfork(NULL, NULL, forget_stock);
}

void random_bytes(void *out, size_t len)
{
    unsigned char *at = out;
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            fputs("gatepost: the kernel gives no random bytes, stopping\n", stderr);
            abort();
        }
        at += got;
        len -= (size_t)got;
    }
}

/* Spells groups of 5 bytes as 8 characters each. */
static void spell(char *out, const unsigned char *bytes, size_t len)
{
    static const char digit[] = "0123456789abcdefghijklmnopqrstuv";
    for (; len >= 5; len -= 5, bytes += 5) {
        unsigned long long group = 0;
        for (int i = 0; i < 5; i++)
            group = group << 8 | bytes[i];
        for (int shift = 35; shift >= 0; shift -= 5)
            *out++ = digit[group >> shift & 31];
    }
    *out = '\0';
}

void random_id(char out[static RANDOM_ID_LEN + 1])
{
    if (stock.left == 0) {
        pthread_once(&fork_once, watch_fork);
        random_bytes(stock.byte, sizeof stock.byte);
        stock.left = sizeof stock.byte / ID_BYTES;
    }
    stock.left--;
    spell(out, stock.byte + stock.left * ID_BYTES, ID_BYTES);
}

void random_token(char out[static RANDOM_TOKEN_LEN + 1])
{
    unsigned char bytes[TOKEN_BYTES];
    random_bytes(bytes, sizeof bytes);
    spell(out, bytes, sizeof bytes);
    explicit_bzero(bytes, sizeof bytes);
}
