/* SPDX-License-Identifier: ISC */
/*
 * tls_client: trust for the client side: a CA, pinned certificates, or nobody.
 *
 * With pins the server's own certificate must have one of the SHA-256 sums (over its DER); its
 * name, dates and issuer are not asked, so a self-signed certificate will do. Without pins the
 * chain must lead to the CA file or the system's CAs, and carry the name or IP address that was
 * dialled (RFC 6125; whole-label wildcards only). Where nothing is asked the session is encrypted
 * against listeners only (RFC 7435).
 */
#include "lib/tls_int.h"

#include "lib/mem.h"
#include "lib/str.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define PIN_SIZE 32 /* SHA-256 */

struct tls_client {
    struct tls_owned owned;
    SSL_CTX *ctx;
    bool verify;
    unsigned char (*pin)[PIN_SIZE];
    size_t pin_count;
};

static void free_client(struct tls_owned *self)
{
    struct tls_client *tls = (struct tls_client *)self;
    free(tls->pin);
    free(tls);
}

static bool is_pinned(const struct tls_client *tls, const X509 *leaf)
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (leaf == NULL || X509_digest(leaf, EVP_sha256(), sum, &len) != 1 || len != PIN_SIZE)
        return false;
    for (size_t i = 0; i < tls->pin_count; i++)
        if (memcmp(tls->pin[i], sum, PIN_SIZE) == 0)
            return true;
    return false;
}

/* Stands in for X509_verify_cert(). `arg` lives as long as the context, which the session holds. */
static int judge(X509_STORE_CTX *store, void *arg)
{
    const struct tls_client *tls = arg;
    if (!tls->verify || (tls->pin_count > 0 && is_pinned(tls, X509_STORE_CTX_get0_cert(store)))) {
        X509_STORE_CTX_set_error(store, X509_V_OK);
        return 1;
    }
    if (tls->pin_count > 0) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
        return 0;
    }
    return X509_verify_cert(store);
}

static bool read_pins(struct tls_client *tls, const struct tls_client_config *config, char **why)
{
    tls->pin = mem_alloc((config->pin_count + 1) * sizeof *tls->pin);
    for (size_t i = 0; i < config->pin_count; i++) {
        const char *text = config->pins[i];
        if (!str_hex_decode(tls->pin[i], PIN_SIZE, text, strlen(text))) {
            *why = mem_printf("\"%s\" is not a SHA-256 sum; right would be the 64 hex digits of: "
                              "openssl x509 -in CERTIFICATE -noout -fingerprint -sha256",
                              text);
            return false;
        }
    }
    tls->pin_count = config->pin_count;
    return true;
}

static bool read_cas(struct tls_client *tls, const char *path, char **why)
{
    char room[128];
    int ok = path != NULL ? SSL_CTX_load_verify_file(tls->ctx, path)
                          : SSL_CTX_set_default_verify_paths(tls->ctx);
    if (ok == 1)
        return true;
    *why = path != NULL
               ? mem_printf("%s: cannot read the CA certificates (%s); give a PEM file that "
                            "gatepostd may read",
                            path, tls_reason(room, sizeof room))
               : mem_printf("cannot read the system's CA certificates (%s); install the package "
                            "ca-certificates or name a CA file",
                            tls_reason(room, sizeof room));
    return false;
}

struct tls_client *tls_client_new(const struct tls_client_config *config, char **why)
{
    struct tls_client *tls = mem_alloc(sizeof *tls);
    *why = NULL;
    ERR_clear_error();
    tls->owned.free = free_client;
    tls->verify = config->verify || config->pin_count > 0;
    tls->ctx = tls_context_new(TLS_client_method());
    tls_context_own(tls->ctx, &tls->owned);
    SSL_CTX_set_verify(tls->ctx, tls->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_cert_verify_callback(tls->ctx, judge, tls);
    bool ok = read_pins(tls, config, why);
    if (ok && tls->verify && tls->pin_count == 0)
        ok = read_cas(tls, config->ca_file, why);
    if (ok)
        return tls;
    tls_client_unref(tls);
    return NULL;
}

struct tls_client *tls_client_ref(struct tls_client *tls)
{
    SSL_CTX_up_ref(tls->ctx);
    return tls;
}

void tls_client_unref(struct tls_client *tls)
{
    if (tls != NULL)
        SSL_CTX_free(tls->ctx);
}

bool tls_client_verifies(const struct tls_client *tls)
{
    return tls->verify;
}

SSL *tls_client_session(struct tls_client *tls, const char *name)
{
    SSL *ssl = SSL_new(tls->ctx);
    if (ssl == NULL)
        abort(); /* only memory can fail here */
    SSL_set_connect_state(ssl);
    if (name == NULL)
        return ssl;
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1)
        return ssl;
    ERR_clear_error();
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    /* A name too long for either is none that a certificate has: the check must fail, not go away.
     */
    if (SSL_set1_host(ssl, name) != 1 || SSL_set_tlsext_host_name(ssl, name) != 1)
        SSL_set1_host(ssl, "name.invalid");
    ERR_clear_error();
    return ssl;
}
