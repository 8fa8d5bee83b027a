/* SPDX-License-Identifier: ISC */
/* Unit tests of proxy/xclient: argument lists in, commands out, and both together. */
#include "proxy/xclient.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ALL 0x7ffU

struct good {
    const char *name;
    const char *args;
    unsigned seen;
    const char *addr; /* as addr_text() shows it */
    const char *dest;
    const char *host;
    const char *helo;
    const char *login;
    bool esmtp;
};

static const struct good goods[] = {
    {"address", "ADDR=192.0.2.1", XCLIENT_ADDR, "192.0.2.1:0", "unknown", "", "", "", false},
    {"address and port", "ADDR=192.0.2.1 PORT=12345", XCLIENT_ADDR | XCLIENT_PORT,
     "192.0.2.1:12345", "unknown", "", "", "", false},
    {"port before address", "PORT=12345 ADDR=192.0.2.1", XCLIENT_ADDR | XCLIENT_PORT,
     "192.0.2.1:12345", "unknown", "", "", "", false},
    {"IPv6", "ADDR=IPV6:2001:db8::1 PORT=1", XCLIENT_ADDR | XCLIENT_PORT, "[2001:db8::1]:1",
     "unknown", "", "", "", false},
    {"IPv6 tag in any case", "addr=ipv6:::1 port=65535", XCLIENT_ADDR | XCLIENT_PORT, "[::1]:65535",
     "unknown", "", "", "", false},
    {"mapped IPv4 is IPv4", "ADDR=IPV6:::ffff:192.0.2.1", XCLIENT_ADDR, "192.0.2.1:0", "unknown",
     "", "", "", false},
    {"all",
     "NAME=a.example ADDR=192.0.2.1 PORT=1 PROTO=ESMTP HELO=h LOGIN=l DESTADDR=192.0.2.2 "
     "DESTPORT=25 REVERSE_NAME=r.example",
     XCLIENT_NAME | XCLIENT_ADDR | XCLIENT_PORT | XCLIENT_PROTO | XCLIENT_HELO | XCLIENT_LOGIN |
         XCLIENT_DESTADDR | XCLIENT_DESTPORT,
     "192.0.2.1:1", "192.0.2.2:25", "a.example", "h", "l", true},
    {"several spaces", "  PROTO=smtp   HELO=h ", XCLIENT_PROTO | XCLIENT_HELO, "unknown", "unknown",
     "", "h", "", false},
    {"xtext", "HELO=a+2Bb+3Dc+20d LOGIN=a+40b", XCLIENT_HELO | XCLIENT_LOGIN, "unknown", "unknown",
     "", "a+b=c d", "a@b", false},
    {"unavailable is left out",
     "NAME=[UNAVAILABLE] HELO=[tempunavail] PORT=[UNAVAILABLE] PROTO=SMTP", XCLIENT_PROTO,
     "unknown", "unknown", "", "", "", false},
    {"all unavailable", "NAME=[UNAVAILABLE]", 0, "unknown", "unknown", "", "", "", false},
};

static void test_parse_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
        const struct good *g = &goods[i];
        struct xclient x;
        const char *why = NULL;
        char text[ADDR_TEXT_MAX];

        print_message("  %s\n", g->name);
        memset(&x, 'x', sizeof(x));
        assert_true(xclient_parse(g->args, strlen(g->args), &x, &why));
        assert_null(why);
        assert_int_equal(x.seen, g->seen);
        assert_string_equal(addr_text(&x.addr, text), g->addr);
        assert_string_equal(addr_text(&x.dest, text), g->dest);
        assert_string_equal(x.name, g->host);
        assert_string_equal(x.helo, g->helo);
        assert_string_equal(x.login, g->login);
        assert_string_equal(x.ident, "");
        assert_int_equal(x.esmtp, g->esmtp);
    }
}

struct bad {
    const char *name;
    const char *args;
};

static const struct bad bads[] = {
    {"nothing", ""},
    {"spaces", "  "},
    {"no value", "ADDR"},
    {"empty value", "ADDR="},
    {"empty text", "HELO="},
    {"no name", "=x"},
    {"unknown name", "COLOUR=red"},
    {"unknown name behind a good one", "ADDR=192.0.2.1 COLOUR=red"},
    {"beginning of a name", "ADD=192.0.2.1"},
    {"XFORWARD's IDENT", "IDENT=x"},
    {"XFORWARD's SOURCE", "SOURCE=LOCAL"},
    {"twice", "ADDR=192.0.2.1 ADDR=192.0.2.1"},
    {"twice, once unavailable", "NAME=[UNAVAILABLE] NAME=a"},
    {"address of three numbers", "ADDR=192.0.2"},
    {"IPv6 without its tag", "ADDR=2001:db8::1"},
    {"IPv4 with IPv6's tag", "ADDR=IPV6:192.0.2.1"},
    {"IPv6 in brackets", "ADDR=[2001:db8::1]"},
    {"IPv6 tag alone", "ADDR=IPV6:"},
    {"bad destination", "DESTADDR=x"},
    {"port of zero", "PORT=0"},
    {"port of 65536", "PORT=65536"},
    {"port of six digits", "PORT=000025"},
    {"port of a word", "PORT=smtp"},
    {"bad destination port", "DESTPORT=-1"},
    {"unknown protocol", "PROTO=LMTP"},
    {"name with a space", "NAME=a+20b"},
    {"name with parentheses", "NAME=a)+0D"},
    {"reverse name with a space", "REVERSE_NAME=a+20b"},
    {"HELO with a control", "HELO=a+0Ab"},
    {"HELO with UTF-8", "HELO=+C3+A9"},
    {"LOGIN with DEL", "LOGIN=a+7F"},
    {"xtext of NUL", "HELO=a+00b"},
    {"xtext cut", "HELO=a+2"},
    {"xtext with an equals sign", "HELO=a=b"},
    {"raw UTF-8", "HELO=\xc3\xa9"},
    {"a tab", "HELO=a\tADDR=192.0.2.1"},
};

static void check_bad(const char *args, size_t len)
{
    struct xclient x;
    struct xclient zero;
    const char *why = NULL;

    memset(&x, 'x', sizeof(x));
    memset(&zero, 0, sizeof(zero));
    assert_false(xclient_parse(args, len, &x, &why));
    assert_non_null(why);
    assert_memory_equal(&x, &zero, sizeof(x));
}

static void test_parse_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
        print_message("  %s\n", bads[i].name);
        check_bad(bads[i].args, strlen(bads[i].args));
    }
    check_bad("HELO=a\0b", 8);
}

static void test_parse_value_length(void **state)
{
    char args[300];
    struct xclient x;
    const char *why;
    (void)state;

    memset(args, 'a', sizeof(args));
    memcpy(args, "HELO=", 5);
    assert_true(xclient_parse(args, 5 + 255, &x, &why));
    assert_int_equal(strlen(x.helo), 255);
    check_bad(args, 5 + 256);
}

static void test_offer(void **state)
{
    static const char all[] =
        "NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT REVERSE_NAME IDENT SOURCE";
    (void)state;

    assert_int_equal(xclient_offer("", 0), 0);
    assert_int_equal(xclient_offer(all, strlen(all)), ALL);
    assert_int_equal(xclient_offer("  name  ADDR ", 13), XCLIENT_NAME | XCLIENT_ADDR);
    assert_int_equal(xclient_offer("COLOUR ADDR= ADD PORT", 21), XCLIENT_PORT);
}

static struct xclient client(void)
{
    struct xclient x = {.seen = ALL & ~(unsigned)XCLIENT_REVERSE_NAME,
                        .esmtp = true,
                        .name = "c.example",
                        .helo = "h",
                        .login = "u",
                        .ident = "S1"};

    assert_true(addr_parse_port("192.0.2.1:12345", &x.addr));
    assert_true(addr_parse_port("[2001:db8::2]:25", &x.dest));
    return x;
}

/* Exactly `want` was appended, as so many commands. */
static void check_built(const char *verb, unsigned offer, const struct xclient *who,
                        size_t commands, const char *want)
{
    struct buf out = {0};

    assert_int_equal(xclient_build(verb, offer, who, &out), commands);
    assert_int_equal(buf_len(&out), strlen(want));
    assert_memory_equal(buf_data(&out), want, strlen(want));
    buf_free(&out);
}

static void test_build_says_what_is_offered_and_known(void **state)
{
    struct xclient x = client();
    (void)state;

    check_built("XCLIENT", ALL, &x, 1,
                "XCLIENT NAME=c.example REVERSE_NAME=c.example PROTO=ESMTP HELO=h LOGIN=u "
                "DESTADDR=IPV6:2001:db8::2 DESTPORT=25 PORT=12345 ADDR=192.0.2.1\r\n");
    check_built("XFORWARD", ALL, &x, 1,
                "XFORWARD NAME=c.example PROTO=ESMTP HELO=h IDENT=S1 SOURCE=REMOTE PORT=12345 "
                "ADDR=192.0.2.1\r\n");
    check_built("XCLIENT", XCLIENT_ADDR, &x, 1, "XCLIENT ADDR=192.0.2.1\r\n");
    check_built("XCLIENT", XCLIENT_ADDR | XCLIENT_SOURCE | XCLIENT_IDENT, &x, 1,
                "XCLIENT ADDR=192.0.2.1\r\n");
    x.esmtp = false;
    check_built("XFORWARD", XCLIENT_ADDR | XCLIENT_PROTO | XCLIENT_LOGIN, &x, 1,
                "XFORWARD PROTO=SMTP ADDR=192.0.2.1\r\n");
}

static void test_build_without_an_address_says_nothing(void **state)
{
    struct xclient x = client();
    (void)state;

    check_built("XCLIENT", 0, &x, 0, "");
    check_built("XCLIENT", ALL & ~(unsigned)XCLIENT_ADDR, &x, 0, "");
    x.seen &= ~(unsigned)XCLIENT_ADDR;
    check_built("XCLIENT", ALL, &x, 0, "");
    x = client();
    x.addr.family = AF_UNSPEC;
    check_built("XCLIENT", ALL, &x, 0, "");
}

static void test_build_says_which_names_are_unknown(void **state)
{
    struct xclient x = client();
    (void)state;

    x.seen = XCLIENT_ADDR;
    check_built("XCLIENT", ALL, &x, 1,
                "XCLIENT NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE] HELO=[UNAVAILABLE] "
                "ADDR=192.0.2.1\r\n");
    check_built("XFORWARD", ALL, &x, 1,
                "XFORWARD NAME=[UNAVAILABLE] HELO=[UNAVAILABLE] IDENT=[UNAVAILABLE] SOURCE=REMOTE "
                "ADDR=192.0.2.1\r\n");
    x = client();
    x.name[0] = x.login[0] = '\0';
    x.addr.port = 0;
    x.dest = (struct addr){0};
    check_built("XCLIENT", ALL & ~(unsigned)XCLIENT_REVERSE_NAME, &x, 1,
                "XCLIENT NAME=[UNAVAILABLE] PROTO=ESMTP HELO=h ADDR=192.0.2.1\r\n");
}

static void test_build_encodes(void **state)
{
    struct xclient x = client();
    (void)state;

    (void)snprintf(x.helo, sizeof(x.helo), "a b+c=d\r\nADDR=192.0.2.9");
    check_built("XCLIENT", XCLIENT_HELO | XCLIENT_ADDR, &x, 1,
                "XCLIENT HELO=a+20b+2Bc+3Dd+0D+0AADDR+3D192.0.2.9 ADDR=192.0.2.1\r\n");
}

/* Splits what was built into commands and parses them into one. */
static size_t parse_back(struct buf *built, struct xclient *all)
{
    size_t commands = 0;
    const char *why;

    memset(all, 0, sizeof(*all));
    for (; buf_len(built) > 0; commands++) {
        const char *line = buf_data(built);
        const char *end = memchr(line, '\n', buf_len(built));
        struct xclient one;

        assert_non_null(end);
        assert_true(end + 1 - line <= 512);
        assert_memory_equal(line, "XCLIENT ", 8);
        assert_true(xclient_parse(line + 8, (size_t)(end - line - 9), &one, &why));
        assert_false(all->seen & one.seen);
        assert_false(all->seen & XCLIENT_ADDR); /* only the last one has it */
        all->seen |= one.seen;
        if (one.seen & XCLIENT_NAME)
            memcpy(all->name, one.name, sizeof(one.name));
        if (one.seen & XCLIENT_HELO)
            memcpy(all->helo, one.helo, sizeof(one.helo));
        if (one.seen & XCLIENT_LOGIN)
            memcpy(all->login, one.login, sizeof(one.login));
        if (one.seen & XCLIENT_ADDR)
            all->addr = one.addr;
        buf_consume(built, (size_t)(end + 1 - line));
    }
    return commands;
}

static void test_build_splits_long_commands(void **state)
{
    struct xclient x = client();
    struct xclient back;
    struct buf out = {0};
    (void)state;

    memset(x.name, 'n', 255);
    memset(x.helo, 'h', 255);
    memset(x.login, 'l', 255);
    assert_int_equal(xclient_build("XCLIENT", ALL, &x, &out), 4);
    assert_int_equal(parse_back(&out, &back), 4);
    assert_int_equal(back.seen, x.seen & ~(unsigned)(XCLIENT_IDENT | XCLIENT_SOURCE));
    assert_string_equal(back.name, x.name);
    assert_string_equal(back.helo, x.helo);
    assert_string_equal(back.login, x.login);
    assert_true(addr_same_ip(&back.addr, &x.addr));
    buf_free(&out);
}

/* A command holds 512 octets: "XCLIENT" + " LOGIN=" + 496 + CRLF. */
static void test_build_of_values_beyond_a_command(void **state)
{
    struct xclient x = client();
    struct buf out = {0};
    (void)state;

    memset(x.login, '+', 165); /* 495 as xtext */
    x.login[165] = 'l';
    x.login[166] = '\0';
    assert_int_equal(xclient_build("XCLIENT", XCLIENT_LOGIN | XCLIENT_ADDR, &x, &out), 2);
    assert_int_equal((const char *)memchr(buf_data(&out), '\n', buf_len(&out)) - buf_data(&out),
                     511);
    buf_free(&out);

    x.login[166] = 'l';
    x.login[167] = '\0';
    memset(x.helo, '+', 255);
    check_built("XCLIENT", XCLIENT_HELO | XCLIENT_LOGIN | XCLIENT_ADDR, &x, 1,
                "XCLIENT HELO=[UNAVAILABLE] ADDR=192.0.2.1\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_good),
        cmocka_unit_test(test_parse_bad),
        cmocka_unit_test(test_parse_value_length),
        cmocka_unit_test(test_offer),
        cmocka_unit_test(test_build_says_what_is_offered_and_known),
        cmocka_unit_test(test_build_without_an_address_says_nothing),
        cmocka_unit_test(test_build_says_which_names_are_unknown),
        cmocka_unit_test(test_build_encodes),
        cmocka_unit_test(test_build_splits_long_commands),
        cmocka_unit_test(test_build_of_values_beyond_a_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
