/* SPDX-License-Identifier: ISC */
/*
 * Fuzz target of proxy/param: results are sound, and what parsed well parses to the same after
 * copying, with and without some of its parameters. The first two octets choose what is allowed and
 * what is dropped.
 */
#include "proxy/param.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ALL 0x1ffU

typedef enum param_result (*parse_fn)(const char *text, size_t len, unsigned allowed,
                                      struct param_set *out, const char **why);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
    if (!truth)
        abort();
}

static void check_copy(const char *text, size_t len, unsigned allowed, unsigned drop,
                       const struct param_set *set, parse_fn parse)
{
    char *out = malloc(len + 1);
    struct param_set again;
    const char *why;

    require(out != NULL);
    size_t used = param_copy(text, len, drop, out);
    require(used <= len && out[used] == '\0' && strlen(out) == used);
    /* with all that was allowed: SMTPUTF8, though dropped, lets ORCPT be UTF-8 */
    require(parse(out, used, allowed, &again, &why) == PARAM_OK);
    require(again.seen == (set->seen & ~drop));
    require(again.size == ((drop & PARAM_SIZE) != 0 ? 0 : set->size));
    require(again.eight_bit == (set->eight_bit && (drop & PARAM_BODY) == 0));
    free(out);
}

static void check(const char *text, size_t len, unsigned allowed, unsigned drop, parse_fn parse)
{
    struct param_set set;
    const char *why = NULL;
    enum param_result result = parse(text, len, allowed, &set, &why);

    require((why != NULL) == (result != PARAM_OK));
    if (result != PARAM_OK) {
        require(set.seen == 0 && set.size == 0 && !set.eight_bit);
        return;
    }
    require((set.seen & ~allowed) == 0);
    require(memchr(text, '\0', len) == NULL && memchr(text, '\n', len) == NULL);
    check_copy(text, len, allowed, 0, &set, parse);
    check_copy(text, len, allowed, drop, &set, parse);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    unsigned allowed = ALL ^ data[0];
    unsigned drop = data[1];
    const char *text = (const char *)data + 2;

    check(text, size - 2, allowed, drop, param_parse_mail);
    check(text, size - 2, allowed, drop, param_parse_rcpt);

    /* copying is safe even for what did not parse */
    char *out = malloc(size);
    require(out != NULL && param_copy(text, size - 2, drop, out) <= size - 2);
    free(out);
    return 0;
}
