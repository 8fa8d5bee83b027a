/* SPDX-License-Identifier: ISC */
/*
 * io_prefix: bytes already read from a socket, given back to the TLS layer.
 *
 * A balancer may send its PROXY header and the client's TLS hello in one segment; the read that
 * took the header took the hello too. A filter BIO in front of the socket's hands these bytes over
 * first and then only passes calls on.
 */
#include "lib/io_prefix.h"

#include "lib/mem.h"

#include <openssl/bio.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct prefix {
    char *data;
    size_t len;
    size_t used;
};

static int prefix_read(BIO *bio, char *out, int size)
{
    struct prefix *prefix = BIO_get_data(bio);
    size_t left = prefix->len - prefix->used;
    BIO_clear_retry_flags(bio);
    if (left > 0) {
        size_t n = left < (size_t)size ? left : (size_t)size;
        memcpy(out, prefix->data + prefix->used, n);
        prefix->used += n;
        if (prefix->used == prefix->len) { /* an idle session keeps nothing of it */
            free(prefix->data);
            *prefix = (struct prefix){0};
        }
        return (int)n;
    }
    int n = BIO_read(BIO_next(bio), out, size);
    BIO_copy_next_retry(bio);
    return n;
}

static int prefix_write(BIO *bio, const char *data, int len)
{
    BIO_clear_retry_flags(bio);
    int n = BIO_write(BIO_next(bio), data, len);
    BIO_copy_next_retry(bio);
    return n;
}

static long prefix_ctrl(BIO *bio, int cmd, long number, void *pointer)
{
    return BIO_next(bio) != NULL ? BIO_ctrl(BIO_next(bio), cmd, number, pointer) : 0;
}

static int prefix_destroy(BIO *bio)
{
    struct prefix *prefix = BIO_get_data(bio);
    if (prefix != NULL)
        free(prefix->data);
    free(prefix);
    return 1;
}

static BIO_METHOD *method; /* made once, for the life of the process */

static void make_method(void)
{
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_FILTER, "prefix");
    if (method == NULL || !BIO_meth_set_read(method, prefix_read) ||
        !BIO_meth_set_write(method, prefix_write) || !BIO_meth_set_ctrl(method, prefix_ctrl) ||
        !BIO_meth_set_destroy(method, prefix_destroy))
        abort(); /* only memory can fail here */
}

void io_prefix_push(SSL *ssl, char *data, size_t len)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_method);
    struct prefix *prefix = mem_alloc(sizeof *prefix);
    BIO *socket = SSL_get_rbio(ssl);
    BIO *bio = BIO_new(method);
    if (bio == NULL)
        abort();
    prefix->data = data;
    prefix->len = len;
    BIO_set_data(bio, prefix);
    BIO_set_init(bio, 1);
    BIO_up_ref(socket); /* the chain holds one reference, the write side the other */
    SSL_set0_rbio(ssl, BIO_push(bio, socket));
}
