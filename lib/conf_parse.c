/* SPDX-License-Identifier: ISC */
/*
 * conf_parse: the one place that knows libConfuse.
 *
 * Every option is a string or a list of strings to libConfuse; values are taken with their lines in
 * its validation callbacks, and what it says of faults is put into our words. A list may be
 * written as one bare value (`certificate = "mx.pem"`), which 3.3 takes by itself.
 *
 * Traps of 3.3 that are met here: callbacks have no user pointer, so each option array carries a
 * hidden row with the context (its name cannot be written in a file); an option given twice
 * silently replaces the first; a callback comes once more at a list's closing brace; faults of
 * some kinds come without an error call; it prints to stderr without an error function; its lexer
 * keeps state until the root is freed, so one text is read at a time.
 */
#include "lib/conf_int.h"

#include "lib/mem.h"

#include <confuse.h>
#include <stdlib.h>
#include <string.h>

/* libConfuse looks up "a|b" as b in a, so no text finds this name. */
#define CONTEXT_NAME "|context"

struct parse {
    struct conf *conf;
    cfg_opt_t **options; /* what cfg_init took its options from: one array per section kind */
    size_t option_arrays;
    const cfg_opt_t *open_list; /* the list whose values are coming in */
    const cfg_opt_t *twice;     /* the option given twice, whose further values say nothing new */
};

static struct parse *context(const cfg_t *cfg)
{
    for (size_t i = 0; cfg->opts[i].name != NULL; i++)
        if (strcmp(cfg->opts[i].name, CONTEXT_NAME) == 0)
            return (struct parse *)(void *)cfg->opts[i].simple_value.ptr;
    abort(); /* every array ends with it, see make_options */
}

/* ---- its faults in our words ------------------------------------------------------------------
 */

/* Letters to change, add or drop to make `b` of `a`; good enough for names below 32 letters. */
static size_t distance(const char *a, const char *b)
{
    size_t row[32];
    size_t len = strlen(b);
    if (len >= 32 || strlen(a) >= 32)
        return 32;
    for (size_t j = 0; j <= len; j++)
        row[j] = j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < len; j++) {
            size_t best = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (diagonal + 1 < best)
                best = diagonal + 1;
            row[j + 1] = best;
        }
    }
    return row[len];
}

/* The option or section that was likely meant, or NULL. */
static const char *similar(const struct conf *conf, const struct conf_section *section,
                           const char *name)
{
    const char *best = NULL;
    size_t least = 3;
    for (size_t i = 0; i < section->rows; i++) {
        size_t d = distance(name, section->row[i].name);
        if (d < least) {
            least = d;
            best = section->row[i].name;
        }
    }
    for (size_t i = 1; section->name == NULL && conf->sections[i] != NULL; i++) {
        size_t d = distance(name, conf->sections[i]->name);
        if (d < least) {
            least = d;
            best = conf->sections[i]->name;
        }
    }
    return best;
}

/* A section other than `section` that has an option of this name, or NULL. */
static const struct conf_section *owner(const struct conf *conf, const struct conf_section *section,
                                        const char *name)
{
    for (size_t i = 0; conf->sections[i] != NULL; i++)
        if (conf->sections[i] != section && conf_row(conf->sections[i], name) != NULL)
            return conf->sections[i];
    return NULL;
}

static void unknown_option(struct conf *conf, const struct conf_section *section, unsigned line,
                           const char *name)
{
    const struct conf_section *right = owner(conf, section, name);
    const char *meant = similar(conf, section, name);
    const char *where = section->name != NULL ? section->name : "the top level";
    if (right != NULL && right->name == NULL)
        conf_fault(conf, line, "\"%s\" does not belong in %s; it belongs at the top level", name,
                   where);
    else if (right != NULL)
        conf_fault(conf, line, "\"%s\" does not belong in %s; it belongs in %s { ... }", name,
                   where, right->name);
    else if (conf_section(conf, name) != NULL)
        conf_fault(conf, line,
                   "the section \"%s\" does not belong in %s; close that one with } first", name,
                   where);
    else if (meant != NULL)
        conf_fault(conf, line, "unknown option \"%s\" in %s; \"%s\" is one", name, where, meant);
    else
        conf_fault(conf, line, "unknown option \"%s\" in %s; gatepost.conf(5) lists them all", name,
                   where);
}

/* How libConfuse begins a message, and how ours reads around the one word it names. */
static const struct phrase {
    const char *format;
    const char *before;
    const char *after;
} phrases[] = {
    {"unexpected token '%s'", "unexpected \"",
     "\"; a value is a word or a \"string\", a list "
     "{\"a\", \"b\"}"},
    {"attempt to append to non-list option '%s'", "\"",
     "\" takes one value; write = instead of +="},
    {"missing equal sign after option '%s'", "\"", "\" is not followed by =; write option = value"},
    {"missing opening brace for section '%s'", "the section \"",
     "\" is not followed by {; write section { ... }, and a name only where the section has one"},
    {"missing title for section '%s'", "the section \"",
     "\" has no name; write section \"NAME\" { ... }"},
    {"invalid octal number '%s'", "\"", "\" is no octet; write \\\\ for a backslash"},
    {"bad escape sequence '%s'", "\"", "\" means nothing in a string; write \\\\ for a backslash"},
};

static void on_error(cfg_t *cfg, const char *format, va_list args)
{
    struct parse *parse = context(cfg);
    struct conf *conf = parse->conf;
    unsigned line = cfg->line > 0 ? (unsigned)cfg->line : 0;
    if (strcmp(format, "unexpected closing brace") == 0) {
        conf_fault(conf, line, "a } that closes nothing; remove it, or open its section with {");
        return;
    }
    if (strcmp(format, "premature end of file") == 0) {
        conf_fault(conf, line, "the file ends within an option; write option = value");
        return;
    }
    if (strcmp(format, "found duplicate title '%s'") == 0) { /* a name may hold a secret */
        conf_fault(conf, line,
                   "a second section of this kind has the same name; give each a name of its own");
        return;
    }
    if (strcmp(format, "no such option '%s'") == 0) {
        bool top = strcmp(cfg->name, "root") == 0;
        unknown_option(conf, conf_section(conf, top ? NULL : cfg->name), line,
                       va_arg(args, const char *));
        return;
    }
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++) {
        if (strcmp(format, phrases[i].format) == 0) {
            conf_fault(conf, line, "%s%s%s", phrases[i].before, va_arg(args, const char *),
                       phrases[i].after);
            return;
        }
    }
    conf_fault(conf, line, "a fault of grammar (%s); see gatepost.conf(5)", format);
}

/* ---- taking values ----------------------------------------------------------------------------
 */

static unsigned opening_line(const struct conf *conf, const char *name, size_t ordinal)
{
    for (size_t i = 0; i < conf->opening_count; i++) {
        const struct conf_opening *opening = &conf->opening[i];
        if (opening->len == strlen(name) && memcmp(opening->name, name, opening->len) == 0 &&
            ordinal-- == 0)
            return opening->line;
    }
    return 0;
}

/* The part for a section of libConfuse's. */
static struct conf_part *part_for(struct conf *conf, const cfg_t *cfg)
{
    bool top = strcmp(cfg->name, "root") == 0;
    const struct conf_section *section = conf_section(conf, top ? NULL : cfg->name);
    size_t ordinal = 0;
    for (size_t i = 0; i < conf->part_count; i++) {
        struct conf_part *part = conf->part[i];
        if (part->section != section)
            continue;
        if (!section->many || part->key == cfg) {
            if (part->line == 0 && !top)
                part->line = opening_line(conf, cfg->name, 0);
            return part;
        }
        ordinal++;
    }
    struct conf_part *part = conf_add_part(conf, section);
    part->key = cfg;
    part->title = mem_strdup(cfg->title);
    part->line = opening_line(conf, cfg->name, ordinal);
    return part;
}

/* The last value of the option that the part has so far, or NULL. */
static const struct conf_value *last_value(const struct conf_part *part, const struct conf_row *row)
{
    for (size_t i = part->count; i > 0; i--)
        if (part->value[i - 1].row == row)
            return &part->value[i - 1];
    return NULL;
}

static void add_value(struct conf_part *part, const struct conf_row *row, const char *text,
                      unsigned line)
{
    part->value = mem_grow(part->value, part->count + 1, sizeof part->value[0]);
    part->value[part->count++] =
        (struct conf_value){.row = row, .text = mem_strdup(text), .line = line};
}

static size_t count_values(const struct conf_part *part, const struct conf_row *row)
{
    size_t count = 0;
    for (size_t i = 0; i < part->count; i++)
        count += part->value[i].row == row;
    return count;
}

/* A value of the option has come in, the `count`-th since its last "=". */
static void take_value(struct parse *parse, struct conf_part *part, const struct conf_row *row,
                       const cfg_opt_t *opt, unsigned count, unsigned line)
{
    const char *text = cfg_opt_getnstr((cfg_opt_t *)(uintptr_t)opt, count - 1);
    const struct conf_value *last = last_value(part, row);
    bool closing = parse->open_list == opt && count_values(part, row) == count &&
                   strcmp(last->text, text) == 0;
    parse->open_list = !closing && (opt->flags & CFGF_LIST) != 0 ? opt : NULL;
    if (closing)
        return;
    if (last == NULL || count > 1) {
        add_value(part, row, text, line);
        return;
    }
    parse->twice = opt;
    conf_fault(parse->conf, line, "\"%s\" is given twice, first in line %u; keep one of them",
               row->name, last->line);
}

/* Called after each value, and again at the closing brace of a list. */
static int on_value(cfg_t *cfg, cfg_opt_t *opt)
{
    struct parse *parse = context(cfg);
    struct conf_part *part = part_for(parse->conf, cfg);
    const struct conf_row *row = conf_row(part->section, opt->name);
    unsigned count = cfg_opt_size(opt);
    if (row == NULL || count == 0 || parse->twice == opt)
        return 0;
    parse->twice = NULL;
    take_value(parse, part, row, opt, count, (unsigned)cfg->line);
    return 0;
}

/* Called at the end of a section: one without any value becomes a part too. */
static int on_section(cfg_t *cfg, cfg_opt_t *opt)
{
    unsigned count = cfg_opt_size(opt);
    if (count > 0)
        part_for(context(cfg)->conf, cfg_opt_getnsec(opt, count - 1));
    return 0;
}

/* The hidden row is no option, should anything ever set it. */
static int on_context(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
    (void)cfg, (void)opt, (void)value, (void)result;
    return -1;
}

/* ---- the options as libConfuse wants them -----------------------------------------------------
 */

static bool is_list(enum conf_type type)
{
    return type == CONF_STRINGS || type == CONF_PATHS || type == CONF_ADDRESSES ||
           type == CONF_NETWORKS;
}

static cfg_opt_t *make_options(struct parse *parse, const struct conf_section *section)
{
    size_t more = 0;
    for (size_t i = 1; section->name == NULL && parse->conf->sections[i] != NULL; i++)
        more++;
    cfg_opt_t *options = mem_alloc((section->rows + more + 2) * sizeof options[0]);
    parse->options = mem_grow(parse->options, parse->option_arrays + 1, sizeof options);
    parse->options[parse->option_arrays++] = options;
    cfg_opt_t *next = options;
    for (size_t i = 0; i < section->rows; i++) {
        const struct conf_row *row = &section->row[i];
        cfg_opt_t list = CFG_STR_LIST(row->name, NULL, CFGF_NODEFAULT);
        cfg_opt_t one = CFG_STR(row->name, NULL, CFGF_NODEFAULT);
        *next = is_list(row->type) ? list : one;
        next++->validcb = on_value;
    }
    for (size_t i = 1; i <= more; i++) {
        const struct conf_section *inner = parse->conf->sections[i];
        cfg_flag_t flags = inner->many ? CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES : CFGF_NONE;
        cfg_opt_t option = CFG_SEC(inner->name, make_options(parse, inner), flags);
        *next = option;
        next++->validcb = on_section;
    }
    cfg_opt_t hidden = {.name = CONTEXT_NAME, .type = CFGT_PTR, .parsecb = on_context};
    hidden.simple_value.ptr = (void **)(void *)parse;
    *next++ = hidden;
    cfg_opt_t end = CFG_END();
    *next = end;
    return options;
}

/* False: the grammar is wrong. */
static bool read_stream(struct parse *parse, FILE *stream)
{
    struct conf *conf = parse->conf;
    cfg_t *cfg = cfg_init(make_options(parse, conf->sections[0]), CFGF_NONE);
    if (cfg == NULL) {
        conf_fault(conf, 0, "no memory left to read it");
        return false;
    }
    cfg_set_error_function(cfg, on_error);
    bool good = cfg_parse_fp(cfg, stream) == CFG_SUCCESS;
    if (!good && conf->fault_count == 0)
        conf_fault(conf, (unsigned)cfg->line, "a fault of grammar; see gatepost.conf(5)");
    cfg_free(cfg);
    for (size_t i = 0; i < conf->part_count; i++)
        conf->part[i]->key = NULL;
    return good;
}

bool conf_parse(struct conf *conf, char *text, size_t len)
{
    struct parse parse = {.conf = conf};
    bool good = false;
    FILE *stream = fmemopen(text, len, "r");
    if (stream == NULL) {
        conf_fault(conf, 0, "no memory left to read it");
    } else {
        good = read_stream(&parse, stream);
        fclose(stream);
    }
    for (size_t i = 0; i < parse.option_arrays; i++)
        free(parse.options[i]);
    free(parse.options);
    return good;
}
