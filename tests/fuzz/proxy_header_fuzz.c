/* SPDX-License-Identifier: ISC */
/*
 * Fuzz target of proxy/proxy_header: every cut gives MORE or the final answer, and what was parsed
 * survives building and parsing in both versions.
 */
#include "proxy/proxy_header.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
    if (!truth)
        abort();
}

static void check_rebuilt(int version, const struct addr *src, const struct addr *dst)
{
    char out[PROXY_HEADER_MAX];
    size_t len = proxy_header_build(version, src, dst, out);
    struct addr src2;
    struct addr dst2;
    size_t used;
    const char *why;

    require(len > 0 && len <= sizeof(out));
    require(proxy_header_parse(out, len, &src2, &dst2, &used, &why) == PROXY_HEADER_OK);
    require(used == len);
    require(addr_same_ip(&src2, src) && src2.port == src->port);
    require(addr_same_ip(&dst2, dst) && dst2.port == dst->port);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct addr src;
    struct addr dst;
    size_t used;
    const char *why = NULL;
    enum proxy_header_result whole = proxy_header_parse(text, size, &src, &dst, &used, &why);

    require(used <= size && used <= PROXY_HEADER_MAX);
    require((why != NULL) == (whole == PROXY_HEADER_INVALID));
    require((used > 0) == (whole == PROXY_HEADER_OK || whole == PROXY_HEADER_LOCAL));
    if (size >= PROXY_HEADER_MAX)
        require(whole != PROXY_HEADER_MORE);
    if (whole == PROXY_HEADER_OK) {
        check_rebuilt(1, &src, &dst);
        check_rebuilt(2, &src, &dst);
    }
    for (size_t cut = 0; cut < size && cut <= PROXY_HEADER_MAX; cut++) {
        struct addr a;
        struct addr b;
        size_t n;
        enum proxy_header_result r = proxy_header_parse(text, cut, &a, &b, &n, &why);

        require(r == PROXY_HEADER_MORE || r == whole);
        if (used > 0 && cut < used)
            require(r == PROXY_HEADER_MORE);
        require(n == 0 || n == used);
    }
    return 0;
}
