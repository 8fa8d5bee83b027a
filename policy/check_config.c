/* SPDX-License-Identifier: ISC */
/*
 * check_config: the blocks of the checks, read from the file into the structs that checks say.
 *
 * Promises: what prepare() is given was filled from rows, defaults where the file is silent; a
 * block given twice is a fault that names both lines.
 */
#include "policy/check_config.h"

#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

const char *const check_mode_words[] = {"off", "observe", "score", "reject", NULL};

/* Only lists of good clients may speak for one; a fault that did would help who commits it. */
static void check_scores(struct conf *conf, const struct conf_part *part,
                         const struct check_config *config)
{
    const struct conf_section *section = config->check->section;
    for (size_t i = 0; i < section->rows; i++) {
        const struct conf_row *row = &section->row[i];
        if (row->type == CONF_DECIMAL &&
            *(const score_t *)((const char *)(const void *)config + row->offset) < 0)
            conf_fault(conf, conf_line(part, row->name, 0),
                       "%s is below 0, which would speak for who is found; give 0 or more",
                       row->name);
    }
}

static struct check_config *read_part(const struct check *check, struct conf *conf,
                                      const struct conf_part *part)
{
    struct check_config *config = mem_alloc(check->config_size);
    conf_fill(conf, part, config);
    config->check = check;
    config->title = mem_strdup(conf_part_title(part));
    config->label = check->name;
    config->allows = check->allows && config->score < 0;
    if (!check->allows)
        check_scores(conf, part, config);
    if (check->prepare != NULL)
        check->prepare(config, conf, part);
    return config;
}

/* Names are the same in any case, with or without the root's dot. */
static bool same_title(const char *a, const char *b)
{
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);
    a_len -= a_len > 1 && a[a_len - 1] == '.';
    b_len -= b_len > 1 && b[b_len - 1] == '.';
    return a_len == b_len && strncasecmp(a, b, a_len) == 0;
}

/* Notes a fault where an earlier block has the title of the `index`-th. */
static void check_twice(struct conf *conf, const struct conf_section *section, size_t index)
{
    const struct conf_part *part = conf_part(conf, section, index);
    for (size_t i = 0; i < index; i++) {
        const struct conf_part *earlier = conf_part(conf, section, i);
        if (same_title(conf_part_title(earlier), conf_part_title(part))) {
            /* Without the zone, which may hold a query key. */
            conf_fault(conf, conf_part_line(part),
                       "%s has the same zone as the block in line %u; remove one of them",
                       section->name, conf_part_line(earlier));
            return;
        }
    }
}

void check_config_read(struct check_config_list *list, struct conf *conf)
{
    for (size_t i = 0; checks[i] != NULL; i++) {
        const struct conf_section *section = checks[i]->section;
        size_t parts = section->many ? conf_parts(conf, section) : 1;
        for (size_t j = 0; j < parts; j++) {
            if (section->many)
                check_twice(conf, section, j);
            list->item = mem_grow(list->item, list->count + 1, sizeof *list->item);
            list->item[list->count++] = read_part(checks[i], conf, conf_part(conf, section, j));
        }
    }
}

void check_config_free(struct check_config_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        struct check_config *config = list->item[i];
        if (config->check->release != NULL)
            config->check->release(config);
        conf_clear(config->check->section, config);
        free(config->title);
        free(config);
    }
    free(list->item);
    *list = (struct check_config_list){0};
}
