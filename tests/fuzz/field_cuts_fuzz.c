/* SPDX-License-Identifier: ISC */
/*
 * Fuzz target of field_cuts: the first octet says how the message, which is the rest, is split.
 * What must hold: the same pieces however it is split, in order, apart, within the header section;
 * what is left has no field of our names.
 */
#include "lib/buf.h"
#include "lib/header.h"
#include "policy/field_cuts.h"
#include "tests/fuzz/must.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct field_cuts_rules rules = {.authserv_id = "mx.example.org", .name = {"X-Ours"}};

struct rest {
    const char *message;
    struct buf out;
    uint64_t at;
};

static void on_piece(uint64_t offset, uint64_t len, void *arg)
{
    struct rest *rest = arg;
    MUST(len > 0 && (offset > rest->at || offset == 0));
    buf_add(&rest->out, rest->message + rest->at, offset - rest->at);
    rest->at = offset + len;
}

static struct buf without(const char *message, size_t len, size_t step)
{
    struct field_cuts *cuts = field_cuts_new(&rules);
    struct rest rest = {.message = message};
    for (size_t at = 0; at < len; at += step)
        field_cuts_add(cuts, message + at, len - at < step ? len - at : step);
    field_cuts_end(cuts);
    field_cuts_each(cuts, on_piece, &rest);
    MUST(rest.at <= len);
    buf_add(&rest.out, message + rest.at, len - rest.at);
    field_cuts_free(cuts);
    return rest.out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const char *message = (const char *)data + 1;
    struct buf whole = without(message, size - 1, size);
    struct buf parts = without(message, size - 1, 1 + data[0] % 32);
    struct header *header = header_new(size, size);
    MUST(buf_len(&whole) == buf_len(&parts));
    MUST(buf_len(&whole) == 0 || memcmp(buf_data(&whole), buf_data(&parts), buf_len(&whole)) == 0);
    header_add(header, buf_data(&whole), buf_len(&whole));
    header_end(header);
    MUST(header_occurs(header, "X-Ours") == 0);
    header_free(header);
    buf_free(&whole);
    buf_free(&parts);
    return 0;
}
