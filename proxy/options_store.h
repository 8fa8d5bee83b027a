/* SPDX-License-Identifier: ISC */
#ifndef PROXY_OPTIONS_STORE_H
#define PROXY_OPTIONS_STORE_H
/* What the store needs to know of a configuration: where, and how long what is kept. */

struct config;
struct pseudonym_rule;
struct sqlite_store_config;

/* Fills `out`, but for the clock; its strings are the configuration's. */
void options_store(const struct config *config, struct sqlite_store_config *out);
/* When pseudonyms are used, and how long their keys. */
void options_pseudonyms(const struct config *config, struct pseudonym_rule *out);

#endif
