/* SPDX-License-Identifier: ISC */
/*
 * Fuzz target of policy/name_pattern and policy/domain_form: any name beside any address. Case has
 * no say; what is held stays held when a label is appended; an address written into the name is
 * found there in each of its forms; a name has one form, and what is special is a name's end.
 *
 * Input: one octet that chooses, 4 or 16 of the address, the name.
 */
#include "policy/name_pattern.h"

#include "dns/dns.h"
#include "policy/domain_form.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
    if (!truth)
        abort();
}

static struct name_pattern *built_in(void)
{
    static struct name_pattern *patterns;
    size_t index;
    char *why;
    if (patterns == NULL)
        patterns = name_pattern_new(NULL, 0, &index, &why);
    require(patterns != NULL);
    return patterns;
}

static void turn_case(char *name)
{
    for (; *name != '\0'; name++) {
        if (*name >= 'a' && *name <= 'z')
            *name = (char)(*name - 'a' + 'A');
        else if (*name >= 'A' && *name <= 'Z')
            *name = (char)(*name - 'A' + 'a');
    }
}

static void check_form(const char *name)
{
    struct addr literal;
    switch (domain_form(name, &literal)) {
    case DOMAIN_WRONG:
    case DOMAIN_SHORT:
    case DOMAIN_FULL:
        require(literal.family == AF_UNSPEC);
        break;
    case DOMAIN_ADDRESS:
    case DOMAIN_LITERAL:
        require(literal.family != AF_UNSPEC);
        break;
    }
    (void)domain_form_special(name);
}

/* The name with the address in front of it, in one of the forms that are promised. */
static void check_written(const char *name, const struct addr *address, unsigned which)
{
    char text[2 * DNS_NAME_MAX];
    char ip[ADDR_TEXT_MAX];
    const uint8_t *o = address->ip;
    (void)addr_ip_text(address, ip);
    for (char *p = ip; *p != '\0'; p++)
        if (*p == ':')
            *p = '-';
    switch (address->family == AF_INET ? which % 4 : 4) {
    case 0:
        snprintf(text, sizeof text, "ip-%u-%u-%u-%u.%s", o[0], o[1], o[2], o[3], name);
        break;
    case 1:
        snprintf(text, sizeof text, "ip%u.%u.%u.%u.%s", o[3], o[2], o[1], o[0], name);
        break;
    case 2:
        snprintf(text, sizeof text, "x%02x%02X%02x%02X.%s", o[0], o[1], o[2], o[3], name);
        break;
    case 3:
        snprintf(text, sizeof text, "x%03u%03u%03u%03u.%s", o[0], o[1], o[2], o[3], name);
        break;
    default:
        snprintf(text, sizeof text, "ip-%s.%s", ip, name);
        break;
    }
    require(name_holds_address(text, address));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct addr address = {.family = AF_INET};
    char name[DNS_NAME_MAX + 8] = "";
    if (size < 1 || size - 1 < (data[0] & 1 ? 16 : 4))
        return 0;
    size_t octets = data[0] & 1 ? 16 : 4;
    address.family = data[0] & 1 ? AF_INET6 : AF_INET;
    memcpy(address.ip, data + 1, octets);
    size_t len = size - 1 - octets;
    memcpy(name, data + 1 + octets, len < DNS_NAME_MAX + 1 ? len : DNS_NAME_MAX + 1);

    check_form(name);
    bool holds = name_holds_address(name, &address);
    const char *found = name_pattern_match(built_in(), name);
    require(found == NULL || strlen(name) <= DNS_NAME_MAX);
    check_written(name, &address, data[0] >> 1);
    turn_case(name);
    require(name_holds_address(name, &address) == holds);
    require(name_pattern_match(built_in(), name) == found);
    if (holds && strlen(name) + 2 <= DNS_NAME_MAX) {
        memcpy(name + strlen(name), ".x", 3);
        require(name_holds_address(name, &address));
    }
    return 0;
}
