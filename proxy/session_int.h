/* SPDX-License-Identifier: ISC */
#ifndef PROXY_SESSION_INT_H
#define PROXY_SESSION_INT_H
/* The session's inside, for the files that make it up: session.c (life, states, events),
 * session_input.c (lines and the command table), session_log.c, session_backend.c (its backend
 * connection) and one cmd_*.c for each large command. */

#include "proxy/backend_conn.h"
#include "proxy/capability.h"
#include "proxy/counters.h"
#include "proxy/delivery.h"
#include "proxy/gate.h"
#include "proxy/reply.h"
#include "proxy/session.h"
#include "proxy/transaction.h"

#include "lib/random.h"

#define SESSION_AUTH_LINE 12288 /* octets of an AUTH line with CRLF (RFC 4954 4) */

/*
 *            PROXY --+-> TLS (implicit)        DELAY <--> COMMAND
 *              |     |     |                               ^  |
 *              v     |     v                               |  v
 *            GREET --+--> COMMAND ---> TLS                AUTH <--> WAIT
 *                           |  ^
 *                           v  |
 *   WAIT <-- JUDGE <-- COMMAND --> DATA, BDAT --> WEIGH --> DELIVER --> COMMAND
 *
 * Any state may go to CLOSED.
 */
enum session_state {
    SESSION_PROXY,   /* the PROXY header of the balancer in front is awaited */
    SESSION_GREET,   /* the banner is held back; who talks now is no mail server */
    SESSION_TLS,     /* in the TLS handshake */
    SESSION_COMMAND, /* a command line is awaited */
    SESSION_JUDGE,   /* the verdict on a recipient is awaited; input rests */
    SESSION_WEIGH,   /* the verdict on a whole message is awaited; input rests */
    SESSION_WAIT,    /* the backend's answer to a command is awaited; input rests */
    SESSION_AUTH,    /* a line of the AUTH dialogue is awaited */
    SESSION_DATA,    /* the message's text is awaited */
    SESSION_BDAT,    /* a chunk's octets are awaited */
    SESSION_DELIVER, /* the backend's answer to the end of data is awaited */
    SESSION_DELAY,   /* a reply is held back, since the client errs too often */
    SESSION_CLOSED,  /* over; freed when the running callback returns */
};

struct session {
    LIST_ENTRY(session) link;
    struct worker *worker;
    struct setup *setup;
    const struct listen_config *listen;
    struct io *io;
    struct transaction *txn;   /* NULL: none is open */
    struct backend_conn *conn; /* ours between transactions, or NULL */
    struct dialler *dialler;   /* AUTH dials */
    struct trial *trial;       /* what the policy knows of the client; NULL before it is named */
    char *helo;
    char *auth_line; /* the AUTH command, while its backend is dialled */
    size_t conn_messages;
    size_t messages; /* delivered */
    size_t mails;    /* MAIL commands taken, for MAILMAX (RFC 9422) */
    uint64_t began;
    uint64_t chunk_left; /* octets of the BDAT chunk still to come */
    uint64_t chunk_size;
    uint64_t text_began; /* of DATA or BDAT, for the least rate */
    uint64_t text_octets;
    struct addr client;
    struct addr server;        /* where the client dialled */
    struct capability offered; /* as told in EHLO */
    unsigned backend_bits;     /* what the backends offered when we told it */
    unsigned errors;
    unsigned hurries; /* times it did not wait where it must */
    unsigned junk;
    enum session_state state : 8;
    bool esmtp : 1;
    bool tls : 1;
    bool trusted : 1;       /* an own network, or XCLIENT LOGIN */
    bool authenticated : 1; /* the backend said 235 */
    bool nameless : 1;      /* the proxy in front named no client */
    bool dropping : 1;      /* the rest of an overlong line is dropped */
    bool draining : 1;
    bool erred : 1;    /* the command now handled was an error */
    bool accepted : 1; /* a recipient of this client was accepted */
    bool judged : 1;   /* a line with the findings is in the log */
    bool conn_dirty : 1;
    bool conn_bound : 1;   /* AUTH succeeded on it */
    bool conn_tainted : 1; /* it saw AUTH: never given to others */
    bool chunk_last : 1;
    bool chunk_drop : 1; /* the chunk is read and dropped */
    char id[RANDOM_ID_LEN + 1];
};

/* session.c */
/* The one door between states; checks that the way exists. */
void session_enter(struct session *s, enum session_state state);
void session_reply(struct session *s, enum reply reply, const char *argument);
/* The same to the backend's words. */
void session_reply_backend(struct session *s, const struct backend_reply *reply);
/* The client closed its side, without QUIT. */
void session_client_left(struct session *s);
/* Says the reply, closes, and logs `reason`. */
void session_close(struct session *s, enum reply reply, const char *reason);
/* Closes with nothing more said, but lets the client read what was. */
void session_end(struct session *s, const char *reason);
/* The answer a command waited for has been given: goes on with the input. */
void session_resume(struct session *s);
/* What follows a reply: the error budget. */
void session_settle(struct session *s);
uint64_t session_now(const struct session *s);
const struct config *session_config(const struct session *s);
/* The client is known: its trial begins, and the dialogue. */
void session_greet(struct session *s);
/* Takes what there is of input, whatever the state. */
void session_input(struct session *s);

/* session_input.c: each takes one step and says whether another may follow. */
bool session_command_step(struct session *s);
const char *session_command_names(void);

/* session_backend.c */
struct client_view session_view(struct session *s);
/* The connection is gone, or not ours any more. */
void session_forget_conn(struct session *s);
/* No answer came in time: what was asked counts as a fault. */
void session_give_up(struct session *s, const char *why);
/* Ends the transaction, if any, with its log line, and keeps or gives back its connection. */
void session_end_transaction(struct session *s);
/* Gives back the connection, if any. */
void session_release_conn(struct session *s);
/* A new delivery for the open transaction, on the session's own connection where that fits. */
void session_open_delivery(struct session *s, delivery_fn answer);

/* session_judge.c */
/* A new trial for the client as it is known now. */
void session_open_trial(struct session *s);
/* False: it has too many connections, and the session is over. */
bool session_connection_allowed(struct session *s);
void session_banner(struct session *s);
void session_banner_or_wait(struct session *s);
bool session_greet_step(struct session *s); /* SESSION_GREET */
void session_greet_timeout(struct session *s);
/* Takes a hostile client to the tarpit, where it owes `stage`'s reply; true: the session is over.
 */
bool session_tarpit(struct session *s, enum tarpit_stage stage);
/* Counts one against the client's limits, or asks whether one more fits. False: *refusal says no.
 */
bool session_count(struct session *s, enum trial_count what, struct gate_refusal *refusal);
bool session_within(struct session *s, enum trial_count what, struct gate_refusal *refusal);
/* Asks for the verdict on txn->rcpt: cmd_rcpt_proceed() or cmd_rcpt_refused() follows, now or
 * later, or the tarpit. */
void session_judge_recipient(struct session *s);
/* Asks for the verdict on the message: cmd_data_judged() follows, now or later. */
void session_judge_message(struct session *s);
/* It sent on where it must wait for the reply to `verb`. */
void session_hurried(struct session *s, const char *verb);
/* Milliseconds that the reply to a fault is held back. */
uint64_t session_delay(const struct session *s);

/* session_log.c */
void session_log_connect(const struct session *s);
void session_log_transaction(const struct session *s);
void session_log_close(const struct session *s, const char *reason);
void session_log_fault(const struct session *s, const char *why);

/* session_record.c: decision records (policy/record.h), and what is counted of them. */
/* Who refused a recipient. */
enum refusal {
    REFUSED_JUDGED,  /* a verdict */
    REFUSED_RELAY,   /* not a domain of ours */
    REFUSED_UNKNOWN, /* nobody there, or a spamtrap */
    REFUSED_LIMIT,   /* a limit of the client's */
    REFUSED_FORM,    /* what was asked for cannot be, or not in this transaction */
    REFUSED_BACKEND,
    REFUSED_FAULT, /* the backend could not be asked */
};
void session_record_recipient(struct session *s, const char *address, enum refusal why);
/* Refused at connect by a limit; `reply`: what it was told, "" for nothing. */
void session_record_connection(struct session *s, const char *reply);
/* It is in the tarpit now. */
void session_record_tarpit(struct session *s, enum tarpit_stage stage);
/* At the end of the open transaction. */
void session_record_transaction(struct session *s);
void session_counted(const struct session *s, enum counter counter);

/* session_proxy.c */
bool session_proxy_step(struct session *s);
void session_proxy_timeout(struct session *s);

/* The commands (cmd_*.c): `args` is NUL-terminated, without the blanks around it. */
void cmd_ehlo(struct session *s, const char *args, size_t len);
void cmd_helo(struct session *s, const char *args, size_t len);
void cmd_mail(struct session *s, const char *args, size_t len);
void cmd_rcpt(struct session *s, const char *args, size_t len);
void cmd_data(struct session *s, const char *args, size_t len);
void cmd_bdat(struct session *s, const char *args, size_t len);
void cmd_auth(struct session *s, const char *args, size_t len);
void cmd_starttls(struct session *s, const char *args, size_t len);
void cmd_xclient(struct session *s, const char *args, size_t len);

/* The verdict on the recipient that txn->rcpt_line asks for: the backend is asked, or (false) it
 * has been refused all the same; or the verdict refuses it. */
bool cmd_rcpt_proceed(struct session *s);
void cmd_rcpt_refused(struct session *s, const struct gate_refusal *refusal);
bool cmd_data_step(struct session *s); /* SESSION_DATA */
bool cmd_bdat_step(struct session *s); /* SESSION_BDAT */
bool cmd_auth_step(struct session *s); /* SESSION_AUTH */
void cmd_auth_cancel(struct session *s);
/* Wipes what the client said to authenticate. */
void cmd_auth_forget(struct session *s);
/* The backend did not answer AUTH. */
void cmd_auth_give_up(struct session *s, const char *why);
/* The message is whole (DATA's dot, BDAT LAST): judge and deliver it. */
void cmd_data_finish(struct session *s);
/* The verdict on it; NULL: it passes. */
void cmd_data_judged(struct session *s, const struct gate_refusal *refusal);
/* The backend's answer to the message. */
void cmd_data_answer(struct session *s, enum delivery_answer answer,
                     const struct backend_reply *reply, const char *why);
/* Notes a block of message text; false: too slow or far too much, and the session is over. */
bool cmd_data_block(struct session *s, size_t len);
/* Opens the spool and the decoder of the message. */
void cmd_data_begin(struct session *s, bool dotted);
/* Where the decoder's output goes; `arg` is the session. */
void cmd_data_store(void *arg, const char *data, size_t len);

#endif
