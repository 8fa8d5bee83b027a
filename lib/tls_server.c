/* SPDX-License-Identifier: ISC */
/*
 * tls_server: certificates for the server side, chosen by SNI.
 *
 * One SSL_CTX serves one set of names. Pairs whose certificates name the same hosts but have keys
 * of different kinds (ECDSA beside RSA) share a context, and OpenSSL takes the one the client can
 * verify; any other pair begins a context of its own. The name a client sends picks the first
 * context whose certificate is good for it (RFC 6125 by X509_check_host, wildcards for a whole
 * label); no name or an unknown one gets the first pair, since a mail client that finds an odd
 * certificate still does better than one that falls back to plaintext (RFC 7435).
 *
 * Files are read once, here. Errors name the file, OpenSSL's reason and what to do. A certificate
 * that is out of date is a warning only: most clients of port 25 do not look.
 */
#include "lib/tls_int.h"

#include "lib/buf.h"
#include "lib/mem.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

/* One context, and what is needed to find it. */
struct set {
    SSL_CTX *ctx;
    X509 *leaf;     /* of the first pair; the others have the same names */
    char *names;    /* names_of(leaf) */
    unsigned kinds; /* of keys: kind_bit() */
};

struct tls_server {
    struct tls_owned owned;
    struct set *set;
    size_t count;
    char *warnings;
    struct buf notes; /* the warnings while they are gathered */
};

static void free_server(struct tls_owned *self)
{
    struct tls_server *tls = (struct tls_server *)self;
    for (size_t i = 0; i < tls->count; i++) {
        X509_free(tls->set[i].leaf);
        free(tls->set[i].names);
        if (i > 0) /* the first is what is being freed */
            SSL_CTX_free(tls->set[i].ctx);
    }
    buf_free(&tls->notes);
    free(tls->warnings);
    free(tls->set);
    free(tls);
}

/* ---- reading files ---- */

static FILE *open_file(const char *path, const char *what, char **why)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        char room[128];
        const char *reason = strerror_r(errno, room, sizeof room);
        *why = mem_printf("%s: cannot read the %s: %s; give the path of a PEM file that gatepostd "
                          "may read",
                          path, what, reason);
    }
    return file;
}

static X509 *read_leaf(const char *path, char **why)
{
    char room[128];
    FILE *file = open_file(path, "certificate", why);
    if (file == NULL)
        return NULL;
    X509 *leaf = PEM_read_X509_AUX(file, NULL, NULL, NULL);
    fclose(file);
    if (leaf == NULL)
        *why = mem_printf("%s: holds no certificate in PEM (%s); right is the server's certificate "
                          "first, then those of the CAs that lead to its root",
                          path, tls_reason(room, sizeof room));
    return leaf;
}

/* Called where a key is encrypted; nobody is there to type a passphrase. */
static int no_passphrase(char *out, int size, int writing, void *asked)
{
    (void)out, (void)size, (void)writing;
    *(bool *)asked = true;
    return -1;
}

static EVP_PKEY *read_key(const char *path, char **why)
{
    char room[128];
    bool asked = false;
    FILE *file = open_file(path, "key", why);
    if (file == NULL)
        return NULL;
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, no_passphrase, &asked);
    fclose(file);
    const char *reason = key == NULL ? tls_reason(room, sizeof room) : NULL;
    if (key == NULL && asked)
        *why = mem_printf("%s: the key is encrypted; write it without a passphrase: openssl pkey "
                          "-in OLD -out %s",
                          path, path);
    else if (key == NULL)
        *why = mem_printf("%s: holds no private key in PEM (%s); right is the key that belongs to "
                          "the certificate",
                          path, reason);
    return key;
}

/* ---- names ---- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A NUL-terminated copy in lower case. */
static char *lower_copy(const char *text, size_t len)
{
    char *copy = mem_strndup(text, len);
    for (char *c = copy; *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c + ('a' - 'A'));
    return copy;
}

/* The DNS names of a certificate in lower case, sorted, one a line; of its subject where it has
 * none (as X509_check_host looks at them). The caller frees it. */
static char *names_of(X509 *leaf)
{
    GENERAL_NAMES *all = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    int total = sk_GENERAL_NAME_num(all);
    size_t count = 0;
    char **name = mem_alloc((size_t)(total > 0 ? total : 1) * sizeof *name);
    for (int i = 0; i < total; i++) {
        const GENERAL_NAME *one = sk_GENERAL_NAME_value(all, i);
        if (one->type == GEN_DNS)
            name[count++] = lower_copy((const char *)ASN1_STRING_get0_data(one->d.dNSName),
                                       (size_t)ASN1_STRING_length(one->d.dNSName));
    }
    GENERAL_NAMES_free(all);
    if (count == 0) {
        char common[256] = "";
        X509_NAME_get_text_by_NID(X509_get_subject_name(leaf), NID_commonName, common,
                                  sizeof common);
        name[count++] = lower_copy(common, strlen(common));
    }
    qsort(name, count, sizeof *name, compare_names);
    struct buf joined = {0};
    for (size_t i = 0; i < count; i++) {
        buf_printf(&joined, "%s\n", name[i]);
        free(name[i]);
    }
    free(name);
    char *text = mem_strndup(buf_data(&joined), buf_len(&joined));
    buf_free(&joined);
    return text;
}

static bool good_for(const struct set *set, const char *name)
{
    return X509_check_host(set->leaf, name, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
}

/* SNI: RFC 6066 3. `arg` lives as long as the first context, which the session holds. */
static int choose_set(SSL *ssl, int *alert, void *arg)
{
    (void)alert;
    const struct tls_server *tls = arg;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    for (size_t i = 0; name != NULL && i < tls->count; i++) {
        if (!good_for(&tls->set[i], name))
            continue;
        if (i > 0)
            SSL_set_SSL_CTX(ssl, tls->set[i].ctx);
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_NOACK;
}

/* ---- contexts ---- */

/* Kinds of keys that OpenSSL keeps one of a context. */
static unsigned kind_bit(const EVP_PKEY *key)
{
    static const int kind[] = {EVP_PKEY_RSA, EVP_PKEY_RSA_PSS, EVP_PKEY_EC, EVP_PKEY_ED25519,
                               EVP_PKEY_ED448};
    int id = EVP_PKEY_get_base_id(key);
    for (unsigned i = 0; i < sizeof kind / sizeof kind[0]; i++)
        if (kind[i] == id)
            return 1u << i;
    return 0; /* SSL_CTX_use_certificate will refuse it */
}

static bool configure(SSL_CTX *ctx, const struct tls_server_config *config, char **why)
{
    char room[128];
    const char *least = config->min_version != NULL ? config->min_version : "1.2";
    if (strcmp(least, "1.3") == 0) {
        SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
    } else if (strcmp(least, "1.2") != 0) {
        *why = mem_printf("\"%s\" is no TLS version for a least one; right would be 1.2 or 1.3",
                          least);
        return false;
    }
    if (config->ciphers != NULL && SSL_CTX_set_cipher_list(ctx, config->ciphers) != 1) {
        *why = mem_printf("\"%s\" is not a list of TLS 1.2 ciphers (%s); openssl ciphers -v tries "
                          "one",
                          config->ciphers, tls_reason(room, sizeof room));
        return false;
    }
    return true;
}

/* The set that the pair joins, or a new one; NULL: *why. */
static struct set *set_for(struct tls_server *tls, const struct tls_server_config *config,
                           X509 *leaf, unsigned kind, char **why)
{
    char *names = names_of(leaf);
    for (size_t i = 0; i < tls->count; i++) {
        struct set *set = &tls->set[i];
        if (strcmp(set->names, names) == 0 && (set->kinds & kind) == 0) {
            set->kinds |= kind;
            free(names);
            return set;
        }
    }
    SSL_CTX *ctx = tls_context_new(TLS_server_method());
    if (!configure(ctx, config, why)) {
        SSL_CTX_free(ctx);
        free(names);
        return NULL;
    }
    tls->set = mem_grow(tls->set, tls->count + 1, sizeof *tls->set);
    struct set *set = &tls->set[tls->count];
    *set = (struct set){.ctx = ctx, .leaf = leaf, .names = names, .kinds = kind};
    X509_up_ref(leaf);
    if (tls->count++ == 0)
        tls_context_own(ctx, &tls->owned);
    return set;
}

static void note(struct tls_server *tls, const struct tls_pair *pair, X509 *leaf,
                 const struct set *set)
{
    if (X509_cmp_current_time(X509_get0_notAfter(leaf)) < 0)
        buf_printf(&tls->notes, "%s: the certificate has expired; renew it\n", pair->certificate);
    if (X509_cmp_current_time(X509_get0_notBefore(leaf)) > 0)
        buf_printf(&tls->notes,
                   "%s: the certificate is not valid yet; check this machine's clock\n",
                   pair->certificate);
    for (const struct set *other = tls->set; other < set; other++)
        if (strcmp(other->names, set->names) == 0)
            buf_printf(
                &tls->notes,
                "%s: is never chosen: an earlier certificate has the same names and the same "
                "kind of key; remove one of them\n",
                pair->certificate);
}

static bool use_pair(struct tls_server *tls, const struct tls_server_config *config,
                     const struct tls_pair *pair, X509 *leaf, EVP_PKEY *key, char **why)
{
    char room[128];
    if (X509_check_private_key(leaf, key) != 1) {
        ERR_clear_error();
        *why = mem_printf("%s: the key does not belong to the certificate %s; give the two that "
                          "were made together",
                          pair->key, pair->certificate);
        return false;
    }
    struct set *set = set_for(tls, config, leaf, kind_bit(key), why);
    if (set == NULL)
        return false;
    if (SSL_CTX_use_certificate_chain_file(set->ctx, pair->certificate) != 1 ||
        SSL_CTX_use_PrivateKey(set->ctx, key) != 1) {
        *why = mem_printf("%s: OpenSSL refuses the certificate (%s); right would be one with an "
                          "RSA key of 2048 bits or more, or an ECDSA key",
                          pair->certificate, tls_reason(room, sizeof room));
        return false;
    }
    note(tls, pair, leaf, set);
    return true;
}

static bool add_pair(struct tls_server *tls, const struct tls_server_config *config,
                     const struct tls_pair *pair, char **why)
{
    X509 *leaf = read_leaf(pair->certificate, why);
    EVP_PKEY *key = leaf != NULL ? read_key(pair->key, why) : NULL;
    bool ok = key != NULL && use_pair(tls, config, pair, leaf, key, why);
    X509_free(leaf);
    EVP_PKEY_free(key);
    return ok;
}

struct tls_server *tls_server_new(const struct tls_server_config *config, char **why)
{
    struct tls_server *tls = mem_alloc(sizeof *tls);
    tls->owned.free = free_server;
    *why = NULL;
    ERR_clear_error();
    for (size_t i = 0; i < config->count && *why == NULL; i++)
        add_pair(tls, config, &config->pair[i], why);
    if (config->count == 0)
        *why = mem_strdup("no certificate is given; right would be a certificate and a key");
    if (*why != NULL) {
        if (tls->count > 0)
            tls_server_unref(tls);
        else
            free_server(&tls->owned);
        return NULL;
    }
    if (buf_len(&tls->notes) > 0)
        tls->warnings = mem_strndup(buf_data(&tls->notes), buf_len(&tls->notes));
    buf_free(&tls->notes);
    if (tls->count > 1) {
        SSL_CTX_set_tlsext_servername_callback(tls->set[0].ctx, choose_set);
        SSL_CTX_set_tlsext_servername_arg(tls->set[0].ctx, tls);
    }
    return tls;
}

const char *tls_server_warnings(const struct tls_server *tls)
{
    return tls->warnings;
}

struct tls_server *tls_server_ref(struct tls_server *tls)
{
    SSL_CTX_up_ref(tls->set[0].ctx);
    return tls;
}

void tls_server_unref(struct tls_server *tls)
{
    if (tls != NULL)
        SSL_CTX_free(tls->set[0].ctx);
}

SSL *tls_server_session(struct tls_server *tls)
{
    SSL *ssl = SSL_new(tls->set[0].ctx);
    if (ssl == NULL)
        abort(); /* only memory can fail here */
    SSL_set_accept_state(ssl);
    return ssl;
}
