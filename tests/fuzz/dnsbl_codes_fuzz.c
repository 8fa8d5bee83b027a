/* SPDX-License-Identifier: ISC */
/*
 * Fuzz target of dnsbl_codes: the first octets are an answer, the rest texts of codes, a line each.
 * Asserts: what is taken lies in 127/8 with a score in range; an error of any list is never a
 * listing; nothing is listed with the wrong sign; without an error what is listed is the strongest.
 */
#include "policy/dnsbl_codes.h"

#include "lib/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CHECK(what)                                                                                \
    do {                                                                                           \
        if (!(what))                                                                               \
            __builtin_trap();                                                                      \
    } while (0)

#define ANSWERS 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add_codes(struct dnsbl_codes *codes, char *text)
{
    char *rest = text;
    for (char *one = strsep(&rest, "\n"); one != NULL; one = strsep(&rest, "\n")) {
        const char *why = NULL;
        size_t before = codes->count;
        bool taken = dnsbl_codes_add(codes, one, &why);
        CHECK(taken == (why == NULL) && codes->count == before + taken);
        if (!taken)
            continue;
        const struct dnsbl_code *code = &codes->item[before];
        CHECK(code->first >> 24 == 127 && code->last >> 24 == 127 && code->first <= code->last);
        CHECK(code->mask >> 24 == 0xff && (code->first & ~code->mask) == 0);
        CHECK(code->scored ? code->score >= -100000 && code->score <= 100000 : code->score == 0);
    }
}

static bool is_error(const struct addr *a, bool allow)
{
    const uint8_t *ip = a->ip;
    if (a->family != AF_INET || ip[0] != 127)
        return true;
    if ((ip[1] == 0 && ip[2] == 0 && ip[3] == 1) || (ip[1] == 255 && ip[2] == 255))
        return true;
    return allow && ip[1] == 0 && (ip[2] == 10 || (ip[2] == 0 && ip[3] == 255));
}

static void judge(const struct dnsbl_codes *codes, const struct addr *answer, bool allow)
{
    score_t score = allow ? -150 : 150;
    score_t out = 1;
    score_t one = 1;
    size_t which = ANSWERS;
    bool error = false;
    enum dnsbl_meaning meaning = dnsbl_judge(codes, score, allow, answer, ANSWERS, &out, &which);
    CHECK(which < ANSWERS);
    for (size_t i = 0; i < ANSWERS; i++)
        error = error || is_error(&answer[i], allow);
    CHECK(error == (meaning == DNSBL_ERROR));
    CHECK((meaning == DNSBL_LISTED) == (out != 0) && (allow ? out <= 0 : out >= 0));
    if (error)
        return;
    for (size_t i = 0; i < ANSWERS; i++) {
        size_t ignored;
        dnsbl_judge(codes, score, allow, &answer[i], 1, &one, &ignored);
        CHECK(allow ? one >= out : one <= out);
        CHECK(i != which || one == out);
    }
    CHECK(dnsbl_is_canary(allow, answer, ANSWERS, &which));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dnsbl_codes codes = {0};
    struct addr answer[ANSWERS] = {{0}};
    for (size_t i = 0; i < ANSWERS && size >= 5; i++, data += 5, size -= 5) {
        answer[i].family = data[0] == 6 ? AF_INET6 : AF_INET;
        memcpy(answer[i].ip, data + 1, 4);
    }
    char *text = mem_strndup((const char *)data, size);
    add_codes(&codes, text);
    judge(&codes, answer, false);
    judge(&codes, answer, true);
    free(text);
    dnsbl_codes_clear(&codes);
    return 0;
}
