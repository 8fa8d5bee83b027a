/* SPDX-License-Identifier: ISC */
/*
 * list_format: from the octets of a file to its logical lines, and from those, by format, to
 * entries.
 *
 * Promises: bounded memory whatever a file holds; a line that is not understood is named, never
 * dropped in silence; a reason is fit to be shown. A byte order mark, CRLF and a last line without
 * an end are fine; an octet 0 is a fault.
 *
 * In Postfix tables a line that begins with a blank goes on with the one before it (postconf(5));
 * elsewhere blanks in front say nothing.
 */
#include "policy/list_format_int.h"

#include "lib/mem.h"
#include "lib/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK 65536

static const char *const names[LIST_FORMATS] = {
    "auto",
    "native",
    "cidr",
    "postfix-access",
    "postscreen",
    "postgrey-clients",
    "postgrey-recipients",
    "drop",
};

const char *list_format_name(enum list_format format)
{
    return names[format];
}

bool list_format_parse(const char *text, enum list_format *out)
{
    for (unsigned i = 0; i < LIST_FORMATS; i++) {
        if (strcmp(names[i], text) == 0) {
            *out = (enum list_format)i;
            return true;
        }
    }
    *out = LIST_FORMAT_AUTO;
    return false;
}

struct list_reader *list_reader_new(const struct list_import *how, list_read_fn read,
                                    list_said_fn said, void *arg)
{
    struct list_reader *r = mem_alloc(sizeof *r);
    r->how = *how;
    r->format = how->format;
    r->read = read;
    r->said = said;
    r->arg = arg;
    return r;
}

void list_reader_free(struct list_reader *r)
{
    if (r == NULL)
        return;
    list_store_free(r->seen);
    free(r);
}

enum list_format list_reader_format(const struct list_reader *r)
{
    return r->format;
}

/* ---- what is said -------------------------------------------------------------------------------
 */

static void say(struct list_reader *r, bool fault, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

static void say(struct list_reader *r, bool fault, const char *format, va_list args)
{
    char text[512];
    char shown[1024];
    int head = snprintf(text, sizeof text, "%.255s:%lu: ", r->how.name, r->first);
    vsnprintf(text + head, sizeof text - (size_t)head, format, args);
    str_printable(shown, sizeof shown, text, strlen(text));
    r->said(fault, shown, r->arg);
}

void list_fault(struct list_reader *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    r->faults++;
    say(r, true, format, args);
    va_end(args);
}

void list_note(struct list_reader *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(r, false, format, args);
    va_end(args);
}

/* ---- entries ------------------------------------------------------------------------------------
 */

/* What can be shown of it, "?" for the rest; the same again of what came of it. */
static void clean(const char *text, char out[static LIST_REASON_MOST])
{
    size_t len = strlen(text);
    size_t used = 0;
    while (len > 0) {
        size_t step = str_utf8_shown(text, len);
        size_t take = step > 0 ? step : 1;
        if (used + take >= LIST_REASON_MOST)
            break;
        memcpy(out + used, step > 0 ? text : "?", take);
        used += take;
        text += take;
        len -= take;
    }
    while (used > 0 && out[used - 1] == ' ')
        used--;
    out[used] = '\0';
}

void list_emit(struct list_reader *r, const struct list_line *line)
{
    char text[LIST_LINE_MOST + 32];
    char key[ENTRY_KEY_MOST];
    char reason[LIST_REASON_MOST];
    struct entry entry = {.list = line->list,
                          .action = line->action,
                          .origin = ENTRY_FILE,
                          .unproven = line->unproven,
                          .key = key,
                          .reason = reason,
                          .author = "",
                          .expires = line->expires};
    const char *why;
    snprintf(text, sizeof text, "%s%s%s",
             line->kind >= 0 ? entry_kind_name((enum entry_kind)line->kind) : "",
             line->kind >= 0 ? ":" : "", line->key);
    if (!entry_key_parse(line->list, text, &entry.kind, key, &why)) {
        list_fault(r, "\"%.100s\": %s", line->key, why);
        return;
    }
    clean(line->reason, reason);
    r->read(&entry, r->arg);
}

char *list_word(char *text)
{
    char *end = text + strcspn(text, " \t");
    if (*end == '\0')
        return end;
    *end++ = '\0';
    return end + strspn(end, " \t");
}

bool list_prefix(const char *text, char out[static ENTRY_KEY_MOST])
{
    bool v6 = strchr(text, ':') != NULL;
    char separator = v6 ? ':' : '.';
    size_t len = strlen(text);
    unsigned groups = 1;
    if (len > 0 && text[len - 1] == separator)
        len--;
    if (len == 0 || len > ADDR_TEXT_MAX ||
        strspn(text, v6 ? "0123456789abcdefABCDEF:" : "0123456789.") < len)
        return false;
    for (size_t i = 0; i < len; i++)
        groups += text[i] == separator;
    if (groups >= (v6 ? 8U : 4U) || strstr(text, "::") != NULL)
        return false;
    if (v6)
        snprintf(out, ENTRY_KEY_MOST, "%.*s::/%u", (int)len, text, 16 * groups);
    else
        snprintf(out, ENTRY_KEY_MOST, "%.*s%s/%u", (int)len, text,
                 groups == 1   ? ".0.0.0"
                 : groups == 2 ? ".0.0"
                               : ".0",
                 8 * groups);
    struct cidr net;
    const char *why;
    return cidr_parse(out, &net, &why);
}

/* ---- lines --------------------------------------------------------------------------------------
 */

static void parse(struct list_reader *r, char *line)
{
    switch (r->format) {
    case LIST_FORMAT_NATIVE:
        list_parse_native(r, line);
        return;
    case LIST_FORMAT_CIDR:
        list_parse_cidr(r, line);
        return;
    case LIST_FORMAT_ACCESS:
        list_parse_access(r, line);
        return;
    case LIST_FORMAT_POSTSCREEN:
        list_parse_postscreen(r, line);
        return;
    case LIST_FORMAT_POSTGREY_CLIENTS:
        list_parse_postgrey(r, line, false);
        return;
    case LIST_FORMAT_POSTGREY_RECIPIENTS:
        list_parse_postgrey(r, line, true);
        return;
    case LIST_FORMAT_DROP:
        list_parse_drop(r, line);
        return;
    case LIST_FORMAT_AUTO:
    case LIST_FORMATS:
        return;
    }
}

static bool is_postfix(enum list_format format)
{
    return format == LIST_FORMAT_ACCESS || format == LIST_FORMAT_POSTSCREEN;
}

/* Reads the logical line that is held. */
static void finish(struct list_reader *r)
{
    if (!r->held)
        return;
    r->held = false;
    while (r->text_len > 0 && (r->text[r->text_len - 1] == ' ' || r->text[r->text_len - 1] == '\t'))
        r->text_len--;
    r->text[r->text_len] = '\0';
    if (r->long_text)
        list_fault(r, "a line of more than %d octets; no entry is as long", LIST_LINE_MOST);
    else if (strlen(r->text) != r->text_len)
        list_fault(r, "an octet 0; is this a text file?");
    else
        parse(r, r->text);
}

/* Holds the line that has come, or adds it to the one that is held. */
static void hold(struct list_reader *r, const char *line, size_t len, bool more)
{
    if (!more) {
        finish(r);
        r->first = r->number;
        r->text_len = 0;
        r->long_text = false;
        r->held = true;
    }
    size_t blank = more && r->text_len > 0 ? 1 : 0;
    r->long_text = r->long_text || r->long_line || r->text_len + blank + len > LIST_LINE_MOST;
    if (r->long_text)
        return;
    if (blank > 0)
        r->text[r->text_len++] = ' ';
    memcpy(r->text + r->text_len, line, len);
    r->text_len += len;
}

static void find_format(struct list_reader *r, const char *line)
{
    r->format = list_detect(line);
    if (r->format != LIST_FORMAT_AUTO)
        return;
    r->first = r->number;
    list_fault(r,
               "the format does not show in \"%.60s\"; name it: native, cidr, postfix-access, "
               "postscreen, postgrey-clients, postgrey-recipients or drop",
               line);
    r->stopped = true;
}

/* "# format: postfix-access sender" says what follows. */
static void take_directive(struct list_reader *r, const char *line)
{
    static const char word[] = "format:";
    char name[32];
    char kind[32] = "";
    enum entry_kind found;
    line += 1 + strspn(line + 1, " \t");
    if (r->format != LIST_FORMAT_AUTO || strncmp(line, word, sizeof word - 1) != 0)
        return;
    r->first = r->number;
    if (sscanf(line + sizeof word - 1, "%31s %31s", name, kind) < 1 ||
        !list_format_parse(name, &r->format) ||
        (kind[0] != '\0' && !entry_kind_parse(kind, &found))) {
        list_fault(r,
                   "\"%.60s\": right would be \"format: NAME\" or, of an access table, \"format: "
                   "postfix-access KIND\", of client, helo, sender or recipient",
                   line);
        r->stopped = true;
    } else if (kind[0] != '\0') {
        r->how.kind = (int)found;
    }
}

static void take_line(struct list_reader *r)
{
    r->number++;
    r->line[r->line_len] = '\0';
    char *line = r->line;
    size_t len = r->line_len;
    if (r->number == 1 && strncmp(line, "\xef\xbb\xbf", 3) == 0) {
        line += 3;
        len -= 3;
    }
    if (len > 0 && line[len - 1] == '\r')
        line[--len] = '\0';
    size_t blanks = strspn(line, " \t");
    line += blanks;
    len -= blanks;
    if (*line == '#' && !r->stopped && !r->long_line)
        take_directive(r, line);
    if (r->stopped || (len == 0 && !r->long_line) || *line == '#' ||
        (*line == ';' && !is_postfix(r->format)))
        return;
    if (r->format == LIST_FORMAT_AUTO)
        find_format(r, line);
    if (!r->stopped)
        hold(r, line, len, blanks > 0 && r->held && is_postfix(r->format));
}

void list_reader_feed(struct list_reader *r, const char *data, size_t len)
{
    while (len > 0) {
        const char *end = memchr(data, '\n', len);
        size_t part = end != NULL ? (size_t)(end - data) : len;
        size_t room = LIST_LINE_MOST - r->line_len;
        r->long_line = r->long_line || part > room;
        memcpy(r->line + r->line_len, data, part < room ? part : room);
        r->line_len += part < room ? part : room;
        data += part;
        len -= part;
        if (end == NULL)
            return;
        data++;
        len--;
        take_line(r);
        r->line_len = 0;
        r->long_line = false;
    }
}

unsigned long list_reader_end(struct list_reader *r)
{
    if (r->line_len > 0 || r->long_line)
        take_line(r);
    r->line_len = 0;
    r->long_line = false;
    finish(r);
    r->first = r->number;
    if (r->depth > 0)
        list_fault(r, "an \"if\" without its \"endif\"");
    r->depth = 0;
    return r->faults;
}

/* ---- files --------------------------------------------------------------------------------------
 */

static bool read_all(struct list_reader *r, int fd, int *error)
{
    char *chunk = mem_alloc(CHUNK);
    ssize_t got;
    do {
        if (r->how.stop != NULL && atomic_load(r->how.stop)) {
            got = -1;
            errno = ECANCELED;
            break;
        }
        got = read(fd, chunk, CHUNK);
        if (got > 0)
            list_reader_feed(r, chunk, (size_t)got);
    } while (got > 0 || (got < 0 && errno == EINTR));
    *error = errno;
    free(chunk);
    return got == 0;
}

bool list_read_file(const struct list_import *how, list_read_fn read_entry, list_said_fn said,
                    void *arg, unsigned long *faults, char **why)
{
    struct stat st;
    int fd = open(how->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int error = errno;
    struct list_reader *r = list_reader_new(how, read_entry, said, arg);
    /* What is no file, such as a FIFO that nobody writes or a device, may never end. */
    bool file = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    if (fd >= 0 && !file)
        error = ENOTSUP;
    bool good = file && read_all(r, fd, &error);
    *faults = good ? list_reader_end(r) : 0;
    *why = good ? NULL : mem_printf("%s: cannot be read: %s", how->name, strerrordesc_np(error));
    list_reader_free(r);
    if (fd >= 0)
        close(fd);
    return good;
}
