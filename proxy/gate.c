/* SPDX-License-Identifier: ISC */
/*
 * gate: the one door from the proxy to the policy.
 *
 * The session asks here and nowhere else, so that what decides can grow without what moves bytes
 * knowing. Today the relay rule answers (policy/relay.h).
 */
#include "proxy/gate.h"

#include "policy/relay.h"

#include <stdio.h>

bool gate_client_trusted(const struct config *config, const struct addr *client)
{
    return relay_client_trusted(config->relay, client);
}

bool gate_recipient(const struct config *config, const struct path *path, bool trusted,
                    char domain[static PATH_DOMAIN_MAX + 1], enum reply *reply)
{
    /* A domain that has no normal form is nobody's: it takes the default route, if any. */
    if (!relay_domain_normal(path_domain(path), domain, PATH_DOMAIN_MAX + 1))
        domain[0] = '\0';
    switch (relay_judge(config->relay, path->text, path->local_len, path_domain(path), trusted)) {
    case RELAY_OWN:
    case RELAY_TRUSTED:
        return true;
    case RELAY_DENIED:
        *reply = REPLY_RELAY_DENIED;
        return false;
    case RELAY_SUSPICIOUS:
        *reply = REPLY_ROUTED_LOCAL_PART;
        return false;
    case RELAY_NO_SUCH:
        *reply = REPLY_NO_SUCH_RECIPIENT;
        return false;
    }
    *reply = REPLY_FAULT;
    return false;
}
