/* SPDX-License-Identifier: ISC */
#ifndef PROXY_CONFIG_H
#define PROXY_CONFIG_H
/*
 * The configuration as plain data: read whole, validated whole, immutable, reference-counted.
 * Sessions keep the one they began with. Options are rows in proxy/options.c; the manual of each is
 * gatepost.conf(5).
 */

#include "lib/addr.h"
#include "lib/log.h"
#include "lib/tls.h"
#include "proxy/tarpit.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct policy;
struct relay_rule;

enum client_address {
    CLIENT_ADDRESS_NONE,
    CLIENT_ADDRESS_XCLIENT,
    CLIENT_ADDRESS_XFORWARD,
    CLIENT_ADDRESS_PROXY_V1,
    CLIENT_ADDRESS_PROXY_V2,
    CLIENT_ADDRESS_TPROXY,
};
enum backend_tls { BACKEND_TLS_NO, BACKEND_TLS_MAY, BACKEND_TLS_VERIFY };
enum listen_auth { LISTEN_AUTH_NO, LISTEN_AUTH_TLS, LISTEN_AUTH_PLAIN };
enum newline_policy { NEWLINE_REJECT, NEWLINE_NORMALIZE };
enum gate_mode { GATE_ENFORCE, GATE_OBSERVE };
enum balance { BALANCE_ORDERED, BALANCE_ROUND_ROBIN };

struct listen_config {
    const char *name;
    struct addr *address;
    size_t address_count;
    struct cidr_set proxy_from; /* proxy-protocol-from */
    struct cidr_set xclient_from;
    enum listen_auth auth;
    const char *auth_backend_name; /* as the file has it, NULL: not given */
    size_t auth_backend;           /* index in config.backend */
    bool implicit_tls;
    bool transparent;
    /* Scores, hundredths; LISTEN_THRESHOLD_UNSET: those of `thresholds`. */
    int32_t greylist_threshold;
    int32_t reject_threshold;
    int32_t tarpit_threshold;
};
#define LISTEN_THRESHOLD_UNSET INT32_MIN

struct backend_config {
    const char *name;
    char **address_text; /* as the file has it */
    size_t address_text_count;
    struct addr *address; /* none where `original` */
    size_t address_count;
    bool original; /* address = {"original"}: where the client dialled (transparent listeners) */
    char **domain; /* recipient domains routed here, "example.org" or ".example.org", lower case,
                    * A-labels; none: the default (the first such backend) */
    size_t domain_count;
    enum balance balance;
    enum client_address client_address;
    enum backend_tls tls;
    struct tls_client *tls_client; /* NULL where tls = no */
    const char *tls_name;          /* SNI and name to verify, NULL: none */
    const char *tls_ca_file;
    char **tls_fingerprint;
    size_t tls_fingerprint_count;
    bool reuse;
    size_t reuse_connections; /* idle connections kept per worker */
    uint64_t reuse_age;       /* ms since the dial */
    uint64_t reuse_idle;      /* ms unused */
    size_t reuse_messages;
    size_t reuse_errors;     /* refusals heard on a connection before it is given up */
    uint64_t probe_interval; /* ms between two looks at the backend's EHLO */
};

struct limits_config {
    size_t sessions;         /* at a time */
    size_t recipients;       /* a transaction, >= 100 */
    uint64_t message_size;   /* octets, what SIZE says; 0: no limit of ours */
    uint64_t header_size;    /* octets of a message's header section */
    size_t received;         /* Received fields before a loop is assumed */
    size_t command_line;     /* octets with CRLF */
    size_t errors_soft;      /* from here on each error reply is delayed */
    size_t errors_hard;      /* 421 and close */
    size_t junk_commands;    /* NOOP, RSET, VRFY... without a transaction between */
    uint64_t data_rate;      /* octets a second a client must keep up in DATA */
    uint64_t memory_message; /* octets of one message in memory, the rest goes to the spool */
    uint64_t memory;         /* octets of all messages in memory */
    uint64_t spool;          /* octets of all messages in files */
};

struct dns_config {
    struct addr *server; /* none: those of /etc/resolv.conf */
    size_t server_count;
    uint64_t query_timeout; /* ms */
    uint64_t timeout;       /* ms, a question in all */
    uint64_t cache;         /* octets, of each worker */
};

struct timeouts_config {   /* milliseconds */
    uint64_t command;      /* a whole command line */
    uint64_t data;         /* between two blocks of data */
    uint64_t handshake;    /* TLS */
    uint64_t proxy_header; /* PROXY protocol */
    uint64_t backend_connect;
    uint64_t backend_reply;
    uint64_t backend_end_of_data;
    uint64_t drain;
};

struct control_settings { /* control { ... } */
    const char *socket;   /* a path; NULL: there is to be none */
    const char *group;    /* whose members may connect */
    char **admin;         /* users with the level admin, beside root and the daemon's own */
    size_t admin_count;
};

enum privacy_pseudonyms { PRIVACY_OFF, PRIVACY_STORED, PRIVACY_ALL };
struct privacy_config { /* privacy { ... } */
    enum privacy_pseudonyms pseudonyms;
    uint64_t rotate; /* ms */
};

struct config {
    const char *path; /* the file it was read from */
    const char *hostname;
    const char *state_dir;
    const char *user;      /* NULL: stay who we are */
    unsigned workers;      /* resolved: never 0 */
    size_t workers_wanted; /* as the file has it; 0: one per CPU */
    enum log_format log_format;
    enum log_target log_target;
    enum log_level log_level;
    struct listen_config *listen;
    size_t listen_count;
    struct backend_config *backend;
    size_t backend_count;
    struct policy *policy; /* policy/policy.h */
    enum gate_mode mode;
    const char *reject_url;   /* in replies that refuse, %i is the session's id; NULL: none */
    struct relay_rule *relay; /* policy/relay.h */
    char **relay_domain;      /* what it was built from */
    size_t relay_domain_count;
    struct cidr_set relay_network;
    const char *recipients_file;
    enum newline_policy bare_newline;
    char **certificate; /* absolute or relative to where the daemon was started */
    size_t certificate_count;
    char **key;
    size_t key_count;
    struct tls_pair *tls_pair; /* the two, for the watch on the files; none: STARTTLS not offered */
    size_t tls_pair_count;
    const char *tls_min_version;
    const char *tls_ciphers;
    struct limits_config limits;
    struct timeouts_config timeouts;
    struct dns_config dns;
    struct tarpit_config tarpit;
    struct control_settings control;
    struct privacy_config privacy;
    unsigned references; /* config.c only */
};

/* Reads and validates `path`. NULL on any fault; then *faults (caller frees) holds every fault as
 * "file:line: what is wrong, what would be right" lines. Warnings (a config that works but is
 * likely not meant) go to *warnings in the same form, or NULL. Main thread. */
struct config *config_read(const char *path, char **faults, char **warnings)
    __attribute__((warn_unused_result));
/* Any thread. */
struct config *config_ref(struct config *config);
void config_unref(struct config *config);
/* What a reload from `old` to `new` cannot change without a restart, as "user, control.socket";
 * NULL: nothing. The caller frees. */
char *config_restart_needed(const struct config *old, const struct config *new)
    __attribute__((warn_unused_result));
/* Every option on `out`: name, type, default, range, help: what gatepostd --help prints. */
struct _IO_FILE;
void config_print_options(struct _IO_FILE *out);

#endif
