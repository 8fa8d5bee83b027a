/* SPDX-License-Identifier: ISC */
/*
 * identity: who a client is, for memory. The order is fixed: what a domain's owner has proven
 * before what a reverse name has, before the network that anybody's neighbour shares.
 *
 * Promises: pure; bounded by what the caller gives.
 */
#include "policy/identity.h"

#include "policy/org_domain.h"

#include <stdio.h>
#include <string.h>

#define BITS4 24
#define BITS6 64

static void add(struct identities *out, const char *text)
{
    if (out->count == IDENTITY_MOST || strlen(text) >= IDENTITY_SIZE)
        return;
    char *to = out->text[out->count];
    for (size_t i = 0; i <= strlen(text); i++)
        to[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + ('a' - 'A') : text[i]);
    for (size_t i = 0; i < out->count; i++) {
        if (strcmp(out->text[i], to) == 0)
            return;
    }
    out->count++;
}

static void add_domain(struct identities *out, const char *name)
{
    const char *domain = name != NULL && name[0] != '\0' ? org_domain(name) : NULL;
    if (domain != NULL)
        add(out, domain);
}

static void add_network(struct identities *out, const struct addr *client)
{
    struct addr net = {.family = client->family};
    unsigned bits = client->family == AF_INET6 ? BITS6 : BITS4;
    char address[ADDR_TEXT_MAX];
    char text[ADDR_TEXT_MAX + 4];
    if (client->family == AF_UNSPEC)
        return;
    memcpy(net.ip, client->ip, bits / 8);
    snprintf(text, sizeof text, "%s/%u", addr_ip_text(&net, address), bits);
    add(out, text);
}

void identity_of(const struct identity_facts *facts, struct identities *out)
{
    out->count = 0;
    add_domain(out, facts->spf_domain);
    if (!facts->dynamic)
        add_domain(out, facts->reverse);
    add_network(out, facts->client);
}
