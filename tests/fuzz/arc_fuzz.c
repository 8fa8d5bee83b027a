/* SPDX-License-Identifier: ISC */
/*
 * arc_fuzz: any message with any keys. Lines up to the first empty one are what DNS answers, one a
 * question in turn, the last to all that follow: "T" is no answer, "N" no such name, "H" is never
 * answered, and all else the text of a record. Behind them stands the message.
 *
 * Whatever comes: no more questions than seals and one; it settles; a chain that passes has sets,
 * a sealer and results; how the body is cut makes no difference.
 */
#include "policy/auth/arc.h"

#include "lib/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define QUESTIONS_MOST (ARC_SETS_MOST + 1)
#define NOW            1700000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool truth)
{
    if (!truth)
        abort();
}

/* ---- DNS by script */

struct question {
    struct dns_question base;
    dns_fn fn;
    void *arg;
    bool open;
};

struct script {
    struct dns base;
    const char *line, *end; /* of the script */
    struct question question[QUESTIONS_MOST];
    size_t asked;
};

static struct dns_question *ask(struct dns *dns, enum dns_type type, const char *name, dns_fn fn,
                                void *arg)
{
    struct script *script = (struct script *)dns;
    expect(type == DNS_TXT && strstr(name, "._domainkey.") != NULL);
    expect(strlen(name) <= DNS_NAME_MAX && script->asked < QUESTIONS_MOST);
    struct question *question = &script->question[script->asked++];
    *question = (struct question){{dns}, fn, arg, true};
    return &question->base;
}

static void cancel(struct dns_question *question)
{
    ((struct question *)question)->open = false;
}

static const struct dns_ops ops = {ask, cancel};

static void answer_one(struct question *question, const char *line, size_t len)
{
    char *copy = mem_strndup(line, len);
    struct dns_txt txt = {copy, len};
    struct dns_answer answer = {.status = DNS_FOUND, .type = DNS_TXT, .count = 1, .txt = &txt};
    if (len == 1 && (line[0] == 'T' || line[0] == 'N')) {
        answer.status = line[0] == 'T' ? DNS_TEMPFAIL : DNS_NXDOMAIN;
        answer.why = line[0] == 'T' ? "timeout" : NULL;
        answer.count = 0;
    }
    if (len != 1 || line[0] != 'H') {
        question->open = false;
        question->fn(&answer, question->arg);
    }
    free(copy);
}

static void answer_all(struct script *script)
{
    const char *line = script->line;
    for (size_t i = 0; i < script->asked; i++) {
        const char *stop = memchr(line, '\n', (size_t)(script->end - line));
        size_t len = (size_t)((stop != NULL ? stop : script->end) - line);
        if (script->question[i].open)
            answer_one(&script->question[i], line, len);
        if (stop != NULL && stop + 1 < script->end)
            line = stop + 1;
    }
}

/* ---- */

static void on_changed(void *arg)
{
    (void)arg;
}

static void check_answer(const struct arc_answer *answer, size_t asked)
{
    bool bad = answer->result == ARC_FAIL || answer->result == ARC_TEMPERROR;
    expect(bad == (answer->why[0] != '\0') && arc_result_name(answer->result)[0] != '\0');
    expect(answer->sets <= ARC_SETS_MOST && asked <= (size_t)answer->sets + 1);
    if (answer->result == ARC_NONE)
        expect(answer->sets == 0 && asked == 0);
    if (answer->result == ARC_PASS)
        expect(answer->sets > 0 && answer->sealer[0] != '\0' && asked > 0);
    expect((answer->results != NULL) == (answer->sets > 0));
    expect(answer->result == ARC_PASS || answer->oldest_pass[0] == '\0');
}

static enum arc_result judge(struct script *script, const char *text, size_t len, size_t piece)
{
    struct arc_rules rules = {.sets = ARC_SETS_MOST, .least_bits = 1024, .now = NOW};
    struct header *header = header_new(len, len);
    struct body_hash *hash = body_hash_new();
    size_t at = header_add(header, text, len);
    header_end(header);
    script->asked = 0;
    struct arc *arc = arc_new(&script->base, header, &rules, hash, on_changed, NULL);
    if (piece % 2 == 0)
        answer_all(script);
    for (size_t some; at < len; at += some) {
        some = len - at < piece ? len - at : piece;
        body_hash_add(hash, text + at, some);
    }
    body_hash_end(hash);
    arc_end(arc);
    answer_all(script);
    arc_give_up(arc);
    expect(arc_settled(arc));
    enum arc_result result = arc_answer(arc)->result;
    check_answer(arc_answer(arc), script->asked);
    arc_free(arc);
    for (size_t i = 0; i < script->asked; i++)
        expect(!script->question[i].open);
    body_hash_free(hash);
    header_free(header);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const char *stop = size > 0 ? memmem(text, size, "\n\n", 2) : NULL;
    if (stop == NULL)
        return 0;
    struct script script = {.base = {&ops}, .line = text, .end = stop};
    const char *message = stop + 2;
    size_t len = size - (size_t)(message - text);
    enum arc_result result = judge(&script, message, len, len + 1);
    expect(judge(&script, message, len, len % 7 + 1) == result);
    return 0;
}
