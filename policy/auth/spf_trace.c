/* SPDX-License-Identifier: ISC */
/*
 * spf_trace: an evaluation as people read it: a line for each answer of DNS, each term and each
 * record's result; what is within an include is indented.
 *
 * Promises: a line is one line of at most some 500 octets, whatever DNS holds. Of TXT records only
 * those that are SPF's are shown, or the explanation. Nothing is written where nobody listens.
 */
#include "policy/auth/spf_int.h"

#include "lib/str.h"

#include <stdarg.h>
#include <stdio.h>

#define TRACE_MAX 512

void spf_say(struct spf *s, const char *format, ...)
{
    char text[TRACE_MAX], shown[TRACE_MAX], line[TRACE_MAX + 2 * (SPF_TERMS_MOST + 1) + 1];
    va_list args;
    if (s->trace == NULL)
        return;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    str_printable(shown, sizeof shown, text,
                  len < (int)sizeof text ? (size_t)len : sizeof text - 1);
    snprintf(line, sizeof line, "%*s%s", s->frames > 0 ? (int)(2 * (s->frames - 1)) : 0, "", shown);
    s->trace(line, s->arg);
}

static void say_record(const struct dns_answer *answer, size_t i, char *out, size_t size)
{
    char ip[ADDR_TEXT_MAX];
    switch (answer->type) {
    case DNS_A:
    case DNS_AAAA:
        snprintf(out, size, "%s", addr_ip_text(&answer->addr[i], ip));
        return;
    case DNS_PTR:
        snprintf(out, size, "%s", answer->name[i]);
        return;
    case DNS_MX:
        snprintf(out, size, "%u %s.", answer->mx[i].preference, answer->mx[i].host);
        return;
    case DNS_TXT:
        snprintf(out, size, "%s", answer->txt[i].text);
        return;
    case DNS_TLSA:
        out[0] = '\0';
        return;
    }
}

const char *spf_type_name(enum dns_type type)
{
    static const char *const name[] = {[DNS_A] = "A",   [DNS_AAAA] = "AAAA", [DNS_PTR] = "PTR",
                                       [DNS_MX] = "MX", [DNS_TXT] = "TXT",   [DNS_TLSA] = "TLSA"};
    return name[type];
}

static const char *status_words(const struct dns_answer *answer)
{
    switch (answer->status) {
    case DNS_FOUND:
        return "";
    case DNS_NODATA:
        return "no such record";
    case DNS_NXDOMAIN:
        return "no such name";
    case DNS_TEMPFAIL:
        return answer->why;
    }
    return "";
}

/* A line for an answer, but for TXT, where only what is SPF's matters, or all of an explanation. */
void spf_say_answer(struct spf *s, const struct dns_answer *answer)
{
    char all[TRACE_MAX] = "";
    size_t len = 0;
    if (s->trace == NULL)
        return;
    for (size_t i = 0; i < answer->count && len < sizeof all - 1; i++) {
        char one[TRACE_MAX];
        if (answer->type == DNS_TXT && s->result != SPF_FAIL &&
            !spf_record_is(answer->txt[i].text, answer->txt[i].len))
            continue;
        say_record(answer, i, one, sizeof one);
        int more = snprintf(all + len, sizeof all - len, "%s%s", len > 0 ? ", " : "", one);
        len += more > 0 ? (size_t)more : 0;
    }
    if (answer->status == DNS_FOUND && len == 0)
        snprintf(all, sizeof all, "no SPF record");
    spf_say(s, "%s %s: %s%s", spf_type_name(s->type), s->asked, status_words(answer), all);
}
