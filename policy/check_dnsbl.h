/* SPDX-License-Identifier: ISC */
#ifndef POLICY_CHECK_DNSBL_H
#define POLICY_CHECK_DNSBL_H
/* The configuration of `dnsbl "zone"` and `rhsbl "zone"`, for their checks and the prober. */

#include "dns/dns.h"
#include "policy/check.h"
#include "policy/dnsbl_codes.h"

struct list_zone;

struct dnsbl_config {
    struct check_config common; /* title: the zone asked; label: `shown`; allows: an allow zone */
    char **code_text;           /* codes = {"127.0.0.2-127.0.0.3=4"} */
    size_t code_count;
    struct dnsbl_codes codes; /* compiled */
    char *name;               /* shown in replies and logs instead of the zone */
    char *listed;             /* the positive canary: an address, or a name for rhsbl; "off" */
    char *clean;              /* the negative one; "off" */
    int32_t ipv6_factor;      /* hundredths: what a listing of an IPv6 client counts; dnsbl only */
    char **of_text;           /* of = {"helo", "sender"}; rhsbl only */
    size_t of_count;
    unsigned of;                   /* the same as CHECK_BIT of stages */
    size_t trip_share;             /* list_zone_trip() */
    size_t trip_least;             /* */
    char shown[DNS_NAME_MAX + 1];  /* `name`, or the zone with its query key masked */
    char masked[DNS_NAME_MAX + 1]; /* the zone with its query key masked: common.block */
    struct list_zone *health;      /* bind() */
};

extern const struct check check_dnsbl;
extern const struct check check_rhsbl;

#endif
