/* SPDX-License-Identifier: ISC */
/*
 * address_list_fuzz: any octets as a field's value. What is said of mailboxes can be read, is no
 * longer than the text, and comes before nothing; the same text within a comment names nobody, and
 * behind another mailbox it names one more. author_find() of it agrees: one domain, in normal form,
 * where all that were said are that one; more than one is never AUTHOR_ONE.
 */
#include "policy/auth/address_list.h"

#include "lib/mem.h"
#include "policy/auth/author.h"
#include "policy/relay.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    size_t most; /* octets of the text */
    size_t mailboxes, domains;
    size_t octets; /* of all that was said */
    unsigned sum;
    char domain[256]; /* the first that has a normal form */
    bool two;         /* there is another */
};

static void expect(bool truth)
{
    if (!truth)
        abort();
}

static unsigned sum_of(const char *text, size_t len)
{
    unsigned sum = 0;
    for (; len-- > 0; text++)
        sum += (unsigned char)*text;
    return sum;
}

static void take_domain(struct seen *seen, const struct mailbox *m)
{
    char normal[256];
    char *text = mem_strndup(m->domain, m->domain_len);
    if (relay_domain_normal(text, normal, sizeof normal)) {
        if (seen->domain[0] == '\0')
            memcpy(seen->domain, normal, strlen(normal) + 1);
        else
            seen->two = seen->two || strcmp(seen->domain, normal) != 0;
    }
    free(text);
}

static void on_mailbox(const struct mailbox *m, void *arg)
{
    struct seen *seen = arg;
    seen->mailboxes++;
    seen->octets += m->local_len + m->domain_len + m->name_len;
    expect(m->local_len + m->domain_len + m->name_len <= seen->most);
    seen->sum += sum_of(m->local, m->local_len) + sum_of(m->domain, m->domain_len) +
                 sum_of(m->name, m->name_len);
    expect(memchr(m->domain, '\r', m->domain_len) == NULL);
    expect(memchr(m->domain, '\n', m->domain_len) == NULL);
    expect(memchr(m->domain, '>', m->domain_len) == NULL || m->domain[0] == '[');
    if (m->domain_len > 0) {
        seen->domains++;
        take_domain(seen, m);
    }
}

static bool parse(const char *front, const char *text, size_t len, const char *back,
                  struct seen *seen)
{
    size_t before = strlen(front), behind = strlen(back);
    char *whole = mem_alloc(before + len + behind + 1);
    memcpy(whole, front, before);
    if (len > 0)
        memcpy(whole + before, text, len);
    memcpy(whole + before + len, back, behind);
    char *exact = mem_alloc(before + len + behind + 1);
    memcpy(exact, whole, before + len + behind);
    *seen = (struct seen){.most = before + len + behind};
    bool good = address_list_parse(exact, before + len + behind, on_mailbox, seen);
    free(exact);
    free(whole);
    /* One word may be said twice: "a@b <c@d>". */
    expect(seen->octets <= 2 * seen->most);
    return good;
}

static void check_author(const char *text, size_t len, const struct seen *seen, bool good)
{
    struct author author;
    char normal[256];
    struct header *header = header_new(len + 100, 10);
    (void)header_add(header, "From:", 5);
    (void)header_add(header, text, len);
    (void)header_add(header, "\r\n", 2);
    header_end(header);
    author_find(header, &author);
    const struct header_field *field = header_first(header, "From");
    bool whole = header_count(header) == 1 && field != NULL && field->value_len == len;
    if (author.status == AUTHOR_ONE) {
        expect(relay_domain_normal(author.domain, normal, sizeof normal));
        expect(strcmp(normal, author.domain) == 0 && author.domain[0] != '[');
        expect(author.mailboxes > 0);
    } else {
        expect(author.domain[0] == '\0');
    }
    if (whole) {
        expect(author.status != AUTHOR_ONE || (good && !seen->two));
        expect(author.status != AUTHOR_ONE || strcmp(author.domain, seen->domain) == 0);
        expect(author.status != AUTHOR_EMPTY || good);
        expect(author.mailboxes == seen->mailboxes);
    }
    header_free(header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct seen seen, other;
    if (size > 100000)
        return 0;
    bool good = parse("", text, size, "", &seen);
    check_author(text, size, &seen, good);
    if (!good)
        return 0;
    expect(parse("x@y.example,", text, size, "", &other));
    expect(other.mailboxes == seen.mailboxes + 1 && other.domains == seen.domains + 1);
    expect(parse("", text, size, ",x@y.example", &other));
    expect(other.mailboxes == seen.mailboxes + 1);
    return 0;
}
