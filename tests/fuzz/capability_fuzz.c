/* SPDX-License-Identifier: ISC */
/*
 * Fuzz target of capability: an EHLO reply of a backend. Asserts: what is printed is made of known
 * keywords and, read again, prints the same; the intersection with itself changes nothing and with
 * another reply never adds anything.
 */
#include "proxy/capability.h"

#include "lib/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(what)                                                                                \
    do {                                                                                           \
        if (!(what))                                                                               \
            __builtin_trap();                                                                      \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct buf print(const struct capability *cap)
{
    struct buf out = {0};
    capability_print(cap, &out);
    buf_add(&out, "", 1);
    return out;
}

static void check_stable(const struct capability *cap)
{
    struct buf first = print(cap);
    for (const char *p = buf_data(&first); *p != '\0'; p++)
        CHECK(*p == '\n' || (*p >= ' ' && *p <= '~'));
    CHECK(strstr(buf_data(&first), "PLUS") == NULL);
    char *text = mem_printf("greeting\n%s", buf_data(&first));
    struct capability again;
    capability_parse(&again, text);
    struct buf second = print(&again);
    CHECK(strcmp(buf_data(&first), buf_data(&second)) == 0);
    CHECK(capability_params(cap) == capability_params(&again));
    free(text);
    buf_free(&first);
    buf_free(&second);
}

static void check_intersection(const struct capability *a, const struct capability *b)
{
    struct capability both = *a;
    capability_intersect(&both, a);
    CHECK(both.bits == a->bits && both.auth == a->auth && both.size == a->size);
    capability_intersect(&both, b);
    CHECK((both.bits & ~(a->bits & b->bits)) == 0 && (both.auth & ~(a->auth & b->auth)) == 0);
    CHECK((both.xclient & ~(a->xclient & b->xclient)) == 0);
    CHECK(both.size == 0 ||
          ((a->size == 0 || both.size <= a->size) && (b->size == 0 || both.size <= b->size)));
    check_stable(&both);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = mem_strndup((const char *)data, size);
    struct capability a, b;
    capability_parse(&a, text);
    capability_parse(&b, text + strlen(text) / 2);
    check_stable(&a);
    check_intersection(&a, &b);
    free(text);
    return 0;
}
