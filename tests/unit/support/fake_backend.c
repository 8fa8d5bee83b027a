/* SPDX-License-Identifier: ISC */
/*
 * fake_backend: a setup whose backend the test plays itself, over loopback, word by word.
 */
#include "tests/unit/support/fake_backend.h"

#include "lib/log.h"
#include "lib/mem.h"
#include "proxy/config_int.h"
#include "proxy/spool.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void no_journal(enum log_level level, const char *event, const char *session,
                       const char *message)
{
    (void)level, (void)event, (void)session, (void)message;
}

struct setup *fake_setup(struct server *server, const char *text)
{
    char *faults = NULL, *warnings = NULL, *why = NULL;
    struct config *config = config_read_text("fake.conf", text, strlen(text), &faults, &warnings);
    if (config == NULL)
        fail_msg("%s\n%s", text, faults);
    free(faults);
    free(warnings);
    struct setup *setup = setup_new(server, config, &why);
    if (setup == NULL)
        fail_msg("%s", why);
    return setup;
}

/* `"127.0.0.1:1", "127.0.0.1:2"`; the caller frees. */
static char *address_list(const struct fake *fake, size_t count)
{
    char *list = mem_strdup("");
    for (size_t i = 0; i < count; i++) {
        char text[ADDR_TEXT_MAX];
        char *longer =
            mem_printf("%s%s\"%s\"", list, i > 0 ? ", " : "", addr_text(&fake->address[i], text));
        free(list);
        list = longer;
    }
    return list;
}

struct fake *fake_new(size_t addresses, const char *backend, const char *extra)
{
    struct fake *fake = mem_alloc(sizeof *fake);
    signal(SIGPIPE, SIG_IGN);
    log_init(LOG_TARGET_JOURNAL, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, no_journal);
    fake->loop = loop_new();
    fake->server = server_new("/tmp");
    spool_budget_set(fake->server->budget, 1 << 20, 16 << 20, 64 << 20);
    for (size_t i = 0; i < FAKE_ADDRESSES; i++)
        fake->listener[i] = net_listen(&fake->address[i]);
    char *list = address_list(fake, addresses);
    char *text = mem_printf("hostname = mx.example.org\nstate-dir = \"/tmp\"\n"
                            "listen mx { address = {\"127.0.0.1:25\"} }\n"
                            "backend main { address = {%s} %s }\n"
                            "relay { domains = {\"example.org\"} }\n%s\n",
                            list, backend, extra);
    fake->setup = fake_setup(fake->server, text);
    fake->config = fake->setup->config;
    fake->config->timeouts.backend_connect = 1000;
    fake->config->timeouts.backend_reply = 200;
    fake->config->timeouts.backend_end_of_data = 200;
    free(text);
    free(list);
    return fake;
}

void fake_free(struct fake *fake)
{
    loop_poll(fake->loop);
    assert_int_equal(atomic_load(&fake->setup->refs), 1);
    setup_unref(fake->setup);
    loop_free(fake->loop);
    server_free(fake->server);
    for (size_t i = 0; i < FAKE_ADDRESSES; i++)
        if (fake->listener[i] >= 0)
            close(fake->listener[i]);
    free(fake);
}

int fake_accept(struct fake *fake, size_t index)
{
    return net_accept(fake->loop, fake->listener[index]);
}

void fake_answer(struct fake *fake, int fd, const char *line, const char *reply)
{
    assert_string_equal(net_hear(fake->loop, fd, "\r\n"), line);
    net_say_text(fake->loop, fd, reply);
}

void fake_ehlo(struct fake *fake, int fd, const char *name, const char *keywords)
{
    char *line = mem_printf("EHLO %s\r\n", name);
    struct buf reply = {0};
    buf_add_str(&reply, "250-back.example.org\r\n");
    for (size_t len; *keywords != '\0'; keywords += len + (keywords[len] != '\0')) {
        len = strcspn(keywords, ",");
        buf_printf(&reply, "250-%.*s\r\n", (int)len, keywords);
    }
    buf_add(&reply, "250 HELP\r\n", 11);
    fake_answer(fake, fd, line, buf_data(&reply));
    buf_free(&reply);
    free(line);
}

int fake_greet(struct fake *fake, size_t index, const char *keywords)
{
    int fd = fake_accept(fake, index);
    net_say_text(fake->loop, fd, "220 back.example.org ESMTP\r\n");
    fake_ehlo(fake, fd, fake->config->hostname, keywords);
    return fd;
}
