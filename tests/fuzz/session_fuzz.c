/* SPDX-License-Identifier: ISC */
/*
 * Fuzz target of the whole session: a real session on the rig of the unit tests, the input plays
 * the client, the backends, the network and the clock.
 *
 * The first octet chooses the configuration (enum mode). Then come events, each 0xFE and a letter,
 * with octets up to the next 0xFE where the letter takes any:
 *   c OCTETS the client says them        b OCTETS the backend dialled last says them
 *   a the backend answers all it owes    s the client's TLS handshake
 *   x the client leaves                  y the backend closes
 *   r the next dial is refused           t OCTET time passes, 2^(OCTET mod 20) ms
 *   d the service stops
 *   n OCTET DNS answers: 1 lists the client, 2 names it, 4 knows the sender's domain, 8 lists it
 * for the tarpit, 16 says that it may not send for c.example, 32 that c.example rejects what fails
 * DMARC, 64 knows a key of c.example
 *
 * What must hold, checked by a model of the backend: a message is told to be accepted only where
 * the backend said 2xx after its end of data; what a backend hears is whole command lines it knows
 * and messages without a bare CR, LF or NUL, in each of which one field bears our authserv-id:
 * ours; the client hears well-formed replies only; the session comes to rest after each event, and
 * gives everything back.
 */
#include "tests/unit/support/session_rig.h"

#include <stdint.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MARK   0xFE
#define OWED   128 /* replies a backend may owe */
#define EVENTS 400
#define HEADER 16384 /* octets of a message that are looked at */

#define INPUT_MOST 6000 /* longer ones find nothing that these do not */

enum mode { /* bits of the first octet */
            MODE_TLS = 1,
            MODE_IMPLICIT = 2,
            MODE_PROXY = 4,
            MODE_TRUSTED = 8, /* AUTH in the clear, XCLIENT */
            MODE_REUSE = 16,
            MODE_NORMALIZE = 32,
            MODE_NAMED = 64,     /* client-address is not none, as the next says */
            MODE_PROXY_V2 = 128, /* without MODE_NAMED: the checks are on */
};

static const char offer[] = "250-b.example\r\n250-PIPELINING\r\n250-SIZE 60000\r\n250-8BITMIME\r\n"
                            "250-ENHANCEDSTATUSCODES\r\n250-DSN\r\n250-SMTPUTF8\r\n250-CHUNKING\r\n"
                            "250-XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT\r\n"
                            "250 AUTH PLAIN LOGIN\r\n";

enum owed { OWED_BANNER, OWED_EHLO, OWED_ANY, OWED_DATA, OWED_AUTH, OWED_END };

struct model { /* what a backend has understood */
    struct buf heard;
    struct buf said; /* an unfinished reply */
    struct buf text; /* the message as it comes, its first octets */
    enum owed owed[OWED];
    size_t first;
    size_t count;
    uint64_t chunk; /* octets of BDAT still to come */
    bool header;    /* the PROXY header is still to come */
    bool in_text;   /* after 354 */
    bool auth;      /* the next line is one of the AUTH dialogue */
    bool broken;    /* it has said what nobody asked for: no more is expected of us */
    char last;      /* octet of the text */
    size_t dot;     /* how much of CRLF.CRLF stands */
};

struct play {
    struct rig rig;
    struct model model[RIG_BACKENDS];
    size_t accepted; /* 2xx after an end of data */
    size_t told;     /* to the client, after a 354 */
    bool awaiting;   /* the client waits for the reply to its message */
    bool deaf;       /* a failed handshake has eaten some of what was said */
};

/* Says what does not hold, and stops. */
static void fails(const char *what, int line)
{
    fprintf(stderr, "session_fuzz.c:%d: not so: %s\n", line, what);
    abort();
}
#define require(truth) ((truth) ? (void)0 : fails(#truth, __LINE__))

static struct config *make_config(unsigned mode)
{
    const char *listen =
        mode & MODE_TRUSTED ? "auth = plain xclient-from = {\"198.51.100.7\"}" : "";
    char *all = mem_printf("%s%s", listen,
                           mode & MODE_PROXY ? " proxy-protocol-from = {\"198.51.100.7\"}" : "");
    const char *address = "none";
    if (mode & MODE_NAMED)
        address = mode & MODE_PROXY_V2 ? "proxy-v2" : "xclient";
    char *backend =
        mem_printf("client-address = %s reuse = %s", address, mode & MODE_REUSE ? "yes" : "no");
    bool judged = (mode & MODE_PROXY_V2) && !(mode & MODE_NAMED);
    char *extra = mem_printf(
        "bare-newline = %s limits { message-size = 64K header-size = 4K received = 5 errors-soft = "
        "3 "
        "errors-hard = 8 junk-commands = 12 memory-message = 4K }\n%s",
        mode & MODE_NORMALIZE ? "normalize" : "reject",
        judged ? "pregreet { wait = 2s }\npipelining { }\ncommands { }\nnewlines { }\nhangup { }\n"
                 "client-limits { messages = 6 recipients = 12 failed-logins = 2 }\n"
                 "reverse-dns { }\nhelo { }\nsender-domain { }\n"
                 "spf { }\ndkim { }\narc { }\ndmarc { }\nheader { }\n"
                 "dnsbl \"bl.example\" { codes = {\"127.0.0.2=5\", \"127.0.0.9=20\"} listed = off "
                 "clean = off }\nrhsbl \"rhs.example\" { listed = off clean = off }\n"
               : "client-limits { failed-logins = 2 }\n");
    struct config *config = rig_config(all, backend, extra);
    config->listen[0].implicit_tls = (mode & MODE_TLS) && (mode & MODE_IMPLICIT);
    free(all);
    free(backend);
    free(extra);
    return config;
}

/* ---- the backend's understanding ---- */

static void owe(struct model *m, enum owed what)
{
    require(m->count < OWED);
    m->owed[(m->first + m->count++) % OWED] = what;
}

static bool starts(const char *line, size_t len, const char *word)
{
    size_t n = strlen(word);
    return len >= n && memcmp(line, word, n) == 0;
}

/* One command line of ours, without its CRLF. */
static void hear_line(struct model *m, const char *line, size_t len)
{
    static const char *const any[] = {"MAIL FROM:<", "RCPT TO:<", "RSET", "QUIT", "XCLIENT "};
    unsigned long long octets;
    char tail[8] = "";
    char copy[64];
    require(memchr(line, '\r', len) == NULL && memchr(line, '\0', len) == NULL);
    snprintf(copy, sizeof copy, "%.*s", (int)len, line);
    if (m->auth || starts(line, len, "AUTH ")) {
        m->auth = false;
        owe(m, OWED_AUTH);
    } else if (starts(line, len, "EHLO ")) {
        owe(m, OWED_EHLO);
    } else if (strcmp(copy, "DATA") == 0) {
        owe(m, OWED_DATA);
    } else if (sscanf(copy, "BDAT %llu %7s", &octets, tail) == 2 && strcmp(tail, "LAST") == 0) {
        require(octets > 0); /* our Received field at least */
        m->chunk = octets;
        m->last = 0;
    } else {
        bool known = false;
        for (size_t i = 0; i < sizeof any / sizeof any[0]; i++)
            known = known || starts(line, len, any[i]);
        require(known);
        owe(m, OWED_ANY);
    }
}

/* No bare CR, bare LF or NUL. */
static void hear_octet(struct model *m, char c)
{
    require(c != '\0');
    require((c == '\n') == (m->last == '\r'));
    m->last = c;
    if (buf_len(&m->text) < HEADER)
        buf_add(&m->text, &c, 1);
}

/* A message is through: what claims to be ours in its header section is. */
static void hear_end(struct model *m)
{
    static const char ours[] = "Authentication-Results: mx.example.org";
    size_t found = 0;
    size_t field = 0; /* how many began before this line */
    buf_add(&m->text, "", 1);
    for (const char *line = buf_data(&m->text); line != NULL && line[0] != '\r';) {
        if (strncasecmp(line, ours, sizeof ours - 1) == 0 &&
            strchr(" ;\r", line[sizeof ours - 1])) {
            found++;
            require(field <= 1); /* below Received, or above it where the text begins folded */
        }
        field += line[0] != ' ' && line[0] != '\t';
        line = strstr(line, "\r\n");
        line = line != NULL ? line + 2 : NULL;
    }
    require(found == 1);
    buf_free(&m->text);
}

/* Message text until its end; returns how many octets it took. */
static size_t hear_text(struct model *m, const char *data, size_t len)
{
    static const char end[] = "\r\n.\r\n";
    for (size_t i = 0; i < len; i++) {
        hear_octet(m, data[i]);
        m->dot = data[i] == end[m->dot] ? m->dot + 1 : data[i] == '\r';
        if (m->dot == sizeof end - 1) {
            m->in_text = false;
            hear_end(m);
            owe(m, OWED_END);
            return i + 1;
        }
    }
    return len;
}

static size_t hear_chunk(struct model *m, const char *data, size_t len)
{
    if (len > m->chunk)
        len = (size_t)m->chunk;
    for (size_t i = 0; i < len; i++)
        hear_octet(m, data[i]);
    m->chunk -= len;
    if (m->chunk == 0) {
        require(m->last != '\r');
        hear_end(m);
        owe(m, OWED_END);
    }
    return len;
}

/* Takes one piece off the front; false: it is not whole yet. */
static bool hear_piece(struct model *m, struct buf *heard)
{
    const char *data = buf_data(heard);
    size_t len = buf_len(heard);
    if (m->header) {
        if (len < 16)
            return false;
        size_t all = 16 + (size_t)(unsigned char)data[14] * 256 + (unsigned char)data[15];
        require(memcmp(data, "\r\n\r\n\0\r\nQUIT\n", 12) == 0 && len >= all);
        m->header = false;
        buf_consume(heard, all);
    } else if (m->in_text) {
        buf_consume(heard, hear_text(m, data, len));
    } else if (m->chunk > 0) {
        buf_consume(heard, hear_chunk(m, data, len));
    } else {
        const char *end = memchr(data, '\n', len);
        if (end == NULL)
            return false;
        require(end > data && end[-1] == '\r');
        hear_line(m, data, (size_t)(end - data) - 1);
        buf_consume(heard, (size_t)(end - data) + 1);
    }
    return true;
}

static void hear(struct play *p)
{
    for (size_t i = 0; i < p->rig.backends; i++) {
        struct buf *heard = &p->rig.backend[i].heard;
        while (buf_len(heard) > 0 && !p->model[i].broken && hear_piece(&p->model[i], heard))
            ;
    }
}

/* A whole reply of the backend is on its way to us: what it means. */
static void meant(struct play *p, struct model *m, int code)
{
    if (m->count == 0) {
        m->broken = true; /* unasked */
        return;
    }
    enum owed what = m->owed[m->first];
    m->first = (m->first + 1) % OWED;
    m->count--;
    if (what == OWED_DATA && code == 354) {
        m->in_text = true;
        m->dot = 2; /* as after a CRLF */
        m->last = 0;
    } else if (what == OWED_AUTH && code == 334) {
        m->auth = true;
    } else if (what == OWED_END && code / 100 == 2) {
        p->accepted++;
    }
}

static void backend_says(struct play *p, size_t i, const char *data, size_t len)
{
    struct model *m = &p->model[i];
    buf_add(&m->said, data, len);
    while (!m->broken && buf_len(&m->said) > 0) {
        struct backend_reply reply;
        size_t used;
        const char *why = NULL;
        enum backend_reply_result result =
            backend_reply_parse(buf_data(&m->said), buf_len(&m->said), &reply, &used, &why);
        if (result == BACKEND_REPLY_MORE)
            break;
        if (result == BACKEND_REPLY_MALFORMED)
            m->broken = true;
        else
            meant(p, m, reply.code);
        backend_reply_clear(&reply);
        buf_consume(&m->said, used);
    }
    rig_backend_send(&p->rig.backend[i], data, len);
}

static void backend_answers(struct play *p, size_t i)
{
    struct model *m = &p->model[i];
    static const char *const answers[] = {
        [OWED_BANNER] = "220 b.example ESMTP\r\n", [OWED_EHLO] = offer,
        [OWED_ANY] = "250 2.0.0 yes\r\n",          [OWED_DATA] = "354 go\r\n",
        [OWED_AUTH] = "235 2.7.0 welcome\r\n",     [OWED_END] = "250 2.0.0 queued\r\n",
    };
    for (size_t n = m->count; n > 0 && !m->broken && m->count > 0; n--) {
        const char *answer = answers[m->owed[m->first]];
        backend_says(p, i, answer, strlen(answer));
    }
}

/* ---- the client's understanding ---- */

static void client_hears(struct play *p)
{
    struct buf *said = &p->rig.said;
    while (buf_len(said) > 0 && !p->deaf) {
        struct backend_reply reply;
        size_t used;
        const char *why = NULL;
        enum backend_reply_result result =
            backend_reply_parse(buf_data(said), buf_len(said), &reply, &used, &why);
        require(result != BACKEND_REPLY_MALFORMED);
        if (result == BACKEND_REPLY_MORE)
            return;
        if (p->awaiting && reply.code / 100 == 2)
            require(++p->told <= p->accepted);
        p->awaiting = reply.code == 354;
        backend_reply_clear(&reply);
        buf_consume(said, used);
    }
}

/* ---- events ---- */

static void settle(struct play *p)
{
    for (size_t seen = p->rig.backends;; seen = p->rig.backends) {
        rig_run(&p->rig);
        hear(p);
        if (seen == p->rig.backends)
            break;
    }
    client_hears(p);
    if (rig_session(&p->rig) != NULL)
        require(rig_session(&p->rig)->messages <= p->accepted);
}

static void dns_answers(struct play *p, unsigned what)
{
    struct dns *dns = p->rig.worker.dns;
    if (what & 9)
        fake_dns_set(dns, DNS_A, "7.100.51.198.bl.example", what & 8 ? "127.0.0.9" : "127.0.0.2");
    if (what & 2)
        fake_dns_set(dns, DNS_PTR, "7.100.51.198.in-addr.arpa", "c.example");
    if (what & 4)
        fake_dns_set(dns, DNS_MX, "c.example", "10 mx.c.example");
    if (what & 4)
        fake_dns_set(dns, DNS_A, "mx.c.example", "198.51.100.9");
    if (what & 16)
        fake_dns_set(dns, DNS_TXT, "c.example", "v=spf1 -all exp=mx.c.example");
    if (what & 32)
        fake_dns_set(dns, DNS_TXT, "_dmarc.c.example", "v=DMARC1;p=reject");
    if (what & 64)
        fake_dns_set(dns, DNS_TXT, "s._domainkey.c.example",
                     "v=DKIM1;k=ed25519;p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
    fake_dns_run(dns);
}

static void event(struct play *p, char kind, const char *data, size_t len)
{
    size_t last = p->rig.backends - 1; /* only used where there is one */
    bool dialled = p->rig.backends > 0;
    if (kind == 'c')
        rig_client_send(&p->rig, data, len);
    else if (kind == 'b' && dialled)
        backend_says(p, last, data, len);
    else if (kind == 'a' && dialled)
        backend_answers(p, last);
    else if (kind == 'y' && dialled)
        rig_backend_close(&p->rig.backend[last]);
    else if (kind == 's')
        p->deaf = !rig_client_tls(&p->rig) || p->deaf;
    else if (kind == 'x')
        rig_client_close(&p->rig);
    else if (kind == 'r')
        p->rig.refuse++;
    else if (kind == 't' && len > 0)
        rig_pass(&p->rig, 1u << ((unsigned char)data[0] % 20));
    else if (kind == 'd' && rig_session(&p->rig) != NULL)
        session_drain(rig_session(&p->rig));
    else if (kind == 'n' && len > 0)
        dns_answers(p, (unsigned char)data[0]);
    settle(p);
}

static void play(struct play *p, const char *data, size_t size)
{
    settle(p);
    for (size_t events = 0; size > 1 && events < EVENTS; events++) {
        const char *next = memchr(data + 1, MARK, size - 1);
        size_t len = next != NULL ? (size_t)(next - data) : size;
        if ((unsigned char)data[0] == MARK && len > 1)
            event(p, data[1], data + 2, len - 2);
        data += len;
        size -= len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct config *config[256];
    static struct tls_server *tls;
    static struct loop *loop;
    static struct play p;
    if (size < 1 || size > INPUT_MOST)
        return 0;
    unsigned mode = data[0];
    if (loop == NULL) {
        loop = loop_new();
        tls = rig_tls();
    }
    if (config[mode] == NULL)
        config[mode] = make_config(mode);
    p = (struct play){.told = 0};
    for (size_t i = 0; i < RIG_BACKENDS; i++) {
        owe(&p.model[i], OWED_BANNER);
        p.model[i].header = (mode & MODE_NAMED) && (mode & MODE_PROXY_V2);
    }
    rig_setup(&p.rig, config[mode], mode & MODE_TLS ? tls : NULL, NULL);
    memset(p.rig.server->token, 't', sizeof p.rig.server->token - 1); /* the same each time */
    struct capability cap = {0};
    capability_parse(&cap, "b\nPIPELINING\nSIZE 60000\n8BITMIME\nENHANCEDSTATUSCODES\nDSN\n"
                           "SMTPUTF8\nCHUNKING\nAUTH PLAIN LOGIN");
    health_learn(p.rig.setup->health[0][0], &cap);
    rig_begin(&p.rig, loop, "198.51.100.7", SOCK_STREAM);
    play(&p, (const char *)data + 1, size - 1);
    if (rig_session(&p.rig) != NULL)
        session_kill(rig_session(&p.rig), "end of input");
    settle(&p);
    require(rig_delivered <= p.accepted);
    rig_end(&p.rig);
    for (size_t i = 0; i < RIG_BACKENDS; i++) {
        buf_free(&p.model[i].said);
        buf_free(&p.model[i].text);
    }
    return 0;
}
