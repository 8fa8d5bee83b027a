/* SPDX-License-Identifier: ISC */
/*
 * tls_test: which certificate a client gets, who is trusted, what is refused and in what words.
 * Certificates are made here, in a directory of our own; handshakes run over a pair of BIOs.
 */
#include "lib/tls_int.h"

#include <malloc.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof(table)[0])
#define DAY          86400L

enum kind { EC, RSA_2048, RSA_1024 };

/* What is made at the start: NAME.pem and NAME.key. */
static const struct made {
    const char *name;
    const char *alt;    /* subjectAltName */
    const char *issuer; /* NULL: self-signed */
    enum kind kind;
    long until; /* seconds from now */
} made[] = {
    {"ca", "DNS:ca.test", NULL, EC, DAY},
    {"otherca", "DNS:ca.test", NULL, EC, DAY},
    {"a-ec", "DNS:a.test,DNS:A2.test", NULL, EC, DAY},
    {"a-rsa", "DNS:a2.test,DNS:a.test", NULL, RSA_2048, DAY},
    {"b-ec", "DNS:b.test,DNS:*.wild.test", "ca", EC, DAY},
    {"b-rsa", "DNS:b.test,DNS:*.wild.test", "ca", RSA_2048, DAY},
    {"b-again", "DNS:b.test,DNS:*.wild.test", "ca", EC, DAY},
    {"ip", "IP:192.0.2.1,IP:2001:db8::1", "ca", EC, DAY},
    {"old", "DNS:old.test", "ca", EC, -DAY},
    {"weak", "DNS:weak.test", NULL, RSA_1024, DAY},
};

static char directory[] = "/tmp/tls_test.XXXXXX";
static size_t live; /* bytes that OpenSSL holds */

/* ---- counting OpenSSL's memory ---- */

static void *count_malloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    void *memory = malloc(size);
    live += malloc_usable_size(memory);
    return memory;
}

static void count_free(void *memory, const char *file, int line)
{
    (void)file, (void)line;
    live -= malloc_usable_size(memory);
    free(memory);
}

static void *count_realloc(void *old, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    live -= malloc_usable_size(old);
    void *memory = realloc(old, size);
    live += malloc_usable_size(memory);
    return memory;
}

/* ---- making certificates ---- */

/* A path in our directory; one of eight rooms in turn. */
static const char *at(const char *name, const char *end)
{
    static char room[8][128];
    static unsigned turn;
    char *path = room[turn++ % 8];
    snprintf(path, sizeof room[0], "%s/%s%s", directory, name, end);
    return path;
}

static FILE *open_at(const char *name, const char *end, const char *mode)
{
    FILE *file = fopen(at(name, end), mode);
    assert_non_null(file);
    return file;
}

static EVP_PKEY *make_key(enum kind kind)
{
    EVP_PKEY *key = kind == EC ? EVP_EC_gen("P-256") : EVP_RSA_gen(kind == RSA_2048 ? 2048 : 1024);
    assert_non_null(key);
    return key;
}

static X509 *read_certificate(const char *name)
{
    FILE *file = open_at(name, ".pem", "r");
    X509 *x = PEM_read_X509(file, NULL, NULL, NULL);
    assert_non_null(x);
    fclose(file);
    return x;
}

static EVP_PKEY *read_private(const char *name)
{
    FILE *file = open_at(name, ".key", "r");
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    assert_non_null(key);
    fclose(file);
    return key;
}

static void add_extension(X509 *x, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(x, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static void make(const struct made *m, int serial)
{
    EVP_PKEY *key = make_key(m->kind);
    X509 *x = X509_new();
    X509 *issuer = m->issuer != NULL ? read_certificate(m->issuer) : NULL;
    EVP_PKEY *signer = m->issuer != NULL ? read_private(m->issuer) : key;
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
    X509_gmtime_adj(X509_getm_notBefore(x), -2 * DAY);
    X509_gmtime_adj(X509_getm_notAfter(x), m->until);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)m->name, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(issuer != NULL ? issuer : x));
    add_extension(x, NID_subject_alt_name, m->alt);
    if (strstr(m->name, "ca") != NULL)
        add_extension(x, NID_basic_constraints, "critical,CA:TRUE");
    assert_true(X509_sign(x, signer, EVP_sha256()) > 0);
    FILE *file = open_at(m->name, ".pem", "w");
    PEM_write_X509(file, x);
    fclose(file);
    file = open_at(m->name, ".key", "w");
    PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
    if (m->issuer != NULL) {
        EVP_PKEY_free(signer);
        X509_free(issuer);
    }
    X509_free(x);
    EVP_PKEY_free(key);
}

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL)
        return -1;
    for (size_t i = 0; i < COUNT(made); i++)
        make(&made[i], (int)i + 1);
    EVP_PKEY *key = read_private("a-ec");
    FILE *file = open_at("locked", ".key", "w");
    char passphrase[] = "secret";
    PEM_write_PKCS8PrivateKey(file, key, EVP_aes_128_cbc(), passphrase, 6, NULL, NULL);
    fclose(file);
    EVP_PKEY_free(key);
    file = open_at("junk", ".pem", "w");
    fputs("not PEM\n", file);
    fclose(file);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(made); i++) {
        unlink(at(made[i].name, ".pem"));
        unlink(at(made[i].name, ".key"));
    }
    unlink(at("locked", ".key"));
    unlink(at("junk", ".pem"));
    return rmdir(directory);
}

/* ---- contexts and handshakes ---- */

/* A server of the named pairs (NULL ends them); fails the test where it cannot be made. */
static struct tls_server *server_of(const char *const *names, const char *min_version)
{
    struct tls_pair pair[8];
    struct tls_server_config config = {.pair = pair, .min_version = min_version};
    for (; names[config.count] != NULL; config.count++)
        pair[config.count] =
            (struct tls_pair){at(names[config.count], ".pem"), at(names[config.count], ".key")};
    char *why;
    struct tls_server *tls = tls_server_new(&config, &why);
    if (tls == NULL)
        fail_msg("%s", why);
    return tls;
}

struct ends {
    SSL *client, *server;
    char client_error[256], server_error[256];
};

/* One step of one side; true: it is done. */
static bool step(SSL *ssl, char error[static 256])
{
    int result = error[0] == '\0' ? SSL_do_handshake(ssl) : -1;
    if (result == 1)
        return true;
    if (error[0] != '\0')
        return false;
    int why = SSL_get_error(ssl, result);
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
        tls_failure(ssl, why, error, 256);
    return false;
}

/* Takes over both. */
static struct ends connect_ends(SSL *client, SSL *server)
{
    struct ends ends = {.client = client, .server = server};
    BIO *a, *b;
    assert_int_equal(BIO_new_bio_pair(&a, 0, &b, 0), 1);
    SSL_set_bio(client, a, a);
    SSL_set_bio(server, b, b);
    return ends;
}

static bool shake(struct ends *ends)
{
    bool client = false, server = false;
    for (int i = 0; i < 20 && !(client && server); i++) {
        client = step(ends->client, ends->client_error);
        server = step(ends->server, ends->server_error);
        if (ends->client_error[0] != '\0' && ends->server_error[0] != '\0')
            return false;
    }
    return client && server;
}

static void free_ends(struct ends *ends)
{
    SSL_free(ends->client);
    SSL_free(ends->server);
    ERR_clear_error();
}

/* A client of the test's own, that trusts all and sends `sni`; `sigalgs` may be NULL. */
static SSL *plain_client(const char *sni, const char *sigalgs, int max_version)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(ctx, 0);
    SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(ctx, max_version);
    if (sigalgs != NULL)
        assert_int_equal(SSL_CTX_set1_sigalgs_list(ctx, sigalgs), 1);
    SSL *ssl = SSL_new(ctx);
    SSL_CTX_free(ctx);
    SSL_set_connect_state(ssl);
    if (sni != NULL)
        SSL_set_tlsext_host_name(ssl, sni);
    return ssl;
}

static void assert_certificate(const SSL *client, const char *name)
{
    X509 *want = read_certificate(name);
    X509 *got = SSL_get0_peer_certificate(client);
    assert_non_null(got);
    if (X509_cmp(got, want) != 0) {
        char common[64] = "";
        X509_NAME_get_text_by_NID(X509_get_subject_name(got), NID_commonName, common,
                                  sizeof common);
        fail_msg("got %s where %s was due", common, name);
    }
    X509_free(want);
}

/* ---- the server side ---- */

#define ECDSA    "ECDSA+SHA256"
#define RSA_SIGS "RSA-PSS+SHA256:RSA+SHA256"

static const struct sni_case {
    const char *name, *sni, *sigalgs, *want;
} sni_cases[] = {
    {"no name gets the first", NULL, NULL, "a-ec"},
    {"an unknown name gets the first", "c.test", NULL, "a-ec"},
    {"a malformed name gets the first", "..", NULL, "a-ec"},
    {"the first by its name", "a2.test", NULL, "a-ec"},
    {"RSA beside ECDSA in the first", "a.test", RSA_SIGS, "a-rsa"},
    {"RSA without a name", NULL, RSA_SIGS, "a-rsa"},
    {"the second by its name", "b.test", NULL, "b-ec"},
    {"in any case", "B.Test", NULL, "b-ec"},
    {"RSA beside ECDSA in the second", "b.test", RSA_SIGS, "b-rsa"},
    {"ECDSA alone in the second", "b.test", ECDSA, "b-ec"},
    {"by a wildcard", "x.wild.test", NULL, "b-ec"},
    {"a wildcard is one label", "x.y.wild.test", NULL, "a-ec"},
};

static void the_name_picks_the_certificate(void **state)
{
    (void)state;
    struct tls_server *tls =
        server_of((const char *const[]){"a-ec", "b-rsa", "a-rsa", "b-ec", NULL}, "1.2");
    assert_null(tls_server_warnings(tls));
    for (size_t i = 0; i < COUNT(sni_cases); i++)
        for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
            const struct sni_case *c = &sni_cases[i];
            struct ends ends =
                connect_ends(plain_client(c->sni, c->sigalgs, version), tls_server_session(tls));
            if (!shake(&ends))
                fail_msg("%s: %s / %s", c->name, ends.client_error, ends.server_error);
            assert_int_equal(SSL_version(ends.client), version);
            assert_certificate(ends.client, c->want);
            free_ends(&ends);
        }
    tls_server_unref(tls);
}

static void old_versions_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *least;
        int client;
        bool ok;
    } cases[] = {
        {NULL, TLS1_1_VERSION, false},  {"1.2", TLS1_1_VERSION, false},
        {"1.2", TLS1_2_VERSION, true},  {NULL, TLS1_2_VERSION, true},
        {"1.3", TLS1_2_VERSION, false}, {"1.3", TLS1_3_VERSION, true},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tls_server *tls = server_of((const char *const[]){"a-ec", NULL}, cases[i].least);
        struct ends ends =
            connect_ends(plain_client(NULL, NULL, cases[i].client), tls_server_session(tls));
        assert_int_equal(shake(&ends), cases[i].ok);
        if (!cases[i].ok)
            assert_string_equal(ends.server_error, "TLS: unsupported protocol");
        free_ends(&ends);
        tls_server_unref(tls);
    }
}

static int tickets_seen;

static int see_ticket(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl, (void)session;
    tickets_seen++;
    return 0;
}

static void no_tickets_and_no_renegotiation(void **state)
{
    (void)state;
    struct tls_server *tls = server_of((const char *const[]){"a-ec", NULL}, "1.2");
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        SSL *client = plain_client(NULL, NULL, version);
        SSL_CTX_set_session_cache_mode(SSL_get_SSL_CTX(client), SSL_SESS_CACHE_CLIENT);
        SSL_CTX_sess_set_new_cb(SSL_get_SSL_CTX(client), see_ticket);
        struct ends ends = connect_ends(client, tls_server_session(tls));
        tickets_seen = 0;
        assert_true(shake(&ends));
        char byte;
        assert_int_equal(SSL_read(ends.client, &byte, 1), -1);
        assert_int_equal(version == TLS1_3_VERSION ? tickets_seen : 0, 0);
        assert_int_equal(SSL_SESSION_has_ticket(SSL_get_session(ends.client)), 0);
        if (version == TLS1_2_VERSION) {
            assert_int_equal(SSL_renegotiate(ends.client), 1);
            SSL_do_handshake(ends.client);
            assert_int_equal(SSL_read(ends.server, &byte, 1), -1);
            assert_int_equal(SSL_do_handshake(ends.client), -1);
            assert_int_equal(ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION);
        }
        free_ends(&ends);
    }
    tls_server_unref(tls);
}

static void an_end_without_close_notify_is_an_end(void **state)
{
    (void)state;
    struct tls_server *tls = server_of((const char *const[]){"a-ec", NULL}, "1.2");
    struct ends ends =
        connect_ends(plain_client(NULL, NULL, TLS1_3_VERSION), tls_server_session(tls));
    assert_true(shake(&ends));
    char byte;
    BIO_shutdown_wr(SSL_get_wbio(ends.client));
    int result = SSL_read(ends.server, &byte, 1);
    assert_int_equal(SSL_get_error(ends.server, result), SSL_ERROR_ZERO_RETURN);
    free_ends(&ends);
    tls_server_unref(tls);
}

static void a_session_outlives_the_last_reference(void **state)
{
    (void)state;
    struct tls_server *tls = server_of((const char *const[]){"a-ec", "b-ec", NULL}, "1.2");
    assert_ptr_equal(tls_server_ref(tls), tls);
    SSL *server = tls_server_session(tls);
    tls_server_unref(tls);
    tls_server_unref(tls);
    tls_server_unref(NULL);
    struct ends ends = connect_ends(plain_client("b.test", NULL, TLS1_3_VERSION), server);
    assert_true(shake(&ends));
    assert_certificate(ends.client, "b-ec");
    free_ends(&ends);
}

/* The bound behind "24 KiB per idle TLS session", with room for the session itself. */
static void an_idle_session_is_small(void **state)
{
    (void)state;
    struct tls_server *tls = server_of((const char *const[]){"a-ec", "a-rsa", NULL}, "1.2");
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct ends ends =
            connect_ends(plain_client("a.test", NULL, version), tls_server_session(tls));
        char text[64];
        assert_true(shake(&ends));
        assert_int_equal(SSL_write(ends.client, "EHLO a.test\r\n", 13), 13);
        assert_int_equal(SSL_read(ends.server, text, sizeof text), 13);
        assert_int_equal(SSL_write(ends.server, "250 a.test\r\n", 12), 12);
        SSL_set_bio(ends.server, NULL, NULL); /* not part of a socket's session */
        size_t before = live;
        SSL_free(ends.server);
        ends.server = NULL;
        if (before - live > 15 * 1024)
            fail_msg("%zu bytes", before - live);
        free_ends(&ends);
    }
    tls_server_unref(tls);
}

static const struct fault_case {
    const char *name, *certificate, *key, *least, *ciphers, *why;
} fault_cases[] = {
    {"no certificate file", "none.pem", "a-ec.key", NULL, NULL,
     "/none.pem: cannot read the certificate: No such file"},
    {"no key file", "a-ec.pem", "none.key", NULL, NULL,
     "/none.key: cannot read the key: No such file"},
    {"not a certificate", "junk.pem", "a-ec.key", NULL, NULL, "/junk.pem: holds no certificate"},
    {"not a key", "a-ec.pem", "junk.pem", NULL, NULL, "/junk.pem: holds no private key"},
    {"a certificate for a key", "a-ec.pem", "a-ec.pem", NULL, NULL, "holds no private key"},
    {"the key of another", "a-ec.pem", "b-ec.key", NULL, NULL,
     "/b-ec.key: the key does not belong to the certificate"},
    {"a key of another kind", "a-ec.pem", "a-rsa.key", NULL, NULL, "does not belong"},
    {"an encrypted key", "a-ec.pem", "locked.key", NULL, NULL, "/locked.key: the key is encrypted"},
    {"a weak key", "weak.pem", "weak.key", NULL, NULL, "ee key too small"},
    {"a version that is none", "a-ec.pem", "a-ec.key", "1.1", NULL, "1.2 or 1.3"},
    {"ciphers that are none", "a-ec.pem", "a-ec.key", NULL, "NOPE", "no cipher match"},
};

static void faults_name_file_reason_and_remedy(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(fault_cases); i++) {
        const struct fault_case *c = &fault_cases[i];
        struct tls_pair pair[] = {{at("b-rsa", ".pem"), at("b-rsa", ".key")},
                                  {at(c->certificate, ""), at(c->key, "")}};
        struct tls_server_config config = {pair, COUNT(pair), c->least, c->ciphers};
        for (int first = 0; first < 2; first++) { /* the only pair, and the one behind a good one */
            char *why;
            config.pair = first ? pair + 1 : pair;
            config.count = first ? 1 : 2;
            assert_null(tls_server_new(&config, &why));
            if (strstr(why, c->why) == NULL || strchr(why, ';') == NULL || ERR_peek_error() != 0)
                fail_msg("%s: %s", c->name, why);
            free(why);
        }
    }
    struct tls_server_config none = {.count = 0};
    char *why;
    assert_null(tls_server_new(&none, &why));
    assert_non_null(strstr(why, "no certificate"));
    free(why);
}

static void what_is_odd_but_works_is_a_warning(void **state)
{
    (void)state;
    struct tls_server *tls =
        server_of((const char *const[]){"b-ec", "old", "b-again", NULL}, "1.2");
    const char *text = tls_server_warnings(tls);
    assert_non_null(text);
    assert_non_null(strstr(text, "/old.pem: the certificate has expired"));
    assert_non_null(strstr(text, "/b-again.pem: is never chosen"));
    assert_null(strstr(text, "/b-ec.pem"));
    tls_server_unref(tls);
}

/* ---- the client side ---- */

static void fingerprint(const char *name, char out[static 100])
{
    X509 *x = read_certificate(name);
    unsigned char sum[32];
    unsigned len;
    assert_int_equal(X509_digest(x, EVP_sha256(), sum, &len), 1);
    for (unsigned i = 0; i < len; i++)
        snprintf(out + 3 * i, 4, "%02X%s", sum[i], i + 1 < len ? ":" : "");
    X509_free(x);
}

static const struct trust_case {
    const char *name, *server;
    bool verify;
    const char *ca, *dialled;
    const char *pin; /* the certificate that is pinned beside "otherca" */
    const char *why; /* NULL: trusted */
} trust_cases[] = {
    {"nobody is asked", "a-ec", false, NULL, "x.test", NULL, NULL},
    {"nobody is asked and it has expired", "old", false, NULL, NULL, NULL, NULL},
    {"the CA and the name", "b-ec", true, "ca", "b.test", NULL, NULL},
    {"the CA and a wildcard", "b-ec", true, "ca", "mx.wild.test", NULL, NULL},
    {"the CA and no name", "b-ec", true, "ca", NULL, NULL, NULL},
    {"the CA and an IPv4 address", "ip", true, "ca", "192.0.2.1", NULL, NULL},
    {"the CA and an IPv6 address", "ip", true, "ca", "2001:db8::1", NULL, NULL},
    {"another address", "ip", true, "ca", "192.0.2.2", NULL, "IP address mismatch"},
    {"another name", "b-ec", true, "ca", "a.test", NULL, "hostname mismatch"},
    {"a name for an address", "b-ec", true, "ca", "192.0.2.1", NULL, "IP address mismatch"},
    {"another CA of the same name", "b-ec", true, "otherca", "b.test", NULL, "certificate refused"},
    {"self-signed", "a-ec", true, "ca", "a.test", NULL, "self-signed certificate"},
    {"expired", "old", true, "ca", "old.test", NULL, "certificate has expired"},
    {"the system's CAs know it not", "b-ec", true, NULL, "b.test", NULL, "unable to get"},
    {"pinned", "a-ec", true, NULL, "x.test", "a-ec", NULL},
    {"pinned and expired", "old", true, NULL, NULL, "old", NULL},
    {"a pin alone verifies", "a-ec", false, NULL, NULL, "b-ec", "none of those pinned"},
    {"another is pinned, the CA is not asked", "b-ec", true, "ca", "b.test", "a-ec",
     "none of those pinned"},
    {"its issuer is pinned", "b-ec", true, NULL, "b.test", "ca", "none of those pinned"},
};

static struct tls_client *client_of(const struct trust_case *c)
{
    char pins[2][100];
    const char *pin[] = {pins[0], pins[1]};
    struct tls_client_config config = {.verify = c->verify, .pins = pin};
    config.ca_file = c->ca != NULL ? at(c->ca, ".pem") : NULL;
    if (c->pin != NULL) {
        fingerprint("otherca", pins[0]);
        fingerprint(c->pin, pins[1]);
        config.pin_count = 2;
    }
    char *why;
    struct tls_client *tls = tls_client_new(&config, &why);
    if (tls == NULL)
        fail_msg("%s: %s", c->name, why);
    assert_int_equal(tls_client_verifies(tls), c->verify || c->pin != NULL);
    return tls;
}

static void only_who_is_trusted_is_spoken_to(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(trust_cases); i++) {
        const struct trust_case *c = &trust_cases[i];
        struct tls_server *server = server_of((const char *const[]){c->server, NULL}, "1.2");
        struct tls_client *client = client_of(c);
        SSL *ssl = tls_client_session(tls_client_ref(client), c->dialled);
        tls_client_unref(client);
        tls_client_unref(client); /* the session goes on without */
        struct ends ends = connect_ends(ssl, tls_server_session(server));
        if (shake(&ends) != (c->why == NULL))
            fail_msg("%s: %s", c->name, ends.client_error);
        if (c->why != NULL && strstr(ends.client_error, c->why) == NULL)
            fail_msg("%s: %s", c->name, ends.client_error);
        if (c->why == NULL)
            assert_int_equal(SSL_get_verify_result(ends.client), X509_V_OK);
        free_ends(&ends);
        tls_server_unref(server);
    }
}

static void sni_is_sent_for_names_only(void **state)
{
    (void)state;
    static const struct {
        const char *dialled, *seen;
    } cases[] = {{"b.test", "b.test"}, {"192.0.2.1", NULL}, {"2001:db8::1", NULL}, {NULL, NULL}};
    struct tls_server *server = server_of((const char *const[]){"a-ec", "b-ec", NULL}, "1.2");
    struct tls_client *client = client_of(&(struct trust_case){.name = "sni"});
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ends ends =
            connect_ends(tls_client_session(client, cases[i].dialled), tls_server_session(server));
        assert_true(shake(&ends));
        const char *seen = SSL_get_servername(ends.server, TLSEXT_NAMETYPE_host_name);
        assert_int_equal(seen != NULL, cases[i].seen != NULL);
        if (seen != NULL)
            assert_string_equal(seen, cases[i].seen);
        free_ends(&ends);
    }
    tls_client_unref(client);
    tls_server_unref(server);
}

static void a_name_too_long_is_never_trusted(void **state)
{
    (void)state;
    char name[400];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    struct tls_server *server = server_of((const char *const[]){"b-ec", NULL}, "1.2");
    struct tls_client *client =
        client_of(&(struct trust_case){.name = "long", .verify = true, .ca = "ca"});
    struct ends ends = connect_ends(tls_client_session(client, name), tls_server_session(server));
    assert_false(shake(&ends));
    assert_non_null(strstr(ends.client_error, "hostname mismatch"));
    free_ends(&ends);
    tls_client_unref(client);
    tls_server_unref(server);
}

static void client_faults_say_what_is_right(void **state)
{
    (void)state;
    static const char *const pins[] = {"ab:cd"};
    struct tls_client_config short_pin = {.pins = pins, .pin_count = 1};
    struct tls_client_config no_file = {.verify = true, .ca_file = at("none", ".pem")};
    struct tls_client_config no_ca = {.verify = true, .ca_file = at("junk", ".pem")};
    char *why;
    assert_null(tls_client_new(&short_pin, &why));
    assert_non_null(strstr(why, "\"ab:cd\" is not a SHA-256 sum; right would be"));
    free(why);
    assert_null(tls_client_new(&no_file, &why));
    assert_non_null(strstr(why, "/none.pem: cannot read the CA certificates (No such file"));
    free(why);
    assert_null(tls_client_new(&no_ca, &why));
    assert_non_null(strstr(why, "/junk.pem: cannot read the CA certificates (no certificate"));
    free(why);
    tls_client_unref(NULL);
}

int main(void)
{
    if (CRYPTO_set_mem_functions(count_malloc, count_realloc, count_free) != 1)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_name_picks_the_certificate),
        cmocka_unit_test(old_versions_are_refused),
        cmocka_unit_test(no_tickets_and_no_renegotiation),
        cmocka_unit_test(an_end_without_close_notify_is_an_end),
        cmocka_unit_test(a_session_outlives_the_last_reference),
        cmocka_unit_test(an_idle_session_is_small),
        cmocka_unit_test(faults_name_file_reason_and_remedy),
        cmocka_unit_test(what_is_odd_but_works_is_a_warning),
        cmocka_unit_test(only_who_is_trusted_is_spoken_to),
        cmocka_unit_test(sni_is_sent_for_names_only),
        cmocka_unit_test(a_name_too_long_is_never_trusted),
        cmocka_unit_test(client_faults_say_what_is_right),
    };
    return cmocka_run_group_tests_name("tls", tests, set_up, tear_down);
}
