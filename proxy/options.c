/* SPDX-License-Identifier: ISC */
/*
 * options: the options of the top level, log, relay and tls, and what they mean.
 *
 * The only file of proxy/ beside the gate that knows policy: it builds the relay rule, and asks it
 * for the one form of a domain name that all comparisons use. The other sections are in
 * options_listen.c, options_backend.c and options_limits.c.
 */
#include "proxy/options.h"

#include "lib/addr.h"
#include "lib/mem.h"
#include "policy/relay.h"
#include "proxy/privilege.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define AT(member)   offsetof(struct config, member)

#define REJECT_URL_MAX 200

static const char *const newline_words[] = {"reject", "normalize", NULL};
static const char *const mode_words[] = {"enforce", "observe", NULL};
static const char *const workers_words[] = {"auto", NULL};

static const struct conf_row top_rows[] = {
    {.name = "hostname",
     .type = CONF_STRING,
     .offset = AT(hostname),
     .required = true,
     .help = "our name in the banner, in EHLO and in Received, fully qualified"},
    {.name = "state-dir",
     .type = CONF_PATH,
     .offset = AT(state_dir),
     .initial = "/var/lib/gatepost",
     .restart = true,
     .help = "the directory of the message spool"},
    {.name = "user",
     .type = CONF_STRING,
     .offset = AT(user),
     .restart = true,
     .help = "whom to become after binding, when started as root"},
    {.name = "workers",
     .type = CONF_NUMBER,
     .offset = AT(workers_wanted),
     .initial = "auto",
     .max = 256,
     .words = workers_words,
     .restart = true,
     .help = "threads that carry sessions; auto or 0: one per CPU"},
    {.name = "bare-newline",
     .type = CONF_ENUM,
     .offset = AT(bare_newline),
     .initial = "reject",
     .words = newline_words,
     .help = "a CR or LF alone in a message: refuse it, or make it CRLF"},
    {.name = "mode",
     .type = CONF_ENUM,
     .offset = AT(mode),
     .initial = "enforce",
     .words = mode_words,
     .help = "act on verdicts, or only log what they would have been"},
    {.name = "reject-url",
     .type = CONF_STRING,
     .offset = AT(reject_url),
     .help = "a page told in replies that refuse; %i in it is the session's id"},
};

static const char *const format_words[] = {"text", "json", NULL};
static const char *const target_words[] = {"stderr", "syslog", "journal", NULL};
static const char *const level_words[] = {"error", "warning", "info", "debug", NULL};

static const struct conf_row log_rows[] = {
    {.name = "format",
     .type = CONF_ENUM,
     .offset = AT(log_format),
     .initial = "text",
     .words = format_words,
     .help = "how a log line is written"},
    {.name = "target",
     .type = CONF_ENUM,
     .offset = AT(log_target),
     .initial = "stderr",
     .words = target_words,
     .help = "where log lines go"},
    {.name = "level",
     .type = CONF_ENUM,
     .offset = AT(log_level),
     .initial = "info",
     .words = level_words,
     .help = "the least important level that is logged"},
};

static const struct conf_row relay_rows[] = {
    {.name = "domains",
     .type = CONF_STRINGS,
     .offset = AT(relay_domain),
     .count_offset = AT(relay_domain_count),
     .help = "own domains: \"example.org\", \".example.org\" (all below) or \"file:PATH\""},
    {.name = "networks",
     .type = CONF_NETWORKS,
     .offset = AT(relay_network),
     .help = "clients that may send to any domain"},
    {.name = "recipients-file",
     .type = CONF_PATH,
     .offset = AT(recipients_file),
     .help = "all valid recipients, one a line; others are refused early"},
};

static const char *const version_words[] = {"1.2", "1.3", NULL};

static const struct conf_row tls_rows[] = {
    {.name = "certificate",
     .type = CONF_PATHS,
     .offset = AT(certificate),
     .count_offset = AT(certificate_count),
     .required = true,
     .help = "PEM file, or a list of them, with the chain behind the leaf"},
    {.name = "key",
     .type = CONF_PATHS,
     .offset = AT(key),
     .count_offset = AT(key_count),
     .required = true,
     .help = "PEM file, or a list of them, one per certificate"},
    {.name = "min-version",
     .type = CONF_STRING,
     .offset = AT(tls_min_version),
     .initial = "1.2",
     .words = version_words,
     .help = "the oldest TLS that clients may speak"},
    {.name = "ciphers",
     .type = CONF_STRING,
     .offset = AT(tls_ciphers),
     .help = "cipher list for TLS 1.2, in OpenSSL's words; none: OpenSSL's own"},
};

const struct conf_section options_top = {
    .row = top_rows, .rows = COUNT(top_rows), .help = "the whole daemon"};
const struct conf_section options_log = {
    .name = "log", .row = log_rows, .rows = COUNT(log_rows), .help = "the log"};
const struct conf_section options_relay = {
    .name = "relay", .row = relay_rows, .rows = COUNT(relay_rows), .help = "who may send where"};
const struct conf_section options_tls = {
    .name = "tls", .row = tls_rows, .rows = COUNT(tls_rows), .help = "TLS toward clients"};

/* ---- helpers of all checks ---------------------------------------------------------------------
 */

/* One label of letters, digits and inner hyphens; returns its length, 0: none. */
static size_t label_length(const char *text)
{
    size_t len = 0;
    while (isalnum((unsigned char)text[len]) || (text[len] == '-' && len > 0))
        len++;
    return len > 0 && len <= 63 && text[len - 1] != '-' ? len : 0;
}

bool options_is_fqdn(const char *name)
{
    struct addr address;
    size_t labels = 0;
    const char *p = name;
    for (;; p++) {
        size_t len = label_length(p);
        if (len == 0)
            return false;
        p += len;
        labels++;
        if (*p != '.')
            break;
    }
    return *p == '\0' && labels >= 2 && strlen(name) <= 253 && !addr_parse_ip(name, &address);
}

char *options_normal_domain(const char *domain)
{
    char normal[256];
    const char *dot = domain[0] == '.' ? "." : "";
    if (!relay_domain_normal(domain + strlen(dot), normal, sizeof normal) || normal[0] == '\0')
        return NULL;
    return mem_printf("%s%s", dot, normal);
}

bool options_domain_is_foreign(const struct config *config, const char *domain)
{
    char inner[300];
    if (config->relay == NULL)
        return false;
    /* ".example.org" is all below it, so any name there stands for it. */
    snprintf(inner, sizeof inner, "%s%s", domain[0] == '.' ? "any" : "", domain);
    return relay_judge(config->relay, "postmaster", 10, inner, false) == RELAY_DENIED;
}

bool options_check_file(struct options_check *c, const char *option, unsigned line,
                        const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        if (errno == EACCES)
            conf_warn(c->conf, line,
                      "%s: %s may not be looked at by this user; check its directory", option,
                      path);
        else
            conf_fault(c->conf, line, "%s: %s: %s; give the path of a file that is there", option,
                       path, strerror(errno));
        return false;
    }
    if (!S_ISREG(status.st_mode)) {
        conf_fault(c->conf, line, "%s: %s is not a regular file; give the path of one", option,
                   path);
        return false;
    }
    if (access(path, R_OK) != 0)
        conf_warn(c->conf, line,
                  "%s: %s may not be read by this user; give it the right by group or ACL", option,
                  path);
    return true;
}

/* ---- the top level ------------------------------------------------------------------------------
 */

static void check_state_dir(struct options_check *c, const struct conf_part *top)
{
    const char *path = c->config->state_dir;
    struct stat status;
    unsigned line = conf_line(top, "state-dir", 0);
    if (path == NULL)
        return;
    if (stat(path, &status) != 0)
        conf_warn(c->conf, line, "state-dir %s: %s; create it, owned by the daemon's user", path,
                  strerror(errno));
    else if (!S_ISDIR(status.st_mode))
        conf_fault(c->conf, line, "state-dir %s is not a directory; give the path of one", path);
}

/* It goes into an SMTP reply: one word of printing ASCII, not too long. */
static void check_reject_url(struct options_check *c, const struct conf_part *top)
{
    const char *url = c->config->reject_url;
    bool ok = url == NULL || strlen(url) <= REJECT_URL_MAX;
    for (const char *p = url; ok && p != NULL && *p != '\0'; p++)
        ok = *p > ' ' && *p < 0x7f;
    if (!ok)
        conf_fault(
            c->conf, conf_line(top, "reject-url", 0),
            "reject-url is not a URL of at most %d ASCII characters without blanks; give one "
            "such as \"https://example.org/refused?id=%%i\"",
            REJECT_URL_MAX);
}

void options_check_top(struct options_check *c)
{
    const struct conf_part *top = conf_part(c->conf, &options_top, 0);
    const struct config *config = c->config;
    if (config->hostname != NULL && !options_is_fqdn(config->hostname))
        conf_fault(c->conf, conf_line(top, "hostname", 0),
                   "hostname \"%s\" is not fully qualified; give a name such as \"mx.example.org\"",
                   config->hostname);
    check_state_dir(c, top);
    check_reject_url(c, top);
    char *why = NULL;
    if (config->user != NULL && !privilege_user_ok(config->user, &why))
        conf_fault(c->conf, conf_line(top, "user", 0), "%s", why);
    free(why);
    if (config->listen_count == 0)
        conf_fault(
            c->conf, 0,
            "no listen section; add listen \"mx\" { address = {\"0.0.0.0:25\", \"[::]:25\"} }");
    if (config->backend_count == 0)
        conf_fault(c->conf, 0,
                   "no backend section; add backend \"main\" { address = {\"127.0.0.1:10025\"} }");
}

/* ---- relay --------------------------------------------------------------------------------------
 */

static void add_domain_file(struct options_check *c, const char *name, unsigned line)
{
    /* Relative to the configuration, like every file name. */
    const char *slash = strrchr(c->config->path, '/');
    int dir = name[0] != '/' && slash != NULL ? (int)(slash - c->config->path) + 1 : 0;
    char *path = mem_printf("%.*s%s", dir, c->config->path, name);
    char *why = NULL;
    if (options_check_file(c, "domains", line, path) &&
        !relay_add_domain_file(c->config->relay, path, &why))
        conf_fault(c->conf, line, "domains: %s", why);
    free(why);
    free(path);
}

static void add_domain(struct options_check *c, const char *text, unsigned line)
{
    const char *why = NULL;
    if (strncmp(text, "file:", 5) == 0)
        add_domain_file(c, text + 5, line);
    else if (!relay_add_domain(c->config->relay, text, &why))
        conf_fault(c->conf, line,
                   "domains: \"%s\": %s; write \"example.org\", \".example.org\" or \"file:PATH\"",
                   text, why);
}

static void check_networks(struct options_check *c, const struct conf_part *part)
{
    const struct cidr_set *networks = &c->config->relay_network;
    for (size_t i = 0; i < networks->count; i++) {
        const struct cidr *network = &networks->item[i];
        if (network->net.family == AF_UNSPEC)
            continue;
        if (network->bits == 0)
            conf_fault(c->conf, conf_line(part, "networks", i),
                       "networks: a network of all addresses is an open relay; list your own");
        else
            relay_add_network(c->config->relay, network);
    }
}

void options_check_relay(struct options_check *c)
{
    const struct conf_part *part = conf_part(c->conf, &options_relay, 0);
    struct config *config = c->config;
    char *why = NULL;
    config->relay = relay_new();
    for (size_t i = 0; i < config->relay_domain_count; i++)
        add_domain(c, config->relay_domain[i], conf_line(part, "domains", i));
    check_networks(c, part);
    if (config->recipients_file != NULL &&
        options_check_file(c, "recipients-file", conf_line(part, "recipients-file", 0),
                           config->recipients_file) &&
        !relay_add_recipient_file(config->relay, config->recipients_file, &why))
        conf_fault(c->conf, conf_line(part, "recipients-file", 0), "recipients-file: %s", why);
    free(why);
    if (config->relay_domain_count == 0)
        conf_warn(
            c->conf, conf_part_line(part),
            "relay has no domains: mail from outside is refused for every recipient; add relay "
            "{ domains = {\"example.org\"} }");
}

/* ---- tls ----------------------------------------------------------------------------------------
 */

void options_check_tls(struct options_check *c)
{
    const struct conf_part *part = conf_part(c->conf, &options_tls, 0);
    struct config *config = c->config;
    for (size_t i = 0; i < config->certificate_count; i++)
        options_check_file(c, "certificate", conf_line(part, "certificate", i),
                           config->certificate[i]);
    for (size_t i = 0; i < config->key_count; i++)
        options_check_file(c, "key", conf_line(part, "key", i), config->key[i]);
    if (config->certificate_count != config->key_count) {
        if (config->certificate_count > 0 && config->key_count > 0)
            conf_fault(c->conf, conf_line(part, "key", 0),
                       "%zu certificates but %zu keys; list one key per certificate, in the same "
                       "order",
                       config->certificate_count, config->key_count);
        return;
    }
    config->tls_pair = mem_alloc(config->key_count * sizeof config->tls_pair[0]);
    config->tls_pair_count = config->key_count;
    for (size_t i = 0; i < config->tls_pair_count; i++)
        config->tls_pair[i] =
            (struct tls_pair){.certificate = config->certificate[i], .key = config->key[i]};
}
