/* SPDX-License-Identifier: ISC */
/*
 * cmd_starttls: STARTTLS (RFC 3207).
 *
 * Promises: nothing that came in plaintext outlives the handshake: what was pipelined behind the
 * command means 554 and the end (CVE-2011-0411), the rest (HELO, transaction, the backend's
 * connection) is forgotten and the dialogue starts over.
 */
#include "proxy/session_int.h"

#include "lib/io.h"

#include <stdlib.h>

void cmd_starttls(struct session *s, const char *args, size_t len)
{
    size_t unread;
    (void)args;
    (void)len;
    io_data(s->io, &unread);
    if (s->tls) {
        session_reply(s, REPLY_SEQUENCE, "TLS is active already");
    } else if (s->setup->tls == NULL) {
        session_reply(s, REPLY_NOT_IMPLEMENTED, NULL);
    } else if (unread > 0) {
        session_close(s, REPLY_TLS_INJECTION, "plaintext behind STARTTLS");
    } else {
        session_end_transaction(s);
        session_release_conn(s);
        free(s->helo);
        s->helo = NULL;
        if (s->authenticated) /* its trial believes it, too */
            session_open_trial(s);
        s->authenticated = false;
        s->conn_bound = false;
        session_reply(s, REPLY_START_TLS, NULL);
        session_enter(s, SESSION_TLS);
        io_start_tls_server(s->io, s->setup->tls);
    }
}
