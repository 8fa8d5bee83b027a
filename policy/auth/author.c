/* SPDX-License-Identifier: ISC */
/*
 * author: the one domain that the From fields of a message name (RFC 9989 5.3.1).
 *
 * All of them count, groups' members, too. Domains are compared in lower case as A-labels, so one
 * domain in two writings is one. Mailboxes without a domain, and address literals, have none that a
 * policy could be found for: alone they name nobody (AUTHOR_EMPTY), beside a domain a literal is
 * another one, and a bare word is nothing. More is not found out than whether there is a second
 * domain.
 *
 * Promises: where the field breaks the grammar it is AUTHOR_INVALID, or AUTHOR_MANY if there were
 * two domains by then; so is a domain that could be none (an empty label, no host name, beyond
 * IDNA).
 * Limits: a From with more than IDN_MOST domains in UTF-8 is AUTHOR_INVALID. What was cut off the
 * header is not seen; whoever asks must not believe such a message.
 */
#include "policy/auth/author.h"

#include "policy/auth/address_list.h"
#include "policy/domain_form.h"
#include "policy/relay.h"

#include <string.h>

#define TEXT_MOST 1023 /* octets of a domain as written, U-labels among them */
#define IDN_MOST  200  /* domains in UTF-8: each costs as much as a hundred others */

struct search {
    struct author *out;
    bool literal; /* of `domain` */
    bool many;
    bool invalid;                                      /* a domain is none */
    size_t idns;                                       /* domains in UTF-8 */
    char domain[sizeof(((struct author *)0)->domain)]; /* the first one */
};

static bool normal(const struct mailbox *mailbox, char *out, size_t size)
{
    char text[TEXT_MOST + 1];
    if (mailbox->domain_len > TEXT_MOST ||
        memchr(mailbox->domain, '\0', mailbox->domain_len) != NULL)
        return false;
    memcpy(text, mailbox->domain, mailbox->domain_len);
    text[mailbox->domain_len] = '\0';
    return relay_domain_normal(text, out, size) && (out[0] == '[' || domain_form_host(out));
}

static bool is_ascii(const struct mailbox *mailbox)
{
    for (size_t i = 0; i < mailbox->domain_len; i++)
        if ((unsigned char)mailbox->domain[i] >= 0x80)
            return false;
    return true;
}

static void on_mailbox(const struct mailbox *mailbox, void *arg)
{
    struct search *search = arg;
    char domain[sizeof search->domain] = "";
    search->out->mailboxes++;
    if (mailbox->domain_len == 0 || search->many)
        return;
    search->idns += is_ascii(mailbox) ? 0 : 1;
    if (search->idns > IDN_MOST || !normal(mailbox, domain, sizeof domain)) {
        search->invalid = true;
    } else if (search->domain[0] == '\0') {
        memcpy(search->domain, domain, sizeof domain);
        search->literal = domain[0] == '[';
    } else if (strcmp(search->domain, domain) != 0) {
        search->many = true;
    }
}

static enum author_status status_of(const struct search *search, bool good)
{
    if (search->many)
        return AUTHOR_MANY;
    if (!good || search->invalid)
        return AUTHOR_INVALID;
    return search->domain[0] == '\0' || search->literal ? AUTHOR_EMPTY : AUTHOR_ONE;
}

void author_find(const struct header *header, struct author *out)
{
    struct search search = {.out = out};
    const struct header_field *from = header_first(header, "From");
    memset(out, 0, sizeof *out);
    if (header_occurs(header, "From") > 1) {
        out->status = AUTHOR_MANY;
    } else if (from == NULL) {
        out->status = AUTHOR_NONE;
    } else {
        bool good = address_list_parse(from->value, from->value_len, on_mailbox, &search);
        out->status = status_of(&search, good);
    }
    if (out->status == AUTHOR_ONE)
        memcpy(out->domain, search.domain, sizeof out->domain);
}
