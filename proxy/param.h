/* SPDX-License-Identifier: ISC */
#ifndef PROXY_PARAM_H
#define PROXY_PARAM_H
/* ESMTP parameters of MAIL and RCPT (RFC 5321 4.1.2; SIZE 1870, 8BITMIME 6152, SMTPUTF8 6531, DSN
 * 3461, AUTH= 4954, DELIVERBY 2852, MT-PRIORITY 6710, RRVS 7293, NO-SOLICITING 3865). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum param_bit { /* which parameters a line had; also which ones may be used */
                 PARAM_SIZE = 1 << 0,
                 PARAM_BODY = 1 << 1,
                 PARAM_SMTPUTF8 = 1 << 2,
                 PARAM_DSN = 1 << 3, /* RET, ENVID on MAIL; NOTIFY, ORCPT on RCPT */
                 PARAM_AUTH = 1 << 4,
                 PARAM_DELIVERBY = 1 << 5,
                 PARAM_MT_PRIORITY = 1 << 6,
                 PARAM_RRVS = 1 << 7,
                 PARAM_NO_SOLICITING = 1 << 8,
};

struct param_set {
    unsigned seen;  /* param_bit */
    uint64_t size;  /* of SIZE=, UINT64_MAX where the number is larger */
    bool eight_bit; /* BODY=8BITMIME */
};

enum param_result {
    PARAM_OK,
    PARAM_SYNTAX,  /* 501 5.5.4: malformed value, or a keyword twice */
    PARAM_UNKNOWN, /* 555 5.5.4: not known on this command, or its keyword is not in `allowed` */
    PARAM_NOT_POSSIBLE, /* 504 5.5.4: BODY= with a value we do not do (BINARYMIME, or any where
                           BODY is not in `allowed`) */
};

/*
 * Parses the `len` bytes at `text` behind the path: nothing, or (1*SP keyword[=value])* *SP.
 * `allowed`: param_bits the session advertised (AUTH= is accepted and checked wherever its bit is
 * set). *out is zeroed on failure. *why gets a text for the reply, without code, on failure only.
 * Pure, any thread.
 */
enum param_result param_parse_mail(const char *text, size_t len, unsigned allowed,
                                   struct param_set *out, const char **why);
enum param_result param_parse_rcpt(const char *text, size_t len, unsigned allowed,
                                   struct param_set *out, const char **why);
/* Copies the parameters of a MAIL or RCPT line that parsed well to `out` (" KEY=VALUE..." as given,
 * one space before each, "" for none, cut never) but for those whose bit is in `drop`. Returns the
 * length; `out` has room for `len` + 1. */
size_t param_copy(const char *text, size_t len, unsigned drop, char *out);

#endif
