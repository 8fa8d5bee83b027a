/* SPDX-License-Identifier: ISC */
/*
 * text_in: the client's message text as a stream.
 *
 * Promises: the end of DATA is CRLF.CRLF and nothing else (RFC 5321 4.1.1.4, 2.3.8); what comes out
 * never holds a bare CR, a bare LF or a NUL; any cut of the input gives the same output.
 *
 * Two speeds. Blocks of 128 octets in which every CR stands before an LF, every LF behind a CR, and
 * which hold no NUL and no dot at the start of a line go out as they lie; vectors of the compiler
 * find that out at about the speed of memory. All else goes through take_octet(), one octet at a
 * time, over these places in a line:
 *
 *   START --'.' (DATA)--> DOT --CRLF--> end of data, unless a bare newline stands beside it
 *     |                    '--other--> TEXT (the dot is undone)
 *     '--other--> TEXT --line end--> START
 *
 * A CR is held back until its LF is there. Normalising follows Postfix 3.9: each bare newline is a
 * line end, "\r\r\n" is one, and a line of a lone dot with a bare newline before or behind it is
 * dropped, for it is what SMTP smuggling is made of. Refusing goes on looking for CRLF.CRLF but
 * lets nothing more out.
 */
#include "proxy/text_in.h"

#include "lib/buf.h"

#include <string.h>
#include <strings.h>

enum place { PLACE_START, PLACE_TEXT, PLACE_DOT };

enum header_state {
    HEADER_START = 0,    /* up to HEADER_NAME_END it counts the matched octets of "Received" */
    HEADER_NAME_END = 8, /* all are matched, now WSP or ':' */
    HEADER_SKIP,         /* to the end of the line */
};

#define BLOCK 128

/* One call of text_in_feed(). Output is collected as long as it lies in the input in one run. */
struct feed {
    struct text_in *text;
    text_out_fn out;
    void *arg;
    const char *base; /* the input */
    const char *run;
    size_t run_len;
    bool end;
};

void text_in_init(struct text_in *text, bool dotted, enum newline_policy policy)
{
    *text = (struct text_in){
        .dotted = dotted,
        .normalize = policy == NEWLINE_NORMALIZE,
        .ends_in_crlf = true,
        .place = PLACE_START,
    };
}

static bool refused(const struct text_in *text)
{
    return (text->faults & (text->normalize ? (unsigned)TEXT_NUL : ~0U)) != 0;
}

/* Takes an octet of the field name at the start of a header line. */
static void header_name(struct text_in *text, char c)
{
    static const char name[] = "received";
    if (text->header_state < HEADER_NAME_END && (c | 0x20) == name[text->header_state]) {
        text->header_state++;
    } else if (text->header_state == HEADER_NAME_END && c == ':') {
        text->received++;
        text->header_state = HEADER_SKIP;
    } else if (text->header_state != HEADER_NAME_END || (c != ' ' && c != '\t')) {
        text->header_state = HEADER_SKIP;
    }
}

/* Follows the header section through the output, in which every line ends in CRLF. */
static void header_feed(struct text_in *text, const char *data, size_t len)
{
    const char *p = data;
    const char *end = data + len;
    while (p < end) {
        if (text->header_state == HEADER_START && *p == '\r') {
            text->header_done = true;
            break;
        }
        if (*p != '\n' && text->header_state != HEADER_SKIP)
            header_name(text, *p);
        if (text->header_state == HEADER_SKIP) {
            p = memchr(p, '\n', (size_t)(end - p));
            if (p == NULL)
                p = end - 1;
        }
        if (*p == '\n')
            text->header_state = HEADER_START;
        p++;
    }
    text->header_size += (size_t)(p - data);
}

static void emit(struct feed *f, const char *data, size_t len)
{
    struct text_in *text = f->text;
    if (!text->header_done)
        header_feed(text, data, len);
    text->size += len;
    text->ends_in_crlf = data[len - 1] == '\n';
    f->out(f->arg, data, len);
}

static void flush(struct feed *f)
{
    size_t len = f->run_len;
    f->run_len = 0;
    if (len > 0)
        emit(f, f->run, len);
}

/* Lets `len` octets of the input out. */
static void keep(struct feed *f, const char *data, size_t len)
{
    if (refused(f->text))
        return;
    if (f->run_len > 0 && f->run + f->run_len != data)
        flush(f);
    if (f->run_len == 0)
        f->run = data;
    f->run_len += len;
}

static void fault(struct feed *f, enum text_fault bit)
{
    flush(f); /* what stood before the fault still goes out, whatever the cut */
    f->text->faults |= bit;
}

/* A line ends. `crlf` is where its CRLF lies in the input, NULL where it does not lie there whole.
 */
static void line_end(struct feed *f, bool bare, const char *crlf)
{
    struct text_in *text = f->text;
    bool lone_dot = text->place == PLACE_DOT;
    bool beside_bare = bare || text->after_bare;
    text->place = PLACE_START;
    text->after_bare = bare;
    if (lone_dot) {
        f->end = !beside_bare;
    } else if (crlf != NULL) {
        keep(f, crlf, 2);
    } else if (!refused(text)) {
        flush(f);
        emit(f, "\r\n", 2);
    }
}

/* The CRs held back turn out to be bare. */
static void bare_crs(struct feed *f)
{
    struct text_in *text = f->text;
    fault(f, TEXT_BARE_CR);
    if (!text->normalize)
        text->place = PLACE_TEXT;
    for (unsigned i = 0; text->normalize && i < text->crs; i++)
        line_end(f, true, NULL);
    text->crs = 0;
}

/* Takes the octet behind one or two held CRs; true where that was all there is to it. */
static bool after_cr(struct feed *f, const char *p)
{
    struct text_in *text = f->text;
    if (*p == '\n') {
        bool bare = text->crs > 1;
        text->crs = 0;
        line_end(f, bare, !bare && p > f->base ? p - 1 : NULL);
        return true;
    }
    if (*p != '\r') {
        bare_crs(f);
        return false;
    }
    fault(f, TEXT_BARE_CR);
    if (!text->normalize)
        text->place = PLACE_TEXT; /* and the new CR is the one held */
    else if (text->crs == 1)
        text->crs = 2; /* one line end if an LF follows */
    else
        line_end(f, true, NULL); /* the oldest of three */
    return true;
}

static void content(struct feed *f, const char *p)
{
    struct text_in *text = f->text;
    if (!refused(text)) {
        if (text->place != PLACE_TEXT && *p == '.')
            text->dot_lines = true;
        if ((unsigned char)*p >= 0x80)
            text->eight_bit = true;
    }
    text->place = PLACE_TEXT;
    keep(f, p, 1);
}

static void take_octet(struct feed *f, const char *p)
{
    struct text_in *text = f->text;
    if (text->crs != 0 && after_cr(f, p))
        return;
    switch (*p) {
    case '\r':
        text->crs = 1;
        break;
    case '\n':
        fault(f, TEXT_BARE_LF);
        if (text->normalize)
            line_end(f, true, NULL);
        else
            text->place = PLACE_TEXT;
        break;
    case '\0':
        fault(f, TEXT_NUL);
        text->place = PLACE_TEXT;
        break;
    case '.':
        if (text->dotted && text->place == PLACE_START) {
            text->place = PLACE_DOT;
            break;
        }
        content(f, p);
        break;
    default:
        content(f, p);
    }
}

typedef unsigned char octets __attribute__((vector_size(16)));
typedef uint64_t words __attribute__((vector_size(16)));

struct seen {
    octets wrong; /* a NUL, a CR without LF, an LF without CR */
    octets dot;   /* a dot at the start of a line */
    octets all;   /* every octet or'ed */
};

static bool any(octets v)
{
    words w = (words)v;
    return (w[0] | w[1]) != 0;
}

/* Looks at the BLOCK octets at `p`, p[-1] being there as well. */
static struct seen look(const char *p)
{
    struct seen s = {0};
#pragma GCC unroll 8
    for (size_t i = 0; i < BLOCK; i += sizeof(octets)) {
        octets now, before;
        memcpy(&now, p + i, sizeof now);
        memcpy(&before, p + i - 1, sizeof before);
        s.wrong |= (octets)(now == '\0') | ((octets)(now == '\n') ^ (octets)(before == '\r'));
        s.dot |= (octets)(now == '.') & (octets)(before == '\n');
        s.all |= now;
    }
    return s;
}

/* How many octets at `p` go out as they lie; no CR is held and the place is START or TEXT. */
static size_t clean_run(struct text_in *text, const char *p, size_t len)
{
    bool dot = text->place == PLACE_START && *p == '.';
    if (len <= BLOCK || *p == '\0' || *p == '\n' || (dot && text->dotted))
        return 0;
    struct seen sum = {.all = {(unsigned char)*p}};
    size_t n = 1;
    while (len - n >= BLOCK) {
        struct seen s = look(p + n);
        if (any(s.wrong) || (text->dotted && any(s.dot)))
            break;
        sum.dot |= s.dot;
        sum.all |= s.all;
        n += BLOCK;
    }
    if (n == 1)
        return 0;
    if (!refused(text)) {
        text->dot_lines |= dot || any(sum.dot);
        text->eight_bit |= any(sum.all & 0x80);
    }
    return p[n - 1] == '\r' ? n - 1 : n;
}

/* Takes what lies at `p` within a line, up to a CR, LF or NUL; returns its length. */
static size_t take_text(struct feed *f, const char *p, size_t len)
{
    struct text_in *text = f->text;
    if (text->crs != 0 || text->place != PLACE_TEXT)
        return 0;
    size_t n = 0;
    unsigned char all = 0;
    while (n < len && (p[n] > '\r' || (p[n] != '\r' && p[n] != '\n' && p[n] != '\0')))
        all |= (unsigned char)p[n++];
    if (all >= 0x80 && !refused(text))
        text->eight_bit = true;
    if (n > 0)
        keep(f, p, n);
    return n;
}

/* Takes a clean run if there is one at `p`; returns its length. */
static size_t take_run(struct feed *f, const char *p, size_t len)
{
    struct text_in *text = f->text;
    if (text->crs != 0 || text->place == PLACE_DOT)
        return 0;
    size_t n = clean_run(text, p, len);
    if (n == 0)
        return 0;
    bool ended = p[n - 1] == '\n';
    text->place = ended ? PLACE_START : PLACE_TEXT;
    if (ended)
        text->after_bare = false;
    keep(f, p, n);
    return n;
}

size_t text_in_feed(struct text_in *text, const char *data, size_t len, text_out_fn out, void *arg,
                    bool *end)
{
    struct feed f = {.text = text, .out = out, .arg = arg, .base = data};
    size_t n = 0;
    while (n < len && !f.end) {
        n += take_run(&f, data + n, len - n);
        size_t stop = len - n > BLOCK ? n + BLOCK : len;
        while (n < stop && !f.end) {
            size_t taken = take_text(&f, data + n, stop - n);
            if (taken == 0)
                take_octet(&f, data + n++);
            n += taken;
        }
    }
    flush(&f);
    *end = f.end;
    return n;
}

void text_in_finish(struct text_in *text, text_out_fn out, void *arg)
{
    struct feed f = {.text = text, .out = out, .arg = arg};
    if (text->crs != 0)
        bare_crs(&f);
}

void text_stuff(struct buf *out, const char *data, size_t len, bool *line_start)
{
    if (len == 0)
        return;
    const char *end = data + len;
    const char *run = data;
    const char *p = data;
    while (p < end) {
        if (*line_start && *p == '.') { /* the run goes out up to here, and its dot again */
            buf_add(out, run, (size_t)(p - run));
            buf_add(out, ".", 1);
            run = p;
        }
        p = memchr(p, '\n', (size_t)(end - p));
        *line_start = p != NULL;
        p = p != NULL ? p + 1 : end;
    }
    buf_add(out, run, (size_t)(end - run));
}
