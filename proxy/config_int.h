/* SPDX-License-Identifier: ISC */
#ifndef PROXY_CONFIG_INT_H
#define PROXY_CONFIG_INT_H
/* For tests and the fuzzer: a configuration that is not in a file. */

#include "proxy/config.h"

/* config_read with the `len` bytes at `text` for the content of `path`, which need not exist; its
 * directory is still where relative names begin. */
struct config *config_read_text(const char *path, const char *text, size_t len, char **faults,
                                char **warnings) __attribute__((warn_unused_result));

#endif
