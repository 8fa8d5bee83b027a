/* SPDX-License-Identifier: ISC */
/*
 * name_pattern: names of dial-in lines, told by PCRE2 patterns.
 *
 * The built-in ones look for the words that providers put into such names. A word is a run of
 * letters ("ppp91", "ppp-91", not "pppoint") and counts only left of the name's last two labels,
 * since those are what a company is called: mail.pool-supplies.example. One word alone is no sign;
 * it needs numbers beside it or another word. Names that say they are static, or a mail server's,
 * are none of these (mail and its kin shield from the weaker words anywhere, from the strong ones
 * only as the whole first label: a provider's mx-ll-171.6.1.2.dynamic is a customer's line).
 *
 * No JIT: the service runs with MemoryDenyWriteExecute, and a name takes microseconds as it is.
 * Memory of a match is PCRE2's own per call, so that threads share what was compiled.
 *
 * Limits: MATCH_STEPS at each place of a name of at most DNS_NAME_MAX octets; a pattern that needs
 * more does not match.
 */
#include "policy/name_pattern.h"

#include "dns/dns.h"
#include "lib/mem.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#define MATCH_STEPS  10000
#define MATCH_MEMORY 256 /* KiB */

/* Words by their first letters, so that few are tried at each place.
 * Of the names of lines whose address changes. */
#define STRONG                                                                                     \
    "d(?:yn(?:amic|amicip|amique|ip|adsl|dsl)?|hcp|ial(?:up|in)?|inamic[ao])|ppp(?:o[aex])?|"      \
    "ipdyn|slip"
/* Of the names of lines to customers, with a fixed address perhaps. */
#define WEAK                                                                                       \
    "a(?:bo|ds|dsl)|b(?:b|band|bcust|roadband)|"                                                   \
    "c(?:able|ablemodem|atv|gn|gnat|lients?|lient[ei]|lientes|m|pe|ust|ustomers?)|"                \
    "d(?:ip|sl|slam|slb)|f(?:ib(?:er|re)|ios|t(?:tb|tc|th|tx))|g(?:pon|prs)|"                      \
    "h(?:fc|ome|omerun|otspot|sd)|kund(?:e|en)|lte|m(?:obile|odem)|nat|"                           \
    "p(?:on|ools?|riv|rivate)|r(?:es|esi|esidential|etail|oaming)|s(?:dsl|ubs|ubscribers?)|"       \
    "u(?:mts|nassigned|nused|sers?)|vdsl|w(?:ifi|imax|ireless|isp|lan)|xdsl"
/* Of the names of lines that were given to one customer for good, and of servers. */
#define FIXED                                                                                      \
    "b(?:iz|usiness)|c(?:loud|olo)|ded(?:i|icated)|estatico|fix(?:ed|edip|ip)?|hosting|"           \
    "s(?:erver|ervers|tat|tatic|taticip|tatip|tatisch)|vps"
#define MAIL                                                                                       \
    "bounces?|e(?:mails?|smtp|xchange)|inbound|"                                                   \
    "m(?:ails?|ailer|ailgw|ailhost|ailin|ailing|ailout|ailserver|out|ta|x)|"                       \
    "news(?:letter)?|out(?:bound)?|postfix|relay|s(?:end|ender|mtp|mtpin|mtpout)"

/* What the built-in ones are matched with is the name with a '.' in front, so that a word always
 * has something that is no letter before it. Then only these places are tried. */
#define BEHIND     "(?=[^.]*+\\.[^.]++\\.)" /* the rest of the label, and two more */
#define ONE(words) "[^a-z](?=[a-z])(?:" words ")(?![a-z])" BEHIND
/* The first label is a word, with more of its kind or a number perhaps: "mail", "mx-out12". */
#define FIRST(words) "^\\.(?:" words ")(?:[-_]?(?:" words "|[a-z]?[0-9]++))*+\\."

enum hint { DYNAMIC_WORD, CUSTOMER_WORD, FIXED_WORD, MAIL_WORD, MAIL_FIRST, A_NUMBER, NUMBERS };
static const char *const hint_text[] = {
    [DYNAMIC_WORD] = ONE(STRONG),
    [CUSTOMER_WORD] = ONE(WEAK),
    [FIXED_WORD] = ONE(FIXED),
    [MAIL_WORD] = ONE(MAIL),
    [MAIL_FIRST] = FIRST(MAIL),
    [A_NUMBER] = "[0-9]" BEHIND,
    [NUMBERS] = "^[^0-9]*+(?:[0-9]{4}|[0-9]++[^0-9]++[0-9])" BEHIND, /* two, or one of 4 digits */
};
#define HINTS (sizeof hint_text / sizeof hint_text[0])

struct name_pattern {
    pcre2_general_context *memory;
    pcre2_match_context *limits;
    bool built_in; /* the items are the hints */
    size_t count;
    struct {
        char *text;
        pcre2_code *code;
    } item[];
};

static void *take_memory(PCRE2_SIZE size, void *data)
{
    (void)data;
    return mem_grow(NULL, size, 1);
}

static void give_memory(void *memory, void *data)
{
    (void)data;
    free(memory);
}

/* NULL: *why. */
static pcre2_code *compile(const struct name_pattern *patterns, const char *text, char **why)
{
    const uint32_t options =
        PCRE2_CASELESS | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C;
    int error;
    PCRE2_SIZE at;
    PCRE2_UCHAR said[128] = "";
    pcre2_compile_context *context = pcre2_compile_context_create(patterns->memory);
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, options, &error, &at, context);
    pcre2_compile_context_free(context);
    if (code == NULL) {
        pcre2_get_error_message(error, said, sizeof said);
        *why = mem_printf("\"%s\" is no pattern: %s at character %zu", text, (const char *)said,
                          at + 1);
    }
    return code;
}

struct name_pattern *name_pattern_new(const char *const *pattern, size_t count, size_t *index,
                                      char **why)
{
    const char *const *text = count > 0 ? pattern : hint_text;
    size_t items = count > 0 ? count : HINTS;
    struct name_pattern *made = mem_alloc(sizeof *made + items * sizeof made->item[0]);
    *why = NULL;
    made->built_in = count == 0;
    made->memory = pcre2_general_context_create(take_memory, give_memory, NULL);
    made->limits = pcre2_match_context_create(made->memory);
    pcre2_set_match_limit(made->limits, MATCH_STEPS);
    pcre2_set_heap_limit(made->limits, MATCH_MEMORY);
    for (*index = 0; *index < items; ++*index) {
        size_t i = made->count++;
        made->item[i].text = mem_strdup(text[i]);
        made->item[i].code = compile(made, text[i], why);
        if (made->item[i].code == NULL) {
            name_pattern_free(made);
            return NULL;
        }
    }
    return made;
}

void name_pattern_free(struct name_pattern *patterns)
{
    if (patterns == NULL)
        return;
    for (size_t i = 0; i < patterns->count; i++) {
        free(patterns->item[i].text);
        pcre2_code_free(patterns->item[i].code);
    }
    pcre2_match_context_free(patterns->limits);
    pcre2_general_context_free(patterns->memory);
    free(patterns);
}

/* A name under the patterns. */
struct trial {
    const struct name_pattern *patterns;
    const char *text;
    size_t len;
    pcre2_match_data *data;
};

static bool matches(const struct trial *trial, size_t item)
{
    return pcre2_match(trial->patterns->item[item].code, (PCRE2_SPTR)trial->text, trial->len, 0, 0,
                       trial->data, trial->patterns->limits) >= 0;
}

static const char *match_built_in(const struct trial *trial)
{
    bool dynamic = matches(trial, DYNAMIC_WORD);
    bool customer = matches(trial, CUSTOMER_WORD);
    if ((!dynamic && !customer) || matches(trial, FIXED_WORD))
        return NULL;
    if (dynamic && matches(trial, A_NUMBER) && !matches(trial, MAIL_FIRST))
        return "a word of dynamic lines and a number";
    if (matches(trial, MAIL_WORD))
        return NULL;
    if (dynamic && customer)
        return "words of dynamic and of customers' lines";
    return customer && matches(trial, NUMBERS) ? "a word of customers' lines and numbers" : NULL;
}

static const char *match_own(const struct trial *trial)
{
    for (size_t i = 0; i < trial->patterns->count; i++)
        if (matches(trial, i))
            return trial->patterns->item[i].text;
    return NULL;
}

const char *name_pattern_match(const struct name_pattern *patterns, const char *name)
{
    char dotted[1 + DNS_NAME_MAX] = ".";
    size_t len = strnlen(name, DNS_NAME_MAX + 1);
    if (len > DNS_NAME_MAX)
        return NULL;
    struct trial trial = {.patterns = patterns, .text = name, .len = len};
    trial.data = pcre2_match_data_create(1, patterns->memory);
    if (patterns->built_in) {
        memcpy(dotted + 1, name, len);
        trial.text = dotted;
        trial.len++;
    }
    const char *found = patterns->built_in ? match_built_in(&trial) : match_own(&trial);
    pcre2_match_data_free(trial.data);
    return found;
}
