/* SPDX-License-Identifier: ISC */
/*
 * conf: a configuration file, its sections, and what is wrong with it.
 *
 * A file is read in three steps: conf_scan looks it over, conf_parse lets libConfuse split it into
 * parts (sections) with values, each a text with its line, and conf_fill turns texts into what the
 * rows say. Grammar stops at the first fault; every fault of meaning is collected. Types are ours,
 * not libConfuse's, so that a wrong type is one fault among the others.
 *
 * Limits: a file of 1 MiB; sections do not nest; `include` does not exist (one file says it all);
 * "${NAME}" in a string is libConfuse's, a variable of the environment.
 */
#include "lib/conf.h"

#include "lib/buf.h"
#include "lib/conf_int.h"
#include "lib/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct conf *conf_new(const char *path, const struct conf_section *const *sections)
{
    struct conf *conf = mem_alloc(sizeof *conf);
    const char *slash = strrchr(path, '/');
    conf->path = mem_strdup(path);
    conf->directory = mem_strndup(path, slash != NULL ? (size_t)(slash - path) + 1 : 0);
    conf->sections = sections;
    for (size_t i = 0; sections[i] != NULL; i++)
        if (!sections[i]->many)
            conf_add_part(conf, sections[i]);
    return conf;
}

static void part_free(struct conf_part *part)
{
    for (size_t i = 0; i < part->count; i++)
        free(part->value[i].text);
    free(part->value);
    free(part->title);
    free(part);
}

void conf_free(struct conf *conf)
{
    if (conf == NULL)
        return;
    for (size_t i = 0; i < conf->part_count; i++)
        part_free(conf->part[i]);
    for (size_t i = 0; i < conf->note_count; i++)
        free(conf->note[i].text);
    free(conf->part);
    free(conf->note);
    free(conf->opening);
    free(conf->directory);
    free(conf->path);
    free(conf);
}

/* The content of the open file into `text`; 0 or an errno. */
static int read_all(int fd, struct buf *text)
{
    char block[8192];
    ssize_t got;
    while ((got = read(fd, block, sizeof block)) != 0) {
        if (got < 0 && errno != EINTR)
            return errno;
        if (got > 0)
            buf_add(text, block, (size_t)got);
        if (buf_len(text) > CONF_FILE_MAX)
            return EFBIG;
    }
    return 0;
}

bool conf_read(struct conf *conf)
{
    struct buf text = {0};
    struct stat status;
    /* Not blocking: a FIFO must not hold the daemon. */
    int fd = open(conf->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int error = fd < 0 ? errno : 0;
    if (error == 0 && fstat(fd, &status) == 0 && !S_ISREG(status.st_mode))
        error = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
    if (error == 0)
        error = read_all(fd, &text);
    if (fd >= 0)
        close(fd);
    bool good = false;
    if (error != 0)
        conf_fault(conf, 0, "cannot be read (%s); name a readable configuration file",
                   strerror(error));
    else
        good = conf_read_text(conf, buf_data(&text), buf_len(&text));
    buf_free(&text);
    return good;
}

bool conf_read_text(struct conf *conf, const char *text, size_t len)
{
    static const char mark[] = "\xef\xbb\xbf"; /* some editors begin UTF-8 with it */
    if (len >= 3 && memcmp(text, mark, 3) == 0) {
        text += 3;
        len -= 3;
    }
    /* A copy that may be changed, and is never empty, which fmemopen would refuse. */
    char *copy = mem_alloc(len + 1);
    memcpy(copy, text, len);
    copy[len] = '\n';
    bool good = conf_scan(conf, copy, len + 1) && conf_parse(conf, copy, len + 1);
    free(copy);
    free(conf->opening);
    conf->opening = NULL;
    conf->opening_count = 0;
    return good;
}

const struct conf_section *conf_section(const struct conf *conf, const char *name)
{
    for (size_t i = 0; conf->sections[i] != NULL; i++) {
        const char *other = conf->sections[i]->name;
        if (name == other || (name != NULL && other != NULL && strcmp(name, other) == 0))
            return conf->sections[i];
    }
    return NULL;
}

const struct conf_row *conf_row(const struct conf_section *section, const char *name)
{
    for (size_t i = 0; i < section->rows; i++)
        if (strcmp(section->row[i].name, name) == 0)
            return &section->row[i];
    return NULL;
}

struct conf_part *conf_add_part(struct conf *conf, const struct conf_section *section)
{
    struct conf_part *part = mem_alloc(sizeof *part);
    part->section = section;
    conf->part = mem_grow(conf->part, conf->part_count + 1, sizeof conf->part[0]);
    conf->part[conf->part_count++] = part;
    return part;
}

size_t conf_parts(const struct conf *conf, const struct conf_section *section)
{
    size_t count = 0;
    for (size_t i = 0; i < conf->part_count; i++)
        count += conf->part[i]->section == section &&
                 (section->many || section->name == NULL || conf->part[i]->line != 0);
    return count;
}

const struct conf_part *conf_part(const struct conf *conf, const struct conf_section *section,
                                  size_t index)
{
    for (size_t i = 0; i < conf->part_count; i++)
        if (conf->part[i]->section == section && index-- == 0)
            return conf->part[i];
    return NULL;
}

const char *conf_part_title(const struct conf_part *part)
{
    return part->title;
}

unsigned conf_part_line(const struct conf_part *part)
{
    return part->line;
}

bool conf_given(const struct conf_part *part, const char *option)
{
    for (size_t i = 0; i < part->count; i++)
        if (strcmp(part->value[i].row->name, option) == 0)
            return true;
    return false;
}

unsigned conf_line(const struct conf_part *part, const char *option, size_t index)
{
    for (size_t i = 0; i < part->count; i++)
        if (strcmp(part->value[i].row->name, option) == 0 && index-- == 0)
            return part->value[i].line;
    return part->line;
}

/* ---- faults and warnings --------------------------------------------------------------------- */

/* A note is one line: control characters that a value brought along become '?'. */
__attribute__((format(printf, 4, 0))) static void
note_add(struct conf *conf, unsigned line, bool warning, const char *format, va_list args)
{
    char *text = NULL;
    if (vasprintf(&text, format, args) < 0)
        text = mem_strdup("out of memory");
    for (char *p = text; *p != '\0'; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    conf->note = mem_grow(conf->note, conf->note_count + 1, sizeof conf->note[0]);
    conf->note[conf->note_count++] =
        (struct conf_note){.line = line, .warning = warning, .text = text};
    conf->fault_count += !warning;
}

void conf_fault(struct conf *conf, unsigned line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    note_add(conf, line, false, format, args);
    va_end(args);
}

void conf_warn(struct conf *conf, unsigned line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    note_add(conf, line, true, format, args);
    va_end(args);
}

size_t conf_fault_count(const struct conf *conf)
{
    return conf->fault_count;
}

static void put_note(const struct conf *conf, const struct conf_note *note, struct buf *out)
{
    if (note->line != 0)
        buf_printf(out, "%s:%u: %s\n", conf->path, note->line, note->text);
    else
        buf_printf(out, "%s: %s\n", conf->path, note->text);
}

/* The lowest line above `after` that has such a note, or 0. */
static unsigned next_line(const struct conf *conf, bool warning, unsigned after)
{
    unsigned lowest = 0;
    for (size_t i = 0; i < conf->note_count; i++) {
        const struct conf_note *note = &conf->note[i];
        if (note->warning == warning && note->line > after && (lowest == 0 || note->line < lowest))
            lowest = note->line;
    }
    return lowest;
}

static char *notes(const struct conf *conf, bool warning)
{
    struct buf out = {0};
    unsigned line = 0;
    do {
        for (size_t i = 0; i < conf->note_count; i++)
            if (conf->note[i].warning == warning && conf->note[i].line == line)
                put_note(conf, &conf->note[i], &out);
        line = next_line(conf, warning, line);
    } while (line != 0);
    char *text = buf_len(&out) > 0 ? mem_strndup(buf_data(&out), buf_len(&out)) : NULL;
    buf_free(&out);
    return text;
}

char *conf_faults(const struct conf *conf)
{
    return notes(conf, false);
}

char *conf_warnings(const struct conf *conf)
{
    return notes(conf, true);
}
