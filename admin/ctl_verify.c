/* SPDX-License-Identifier: ISC */
/*
 * ctl_verify: who a message on standard input is really from: SPF (where --ip says who brought it),
 * each DKIM signature, ARC and DMARC, each with the reason where it does not pass, and the header
 * that the daemon would put in front of it.
 *
 * Everything is evaluated, also what the configuration has off. What the daemon would do with the
 * message hangs on its other checks, too, and is not said here.
 */
#include "admin/ctl_run.h"

#include "admin/ctl_block.h"
#include "admin/ctl_dns.h"
#include "admin/ctl_identity.h"
#include "admin/ctl_show.h"
#include "admin/ctl_verify_text.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "policy/auth/authres.h"
#include "policy/auth_config.h"
#include "policy/policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHUNK   65536
#define TIME_MS 30000

struct verify {
    struct ctl *ctl;
    struct ctl_dns *dns;
    struct message_auth *auth;
    const struct message_auth_results *results;
    struct ctl_identity mail, helo;
    struct ctl_reverse reverse;
    const char *override, *mark;
};

/* ---- the configuration -------------------------------------------------------------------------
 */

static void set_rules(const struct ctl *ctl, struct message_auth_env *env)
{
    const struct dkim_config *dkim = (const void *)ctl_block(ctl, "dkim");
    const struct arc_config *arc = (const void *)ctl_block(ctl, "arc");
    env->dkim = env->arc = env->dmarc = true;
    env->discovery = ctl_block_discovery(ctl);
    auth_rules(dkim, arc, (int64_t)time(NULL), &env->dkim_rules, &env->arc_rules);
}

/* ---- evaluating --------------------------------------------------------------------------------
 */

static bool has_client(const struct verify *v)
{
    return v->mail.client.family != AF_UNSPEC;
}

static int read_arguments(struct verify *v)
{
    const char *const *option = v->ctl->args.option;
    const char *sender = option[CTL_FROM] != NULL ? option[CTL_FROM] : "";
    v->mail.helo = option[CTL_HELO] != NULL ? option[CTL_HELO] : "";
    v->mail.sender = strcmp(sender, "<>") != 0 ? sender : "";
    if (option[CTL_IP] == NULL && (option[CTL_HELO] != NULL || option[CTL_FROM] != NULL))
        return ctl_fail(2, "--helo and --from say something only with --ip, for SPF");
    if (option[CTL_IP] != NULL && v->mail.helo[0] == '\0' && v->mail.sender[0] == '\0')
        return ctl_fail(2, "--ip needs --from or --helo: whose SPF is to be asked?");
    if (option[CTL_IP] != NULL)
        (void)addr_parse_ip(option[CTL_IP], &v->mail.client);
    v->helo = v->mail;
    v->helo.of_helo = true;
    return 0;
}

static void ask_client(struct verify *v)
{
    if (!has_client(v))
        return;
    ctl_dns_reverse(v->dns, &v->mail.client, &v->reverse, 1);
    ctl_identity_ask(v->ctl, v->dns, &v->mail);
    if (v->helo.helo[0] != '\0')
        ctl_identity_ask(v->ctl, v->dns, &v->helo);
}

static void on_text(const char *data, size_t len, void *arg)
{
    message_auth_text(arg, data, len);
}

/* False: errno. */
static bool read_message(struct message_auth *auth)
{
    struct ctl_verify_text text = {.fn = on_text, .arg = auth};
    char *part = mem_alloc(CHUNK);
    size_t len;
    while ((len = fread(part, 1, CHUNK, stdin)) > 0)
        ctl_verify_text_add(&text, part, len);
    int fault = errno;
    ctl_verify_text_end(&text);
    free(part);
    errno = fault;
    return !ferror(stdin);
}

/* What the daemon would stamp if nothing else spoke for or against the message. */
static void dispose(struct verify *v)
{
    const struct dmarc_answer *dmarc = v->results->dmarc;
    const struct arc_answer *arc = v->results->arc;
    const struct arc_config *config = (const void *)ctl_block(v->ctl, "arc");
    bool bad = dmarc->result == DMARC_FAIL && dmarc->policy != DMARC_POLICY_NONE;
    bool trusted = arc->result == ARC_PASS && config != NULL &&
                   config->common.mode != CHECK_OBSERVE &&
                   auth_names_have(config->trusted, arc->sealer);
    v->override = bad && trusted ? "trusted ARC chain" : "";
    v->mark = bad && !trusted ? "quarantine" : "";
}

static void give_up(void *arg)
{
    struct verify *v = arg;
    message_auth_give_up(v->auth);
    ctl_dns_stop(v->dns);
}

/* For what is still to be asked once the message is read. */
static void wait_for_answers(struct verify *v)
{
    struct timer *timer = timer_new(ctl_dns_loop(v->dns), give_up, v);
    timer_set(timer, TIME_MS);
    while (!message_auth_settled(v->auth))
        ctl_dns_run(v->dns);
    timer_free(timer);
}

static int evaluate(struct verify *v)
{
    struct message_auth_env env = {.loop = ctl_dns_loop(v->dns),
                                   .dns = ctl_dns_asker(v->dns),
                                   .header_size = v->ctl->config.settings.header_size};
    set_rules(v->ctl, &env);
    v->auth = message_auth_new(&env, ctl_dns_stop, v->dns);
    if (!read_message(v->auth))
        return ctl_fail(1, "standard input: %s", strerror(errno));
    message_auth_end(v->auth, &v->mail.known, &v->helo.known);
    wait_for_answers(v);
    v->results = message_auth_results(v->auth);
    dispose(v);
    return 0;
}

/* ---- showing -----------------------------------------------------------------------------------
 */

static void set(json_t *out, const char *member, const char *text)
{
    if (text != NULL && text[0] != '\0')
        json_object_set_new(out, member, ctl_dns_text(text, strlen(text)));
}

static json_t *signature_json(const struct dkim_signature *signature)
{
    json_t *out = json_pack("{s:s}", "result", dkim_result_name(signature->result));
    set(out, "why", signature->why);
    set(out, "domain", signature->domain);
    set(out, "selector", signature->selector);
    set(out, "identity", signature->identity);
    set(out, "algorithm", signature->algorithm);
    if (signature->bits > 0)
        json_object_set_new(out, "bits", json_integer(signature->bits));
    if (signature->testing)
        json_object_set_new(out, "testing", json_true());
    if (signature->partial)
        json_object_set_new(out, "partial", json_true());
    return out;
}

static json_t *arc_json(const struct arc_answer *arc)
{
    json_t *out =
        json_pack("{s:s, s:i}", "result", arc_result_name(arc->result), "sets", (int)arc->sets);
    set(out, "why", arc->why);
    set(out, "sealer", arc->sealer);
    return out;
}

static json_t *dmarc_json(const struct message_auth_results *results)
{
    const struct dmarc_answer *dmarc = results->dmarc;
    json_t *out = json_pack("{s:s}", "result", dmarc_result_name(dmarc->result));
    set(out, "why", dmarc->why);
    set(out, "domain", dmarc->domain);
    set(out, "at", dmarc->at);
    set(out, "organisation", dmarc->org);
    if (dmarc->at[0] == '\0')
        return out;
    set(out, "published", dmarc_policy_name(dmarc->published));
    set(out, "policy", dmarc_policy_name(dmarc->policy));
    json_object_set_new(out, "dkim-aligned", json_boolean(dmarc->dkim_aligned));
    json_object_set_new(out, "spf-aligned", json_boolean(dmarc->spf_aligned));
    return out;
}

static const char *author_text(enum author_status status)
{
    switch (status) {
    case AUTHOR_ONE:
        break;
    case AUTHOR_NONE:
        return "there is no From field";
    case AUTHOR_EMPTY:
        return "From names no mailbox with a domain";
    case AUTHOR_MANY:
        return "several From fields, or authors of several domains";
    case AUTHOR_INVALID:
        return "From cannot be read as a list of mailboxes";
    }
    return "";
}

static json_t *spf_json(const struct verify *v)
{
    json_t *out = json_array();
    if (v->mail.known.checked)
        json_array_append_new(out, ctl_identity_json(&v->mail));
    if (v->helo.known.checked)
        json_array_append_new(out, ctl_identity_json(&v->helo));
    return out;
}

static json_t *header_json(const struct verify *v)
{
    struct buf text = {0};
    const struct policy *policy = v->ctl->config.settings.policy;
    const struct auth_config *config = policy != NULL ? policy_auth(policy) : NULL;
    const struct authres_client client = {
        .authserv_id = config != NULL && config->authserv_id != NULL
                           ? config->authserv_id
                           : v->ctl->config.settings.hostname,
        .client = &v->mail.client,
        .reverse_name = v->reverse.name != NULL ? v->reverse.name : "",
        .reverse_confirmed = v->reverse.confirmed,
        .reverse_temperror = v->reverse.temperror,
        .reverse_skipped = !has_client(v),
        .helo = v->mail.helo,
        .sender = v->mail.sender,
        .login = "",
        .override = v->override,
        .mark = v->mark,
    };
    authres_write(&client, v->results, &text);
    json_t *out = ctl_dns_text(buf_data(&text), buf_len(&text));
    buf_free(&text);
    return out;
}

static json_t *results_json(const struct verify *v)
{
    const struct message_auth_results *results = v->results;
    json_t *dkim = json_array();
    for (size_t i = 0; i < results->signatures; i++)
        json_array_append_new(dkim, signature_json(results->signature[i]));
    json_t *out =
        json_pack("{s:o, s:o, s:o, s:o, s:o}", "spf", spf_json(v), "dkim", dkim, "arc",
                  arc_json(results->arc), "dmarc", dmarc_json(results), "header", header_json(v));
    const char *author = author_text(results->author.status);
    if (author[0] != '\0')
        set(out, "author", author);
    return out;
}

static void show_all(struct ctl *ctl, const char *title, const json_t *list, const char *none)
{
    size_t i;
    const json_t *one;
    json_array_foreach(list, i, one)
    {
        printf("%s%s%s\n", ctl_show_bold(ctl), title, ctl_show_plain(ctl, ctl_show_bold(ctl)));
        ctl_show_object(ctl, one, 2);
    }
    if (json_array_size(list) == 0)
        printf("%s%s%s\n  %s\n", ctl_show_bold(ctl), title, ctl_show_plain(ctl, ctl_show_bold(ctl)),
               none);
}

/* As it would stand in the message, less the CRs. */
static void show_header(const json_t *header)
{
    for (const char *p = json_string_value(header); *p != '\0'; p++)
        if (*p != '\r')
            putchar(*p);
}

static void show(const struct verify *v, json_t *out)
{
    struct ctl *ctl = v->ctl;
    json_t *alone = json_array();
    show_all(ctl, "SPF", json_object_get(out, "spf"), "not asked: --ip says who brought it");
    show_all(ctl, "DKIM", json_object_get(out, "dkim"), "no signature");
    json_array_append(alone, json_object_get(out, "arc"));
    show_all(ctl, "ARC", alone, "");
    json_array_clear(alone);
    json_array_append(alone, json_object_get(out, "dmarc"));
    show_all(ctl, "DMARC", alone, "");
    if (json_object_get(out, "author") != NULL)
        printf("  author  %s\n", json_string_value(json_object_get(out, "author")));
    putchar('\n');
    show_header(json_object_get(out, "header"));
    json_decref(alone);
}

int ctl_verify(struct ctl *ctl)
{
    struct verify v = {.ctl = ctl, .override = "", .mark = ""};
    int status = read_arguments(&v);
    if (status != 0)
        return status;
    v.dns = ctl_dns_new(ctl);
    if (v.dns == NULL)
        return 1;
    ask_client(&v);
    status = evaluate(&v);
    if (v.results != NULL) {
        json_t *out = results_json(&v);
        if (ctl->json)
            ctl_show_json(out, true);
        else
            show(&v, out);
        json_decref(out);
    }
    message_auth_free(v.auth);
    ctl_dns_free(v.dns);
    return status;
}
