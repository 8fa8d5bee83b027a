/* SPDX-License-Identifier: ISC */
/*
 * grey_row: a row of the table of triplets, packed.
 *
 * `at`: twice the seconds since 2020, plus 1 where it is white: `first` of those that wait, `last`
 * of the white; four octets until 2054. `detail`: one octet with the number of links, the count and
 * last - first as numbers of 7 bits an octet, the links (4 octets each), then identity, sender and
 * recipient, each with a NUL.
 *
 * Promises: a detail that was damaged is not read beyond its end.
 *
 * Limits: keys are hashes, and two rows of ten million triplets share one with a chance of about 1
 * in 20000; of one sender and recipient seen from ten thousand networks two with 1 in 100. Then
 * both have one record. The hash is keyed, so that nobody can look for such a pair.
 */
#include "db/grey_row.h"

#include <endian.h>
#include <string.h>

#define EPOCH 1577836800 /* 2020-01-01 */

static size_t set(const char **to, const char *text)
{
    *to = text != NULL ? text : "";
    return strnlen(*to, STORE_TEXT_MOST);
}

void grey_texts_set(struct grey_texts *texts, const char *identity, const char *sender,
                    const char *recipient)
{
    texts->identity_len = set(&texts->identity, identity);
    texts->sender_len = set(&texts->sender, sender);
    texts->recipient_len = set(&texts->recipient, recipient);
}

static size_t add_text(unsigned char *out, size_t at, const char *text, size_t len)
{
    memcpy(out + at, text, len);
    out[at + len] = '\0';
    return at + len + 1;
}

sqlite3_int64 grey_row_key(const struct hash_key *hash, const struct grey_texts *texts)
{
    unsigned char all[3 * (STORE_TEXT_MOST + 1)];
    size_t len = add_text(all, 0, texts->sender, texts->sender_len);
    len = add_text(all, len, texts->recipient, texts->recipient_len);
    uint64_t pair = hash_bytes(hash, all, len);
    len = add_text(all, len, texts->identity, texts->identity_len);
    uint64_t own = hash_bytes(hash, all, len);
    sqlite3_int64 key = (sqlite3_int64)((pair & 0x7fffffff) << 32 | (own & 0xffffffff));
    return key != 0 ? key : 1;
}

sqlite3_int64 grey_row_linked(sqlite3_int64 key, uint32_t link)
{
    return (sqlite3_int64)(((uint64_t)key & ~(uint64_t)0xffffffff) | link);
}

bool grey_row_has_link(const struct grey_row *row, uint32_t link)
{
    for (size_t i = 0; i < row->links; i++) {
        if (row->link[i] == link)
            return true;
    }
    return false;
}

bool grey_row_add_link(struct grey_row *row, uint32_t link)
{
    if (grey_row_has_link(row, link))
        return true;
    if (row->links == GREY_LINKS_MOST)
        return false;
    row->link[row->links++] = link;
    return true;
}

static size_t put_number(unsigned char *out, size_t at, uint64_t number)
{
    for (; number > 0x7f; number >>= 7)
        out[at++] = (unsigned char)(number | 0x80);
    out[at++] = (unsigned char)number;
    return at;
}

/* What is still to be read of a detail; `left` may not go below 0. */
struct reading {
    const unsigned char *at;
    size_t left;
};

static bool get_number(struct reading *in, uint64_t *number)
{
    *number = 0;
    for (unsigned shift = 0; in->left > 0 && shift < 63; shift += 7) {
        unsigned char octet = *in->at++;
        in->left--;
        *number |= (uint64_t)(octet & 0x7f) << shift;
        if (octet < 0x80)
            return true;
    }
    return false;
}

static bool get_text(struct reading *in, const char **text, size_t *len)
{
    const unsigned char *end = in->left > 0 ? memchr(in->at, '\0', in->left) : NULL;
    if (end == NULL)
        return false;
    *text = (const char *)in->at;
    *len = (size_t)(end - in->at);
    in->at = end + 1;
    in->left -= *len + 1;
    return *len <= STORE_TEXT_MOST;
}

static bool get_links(struct reading *in, struct grey_row *row, size_t links)
{
    if (links > GREY_LINKS_MOST || in->left < links * 4)
        return false;
    for (size_t i = 0; i < links; i++) {
        uint32_t link;
        memcpy(&link, in->at + 4 * i, sizeof link);
        row->link[i] = le32toh(link);
    }
    row->links = links;
    in->at += links * 4;
    in->left -= links * 4;
    return true;
}

static bool get_detail(struct grey_row *row, struct reading *in)
{
    uint64_t count, apart;
    size_t links = *in->at++;
    in->left--;
    struct grey_texts *texts = &row->texts;
    if (!get_number(in, &count) || !get_number(in, &apart) || !get_links(in, row, links) ||
        !get_text(in, &texts->identity, &texts->identity_len) ||
        !get_text(in, &texts->sender, &texts->sender_len) ||
        !get_text(in, &texts->recipient, &texts->recipient_len) || in->left != 0 || count == 0 ||
        count > UINT32_MAX || apart > UINT32_MAX)
        return false;
    row->record.count = (uint32_t)count;
    if (row->record.white)
        row->record.first -= (int64_t)apart;
    else
        row->record.last += (int64_t)apart;
    return true;
}

bool grey_row_decode(struct grey_row *row, sqlite3_int64 at, const void *detail, size_t len)
{
    int64_t time = (at >> 1) + EPOCH;
    row->record =
        (struct grey_record){.first = time, .last = time, .count = 1, .white = (at & 1) != 0};
    struct reading in = {detail, len};
    row->links = 0;
    row->detail = detail != NULL && len > 0 && get_detail(row, &in);
    if (!row->detail)
        row->links = 0;
    return row->detail || detail == NULL;
}

sqlite3_int64 grey_row_at(const struct grey_row *row)
{
    int64_t time = row->record.white ? row->record.last : row->record.first;
    return (time - EPOCH) * 2 + (row->record.white ? 1 : 0);
}

size_t grey_row_detail(const struct grey_row *row, unsigned char out[static GREY_DETAIL_MOST])
{
    const struct grey_texts *texts = &row->texts;
    int64_t apart = row->record.last - row->record.first;
    apart = apart < 0 ? 0 : apart > UINT32_MAX ? UINT32_MAX : apart;
    out[0] = (unsigned char)row->links;
    size_t len = put_number(out, 1, row->record.count);
    len = put_number(out, len, (uint64_t)apart);
    for (size_t i = 0; i < row->links; i++, len += 4) {
        uint32_t link = htole32(row->link[i]);
        memcpy(out + len, &link, sizeof link);
    }
    len = add_text(out, len, texts->identity, texts->identity_len);
    len = add_text(out, len, texts->sender, texts->sender_len);
    return add_text(out, len, texts->recipient, texts->recipient_len);
}
