/* SPDX-License-Identifier: ISC */
/*
 * ctl_tlsa: the DANE record (RFC 6698, 7672) that pins the key of a certificate: 3 1 1, which stays
 * right when the certificate is renewed with the same key.
 */
#include "admin/ctl_run.h"

#include "admin/ctl_show.h"
#include "dns/name.h"
#include "lib/buf.h"
#include "lib/pubkey.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FILE_MOST ((size_t)1 << 20)

/* False: errno, or too large. */
static bool read_file(FILE *in, struct buf *out)
{
    char part[4096];
    size_t len;
    while (buf_len(out) <= FILE_MOST && (len = fread(part, 1, sizeof part, in)) > 0)
        buf_add(out, part, len);
    if (buf_len(out) > FILE_MOST)
        errno = EFBIG;
    return !ferror(in) && buf_len(out) <= FILE_MOST;
}

static int read_certificate(const char *path, struct buf *out)
{
    bool here = strcmp(path, "-") == 0;
    FILE *in = here ? stdin : fopen(path, "re");
    bool good = in != NULL && read_file(in, out);
    int fault = errno;
    if (in != NULL && !here)
        fclose(in);
    return good ? 0 : ctl_fail(1, "%s: %s", path, strerror(fault));
}

/* Whose certificate it is; NULL: it was said that nobody knows. */
static const char *find_host(struct ctl *ctl)
{
    const char *host = ctl->args.option[CTL_HOST];
    if (host != NULL)
        return host;
    ctl_config_read(&ctl->config);
    if (ctl->config.why == NULL)
        return ctl->config.settings.hostname;
    ctl_fail(1, "name the mail server with --host; there is no configuration to take it from: %s",
             ctl->config.why);
    return NULL;
}

static void show(struct ctl *ctl, const char *host, const unsigned char digest[static DIGEST_SIZE])
{
    char hex[2 * DIGEST_SIZE + 1];
    for (size_t i = 0; i < DIGEST_SIZE; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    if (!ctl->json) {
        printf("_25._tcp.%s. IN TLSA 3 1 1 %s\n", host, hex);
        return;
    }
    json_t *out = json_pack("{s:s, s:i, s:i, s:i, s:s}", "host", host, "usage", 3, "selector", 1,
                            "matching", 1, "data", hex);
    ctl_show_json(out, true);
    json_decref(out);
}

int ctl_tlsa(struct ctl *ctl)
{
    struct buf text = {0};
    unsigned char digest[DIGEST_SIZE];
    char name[DNS_NAME_MAX + 1];
    const char *why = NULL;
    const char *path = ctl->args.operand[0];
    const char *host = find_host(ctl);
    int status = host != NULL ? read_certificate(path, &text) : 1;
    if (status == 0 && !pubkey_of_certificate(buf_data(&text), buf_len(&text), digest, &why))
        status = ctl_fail(1, "%s: %s", path, why);
    if (status == 0 && !dns_name_normal(host, name))
        status = ctl_fail(1, "\"%s\" is no host name", host);
    if (status == 0)
        show(ctl, name, digest);
    buf_free(&text);
    return status;
}
