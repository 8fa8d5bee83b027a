/* SPDX-License-Identifier: ISC */
/*
 * session_backend: the session's backend connection between its transactions.
 *
 * A connection that has carried a transaction stays with the session, since the backend's view of
 * this client cannot go wrong there; with reuse = yes it goes to the worker's pool instead, where
 * others may use it. One on which the client authenticated stays until the session ends and is
 * never given to anybody else.
 */
#include "proxy/session_int.h"

/* Is a backend told, or found by, the address that the client dialled? Else it is not asked for. */
static bool needs_server(const struct config *config)
{
    for (size_t i = 0; i < config->backend_count; i++) {
        enum client_address mode = config->backend[i].client_address;
        if (config->backend[i].original ||
            (mode != CLIENT_ADDRESS_NONE && mode != CLIENT_ADDRESS_XFORWARD))
            return true;
    }
    return false;
}

struct client_view session_view(struct session *s)
{
    if (s->server.family == AF_UNSPEC && needs_server(session_config(s)))
        s->server = io_local(s->io);
    struct client_view view = {
        .client = s->client,
        .server = s->server,
        .helo = s->helo,
        .ident = s->id,
        .esmtp = s->esmtp,
    };
    return view;
}

/* It broke or spoke while nothing was asked: it is of no more use. */
static void on_idle_conn(struct backend_conn *conn, enum backend_event event, int tag,
                         const struct backend_reply *reply, void *arg)
{
    struct session *s = arg;
    (void)tag;
    (void)reply;
    if (event != BACKEND_FAULT && event != BACKEND_REPLY)
        return;
    session_forget_conn(s);
    backend_conn_free(conn);
}

void session_forget_conn(struct session *s)
{
    s->conn = NULL;
    s->conn_dirty = false;
    s->conn_tainted = false;
    s->conn_messages = 0;
}

void session_give_up(struct session *s, const char *why)
{
    if (s->txn != NULL && s->txn->delivery != NULL)
        delivery_give_up(s->txn->delivery, why);
    else
        cmd_auth_give_up(s, why);
}

void session_release_conn(struct session *s)
{
    struct backend_conn *conn = s->conn;
    if (conn == NULL)
        return;
    if (s->conn_tainted || s->conn_bound)
        backend_conn_quit(conn);
    else
        pool_put(worker_pool(s->worker), conn, s->conn_dirty, s->conn_messages);
    session_forget_conn(s);
}

static void keep_conn(struct session *s, struct backend_conn *conn, bool dirty, size_t messages)
{
    const struct backend_config *backend = &session_config(s)->backend[backend_conn_backend(conn)];
    s->conn = conn;
    s->conn_dirty = dirty;
    s->conn_messages = messages;
    if (backend->reuse && !s->conn_tainted && !s->conn_bound)
        session_release_conn(s);
    else
        backend_conn_set_owner(conn, on_idle_conn, s);
}

void session_end_transaction(struct session *s)
{
    struct transaction *txn = s->txn;
    if (txn == NULL)
        return;
    session_log_transaction(s);
    session_record_transaction(s);
    trial_reset(s->trial);
    s->judged = true;
    bool dirty = false;
    size_t messages = 0;
    struct backend_conn *conn = delivery_free(txn->delivery, &dirty, &messages);
    txn->delivery = NULL;
    s->txn = NULL;
    transaction_free(txn);
    if (conn != NULL)
        keep_conn(s, conn, dirty, messages);
}

void session_open_delivery(struct session *s, delivery_fn answer)
{
    struct transaction *txn = s->txn;
    const struct client_view view = session_view(s);
    if (s->conn != NULL && !s->conn_bound &&
        (backend_conn_backend(s->conn) != txn->backend || !backend_conn_same_view(s->conn, &view)))
        session_release_conn(s);
    const struct delivery_request request = {
        .loop = worker_loop(s->worker),
        .pool = worker_pool(s->worker),
        .setup = s->setup,
        .backend = txn->backend,
        .view = &view,
        .advertised = s->backend_bits,
        .conn = s->conn,
        .dirty = s->conn_dirty,
        .bound = s->conn_bound,
        .messages = s->conn_messages,
        .mail = txn->mail,
    };
    bool tainted = s->conn_tainted;
    session_forget_conn(s);
    s->conn_tainted = tainted && request.conn != NULL; /* it comes back after the transaction */
    txn->delivery = delivery_new(&request, answer, s);
}
