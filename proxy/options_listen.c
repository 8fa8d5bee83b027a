/* SPDX-License-Identifier: ISC */
/* options_listen: the sections listen "NAME" { ... }: where clients come in, and on what terms. */
#include "proxy/options.h"

#include "policy/policy.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define AT(member)   offsetof(struct listen_config, member)

static const char *const auth_words[] = {"no", "tls", "plain", NULL};

static const struct conf_row listen_rows[] = {
    {.name = "address",
     .type = CONF_ADDRESSES,
     .offset = AT(address),
     .count_offset = AT(address_count),
     .required = true,
     .help = "IP addresses with port; [::] is IPv6 only"},
    {.name = "proxy-protocol-from",
     .type = CONF_NETWORKS,
     .offset = AT(proxy_from),
     .help = "balancers that begin with a PROXY header, v1 or v2"},
    {.name = "xclient-from",
     .type = CONF_NETWORKS,
     .offset = AT(xclient_from),
     .help = "clients that may use XCLIENT"},
    {.name = "auth",
     .type = CONF_ENUM,
     .offset = AT(auth),
     .initial = "tls",
     .words = auth_words,
     .help = "offer AUTH never, under TLS, or always"},
    {.name = "auth-backend",
     .type = CONF_STRING,
     .offset = AT(auth_backend_name),
     .help = "the backend that checks passwords; none: the first"},
    {.name = "implicit-tls",
     .type = CONF_BOOL,
     .offset = AT(implicit_tls),
     .initial = "no",
     .help = "TLS from the first byte (port 465)"},
    {.name = "transparent",
     .type = CONF_BOOL,
     .offset = AT(transparent),
     .initial = "no",
     .help = "take connections to any address, as nftables tproxy diverts them"},
    {.name = "greylist-threshold",
     .type = CONF_DECIMAL,
     .offset = AT(greylist_threshold),
     .help = "instead of thresholds { greylist } on this listener"},
    {.name = "reject-threshold",
     .type = CONF_DECIMAL,
     .offset = AT(reject_threshold),
     .help = "instead of thresholds { reject } on this listener"},
    {.name = "tarpit-threshold",
     .type = CONF_DECIMAL,
     .offset = AT(tarpit_threshold),
     .help = "instead of thresholds { tarpit } on this listener"},
};

const struct conf_section options_listen = {.name = "listen",
                                            .many = true,
                                            .row = listen_rows,
                                            .rows = COUNT(listen_rows),
                                            .help = "a place where clients come in"};

/* What a listener wants of TLS that the file does not give. */
static void check_tls(struct options_check *c, const struct conf_part *part,
                      const struct listen_config *listen)
{
    bool has_tls = conf_part_line(conf_part(c->conf, &options_tls, 0)) != 0;
    if (listen->implicit_tls && !has_tls)
        conf_fault(c->conf, conf_line(part, "implicit-tls", 0),
                   "implicit-tls = yes, but there is no certificate; add tls { certificate = "
                   "\"mx.pem\" key = \"mx.key\" }");
    if (listen->auth == LISTEN_AUTH_TLS && conf_given(part, "auth") && !has_tls)
        conf_fault(c->conf, conf_line(part, "auth", 0),
                   "auth = tls, but there is no certificate, so no client could use it; add tls { "
                   "certificate = \"mx.pem\" key = \"mx.key\" }");
    if (listen->auth == LISTEN_AUTH_PLAIN && !listen->implicit_tls)
        conf_warn(c->conf, conf_line(part, "auth", 0),
                  "auth = plain takes passwords without encryption; use auth = tls");
}

static void find_auth_backend(struct options_check *c, const struct conf_part *part,
                              struct listen_config *listen)
{
    const char *name = listen->auth_backend_name;
    unsigned line = conf_line(part, "auth-backend", 0);
    if (name == NULL)
        return;
    for (size_t i = 0; i < c->config->backend_count; i++)
        if (strcmp(c->config->backend[i].name, name) == 0) {
            listen->auth_backend = i;
            if (listen->auth == LISTEN_AUTH_NO)
                conf_warn(c->conf, line, "auth-backend has no effect with auth = no; remove one");
            return;
        }
    conf_fault(c->conf, line, "auth-backend = %s: there is no such backend; name one that is",
               name);
}

static bool same_address(const struct addr *a, const struct addr *b)
{
    return a->family != AF_UNSPEC && a->port == b->port && addr_same_ip(a, b);
}

/* Is the address one that this file listens on earlier? Gives the line where. */
static bool find_earlier(struct options_check *c, size_t listener, size_t index, unsigned *line)
{
    const struct addr *address = &c->config->listen[listener].address[index];
    for (size_t i = 0; i <= listener; i++) {
        const struct listen_config *other = &c->config->listen[i];
        size_t end = i == listener ? index : other->address_count;
        for (size_t j = 0; j < end; j++)
            if (same_address(&other->address[j], address)) {
                *line = conf_line(conf_part(c->conf, &options_listen, i), "address", j);
                return true;
            }
    }
    return false;
}

static void check_addresses(struct options_check *c, const struct conf_part *part, size_t listener)
{
    const struct listen_config *listen = &c->config->listen[listener];
    char text[ADDR_TEXT_MAX];
    unsigned earlier = 0;
    for (size_t i = 0; i < listen->address_count; i++)
        if (find_earlier(c, listener, i, &earlier))
            conf_fault(c->conf, conf_line(part, "address", i),
                       "address \"%s\" is listened on twice, first in line %u; keep one of them",
                       addr_text(&listen->address[i], text), earlier);
}

/* What is not given is the policy's. */
static void unset_thresholds(const struct conf_part *part, struct listen_config *listen)
{
    if (!conf_given(part, "greylist-threshold"))
        listen->greylist_threshold = LISTEN_THRESHOLD_UNSET;
    if (!conf_given(part, "reject-threshold"))
        listen->reject_threshold = LISTEN_THRESHOLD_UNSET;
    if (!conf_given(part, "tarpit-threshold"))
        listen->tarpit_threshold = LISTEN_THRESHOLD_UNSET;
}

void options_check_listen(struct options_check *c)
{
    for (size_t i = 0; i < c->config->listen_count; i++) {
        const struct conf_part *part = conf_part(c->conf, &options_listen, i);
        struct listen_config *listen = &c->config->listen[i];
        check_tls(c, part, listen);
        unset_thresholds(part, listen);
        find_auth_backend(c, part, listen);
        check_addresses(c, part, i);
        for (size_t j = 0; j < listen->proxy_from.count; j++)
            if (listen->proxy_from.item[j].net.family != AF_UNSPEC &&
                listen->proxy_from.item[j].bits == 0)
                conf_warn(
                    c->conf, conf_line(part, "proxy-protocol-from", j),
                    "proxy-protocol-from covers all addresses: any client can claim to be any "
                    "other; list the balancers");
        for (size_t j = 0; j < listen->xclient_from.count; j++)
            if (listen->xclient_from.item[j].net.family != AF_UNSPEC &&
                listen->xclient_from.item[j].bits == 0)
                conf_warn(
                    c->conf, conf_line(part, "xclient-from", j),
                    "xclient-from covers all addresses: any client can claim to be any other; "
                    "list those you trust");
    }
}

/* ---- thresholds ---------------------------------------------------------------------------------
 */

/* The line of the option, or where it is not given that of the other one. */
static unsigned line_of(const struct conf_part *part, const char *option, const char *other)
{
    return conf_line(part, conf_given(part, option) ? option : other, 0);
}

static void check_thresholds(struct conf *conf, const struct conf_part *part,
                             const struct listen_config *listen,
                             const struct policy_thresholds *usual)
{
    const bool own_greylist = listen->greylist_threshold != LISTEN_THRESHOLD_UNSET;
    const bool own_reject = listen->reject_threshold != LISTEN_THRESHOLD_UNSET;
    const bool own_tarpit = listen->tarpit_threshold != LISTEN_THRESHOLD_UNSET;
    const score_t greylist = own_greylist ? listen->greylist_threshold : usual->greylist;
    const score_t reject = own_reject ? listen->reject_threshold : usual->reject;
    const score_t tarpit = own_tarpit ? listen->tarpit_threshold : usual->tarpit;
    if (own_greylist && greylist <= 0)
        conf_fault(conf, conf_line(part, "greylist-threshold", 0),
                   "greylist-threshold must be above 0, the score of a client of which nothing is "
                   "known");
    if ((own_greylist || own_reject) && reject < greylist)
        conf_fault(conf, line_of(part, "reject-threshold", "greylist-threshold"),
                   "on this listener reject is below greylist; what is not given here is that of "
                   "thresholds, and they rise: greylist, reject, tarpit");
    if ((own_reject || own_tarpit) && tarpit < reject)
        conf_fault(conf, line_of(part, "tarpit-threshold", "reject-threshold"),
                   "on this listener tarpit is below reject; what is not given here is that of "
                   "thresholds, and they rise: greylist, reject, tarpit");
}

void options_check_thresholds(struct options_check *c)
{
    for (size_t i = 0; i < c->config->listen_count; i++)
        check_thresholds(c->conf, conf_part(c->conf, &options_listen, i), &c->config->listen[i],
                         policy_thresholds(c->config->policy));
}
