/* SPDX-License-Identifier: ISC */
/*
 * session_proxy: the PROXY header of a balancer in front (listen { proxy-protocol-from }).
 *
 * Promises: only peers named in the configuration are asked for a header; from then on limits,
 * lists and the log count the client it names, never the balancer. One that names no client
 * (LOCAL, UNKNOWN) or stays silent gets a banner and a dialogue but is never trusted: its
 * recipients are 450. A peer that closes without a header is a health check.
 */
#include "proxy/session_int.h"

#include "lib/io.h"
#include "proxy/proxy_header.h"

static void nameless(struct session *s)
{
    s->nameless = true;
    session_greet(s);
}

bool session_proxy_step(struct session *s)
{
    struct addr client;
    struct addr server;
    size_t len;
    size_t used = 0;
    const char *why = "";
    const char *data = io_data(s->io, &len);
    if (len == 0)
        return false;
    switch (proxy_header_parse(data, len, &client, &server, &used, &why)) {
    case PROXY_HEADER_MORE:
        return false;
    case PROXY_HEADER_OK:
        io_consume(s->io, used);
        s->client = client;
        s->server = server;
        session_greet(s);
        return true;
    case PROXY_HEADER_LOCAL:
        io_consume(s->io, used);
        nameless(s);
        return true;
    case PROXY_HEADER_INVALID:
        session_close(s, REPLY_BAD_PROXY, why);
        return false;
    }
    return false;
}

void session_proxy_timeout(struct session *s)
{
    nameless(s);
}
