/* SPDX-License-Identifier: ISC */
/*
 * check_header: are the fields there that every message has? Stage: MESSAGE. (From is
 * check_dmarc's.)
 *
 * header.date-missing, header.date-twice    RFC 5322 3.6
 * header.date-unreadable                    it is no date (lib/mail_date.h)
 * header.date-past, header.date-future      it is far off; not of a message with Resent-Date, which
 *                                           is sent again and keeps its date (3.6.6)
 * header.message-id-missing, header.message-id-twice
 * header.long                               the section is longer than what is read, so what is
 *                                           missing may be there
 *
 * Each counts the block's score. "Now" is when the message has come.
 */
#include "policy/auth_config.h"

#include "lib/mail_date.h"
#include "lib/str.h"
#include "policy/auth/message_auth.h"
#include "policy/state.h"

#include <stdio.h>
#include <time.h>

#define SECOND UINT64_C(1000)
#define DAY    (24 * 3600 * SECOND)

static const struct conf_row rows[] = {
    CHECK_ROWS(struct header_config, "score", "0.5"),
    {.name = "date-past",
     .type = CONF_DURATION,
     .offset = offsetof(struct header_config, date_past),
     .initial = "30d",
     .max = 36500 * DAY,
     .help = "how old a message's Date may be; 0s: any"},
    {.name = "date-future",
     .type = CONF_DURATION,
     .offset = offsetof(struct header_config, date_future),
     .initial = "2d",
     .max = 36500 * DAY,
     .help = "how far ahead of the clock a message's Date may be; 0s: any"},
};

static const struct conf_section section = {
    .name = "header",
    .row = rows,
    .rows = sizeof rows / sizeof rows[0],
    .help = "the fields that every message has",
};

static void bind_clock(struct check_config *common, struct policy_state *state)
{
    ((struct header_config *)common)->wall = state->wall;
}

static const struct header_config *config_of(const struct check_run *run)
{
    return (const struct header_config *)run->config;
}

static void find(struct check_run *run, const char *label, const char *answer, const char *reason)
{
    check_found(run, run->config->score, label, answer, reason);
}

static void judge_date(struct check_run *run, const struct header *header)
{
    const struct header_config *config = config_of(run);
    const struct header_field *field = header_first(header, "Date");
    char shown[64];
    int64_t date;
    int64_t now = config->wall != NULL ? config->wall() : (int64_t)time(NULL);
    size_t blank = 0;
    while (blank < field->value_len && field->value[blank] == ' ')
        blank++;
    (void)str_printable(shown, sizeof shown, field->value + blank, field->value_len - blank);
    if (!mail_date_parse(field->value, field->value_len, &date))
        find(run, "header.date-unreadable", shown, "the Date of your message is no date");
    else if (header_first(header, "Resent-Date") != NULL)
        return;
    else if (config->date_past > 0 && now - date > (int64_t)(config->date_past / SECOND))
        find(run, "header.date-past", shown, "the Date of your message is far in the past");
    else if (config->date_future > 0 && date - now > (int64_t)(config->date_future / SECOND))
        find(run, "header.date-future", shown, "the Date of your message is far in the future");
}

static void judge(struct check_run *run, const struct header *header)
{
    size_t dates = header_occurs(header, "Date");
    size_t ids = header_occurs(header, "Message-ID");
    bool cut = header_cut(header);
    char count[32];
    if (cut)
        find(run, "header.long", "", "your message's header section is too long");
    if (dates == 0 && !cut)
        find(run, "header.date-missing", "", "your message has no Date");
    if (dates == 1)
        judge_date(run, header);
    snprintf(count, sizeof count, "%zu", dates);
    if (dates > 1)
        find(run, "header.date-twice", count, "your message has more than one Date");
    if (ids == 0 && !cut)
        find(run, "header.message-id-missing", "", "your message has no Message-ID");
    snprintf(count, sizeof count, "%zu", ids);
    if (ids > 1)
        find(run, "header.message-id-twice", count, "your message has more than one Message-ID");
}

static void start(struct check_run *run)
{
    const struct message_auth_results *message = check_facts(run)->message;
    if (message != NULL)
        judge(run, message->header);
    check_done(run);
}

/* It says all at once. */
static void stop(struct check_run *run)
{
    (void)run;
}

const struct check check_header = {
    .name = "header",
    .section = &section,
    .config_size = sizeof(struct header_config),
    .bind = bind_clock,
    .stages = CHECK_BIT(CHECK_AT_MESSAGE),
    .start = start,
    .stop = stop,
};
