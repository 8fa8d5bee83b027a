/* SPDX-License-Identifier: ISC */
#ifndef LIB_MAIL_DATE_H
#define LIB_MAIL_DATE_H
/* The date of a Date field (RFC 5322 3.3, with the obsolete zones and years and the comments of
 * 4.3). Pure, any thread. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Seconds since the epoch. False: it is no date. */
bool mail_date_parse(const char *text, size_t len, int64_t *out);

#endif
