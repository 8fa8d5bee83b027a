/* SPDX-License-Identifier: ISC */
/*
 * Fuzz target of proxy/xclient: what XCLIENT says is said again to a backend, in commands that keep
 * their limit, and parses to the same. HELO is also tried with any bytes, as a client may send it.
 */
#include "proxy/xclient.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define ALL     0x7ffU
#define COMMAND 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
    if (!truth)
        abort();
}

static void check_text(const char *text, size_t size)
{
    size_t len = strnlen(text, size);

    require(len < size);
    for (size_t i = 0; i < len; i++)
        require(text[i] >= ' ' && text[i] <= '~');
}

static void merge(struct xclient *all, const struct xclient *one)
{
    require((all->seen & one->seen) == 0 && (all->seen & XCLIENT_ADDR) == 0);
    all->seen |= one->seen;
    if ((one->seen & XCLIENT_NAME) != 0)
        memcpy(all->name, one->name, sizeof(all->name));
    if ((one->seen & XCLIENT_HELO) != 0)
        memcpy(all->helo, one->helo, sizeof(all->helo));
    if ((one->seen & XCLIENT_LOGIN) != 0)
        memcpy(all->login, one->login, sizeof(all->login));
    if ((one->seen & XCLIENT_PROTO) != 0)
        all->esmtp = one->esmtp;
    if ((one->seen & XCLIENT_ADDR) != 0)
        all->addr = one->addr;
    if ((one->seen & XCLIENT_DESTADDR) != 0)
        all->dest = one->dest;
}

/* Checks the commands' form; where they are ours to parse, parses them into *all. */
static void take_commands(struct buf *built, size_t commands, const char *verb, struct xclient *all)
{
    size_t head = strlen(verb) + 1;

    while (buf_len(built) > 0) {
        const char *line = buf_data(built);
        const char *lf = memchr(line, '\n', buf_len(built));

        require(lf != NULL && lf > line && lf[-1] == '\r');
        size_t len = (size_t)(lf + 1 - line);
        require(len <= COMMAND && len > head + 2 && commands-- > 0);
        require(memcmp(line, verb, head - 1) == 0 && line[head - 1] == ' ');
        for (size_t i = 0; i < len - 2; i++)
            require(line[i] >= ' ' && line[i] <= '~');
        if (all != NULL) {
            struct xclient one;
            const char *why;
            require(xclient_parse(line + head, len - head - 2, &one, &why));
            merge(all, &one);
        }
        buf_consume(built, len);
    }
    require(commands == 0);
}

static void check_build(const char *verb, unsigned offer, const struct xclient *who,
                        struct xclient *all)
{
    struct buf out = {0};
    size_t commands = xclient_build(verb, offer, who, &out);
    int can = (offer & who->seen & XCLIENT_ADDR) != 0 && who->addr.family != AF_UNSPEC;

    require((commands > 0) == can);
    if (all != NULL)
        memset(all, 0, sizeof(*all));
    take_commands(&out, commands, verb, all);
    buf_free(&out);
}

static void check_round_trip(struct xclient *x)
{
    struct xclient back;

    x->seen |= XCLIENT_ADDR;
    if (x->addr.family == AF_UNSPEC)
        require(addr_parse_ip("192.0.2.1", &x->addr));
    check_build("XCLIENT", ALL, x, &back);
    require((back.seen & ~x->seen) == 0 && (back.seen & XCLIENT_ADDR) != 0);
    /* what may be missing is a value whose xtext is too long for any command */
    require((x->seen & ~back.seen &
             ~(unsigned)(XCLIENT_HELO | XCLIENT_LOGIN | XCLIENT_PORT | XCLIENT_DESTPORT)) == 0);
    require(strcmp(back.name, x->name) == 0);
    if ((back.seen & XCLIENT_HELO) != 0)
        require(strcmp(back.helo, x->helo) == 0);
    else
        require((x->seen & XCLIENT_HELO) == 0 || strlen(x->helo) > 160);
    if ((back.seen & XCLIENT_LOGIN) != 0)
        require(strcmp(back.login, x->login) == 0);
    else
        require((x->seen & XCLIENT_LOGIN) == 0 || strlen(x->login) > 160);
    require(addr_same_ip(&back.addr, &x->addr));
    require(back.esmtp == x->esmtp);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct xclient x;
    const char *why = NULL;

    unsigned offer = xclient_offer(text, size);
    require((offer & ~ALL) == 0);
    if (xclient_parse(text, size, &x, &why)) {
        check_text(x.name, sizeof(x.name));
        check_text(x.helo, sizeof(x.helo));
        check_text(x.login, sizeof(x.login));
        check_round_trip(&x);
    } else {
        require(why != NULL && x.seen == 0);
    }

    x.seen = ALL;
    require(addr_parse_port("[2001:db8::1]:25", &x.addr));
    size_t len = size < sizeof(x.helo) - 1 ? size : sizeof(x.helo) - 1;
    memcpy(x.helo, data, len);
    x.helo[len] = '\0';
    memcpy(x.login, x.helo, sizeof(x.login));
    check_build("XCLIENT", ALL, &x, NULL);
    check_build("XCLIENT", offer, &x, NULL);
    check_build("XFORWARD", ALL, &x, NULL);
    return 0;
}
