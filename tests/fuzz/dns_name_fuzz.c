/* SPDX-License-Identifier: ISC */
/* dns_name_fuzz: any text as a name: what can be asked for is its own normal form, is what comes
 * back from the wire, and joins only where it fits. */
#include "dns/name.h"
#include "dns/wire.h"
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

/* The name as octets on the wire; their number. */
static size_t to_wire(const char *name, unsigned char *out)
{
    size_t at = 0;
    while (*name != '\0') {
        size_t len = strcspn(name, ".");
        expect(len >= 1 && len <= 63);
        out[at] = (unsigned char)len;
        memcpy(out + at + 1, name, len);
        at += 1 + len;
        name += len + (name[len] == '.');
    }
    out[at] = 0;
    return at + 1;
}

static void check_name(const char *normal)
{
    char again[DNS_NAME_MAX + 1], read[WIRE_NAME_TEXT];
    unsigned char octets[DNS_NAME_MAX + 3];
    expect(dns_name_normal(normal, again) && strcmp(normal, again) == 0);
    struct wire wire = {octets, to_wire(normal, octets)};
    size_t at = 0;
    expect(wire_name(&wire, &at, WIRE_ASKED, read) && strcmp(normal, read) == 0);
    expect(at == wire.len);
    at = 0;
    expect(wire_skip_name(&wire, &at) && at == wire.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = mem_strndup((const char *)data, size);
    char normal[DNS_NAME_MAX + 1], joined[DNS_NAME_MAX + 1], reverse[DNS_REVERSE_MAX];
    struct addr address;
    if (dns_name_normal(text, normal))
        check_name(normal);
    if (dns_name_join("1.2.0.192", text, joined))
        expect(strlen(joined) == strlen(text) + 10);
    else
        expect(strlen(text) + 10 > DNS_NAME_MAX);
    if (addr_parse_ip(text, &address)) {
        dns_name_reverse(&address, reverse);
        expect(dns_name_normal(reverse, normal));
        dns_name_arpa(&address, normal);
        check_name(normal);
    }
    free(text);
    return 0;
}
