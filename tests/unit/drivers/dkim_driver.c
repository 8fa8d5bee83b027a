/* SPDX-License-Identifier: ISC */
/*
 * Asks policy/auth/dkim from outside, keys by the real resolver: "dkim_driver 127.0.0.1:PORT" is
 * told its DNS server. A case is a line on stdin: the time, how many signatures are tried, 1 where
 * l= may leave a part unsigned (else 0), and the message in hexadecimal digits. On stdout a line
 * with a word for each signature, apart by tabs: "result,domain,selector,identity,algorithm,b,bits,
 * testing,why".
 */
#include "dns/resolver.h"
#include "lib/addr.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "lib/str.h"
#include "policy/auth/dkim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_BITS  1024
#define HEADER_MOST ((size_t)1 << 20)
#define PIECE       100

static void stop(void *loop)
{
    loop_stop(loop);
}

static void show(const struct dkim *dkim)
{
    for (size_t i = 0; i < dkim_count(dkim); i++) {
        const struct dkim_signature *one = dkim_signature(dkim, i);
        printf("%s%s,%s,%s,%s,%s,%s,%u,%d,%s", i > 0 ? "\t" : "", dkim_result_name(one->result),
               one->domain, one->selector, one->identity, one->algorithm, one->b, one->bits,
               one->testing, one->why);
    }
    putchar('\n');
}

static void judge(struct loop *loop, struct dns *dns, const struct dkim_rules *rules,
                  const char *message, size_t len)
{
    struct header *header = header_new(HEADER_MOST, HEADER_MOST);
    struct body_hash *hash = body_hash_new();
    size_t at = 0;
    for (size_t some; at < len && !header_complete(header); at += some)
        some = header_add(header, message + at, len - at < PIECE ? len - at : PIECE);
    header_end(header);
    struct dkim *dkim = dkim_new(dns, header, rules, hash, stop, loop);
    for (size_t some; at < len; at += some) {
        some = len - at < PIECE ? len - at : PIECE;
        body_hash_add(hash, message + at, some);
    }
    body_hash_end(hash);
    dkim_end(dkim);
    while (!dkim_settled(dkim))
        loop_run(loop);
    show(dkim);
    dkim_free(dkim);
    body_hash_free(hash);
    header_free(header);
}

static bool run_case(struct loop *loop, struct dns *dns, char *line)
{
    long long now;
    size_t signatures;
    int partial, at = 0;
    if (sscanf(line, "%lld %zu %d %n", &now, &signatures, &partial, &at) != 3 || at == 0)
        return false;
    const char *hex = line + at;
    size_t len = strcspn(hex, "\n") / 2;
    char *message = mem_alloc(len + 1);
    bool ok = str_hex_decode((unsigned char *)message, len, hex, len * 2);
    struct dkim_rules rules = {
        .signatures = signatures, .least_bits = LEAST_BITS, .partial = partial == 1, .now = now};
    if (ok)
        judge(loop, dns, &rules, message, len);
    free(message);
    return ok;
}

static int run(struct loop *loop, struct dns *dns)
{
    char *line = NULL;
    size_t room = 0;
    bool ok = true;
    while (ok && getline(&line, &room, stdin) > 0)
        ok = run_case(loop, dns, line);
    free(line);
    return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct addr server;
    char *why = NULL;
    if (argc != 2 || !addr_parse_port(argv[1], &server))
        return 2;
    struct resolver_config config = {
        .server = &server, .servers = 1, .query_ms = 2000, .total_ms = 5000};
    struct loop *loop = loop_new();
    resolver_init();
    struct resolver *resolver = resolver_new(loop, &config, &why);
    if (resolver == NULL) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    int status = run(loop, resolver_dns(resolver));
    resolver_free(resolver);
    resolver_shutdown();
    loop_free(loop);
    return status;
}
