/* SPDX-License-Identifier: ISC */
/*
 * daemon: start, reload, drain.
 *
 * Promises: never half started: sockets, certificates, directory and user stand before the first
 * connection is taken; a reload reads, validates and swaps, or keeps the old configuration and
 * says why; certificates are read again when their files change; SIGTERM lets transactions end, at
 * most `timeouts { drain }`.
 * The order at start: sockets and descriptors as root, then `user`; as that user the store (another
 * process that has it ends the start) and what it has for memory; then workers, and at last the
 * control socket. The order at the end is the other way round: askers leave, workers stop, changes
 * that were begun come to their end, the store is freed, and only then the loops that may have been
 * told its answers.
 */
#include "proxy/daemon.h"

#include "dns/resolver.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "policy/list_files.h"
#include "policy/list_probe.h"
#include "policy/policy.h"
#include "policy/state.h"
#include "proxy/daemon_control.h"
#include "proxy/daemon_store.h"
#include "proxy/privilege.h"
#include "proxy/probe.h"
#include "proxy/resolve.h"
#include "proxy/roster.h"
#include "proxy/setup.h"
#include "proxy/sockets.h"
#include "proxy/spool.h"
#include "proxy/systemd.h"
#include "proxy/worker.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CERTIFICATE_LOOK_MS 2000
#define DESCRIPTORS_KEPT    64 /* for listeners, loops, the store, spool files and the log */
#define DRAIN_LOOK_MS       50
#define STOP_MS             5000 /* what the end takes beside the drain, at most */

struct daemon {
    const char *version;
    struct loop *loop;
    struct server *server;
    struct setup *setup;
    struct sockets *sockets;
    struct worker **worker;
    unsigned workers;
    struct probe *probe;
    struct resolver *resolver; /* of main: the canaries of DNS lists; NULL: none */
    struct list_probe *list_probe;
    struct list_watch *list_watch; /* of the list files of this configuration */
    struct daemon_store *store;
    struct roster *roster;
    struct daemon_control *control;
    struct watch *hup, *term, *interrupt;
    struct timer *watchdog, *certificates, *drain;
    uint64_t drain_until;
    struct timespec *seen; /* mtime of each certificate file, then of each key */
};

/* Is transparent operation configured, for which CAP_NET_RAW is kept? */
static bool needs_net_raw(const struct config *config)
{
    for (size_t i = 0; i < config->listen_count; i++) {
        if (config->listen[i].transparent)
            return true;
    }
    for (size_t i = 0; i < config->backend_count; i++) {
        if (config->backend[i].client_address == CLIENT_ADDRESS_TPROXY)
            return true;
    }
    return false;
}

static bool keys_readable(const struct config *config, char **why)
{
    for (size_t i = 0; i < config->tls_pair_count; i++) {
        if (!privilege_can_read(config->user, config->tls_pair[i].key, why) ||
            !privilege_can_read(config->user, config->tls_pair[i].certificate, why))
            return false;
    }
    return true;
}

bool daemon_check(const struct config *config, char **warnings, char **why)
{
    if (!privilege_user_ok(config->user, why) || !keys_readable(config, why))
        return false;
    if (config->tls_pair_count == 0)
        return true;
    const struct tls_server_config wanted = {
        .pair = config->tls_pair,
        .count = config->tls_pair_count,
        .min_version = config->tls_min_version,
        .ciphers = config->tls_ciphers,
    };
    struct tls_server *tls = tls_server_new(&wanted, why);
    if (tls != NULL && warnings != NULL)
        *warnings = mem_strdup(tls_server_warnings(tls));
    tls_server_unref(tls);
    return tls != NULL;
}

void daemon_log_init(const struct config *config)
{
    log_init(config->log_target, config->log_format, config->log_level, systemd_journal);
}

/* Makes the state directory where it is missing, for `user`. */
static bool prepare_directory(const struct config *config, char **why)
{
    const char *path = config->state_dir;
    bool made = mkdir(path, 0750) == 0;
    if (!made && errno != EEXIST) {
        *why =
            mem_printf("state-dir %s: %s; make it, or name another", path, strerrordesc_np(errno));
        return false;
    }
    const struct passwd *user =
        made && config->user != NULL && geteuid() == 0 ? getpwnam(config->user) : NULL;
    if (user != NULL && chown(path, user->pw_uid, user->pw_gid) != 0) {
        *why = mem_printf("state-dir %s: %s", path, strerrordesc_np(errno));
        return false;
    }
    return true;
}

static bool directory_usable(const struct config *config, char **why)
{
    if (access(config->state_dir, W_OK | X_OK) == 0)
        return true;
    *why = mem_printf("state-dir %s: %s; messages that do not fit into memory wait there: let the "
                      "user gatepostd runs as write it",
                      config->state_dir, strerrordesc_np(errno));
    return false;
}

/* What sessions and the tarpit may hold together. */
static size_t descriptors_left(void)
{
    size_t descriptors = (size_t)sysconf(_SC_OPEN_MAX);
    size_t kept = descriptors / 2 < DESCRIPTORS_KEPT ? descriptors / 2 : DESCRIPTORS_KEPT;
    return descriptors - kept;
}

/* Every session may need a second descriptor for its backend: one that is let in must not find
 * that there is none left. */
static size_t sessions_most(const struct limits_config *limits)
{
    size_t pairs = descriptors_left() / 2;
    return limits->sessions < pairs ? limits->sessions : pairs;
}

static void set_budget(const struct daemon *d)
{
    const struct limits_config *limits = &d->setup->config->limits;
    atomic_store(&d->server->sessions_most, sessions_most(limits));
    atomic_store(&d->server->tarpit.most, d->setup->config->tarpit.connections);
    atomic_store(&d->server->tarpit.descriptors, descriptors_left());
    spool_budget_set(d->server->budget, limits->memory_message, limits->memory, limits->spool);
}

/* The modification times of all certificate and key files; the caller frees. */
static struct timespec *file_times(const struct config *config)
{
    struct timespec *times = mem_alloc(2 * config->tls_pair_count * sizeof *times);
    for (size_t i = 0; i < config->tls_pair_count; i++) {
        struct stat st;
        if (stat(config->tls_pair[i].certificate, &st) == 0)
            times[2 * i] = st.st_mtim;
        if (stat(config->tls_pair[i].key, &st) == 0)
            times[2 * i + 1] = st.st_mtim;
    }
    return times;
}

/* Are the DNS lists of this configuration well? Asked from here for all workers. */
static void probe_lists(struct daemon *d)
{
    struct dns_config dns = d->setup->config->dns;
    dns.cache = 0; /* a probe wants to know what the list says now */
    list_probe_free(d->list_probe);
    resolve_use(&d->resolver, d->loop, &dns);
    d->list_probe = d->resolver == NULL ? NULL
                                        : list_probe_new(d->loop, resolver_dns(d->resolver),
                                                         d->setup->config->policy);
}

/* Makes `setup` (taken over) the one for new sessions. */
static void use(struct daemon *d, struct setup *setup, const struct worker_listener *listener,
                size_t count)
{
    list_watch_free(d->list_watch); /* its files are the old policy's */
    setup_unref(d->setup);
    d->setup = setup;
    if (setup->tls != NULL)
        daemon_log_lines(LOG_LEVEL_WARNING, "config-warning",
                         mem_strdup(tls_server_warnings(setup->tls)));
    set_budget(d);
    for (unsigned i = 0; i < d->workers; i++)
        worker_use(d->worker[i], setup, listener, count);
    sockets_close_unused(d->sockets);
    probe_free(d->probe);
    d->probe = probe_new(d->loop, setup);
    probe_lists(d);
    d->list_watch =
        list_watch_new(d->loop, policy_list_files(setup->config->policy), d->server->policy->lists);
    daemon_store_configure(d->store, setup->config);
    free(d->seen);
    d->seen = file_times(setup->config);
}

/* Swaps to `config` (taken over), or says why not and keeps everything as it was. */
static bool swap(struct daemon *d, struct config *config, char **why)
{
    struct worker_listener *listener = NULL;
    size_t count = 0;
    if (!keys_readable(config, why)) {
        config_unref(config);
        return false;
    }
    struct setup *setup = setup_new(d->server, config, why);
    if (setup == NULL)
        return false;
    if (!sockets_open(d->sockets, config, &listener, &count, why)) {
        setup_unref(setup);
        policy_bind(d->setup->config->policy, d->server->policy); /* its list entries again */
        return false;
    }
    use(d, setup, listener, count);
    free(listener);
    return true;
}

void daemon_log_lines(enum log_level level, const char *event, char *text)
{
    char *save = NULL;
    if (text == NULL)
        return;
    for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save))
        log_event(level, NULL, event, "%s", line);
    free(text);
}

/* What a reload cannot change. */
static void warn_restart(const struct config *old, const struct config *new)
{
    char *fixed = config_restart_needed(old, new);
    if (fixed != NULL)
        log_event(LOG_LEVEL_WARNING, NULL, "config-warning",
                  "a change of %s takes effect at the next restart", fixed);
    free(fixed);
}

/* False: *why has the faults, a line each. */
static bool reload(struct daemon *d, char **why)
{
    char *warnings = NULL;
    if (d->drain_until != 0) { /* it would begin to accept again */
        *why = mem_strdup("the daemon is stopping");
        return false;
    }
    systemd_reloading();
    struct config *config = config_read(d->setup->config->path, why, &warnings);
    daemon_log_lines(LOG_LEVEL_WARNING, "config-warning", warnings);
    if (config != NULL) {
        warn_restart(d->setup->config, config);
        if (swap(d, config, why)) {
            daemon_log_init(d->setup->config);
            log_event(LOG_LEVEL_INFO, NULL, "reload", "%s is in force", d->setup->config->path);
            systemd_ready("Running");
            return true;
        }
    }
    daemon_log_lines(LOG_LEVEL_ERROR, "config-error", mem_strdup(*why));
    log_event(LOG_LEVEL_ERROR, NULL, "reload-failed", "the old configuration stays in force");
    systemd_ready("Running; the last reload failed");
    return false;
}

static void on_hup(void *arg)
{
    char *why = NULL;
    reload(arg, &why);
    free(why);
}

/* New certificates under the old configuration. */
static void on_certificates(void *arg)
{
    struct daemon *d = arg;
    struct config *config = d->setup->config;
    char *why = NULL;
    if (d->drain_until != 0)
        return;
    timer_set(d->certificates, CERTIFICATE_LOOK_MS);
    struct timespec *now = file_times(config);
    bool same = memcmp(now, d->seen, 2 * config->tls_pair_count * sizeof *now) == 0;
    free(d->seen);
    d->seen = now; /* a file that is bad is not tried again until it changes */
    if (same)
        return;
    if (swap(d, config_ref(config), &why)) {
        log_event(LOG_LEVEL_INFO, NULL, "certificate", "the certificates were read again");
    } else {
        log_event(LOG_LEVEL_WARNING, NULL, "certificate", "the old certificate stays: %s", why);
        free(why);
    }
}

static void on_watchdog(void *arg)
{
    struct daemon *d = arg;
    bool alive = true;
    for (unsigned i = 0; i < d->workers; i++)
        alive = worker_alive(d->worker[i]) && alive;
    if (alive)
        systemd_watchdog_ping();
    for (unsigned i = 0; i < d->workers; i++)
        worker_ping(d->worker[i]);
    timer_set(d->watchdog, systemd_watchdog_interval_ms());
}

static void on_drain(void *arg)
{
    struct daemon *d = arg;
    size_t sessions = 0;
    for (unsigned i = 0; i < d->workers; i++)
        sessions += worker_sessions(d->worker[i]);
    if (sessions == 0 || loop_now(d->loop) >= d->drain_until)
        loop_stop(d->loop);
    else
        timer_set(d->drain, DRAIN_LOOK_MS);
}

static void on_term(void *arg)
{
    struct daemon *d = arg;
    uint64_t most = d->setup->config->timeouts.drain;
    if (d->drain_until != 0)
        return;
    log_event(LOG_LEVEL_INFO, NULL, "stopping", "no new connections; transactions may end");
    systemd_stopping((most + STOP_MS) * 1000);
    d->drain_until = loop_now(d->loop) + most;
    for (unsigned i = 0; i < d->workers; i++)
        worker_drain(d->worker[i]);
    sockets_close_all(d->sockets); /* what waits in the backlog may go to the next server at once */
    timer_set(d->drain, DRAIN_LOOK_MS);
}

/* ---- for commands ------------------------------------------------------------------------------
 */

static const struct setup *current_setup(void *daemon)
{
    return ((const struct daemon *)daemon)->setup;
}

static bool do_reload(void *daemon, char **why)
{
    return reload(daemon, why);
}

static bool is_draining(void *daemon)
{
    return ((const struct daemon *)daemon)->drain_until != 0;
}

static void offer_commands(struct daemon *d)
{
    const struct commands commands = {
        .loop = d->loop,
        .server = d->server,
        .roster = d->roster,
        .version = d->version,
        .started = d->server->policy->wall(),
        .started_ms = loop_now(d->loop),
        .workers = d->workers,
        .daemon = d,
        .setup = current_setup,
        .reload = do_reload,
        .drain = on_term,
        .draining = is_draining,
    };
    d->control = daemon_control_new(&commands, d->setup->config,
                                    d->resolver != NULL ? resolver_dns(d->resolver) : NULL);
}

static void log_started(const struct daemon *d)
{
    const struct config *config = d->setup->config;
    struct log_line line;
    char text[ADDR_TEXT_MAX];
    log_begin(&line, LOG_LEVEL_INFO, NULL, "started");
    for (size_t i = 0; i < config->listen_count; i++) {
        for (size_t a = 0; a < config->listen[i].address_count; a++)
            log_str(&line, "listen", addr_text(&config->listen[i].address[a], text));
    }
    log_num(&line, "workers", d->workers);
    log_num(&line, "descriptors", sysconf(_SC_OPEN_MAX));
    log_num(&line, "sessions", (long long)atomic_load(&d->server->sessions_most));
    log_end(&line);
}

static void watch(struct daemon *d)
{
    d->hup = watch_signal(d->loop, SIGHUP, on_hup, d);
    d->term = watch_signal(d->loop, SIGTERM, on_term, d);
    d->interrupt = watch_signal(d->loop, SIGINT, on_term, d);
    d->watchdog = timer_new(d->loop, on_watchdog, d);
    d->certificates = timer_new(d->loop, on_certificates, d);
    d->drain = timer_new(d->loop, on_drain, d);
    timer_set(d->certificates, CERTIFICATE_LOOK_MS);
    if (systemd_watchdog_interval_ms() > 0)
        timer_set(d->watchdog, systemd_watchdog_interval_ms());
}

static bool open_store(struct daemon *d, const struct config *config, char **why)
{
    d->loop = loop_new();
    d->store = daemon_store_new(d->loop, d->server, config, why);
    if (d->store != NULL)
        daemon_store_load(d->store);
    return d->store != NULL;
}

static void begin_work(struct daemon *d, struct setup *setup,
                       const struct worker_listener *listener, size_t count)
{
    watch(d); /* before the first session: from here on SIGTERM lets those end */
    d->workers = setup->config->workers;
    d->worker = mem_alloc(d->workers * sizeof *d->worker);
    for (unsigned i = 0; i < d->workers; i++)
        d->worker[i] = worker_new(d->server);
    use(d, setup, listener, count);
    d->roster = roster_new(d->loop, d->worker, d->workers);
    offer_commands(d);
}

/* Everything that can fail, in the order of the privileges it needs. */
static bool start(struct daemon *d, struct config *config, char **why)
{
    struct worker_listener *listener = NULL;
    size_t count = 0;
    d->server = server_new(config->state_dir);
    d->sockets = sockets_new();
    if (!daemon_check(config, NULL, why) || !prepare_directory(config, why) ||
        !sockets_open(d->sockets, config, &listener, &count, why) ||
        !privilege_drop(config->user, needs_net_raw(config), why) ||
        !directory_usable(config, why) || !open_store(d, config, why)) {
        config_unref(config);
        free(listener);
        return false;
    }
    struct setup *setup = setup_new(d->server, config, why);
    if (setup != NULL)
        begin_work(d, setup, listener, count);
    free(listener);
    return setup != NULL;
}

static void stop(struct daemon *d)
{
    daemon_control_close(d->control);
    for (unsigned i = 0; i < d->workers; i++)
        worker_stop(d->worker[i]);
    roster_free(d->roster);
    daemon_store_free(d->store);
    daemon_control_free(d->control);
    for (unsigned i = 0; i < d->workers; i++)
        worker_free(d->worker[i]);
    free(d->worker);
    probe_free(d->probe);
    list_probe_free(d->list_probe);
    list_watch_free(d->list_watch);
    resolver_free(d->resolver);
    watch_free(d->hup);
    watch_free(d->term);
    watch_free(d->interrupt);
    timer_free(d->watchdog);
    timer_free(d->certificates);
    timer_free(d->drain);
    loop_free(d->loop);
    sockets_free(d->sockets);
    setup_unref(d->setup);
    server_free(d->server);
    free(d->seen);
}

int daemon_run(struct config *config, const char *version)
{
    struct daemon d = {.version = version};
    char *why = NULL;
    resolver_init();
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes with write(2) */
    privilege_raise_descriptors();
    bool started = start(&d, config, &why);
    if (started) {
        log_started(&d);
        systemd_ready("Running");
        loop_run(d.loop);
    } else {
        log_event(LOG_LEVEL_ERROR, NULL, "start-failed", "%s", why);
        free(why);
    }
    stop(&d);
    resolver_shutdown();
    if (started)
        log_event(LOG_LEVEL_INFO, NULL, "stopped", "bye");
    return started ? 0 : 1;
}
