/* SPDX-License-Identifier: ISC */
/* addr_fuzz: any text as an address or network: what is read can be written and is read the same
 * again; a network holds its own address. */
#include "lib/addr.h"
#include "lib/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool truth)
{
    if (!truth)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = mem_strndup((const char *)data, size);
    char shown[ADDR_TEXT_MAX];
    struct addr a, again;
    struct cidr net;
    struct sockaddr_storage ss;
    const char *why;
    if (addr_parse_ip(text, &a)) {
        expect(addr_parse_ip(addr_ip_text(&a, shown), &again));
        expect(memcmp(&a, &again, sizeof a) == 0);
        expect(addr_to_sockaddr(&a, &ss) > 0);
        addr_from_sockaddr((struct sockaddr *)&ss, &again);
        expect(memcmp(&a, &again, sizeof a) == 0);
        expect(cidr_parse(text, &net, &why) && cidr_match(&net, &a));
    }
    if (addr_parse_port(text, &a)) {
        expect(addr_parse_port(addr_text(&a, shown), &again));
        expect(memcmp(&a, &again, sizeof a) == 0 && a.port != 0);
    }
    if (cidr_parse(text, &net, &why))
        expect(cidr_match(&net, &net.net) && net.bits <= (net.net.family == AF_INET ? 32 : 128));
    else
        expect(why != NULL);
    free(text);
    return 0;
}
