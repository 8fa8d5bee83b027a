/* SPDX-License-Identifier: ISC */
/*
 * Fuzzes the whole way of a configuration: scan, libConfuse, values, checks. The file does not
 * exist, so relative names lead nowhere. What is promised: a configuration or faults, never both
 * and never neither, and each fault is a line that begins with the file's name.
 */
#include "proxy/config_int.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PATH "/nonexistent/gatepost.conf"

static void check_lines(const char *notes)
{
    for (const char *line = notes; line != NULL && *line != '\0';) {
        const char *end = strchr(line, '\n');
        if (end == NULL || strncmp(line, PATH ":", sizeof PATH) != 0)
            abort();
        for (const char *p = line; p < end; p++)
            if ((unsigned char)*p < ' ')
                abort();
        line = end + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *faults = NULL;
    char *warnings = NULL;
    struct config *config = config_read_text(PATH, (const char *)data, size, &faults, &warnings);
    if ((config == NULL) != (faults != NULL))
        abort();
    if (config != NULL && (config->listen_count == 0 || config->backend_count == 0))
        abort();
    check_lines(faults);
    check_lines(warnings);
    config_unref(config);
    free(faults);
    free(warnings);
    return 0;
}
