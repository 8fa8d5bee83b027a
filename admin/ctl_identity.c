/* SPDX-License-Identifier: ISC */
/* ctl_identity: SPF of one identity, asked and waited for. */
#include "admin/ctl_identity.h"

#include "admin/ctl_dns.h"
#include "admin/ctl_run.h"
#include "admin/ctl_show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TIME_MS 20000 /* RFC 7208 4.6.4 */

struct wait {
    struct ctl_dns *dns;
    struct ctl_identity *identity;
};

static void on_line(const char *line, void *arg)
{
    const struct wait *wait = arg;
    json_t *text = ctl_dns_text(line, strlen(line));
    if (json_is_array(wait->identity->trace)) {
        json_array_append_new(wait->identity->trace, text);
        return;
    }
    bool numeric;
    char *shown = ctl_show_value("", text, &numeric);
    puts(shown);
    free(shown);
    json_decref(text);
}

static void on_answer(const struct spf_answer *answer, void *arg)
{
    const struct wait *wait = arg;
    struct ctl_identity *identity = wait->identity;
    struct spf_known *known = &identity->known;
    known->checked = true;
    known->result = answer->result;
    snprintf(known->domain, sizeof known->domain, "%s", answer->domain);
    snprintf(known->mechanism, sizeof known->mechanism, "%s", answer->mechanism);
    snprintf(known->why, sizeof known->why, "%s", answer->why);
    snprintf(known->explanation, sizeof known->explanation, "%s", answer->explanation);
    identity->terms = answer->terms;
    identity->voids = answer->voids;
    identity->queries = answer->queries;
    ctl_dns_stop(wait->dns);
}

void ctl_identity_ask(struct ctl *ctl, struct ctl_dns *dns, struct ctl_identity *identity)
{
    const struct spf_query query = {.client = identity->client,
                                    .helo = identity->helo,
                                    .sender =
                                        strcmp(identity->sender, "<>") != 0 ? identity->sender : "",
                                    .helo_identity = identity->of_helo,
                                    .hostname = ctl->config.settings.hostname,
                                    .now = (int64_t)time(NULL),
                                    .time_ms = TIME_MS};
    struct wait wait = {.dns = dns, .identity = identity};
    struct spf *spf = spf_ask(ctl_dns_loop(dns), ctl_dns_asker(dns), &query,
                              identity->trace != NULL ? on_line : NULL, on_answer, &wait);
    (void)spf; /* nobody cancels it: it is waited for */
    ctl_dns_run(dns);
}

static void set(json_t *out, const char *member, const char *text)
{
    if (text[0] != '\0')
        json_object_set_new(out, member, ctl_dns_text(text, strlen(text)));
}

json_t *ctl_identity_json(const struct ctl_identity *identity)
{
    const struct spf_known *known = &identity->known;
    json_t *out = json_pack("{s:s, s:s}", "identity", identity->of_helo ? "helo" : "mailfrom",
                            "result", spf_result_name(known->result));
    set(out, "domain", known->domain);
    set(out, "mechanism", known->mechanism);
    set(out, "why", known->why);
    set(out, "explanation", known->explanation);
    json_object_set_new(out, "terms", json_integer(identity->terms));
    json_object_set_new(out, "void", json_integer(identity->voids));
    json_object_set_new(out, "queries", json_integer(identity->queries));
    return out;
}
