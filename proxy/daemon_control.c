/* SPDX-License-Identifier: ISC */
/*
 * daemon_control: what each room can be asked, in one table, and the socket where it is asked.
 *
 * Promises: mail does not wait for administrators: a socket that cannot be made is an error in the
 * log and nothing more.
 * Limits: `test` knows the hostname of the start; another one after a reload is not told to it.
 */
#include "proxy/daemon_control.h"

#include "admin/control.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "policy/decision_commands.h"
#include "policy/greylist_commands.h"
#include "policy/list_commands.h"
#include "policy/policy.h"
#include "policy/relay.h"
#include "policy/state.h"
#include "proxy/config.h"
#include "proxy/setup.h"

#include <stdlib.h>
#include <string.h>

struct daemon_control {
    struct control *control;
    struct commands commands;
    struct list_desk lists;
    struct greylist_desk greylist;
    struct decision_commands decisions;
    char *hostname;
    struct command_set set[8]; /* the last has no rows */
};

static const struct config *config_of(const struct daemon_control *d)
{
    return d->commands.setup(d->commands.daemon)->config;
}

static struct policy *policy_now(void *arg)
{
    return policy_ref(config_of(arg)->policy);
}

/* The proxy's own rules for `test`; of a recipient that is no address the relay rule says nothing.
 */
static void gate_now(void *arg, const struct addr *client, const char *recipient,
                     struct decision_gate *out)
{
    const struct config *config = config_of(arg);
    const char *at = strrchr(recipient, '@');
    *out = (struct decision_gate){.trusted = relay_client_trusted(config->relay, client),
                                  .observe = config->mode == GATE_OBSERVE};
    if (at == NULL)
        return;
    switch (relay_judge(config->relay, recipient, (size_t)(at - recipient), at + 1, out->trusted)) {
    case RELAY_OWN:
    case RELAY_TRUSTED:
        break;
    case RELAY_DENIED:
    case RELAY_SUSPICIOUS:
        out->refused = "relay";
        break;
    case RELAY_NO_SUCH:
        out->refused = "unknown";
        break;
    }
}

/* What the policy's commands work on. */
static void set_desks(struct daemon_control *d, struct dns *dns)
{
    struct policy_state *state = d->commands.server->policy;
    struct loop *loop = d->commands.loop;
    d->lists = (struct list_desk){
        .store = state->store, .table = state->lists, .loop = loop, .wall = state->wall};
    d->greylist = (struct greylist_desk){.store = state->store,
                                         .loop = loop,
                                         .wall = state->wall,
                                         .pseudonyms = state->pseudonyms,
                                         .policy = policy_now,
                                         .arg = d};
    d->decisions = (struct decision_commands){.store = state->store,
                                              .loop = loop,
                                              .dns = dns,
                                              .state = state,
                                              .hostname = d->hostname,
                                              .wall = state->wall,
                                              .policy = policy_now,
                                              .gate = gate_now,
                                              .arg = d};
}

static void join_sets(struct daemon_control *d)
{
    size_t count = 0;
    d->set[count++] = (struct command_set){list_command_rows, &d->lists};
    d->set[count++] = (struct command_set){greylist_command_rows, &d->greylist};
    d->set[count++] = (struct command_set){decision_command_rows, &d->decisions};
    d->set[count++] = (struct command_set){commands_rows, &d->commands};
    d->set[count++] = (struct command_set){commands_sessions_rows, &d->commands};
    d->set[count++] = (struct command_set){commands_dns_rows, &d->commands};
}

static void listen_at(struct daemon_control *d, const struct control_settings *settings)
{
    char *why = NULL;
    const char **admins = mem_alloc((settings->admin_count + 1) * sizeof *admins);
    for (size_t i = 0; i < settings->admin_count; i++)
        admins[i] = settings->admin[i];
    const struct control_config config = {
        .socket = settings->socket, .group = settings->group, .admins = admins};
    d->control = control_new(d->commands.loop, &config, d->set, &why);
    if (d->control == NULL)
        log_event(LOG_LEVEL_ERROR, NULL, "control-fault", "gatepostctl cannot ask this daemon: %s",
                  why);
    free(why);
    free(admins);
}

struct daemon_control *daemon_control_new(const struct commands *commands,
                                          const struct config *config, struct dns *dns)
{
    struct daemon_control *d = mem_alloc(sizeof *d);
    d->commands = *commands;
    d->hostname = mem_strdup(config->hostname);
    set_desks(d, dns);
    join_sets(d);
    if (config->control.socket != NULL)
        listen_at(d, &config->control);
    return d;
}

void daemon_control_close(struct daemon_control *d)
{
    if (d == NULL)
        return;
    control_free(d->control);
    d->control = NULL;
}

void daemon_control_free(struct daemon_control *d)
{
    if (d == NULL)
        return;
    daemon_control_close(d);
    free(d->hostname);
    free(d);
}
