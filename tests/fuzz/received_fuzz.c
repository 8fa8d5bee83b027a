/* SPDX-License-Identifier: ISC */
/*
 * Fuzz target of received. Flags, time and address, then HELO, reverse name and recipient, each
 * behind a NUL. Asserts: the field is one: it ends in CRLF, every other CRLF stands before a tab,
 * no bare CR, LF or other control, no line over 998 octets, comments closed.
 */
#include "proxy/received.h"

#include "lib/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CHECK(what)                                                                                \
    do {                                                                                           \
        if (!(what))                                                                               \
            __builtin_trap();                                                                      \
    } while (0)

#define HEAD 22

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_field(const char *out, size_t len, const char *recipient)
{
    size_t line = 0;
    CHECK(len > 12 && memcmp(out, "Received: ", 10) == 0);
    CHECK(memcmp(out + len - 2, "\r\n", 2) == 0);
    for (size_t i = 0; i < len; i++, line++) {
        if (out[i] == '\r') {
            CHECK(out[i + 1] == '\n' && (i + 2 == len || out[i + 2] == '\t'));
            CHECK(line <= 998 && line > 1);
        } else if (out[i] == '\n') {
            CHECK(out[i - 1] == '\r');
            line = 0;
        } else {
            CHECK((unsigned char)out[i] >= ' ' || (out[i] == '\t' && out[i - 1] == '\n'));
        }
    }
    const char *paths = memmem(out, len, "\tfor <", 6);
    size_t plain = paths != NULL ? (size_t)(paths - out) : len;
    int depth = 0;
    for (size_t i = 0; i < plain; i++) {
        depth += out[i] == '(' ? 1 : out[i] == ')' ? -1 : 0;
        CHECK(depth == 0 || depth == 1);
    }
    CHECK(depth == 0);
    CHECK(paths == NULL || memcmp(paths + 6, recipient, strlen(recipient)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD)
        return 0;
    char *helo = mem_strndup((const char *)data + HEAD, size - HEAD);
    const char *end = helo + (size - HEAD);
    const char *name = helo + strlen(helo) < end ? helo + strlen(helo) + 1 : "";
    const char *recipient =
        *name != '\0' && name + strlen(name) < end ? name + strlen(name) + 1 : "";
    struct addr client = {.family = (data[0] & 1) != 0   ? AF_INET
                                    : (data[0] & 2) != 0 ? AF_INET6
                                                         : AF_UNSPEC};
    memcpy(client.ip, data + 1, 16);
    int32_t seconds;
    memcpy(&seconds, data + 17, sizeof seconds);
    struct received field = {
        .helo = helo,
        .client = &client,
        .client_name = (data[0] & 4) != 0 ? name : NULL,
        .hostname = "mx.example.org",
        .session = "SESSION",
        .esmtp = (data[0] & 8) != 0,
        .tls = (data[0] & 16) != 0,
        .auth = (data[0] & 32) != 0,
        .utf8 = (data[0] & 64) != 0,
        .tls_version = "TLSv1.3",
        .tls_cipher = "TLS_AES_256_GCM_SHA384",
        .tls_bits = data[21],
        .recipient = (data[0] & 128) != 0 ? recipient : NULL,
        .time = seconds,
    };
    struct buf out = {0};
    received_write(&field, &out);
    check_field(buf_data(&out), buf_len(&out), recipient);
    buf_free(&out);
    free(helo);
    return 0;
}
