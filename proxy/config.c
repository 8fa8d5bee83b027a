/* SPDX-License-Identifier: ISC */
/*
 * config: reading gatepost.conf into plain data, and its references.
 *
 * The rows in options*.c say what there is; here a file is read through them, then each check looks
 * at what the values mean together. Where the grammar holds every fault is named at once. The
 * result never changes; a reload reads a new one, and sessions keep the one they began with.
 */
#include "proxy/config.h"

#include "lib/mem.h"
#include "policy/policy.h"
#include "policy/relay.h"
#include "proxy/config_int.h"
#include "proxy/options.h"

#include <sched.h>
#include <stdlib.h>

const struct conf_section *const options_sections[] = {
    &options_top,   &options_log,    &options_listen,  &options_backend,
    &options_relay, &options_tls,    &options_limits,  &options_timeouts,
    &options_dns,   &options_tarpit, &options_control, &options_privacy,
    NULL,
};

/* Those of proxy/ and of policy/ in one list, NULL last; the caller frees. */
static const struct conf_section **all_sections(void)
{
    const struct conf_section *const *policy = policy_sections();
    const struct conf_section **all = NULL;
    size_t count = 0;
    for (size_t i = 0; options_sections[i] != NULL; i++) {
        all = mem_grow(all, count + 1, sizeof *all);
        all[count++] = options_sections[i];
    }
    for (size_t i = 0; policy[i] != NULL; i++) {
        all = mem_grow(all, count + 1, sizeof *all);
        all[count++] = policy[i];
    }
    all = mem_grow(all, count + 1, sizeof *all);
    all[count] = NULL;
    return all;
}

/* The CPUs this process may run on. */
static unsigned cpu_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    int count = CPU_COUNT(&set);
    return count > 0 ? (unsigned)count : 1;
}

static void fill_many(struct options_check *c)
{
    struct config *config = c->config;
    config->listen_count = conf_parts(c->conf, &options_listen);
    config->listen = mem_alloc(config->listen_count * sizeof config->listen[0]);
    for (size_t i = 0; i < config->listen_count; i++) {
        const struct conf_part *part = conf_part(c->conf, &options_listen, i);
        config->listen[i].name = mem_strdup(conf_part_title(part));
        conf_fill(c->conf, part, &config->listen[i]);
    }
    config->backend_count = conf_parts(c->conf, &options_backend);
    config->backend = mem_alloc(config->backend_count * sizeof config->backend[0]);
    for (size_t i = 0; i < config->backend_count; i++) {
        const struct conf_part *part = conf_part(c->conf, &options_backend, i);
        config->backend[i].name = mem_strdup(conf_part_title(part));
        conf_fill(c->conf, part, &config->backend[i]);
    }
}

static void fill(struct options_check *c)
{
    for (size_t i = 0; options_sections[i] != NULL; i++)
        if (!options_sections[i]->many)
            conf_fill(c->conf, conf_part(c->conf, options_sections[i], 0), c->config);
    fill_many(c);
    c->config->workers =
        c->config->workers_wanted != 0 ? (unsigned)c->config->workers_wanted : cpu_count();
}

static void check(struct options_check *c)
{
    options_check_top(c);
    options_check_relay(c);
    options_check_tls(c);
    options_check_limits(c);
    options_check_backend(c);
    options_check_listen(c);
    options_check_dns(c);
    options_check_control(c);
    options_check_routes(c);
}

/* The configuration of a file whose grammar holds; NULL where it has a fault of meaning. */
static struct config *build(struct conf *conf, const char *path)
{
    struct config *config = mem_alloc(sizeof *config);
    struct options_check c = {.conf = conf, .config = config};
    config->references = 1;
    config->path = mem_strdup(path);
    fill(&c);
    check(&c);
    config->policy = policy_new(conf);
    options_check_thresholds(&c);
    if (conf_fault_count(conf) == 0)
        return config;
    config_unref(config);
    return NULL;
}

static struct config *finish(struct conf *conf, const char *path, bool read, char **faults,
                             char **warnings)
{
    struct config *config = read ? build(conf, path) : NULL;
    *faults = conf_faults(conf);
    *warnings = conf_warnings(conf);
    conf_free(conf);
    return config;
}

struct config *config_read(const char *path, char **faults, char **warnings)
{
    const struct conf_section **sections = all_sections();
    struct conf *conf = conf_new(path, sections);
    struct config *config = finish(conf, path, conf_read(conf), faults, warnings);
    free(sections);
    return config;
}

struct config *config_read_text(const char *path, const char *text, size_t len, char **faults,
                                char **warnings)
{
    const struct conf_section **sections = all_sections();
    struct conf *conf = conf_new(path, sections);
    struct config *config = finish(conf, path, conf_read_text(conf, text, len), faults, warnings);
    free(sections);
    return config;
}

struct config *config_ref(struct config *config)
{
    __atomic_add_fetch(&config->references, 1, __ATOMIC_RELAXED);
    return config;
}

static void free_backend(struct backend_config *backend)
{
    conf_clear(&options_backend, backend);
    tls_client_unref(backend->tls_client);
    free(backend->address);
    free((void *)(uintptr_t)backend->name);
}

void config_unref(struct config *config)
{
    if (config == NULL || __atomic_sub_fetch(&config->references, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    for (size_t i = 0; i < config->listen_count; i++) {
        conf_clear(&options_listen, &config->listen[i]);
        free((void *)(uintptr_t)config->listen[i].name);
    }
    for (size_t i = 0; i < config->backend_count; i++)
        free_backend(&config->backend[i]);
    for (size_t i = 0; options_sections[i] != NULL; i++)
        if (!options_sections[i]->many)
            conf_clear(options_sections[i], config);
    policy_unref(config->policy);
    relay_unref(config->relay);
    free(config->listen);
    free(config->backend);
    free(config->tls_pair);
    free((void *)(uintptr_t)config->path);
    free(config);
}

char *config_restart_needed(const struct config *old, const struct config *new)
{
    char *names = conf_restart_needed(&options_top, old, new);
    char *control = conf_restart_needed(&options_control, old, new);
    if (names == NULL || control == NULL)
        return names != NULL ? names : control;
    char *both = mem_printf("%s, %s", names, control);
    free(names);
    free(control);
    return both;
}

void config_print_options(FILE *out)
{
    const struct conf_section **sections = all_sections();
    conf_print(sections, out);
    free(sections);
}
