/* SPDX-License-Identifier: ISC */
/*
 * cmd_xclient: XCLIENT of a trusted peer (Postfix XCLIENT_README): it names the client it speaks
 * for, and the dialogue starts over as if that client had just connected.
 *
 * Promises: believed only from xclient-from, advertised only there.
 */
#include "proxy/session_int.h"

#include "lib/io.h"
#include "lib/mem.h"
#include "proxy/xclient.h"

#include <stdlib.h>

static void become(struct session *s, const struct xclient *who)
{
    if (who->seen & XCLIENT_ADDR)
        s->client = who->addr;
    else if (who->seen & XCLIENT_PORT)
        s->client.port = who->addr.port;
    if (who->seen & XCLIENT_DESTADDR)
        s->server = who->dest;
    if (who->seen & XCLIENT_PROTO)
        s->esmtp = who->esmtp;
    free(s->helo);
    s->helo = NULL; /* the peer says EHLO for it next */
    s->authenticated = false;
    s->conn_bound = false; /* the connection is given back already */
    s->trusted =
        (who->seen & XCLIENT_LOGIN) != 0 || gate_client_trusted(session_config(s), &s->client);
}

void cmd_xclient(struct session *s, const char *args, size_t len)
{
    struct xclient who;
    const char *why = "";
    if (!cidr_set_match(&s->listen->xclient_from, &s->client)) {
        session_reply(s, REPLY_NOT_IMPLEMENTED, NULL);
    } else if (!xclient_parse(args, len, &who, &why)) {
        session_reply(s, REPLY_BAD_PARAMETER, why);
    } else {
        session_end_transaction(s);
        session_release_conn(s);
        become(s, &who);
        session_log_connect(s);
        session_open_trial(s);
        if (!session_connection_allowed(s))
            return;
        session_reply(s, REPLY_XCLIENT_OK, session_config(s)->hostname);
    }
}
