/* SPDX-License-Identifier: ISC */
/*
 * options_backend: the sections backend "NAME" { ... }: the servers behind, how they are reached
 * and what they are told of the client.
 */
#include "proxy/options.h"

#include "lib/mem.h"
#include "lib/str.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define AT(member)   offsetof(struct backend_config, member)

#define SECOND 1000ULL
#define HOUR   (3600 * SECOND)

static const char *const balance_words[] = {"ordered", "round-robin", NULL};
static const char *const client_address_words[] = {"none",     "xclient", "xforward", "proxy-v1",
                                                   "proxy-v2", "tproxy",  NULL};
static const char *const tls_words[] = {"no", "may", "verify", NULL};

static const struct conf_row backend_rows[] = {
    {.name = "address",
     .type = CONF_STRINGS,
     .offset = AT(address_text),
     .count_offset = AT(address_text_count),
     .required = true,
     .help = "IP addresses with port, or \"original\": where the client dialled"},
    {.name = "domains",
     .type = CONF_STRINGS,
     .offset = AT(domain),
     .count_offset = AT(domain_count),
     .help = "recipient domains that go here; none: all that go nowhere else"},
    {.name = "balance",
     .type = CONF_ENUM,
     .offset = AT(balance),
     .initial = "ordered",
     .words = balance_words,
     .help = "which address is tried first"},
    {.name = "client-address",
     .type = CONF_ENUM,
     .offset = AT(client_address),
     .initial = "none",
     .words = client_address_words,
     .help = "how the backend learns the client's address"},
    {.name = "tls",
     .type = CONF_ENUM,
     .offset = AT(tls),
     .initial = "no",
     .words = tls_words,
     .help = "STARTTLS toward the backend: never, where offered, or verified"},
    {.name = "tls-ca-file",
     .type = CONF_PATH,
     .offset = AT(tls_ca_file),
     .help = "PEM file of the CAs that tls = verify trusts; none: the system's"},
    {.name = "tls-fingerprints",
     .type = CONF_STRINGS,
     .offset = AT(tls_fingerprint),
     .count_offset = AT(tls_fingerprint_count),
     .help = "SHA-256 of the certificates that tls = verify takes, instead of a CA"},
    {.name = "tls-name",
     .type = CONF_STRING,
     .offset = AT(tls_name),
     .help = "the name in the backend's certificate, sent as SNI"},
    {.name = "reuse",
     .type = CONF_BOOL,
     .offset = AT(reuse),
     .initial = "no",
     .help = "keep connections for later sessions"},
    {.name = "reuse-connections",
     .type = CONF_NUMBER,
     .offset = AT(reuse_connections),
     .initial = "20",
     .min = 1,
     .max = 10000,
     .help = "idle connections kept by each worker"},
    {.name = "reuse-age",
     .type = CONF_DURATION,
     .offset = AT(reuse_age),
     .initial = "5m",
     .min = SECOND,
     .max = 24 * HOUR,
     .help = "how long a connection is used at most"},
    {.name = "reuse-idle",
     .type = CONF_DURATION,
     .offset = AT(reuse_idle),
     .initial = "30s",
     .min = SECOND,
     .max = HOUR,
     .help = "how long an idle connection is kept"},
    {.name = "reuse-errors",
     .type = CONF_NUMBER,
     .offset = AT(reuse_errors),
     .initial = "5",
     .min = 1,
     .max = 100000,
     .help = "refusals heard on a connection before it is given up"},
    {.name = "reuse-messages",
     .type = CONF_NUMBER,
     .offset = AT(reuse_messages),
     .initial = "100",
     .min = 1,
     .max = 100000,
     .help = "messages over one connection"},
    {.name = "probe-interval",
     .type = CONF_DURATION,
     .offset = AT(probe_interval),
     .initial = "60s",
     .min = SECOND,
     .max = 24 * HOUR,
     .help = "between two looks at what the backend's EHLO offers"},
};

const struct conf_section options_backend = {.name = "backend",
                                             .many = true,
                                             .row = backend_rows,
                                             .rows = COUNT(backend_rows),
                                             .help = "a mail server behind"};

/* ---- addresses
 * ----------------------------------------------------------------------------------- */

static void check_addresses(struct options_check *c, const struct conf_part *part,
                            struct backend_config *backend)
{
    bool ordinary = false;
    backend->address = mem_alloc(backend->address_text_count * sizeof backend->address[0]);
    for (size_t i = 0; i < backend->address_text_count; i++) {
        struct addr address = {0};
        const char *text = backend->address_text[i];
        unsigned line = conf_line(part, "address", i);
        if (strcmp(text, "original") == 0) {
            backend->original = true;
            continue;
        }
        ordinary = true;
        if (addr_parse_port(text, &address))
            backend->address[backend->address_count++] = address;
        else
            conf_fault(c->conf, line,
                       "address \"%s\": give an IP address and port, such as \"127.0.0.1:10025\"; "
                       "names are not looked up",
                       text);
    }
    if (backend->original && ordinary)
        conf_fault(c->conf, conf_line(part, "address", 0),
                   "\"original\" stands beside other addresses; give either");
    if (backend->original)
        backend->address_count = 0;
}

static void check_domains(struct options_check *c, const struct conf_part *part,
                          struct backend_config *backend)
{
    for (size_t i = 0; i < backend->domain_count; i++) {
        char *normal = options_normal_domain(backend->domain[i]);
        if (normal == NULL) {
            conf_fault(c->conf, conf_line(part, "domains", i),
                       "domains: \"%s\" is not a domain; write \"example.org\" or \".example.org\"",
                       backend->domain[i]);
            continue;
        }
        free(backend->domain[i]);
        backend->domain[i] = normal;
    }
}

/* ---- TLS
 * ------------------------------------------------------------------------------------------ */

static bool has_trust(const struct backend_config *backend)
{
    return backend->tls_ca_file != NULL || backend->tls_fingerprint_count > 0;
}

/* The options that only mean something with another value of `tls`. */
static void check_tls_sense(struct options_check *c, const struct conf_part *part,
                            const struct backend_config *backend)
{
    unsigned line = conf_line(part, "tls", 0);
    bool verify = backend->tls == BACKEND_TLS_VERIFY;
    if (!verify && has_trust(backend))
        conf_fault(
            c->conf,
            conf_line(part, backend->tls_ca_file != NULL ? "tls-ca-file" : "tls-fingerprints", 0),
            "nothing is verified with tls = %s; set tls = verify", tls_words[backend->tls]);
    if (backend->tls == BACKEND_TLS_NO && backend->tls_name != NULL)
        conf_fault(c->conf, conf_line(part, "tls-name", 0),
                   "tls-name has no meaning with tls = no; set tls = may or verify");
    if (verify && backend->tls_name == NULL && backend->tls_fingerprint_count == 0)
        conf_fault(c->conf, line,
                   "tls = verify does not say whom to expect; add tls-name = \"NAME\" (in the "
                   "backend's certificate) or tls-fingerprints = {\"SHA-256\"}");
    if (verify && backend->tls_ca_file != NULL && backend->tls_fingerprint_count > 0)
        conf_warn(c->conf, conf_line(part, "tls-ca-file", 0),
                  "tls-ca-file has no effect beside tls-fingerprints; remove one");
}

static bool check_fingerprints(struct options_check *c, const struct conf_part *part,
                               const struct backend_config *backend)
{
    bool good = true;
    unsigned char digest[32];
    for (size_t i = 0; i < backend->tls_fingerprint_count; i++) {
        const char *text = backend->tls_fingerprint[i];
        if (str_hex_decode(digest, sizeof digest, text, strlen(text)))
            continue;
        good = false;
        conf_fault(c->conf, conf_line(part, "tls-fingerprints", i),
                   "tls-fingerprints: \"%s\" is not a SHA-256; give 64 hex digits, as openssl x509 "
                   "-fingerprint -sha256 prints them",
                   text);
    }
    return good;
}

static void make_tls(struct options_check *c, const struct conf_part *part,
                     struct backend_config *backend)
{
    bool good = check_fingerprints(c, part, backend);
    if (backend->tls_ca_file != NULL)
        good = options_check_file(c, "tls-ca-file", conf_line(part, "tls-ca-file", 0),
                                  backend->tls_ca_file) &&
               good;
    if (backend->tls == BACKEND_TLS_NO || !good)
        return;
    char *why = NULL;
    const struct tls_client_config settings = {
        .verify = backend->tls == BACKEND_TLS_VERIFY,
        .ca_file = backend->tls_ca_file,
        .pins = (const char *const *)backend->tls_fingerprint,
        .pin_count = backend->tls_fingerprint_count,
    };
    backend->tls_client = tls_client_new(&settings, &why);
    if (backend->tls_client == NULL)
        conf_fault(c->conf, conf_line(part, "tls", 0), "%s", why);
    free(why);
}

/* ---- what the backend is told -------------------------------------------------------------------
 */

static void check_client_address(struct options_check *c, const struct conf_part *part,
                                 const struct backend_config *backend)
{
    bool loopback = false;
    for (size_t i = 0; i < backend->address_count; i++)
        loopback = loopback || addr_is_loopback(&backend->address[i]);
    if (backend->client_address == CLIENT_ADDRESS_NONE && loopback)
        conf_warn(
            c->conf, conf_line(part, "client-address", 0),
            "client-address = none: the backend sees every client as 127.0.0.1 and trusts it: "
            "its own relay check is off; use xclient or proxy-v2");
}

void options_check_backend(struct options_check *c)
{
    for (size_t i = 0; i < c->config->backend_count; i++) {
        const struct conf_part *part = conf_part(c->conf, &options_backend, i);
        struct backend_config *backend = &c->config->backend[i];
        check_addresses(c, part, backend);
        check_domains(c, part, backend);
        check_tls_sense(c, part, backend);
        make_tls(c, part, backend);
        check_client_address(c, part, backend);
    }
}
