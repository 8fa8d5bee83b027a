/* SPDX-License-Identifier: ISC */
/*
 * cmd_hello: HELO and EHLO (RFC 5321 4.1.1.1), and what EHLO advertises.
 *
 * Promises: only what Gatepost and the backends can do is advertised, by an allow-list; CHUNKING,
 * PIPELINING and LIMITS are our own, since Gatepost does them whatever the backend can. The line
 * with the process' token lets a Gatepost that dials itself see it.
 */
#include "proxy/session_int.h"

#include "lib/io.h"
#include "lib/mem.h"
#include "proxy/path.h"

#include <stdlib.h>
#include <string.h>

static bool auth_allowed(const struct session *s)
{
    switch (s->listen->auth) {
    case LISTEN_AUTH_NO:
        return false;
    case LISTEN_AUTH_TLS:
        return s->tls;
    case LISTEN_AUTH_PLAIN:
        return true;
    }
    return false;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    if (a == 0 || b == 0)
        return a + b; /* 0: no limit */
    return a < b ? a : b;
}

/* The backends' common offer becomes ours. */
static struct capability offer(struct session *s)
{
    const struct limits_config *limits = &session_config(s)->limits;
    struct capability cap = setup_offer(s->setup, s->listen, &s->server);
    const unsigned passed = CAP_8BITMIME | CAP_ENHANCEDSTATUSCODES | CAP_DSN | CAP_SMTPUTF8 |
                            CAP_DELIVERBY | CAP_MT_PRIORITY | CAP_RRVS | CAP_NO_SOLICITING;
    s->backend_bits = cap.bits;
    cap.size = least(limits->message_size, (cap.bits & CAP_SIZE) ? cap.size : 0);
    cap.bits = (cap.bits & passed) | CAP_PIPELINING | CAP_SIZE | CAP_CHUNKING | CAP_LIMITS;
    if (!(cap.bits & CAP_8BITMIME))
        cap.bits &= ~(unsigned)CAP_SMTPUTF8; /* RFC 6531 3.1: both or none */
    cap.rcpt_max = (uint32_t)least(limits->recipients, cap.rcpt_max);
    if (s->setup->tls != NULL && !s->tls)
        cap.bits |= CAP_STARTTLS;
    if (cap.auth != 0 && auth_allowed(s) && !s->authenticated)
        cap.bits |= CAP_AUTH;
    else
        cap.auth = 0;
    if (cidr_set_match(&s->listen->xclient_from, &s->client))
        cap.bits |= CAP_XCLIENT;
    return cap;
}

static void reply_ehlo(struct session *s)
{
    struct buf lines = {0};
    struct buf out = {0};
    capability_print(&s->offered, &lines);
    buf_printf(&out, "250-%s %s\r\n", session_config(s)->hostname, s->setup->server->token);
    const char *line = buf_data(&lines);
    const char *stop = line + buf_len(&lines);
    while (line < stop) {
        const char *end = memchr(line, '\n', (size_t)(stop - line));
        buf_add(&out, end + 1 < stop ? "250-" : "250 ", 4);
        buf_add(&out, line, (size_t)(end - line));
        buf_add(&out, "\r\n", 2);
        line = end + 1;
    }
    io_write(s->io, buf_data(&out), buf_len(&out));
    buf_free(&lines);
    buf_free(&out);
}

static void hello(struct session *s, const char *args, size_t len, bool esmtp)
{
    if (!path_helo_ok(args, len)) {
        session_reply(s, REPLY_BAD_HELO, NULL);
        return;
    }
    session_end_transaction(s);
    free(s->helo);
    s->helo = mem_strndup(args, len);
    s->esmtp = esmtp;
    trial_helo(s->trial, s->helo);
    if (session_tarpit(s, TARPIT_EHLO))
        return;
    s->offered = offer(s);
    if (esmtp) {
        reply_ehlo(s);
    } else {
        s->offered.bits = 0; /* HELO: no extensions */
        s->backend_bits = 0;
        session_reply(s, REPLY_HELO, session_config(s)->hostname);
    }
}

void cmd_ehlo(struct session *s, const char *args, size_t len)
{
    hello(s, args, len, true);
}

void cmd_helo(struct session *s, const char *args, size_t len)
{
    hello(s, args, len, false);
}
