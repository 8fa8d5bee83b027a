/* SPDX-License-Identifier: ISC */
/*
 * Asks policy/auth/dmarc from outside. One case a line on stdin, one line each on stdout; HEX is
 * text in hex digits, "-" is none:
 *
 * "record HEX"  a record: "record P SP NP WHY", "bad P SP NP WHY" or "no - - -"
 * "address HEX" a field's value: "good" or "bad", then for each mailbox "NAME:LOCAL:DOMAIN", each
 * in hex, with ":g" behind in a group "treewalk|psl HEX SPF DKIM..."  a message with these From
 * fields (HEX: the whole header section), whose MAIL FROM domain and signatures' domains pass: a
 * JSON object. DNS is asked through the real resolver.
 *
 * "dmarc_driver PORT [MS]": PORT that of a DNS server on 127.0.0.1, MS what a question may take.
 */
#include "dns/resolver.h"
#include "lib/buf.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "lib/str.h"
#include "policy/auth/address_list.h"
#include "policy/auth/author.h"
#include "policy/auth/dmarc.h"
#include "tests/unit/support/driver_dns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_SIZE 16384
#define SIGNERS   32

static bool text_of(const char *hex, char out[static TEXT_SIZE], size_t *len)
{
    *len = 0;
    out[0] = '\0';
    if (hex == NULL || strlen(hex) / 2 >= TEXT_SIZE)
        return false;
    if (strcmp(hex, "-") == 0)
        return true;
    *len = strlen(hex) / 2;
    out[*len] = '\0';
    return str_hex_decode((unsigned char *)out, *len, hex, strlen(hex));
}

/* ---- pure -------------------------------------------------------------------------------------
 */

static void run_record(const char *text, size_t len)
{
    static const char *const word[] = {"record", "no", "bad"};
    struct dmarc_record record;
    const char *why;
    enum dmarc_reading reading = dmarc_record_parse(text, len, &record, &why);
    if (reading == DMARC_NO_RECORD)
        puts("no - - -");
    else
        printf("%s %s %s %s %s\n", word[reading], dmarc_policy_name(record.p),
               dmarc_policy_name(record.sp), dmarc_policy_name(record.np), why);
}

static void add_hex(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        buf_printf(out, "%02x", (unsigned char)text[i]);
}

static void on_mailbox(const struct mailbox *m, void *arg)
{
    struct buf *out = arg;
    buf_add_str(out, " ");
    add_hex(out, m->name, m->name_len);
    buf_add_str(out, ":");
    add_hex(out, m->local, m->local_len);
    buf_add_str(out, ":");
    add_hex(out, m->domain, m->domain_len);
    buf_add_str(out, m->in_group ? ":g" : "");
}

static void run_address(const char *text, size_t len)
{
    struct buf out = {0};
    bool good = address_list_parse(text, len, on_mailbox, &out);
    buf_add(&out, "", 1);
    printf("%s%s\n", good ? "good" : "bad", buf_data(&out));
    buf_free(&out);
}

/* ---- messages ---------------------------------------------------------------------------------
 */

static void on_changed(void *arg)
{
    loop_stop(arg);
}

static const char *flag(bool truth)
{
    return truth ? "true" : "false";
}

/* Names and clauses of ours only, so nothing needs quoting. */
static void show(const struct author *author, const struct dmarc_answer *a)
{
    static const char *const status[] = {"one", "none", "empty", "many", "invalid"};
    bool has = a->at[0] != '\0';
    printf("{\"author\": \"%s\", \"domain\": \"%s\", \"result\": \"%s\", \"why\": \"%s\", "
           "\"at\": \"%s\", \"org\": \"%s\", \"queries\": %u, \"dkim\": %s, \"spf\": %s",
           status[author->status], a->domain, dmarc_result_name(a->result), a->why, a->at, a->org,
           a->queries, flag(a->dkim_aligned), flag(a->spf_aligned));
    if (has)
        printf(", \"policy\": \"%s\", \"published\": \"%s\", \"p\": \"%s\", \"sp\": \"%s\", "
               "\"adkim\": \"%s\", \"aspf\": \"%s\", \"t\": %s",
               dmarc_policy_name(a->policy), dmarc_policy_name(a->published),
               dmarc_policy_name(a->record.p), dmarc_policy_name(a->record.sp),
               a->record.strict_dkim ? "s" : "r", a->record.strict_spf ? "s" : "r",
               flag(a->testing));
    puts("}");
}

static void find_author(const char *text, size_t len, struct author *author)
{
    struct header *header = header_new(TEXT_SIZE, 100);
    (void)header_add(header, text, len);
    header_end(header);
    author_find(header, author);
    header_free(header);
}

static void run_message(struct loop *loop, struct dns *dns, enum dmarc_discovery how,
                        const char *header, size_t len, char *rest)
{
    const char *signer[SIGNERS];
    struct author author;
    struct dmarc_identifiers who = {.spf_domain = "", .dkim_domain = signer};
    const char *spf = strsep(&rest, " "), *next;
    if (spf != NULL && strcmp(spf, "-") != 0)
        who.spf_domain = spf;
    while (who.dkim_domains < SIGNERS && (next = strsep(&rest, " ")) != NULL)
        signer[who.dkim_domains++] = next;
    find_author(header, len, &author);
    struct dmarc *dmarc = dmarc_new(dns, author.domain, how, on_changed, loop);
    dmarc_end(dmarc, &who);
    if (!dmarc_settled(dmarc))
        loop_run(loop);
    show(&author, dmarc_answer(dmarc));
    dmarc_free(dmarc);
}

/* ---- main -------------------------------------------------------------------------------------
 */

static void run_case(struct loop *loop, struct dns *dns, char *line)
{
    char text[TEXT_SIZE];
    size_t len;
    const char *what = strsep(&line, " ");
    if (!text_of(strsep(&line, " "), text, &len))
        puts("input");
    else if (strcmp(what, "record") == 0)
        run_record(text, len);
    else if (strcmp(what, "address") == 0)
        run_address(text, len);
    else if (strcmp(what, "treewalk") == 0)
        run_message(loop, dns, DMARC_TREE_WALK, text, len, line);
    else if (strcmp(what, "psl") == 0)
        run_message(loop, dns, DMARC_PSL, text, len, line);
    else
        puts("input");
}

int main(int argc, char **argv)
{
    char line[4 * TEXT_SIZE];
    if (argc < 2) {
        fprintf(stderr, "usage: dmarc_driver PORT [MS] < CASES\n");
        return 2;
    }
    resolver_init();
    struct loop *loop = loop_new();
    struct resolver *resolver = driver_dns_new(loop, argv[1], argv[2]);
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        run_case(loop, resolver_dns(resolver), line);
        fflush(stdout);
    }
    resolver_free(resolver);
    loop_free(loop);
    resolver_shutdown();
    return 0;
}
