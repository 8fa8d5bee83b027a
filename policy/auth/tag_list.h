/* SPDX-License-Identifier: ISC */
#ifndef POLICY_AUTH_TAG_LIST_H
#define POLICY_AUTH_TAG_LIST_H
/* "name=value; name=value" as DKIM signatures and keys, ARC and DMARC write it (RFC 6376 3.2).
 * Pure, any thread; what comes in is hostile. */

#include <stdbool.h>
#include <stddef.h>

#define TAG_LIST_MOST 64 /* tags of one list; one with more is faulty */

struct tag {
    const char *name; /* points into the text */
    size_t name_len;
    const char *value; /* without the white space around it; may hold FWS within */
    size_t value_len;
};
struct tag_list {
    size_t count;
    struct tag tag[TAG_LIST_MOST];
};

/* False: it breaks the grammar, has a tag twice or too many; *why is a clause (static). */
bool tag_list_parse(const char *text, size_t len, struct tag_list *out, const char **why);
/* NULL: it is not there. Names are told apart by case. */
const struct tag *tag_list_find(const struct tag_list *list, const char *name);
/* Is the value that word, in any case? (White space within is none of it.) */
bool tag_is(const struct tag *tag, const char *word);
/* A number of 1 to 12 digits. False: it is none. */
bool tag_number(const struct tag *tag, unsigned long long *out);
/* The items of a list like "from : to : subject", without the white space around them; empty ones,
 * too. *at is 0 before the first. False: there is no further one. */
bool tag_item(const struct tag *tag, size_t *at, const char **item, size_t *len);
/* Is one of them that word, in any case? */
bool tag_has_item(const struct tag *tag, const char *word);

#endif
