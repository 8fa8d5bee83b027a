/* SPDX-License-Identifier: ISC */
/*
 * session_matrix_test: every command in every state of the dialogue, against one golden table of
 * reply codes. The backend is obliging: it takes every recipient but those that begin with "no".
 */
#include "tests/unit/support/session_script.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static const char *const commands[] = {
    "EHLO c.example\r\n",
    "HELO c.example\r\n",
    "MAIL FROM:<a@c.example>\r\n",
    "RCPT TO:<b@example.org>\r\n",
    "RCPT TO:<b@foreign.example>\r\n",
    "DATA\r\n",
    "BDAT 3\r\nabc",
    "BDAT 3 LAST\r\nabc",
    "RSET\r\n",
    "NOOP\r\n",
    "QUIT\r\n",
    "HELP\r\n",
    "VRFY b\r\n",
    "EXPN b\r\n",
    "STARTTLS\r\n",
    "AUTH PLAIN AGEAYg==\r\n",
    "XCLIENT ADDR=192.0.2.1\r\n",
    "WHAT\r\n",
    /* without what they need, or with too much */
    "EHLO\r\n",
    "HELO \r\n",
    "MAIL\r\n",
    "RCPT\r\n",
    "DATA x\r\n",
    "BDAT\r\n",
    "RSET x\r\n",
    "QUIT x\r\n",
    "VRFY\r\n",
    "STARTTLS x\r\n",
    "AUTH\r\n",
    "XCLIENT\r\n",
};

#define EHLO "EHLO c.example\r\n"
#define MAIL EHLO, "MAIL FROM:<a@c.example>\r\n"
#define RCPT MAIL, "RCPT TO:<b@example.org>\r\n"

/* A state, the way there ("TLS": the handshake), and the replies to the commands in their order. */
static const struct state {
    const char *name;
    const char *way[8];
    const char *golden; /* "---" nothing is said */
} states[] = {
    {"fresh",
     {NULL},
     "250 250 503 503 503 503 503 503 250 250 221 214 252 502 503 503 502 500 "
     "501 501 501 501 501 501 501 501 501 501 501 501"},
    {"after HELO",
     {"HELO c.example\r\n"},
     "250 250 250 503 503 503 503 503 250 250 221 214 252 502 220 503 502 500 "
     "501 501 501 501 501 501 501 501 501 501 501 501"},
    {"after EHLO",
     {EHLO},
     "250 250 250 503 503 503 503 503 250 250 221 214 252 502 220 235 502 500 "
     "501 501 501 501 501 501 501 501 501 501 501 501"},
    {"after the handshake",
     {EHLO, "STARTTLS\r\n", "TLS"},
     "250 250 503 503 503 503 503 503 250 250 221 214 252 502 503 503 502 500 "
     "501 501 501 501 501 501 501 501 501 501 501 501"},
    {"after EHLO under TLS",
     {EHLO, "STARTTLS\r\n", "TLS", EHLO},
     "250 250 250 503 503 503 503 503 250 250 221 214 252 502 503 235 502 500 "
     "501 501 501 501 501 501 501 501 501 501 501 501"},
    {"authenticated",
     {EHLO, "AUTH PLAIN AGEAYg==\r\n"},
     "250 250 250 503 503 503 503 503 250 250 221 214 252 502 220 503 502 500 "
     "501 501 501 501 501 501 501 501 501 501 501 501"},
    {"authenticated, after MAIL",
     {EHLO, "AUTH PLAIN AGEAYg==\r\n", "MAIL FROM:<>\r\n"},
     "250 250 503 250 250 503 503 503 250 250 221 214 252 502 220 503 503 500 "
     "501 501 501 501 501 501 501 501 501 501 501 501"},
    {"after MAIL",
     {MAIL},
     "250 250 503 250 550 503 503 503 250 250 221 214 252 502 220 503 503 500 "
     "501 501 501 501 501 501 501 501 501 501 501 501"},
    {"after a recipient that we refused",
     {MAIL, "RCPT TO:<b@foreign.example>\r\n"},
     "250 250 503 250 550 554 503 503 250 250 221 214 252 502 220 503 503 500 "
     "501 501 501 501 501 501 501 501 501 501 501 501"},
    {"after a recipient that the backend refused",
     {MAIL, "RCPT TO:<no@example.org>\r\n"},
     "250 250 503 250 550 554 503 503 250 250 221 214 252 502 220 503 503 500 "
     "501 501 501 501 501 501 501 501 501 501 501 501"},
    {"after a recipient that was accepted",
     {RCPT},
     "250 250 503 250 550 354 250 250 250 250 221 214 252 502 220 503 503 500 "
     "501 501 501 501 501 501 501 501 501 501 501 501"},
    {"after a chunk",
     {RCPT, "BDAT 3\r\nx: "},
     "250 250 503 503 503 503 250 250 250 250 221 214 252 502 220 503 503 500 "
     "501 501 501 501 501 501 501 501 501 501 501 501"},
    {"after a chunk that was refused",
     {MAIL, "BDAT 3\r\nx: "},
     "250 250 503 503 503 503 503 503 250 250 221 214 252 502 220 503 503 500 "
     "501 501 501 501 501 501 501 501 501 501 501 501"},
    {"after a message",
     {RCPT, "BDAT 6 LAST\r\nx: y\r\n"},
     "250 250 250 503 503 503 503 503 250 250 221 214 252 502 220 235 502 500 "
     "501 501 501 501 501 501 501 501 501 501 501 501"},
    {"in a message",
     {RCPT, "DATA\r\n"},
     "--- --- --- --- --- --- --- --- --- --- --- --- --- --- --- --- --- --- "
     "--- --- --- --- --- --- --- --- --- --- --- ---"},
    {"in the AUTH dialogue",
     {EHLO, "AUTH LOGIN\r\n"},
     "535 535 535 535 535 535 535 535 535 535 535 535 535 535 535 535 535 535 "
     "535 535 535 535 535 535 535 535 535 535 535 535"},
};

/* The backend's answer to one line; *auth: it is one of the AUTH dialogue. */
static const char *answer(const char *line, bool *auth)
{
    static const struct {
        const char *line;
        const char *answer;
    } rows[] = {
        {"AUTH PLAIN", "235 2.7.0 welcome"}, {"AUTH LOGIN", "334 VXNlcm5hbWU6"},
        {"RCPT TO:<no", "550 5.1.1 no"},     {"RCPT", "250 2.1.5 to"},
        {"MAIL", "250 2.1.0 from"},          {"RSET", "250 2.0.0 reset"},
        {"QUIT", "221 2.0.0 bye"},
    };
    bool dialogue = *auth;
    *auth = strcmp(line, "AUTH LOGIN") == 0;
    for (size_t i = 0; i < COUNT(rows) && !dialogue; i++)
        if (strncmp(line, rows[i].line, strlen(rows[i].line)) == 0)
            return rows[i].answer;
    return "535 5.7.8 no";
}

/* Answers all that the backend has heard; BDAT's octets are dropped. */
static void serve(struct player *p, bool *auth)
{
    if (p->seen < p->rig.backends)
        script_dialled(p, true);
    char *line;
    while (p->backend != NULL && (line = script_take(&p->backend->heard, false)) != NULL) {
        if (strncmp(line, "BDAT", 4) == 0 && !*auth) {
            buf_free(&p->backend->heard);
            script_say(p, false, "250 2.0.0 queued", false);
        } else if (strncmp(line, "QUIT", 4) != 0 || *auth) {
            script_say(p, false, answer(line, auth), false);
        }
        free(line);
    }
}

static void say(struct player *p, bool *auth, const char *text)
{
    buf_free(&p->rig.said);
    if (strcmp(text, "TLS") == 0)
        assert_true(rig_client_tls(&p->rig));
    else
        rig_client_send(&p->rig, text, strlen(text));
    rig_run(&p->rig);
    serve(p, auth);
}

/* One cell: the way to the state, the command, and its one reply. */
static void check(const struct state *state, size_t command)
{
    const struct script script = {
        .name = state->name, .listen = "auth = plain", .stream = true, .step = {commands[command]}};
    const char *want = state->golden + command * 4;
    struct player p;
    bool auth = false;
    script_begin(&p, &script);
    for (size_t i = 0; i < COUNT(state->way) && state->way[i] != NULL; i++)
        say(&p, &auth, state->way[i]);
    say(&p, &auth, commands[command]);
    char *got = script_take(&p.rig.said, true);
    if (strncmp(got != NULL ? got : "---", want, 3) != 0)
        script_fail(&p, "was answered", got != NULL ? got : "nothing");
    if (buf_len(&p.rig.said) > 0)
        script_fail_left(&p, "was answered twice", &p.rig.said);
    free(got);
    script_end(&p);
}

static void every_command_is_answered_as_the_table_says(void **state)
{
    const struct state *row = *state;
    assert_int_equal(strlen(row->golden), COUNT(commands) * 4 - 1);
    for (size_t i = 0; i < COUNT(commands); i++)
        check(row, i);
}

int main(void)
{
    struct CMUnitTest tests[COUNT(states)];
    for (size_t i = 0; i < COUNT(states); i++)
        tests[i] = (struct CMUnitTest){.name = states[i].name,
                                       .test_func = every_command_is_answered_as_the_table_says,
                                       .initial_state = (void *)(uintptr_t)&states[i]};
    int failed = cmocka_run_group_tests_name("matrix", tests, NULL, NULL);
    tls_server_unref(script_tls);
    return failed;
}
