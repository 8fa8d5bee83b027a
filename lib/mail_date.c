/* SPDX-License-Identifier: ISC */
/*
 * mail_date: the date of a Date field (RFC 5322 3.3, 4.3).
 *
 * What many senders write is taken beyond the grammar: hours of one digit, and blanks or none where
 * others have some. The name of the day is read but not compared: it says nothing that counts.
 * Zones by name: RFC 5322's; the military and unknown ones mean +0000, as it says. "EST5EDT" is
 * EST. Limits: none needed, the cost is linear; comments nest without recursion.
 */
#include "lib/mail_date.h"

#include "lib/str.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

struct text {
    const char *at, *end;
};

/* Passes one comment whole. False: it has no end. */
static bool skip_comment(struct text *in)
{
    unsigned depth = 0;
    for (; in->at < in->end; in->at++)
        if (*in->at == '\\')
            in->at += in->at + 1 < in->end ? 1 : 0;
        else if (*in->at == '(')
            depth++;
        else if (*in->at == ')' && --depth == 0) {
            in->at++;
            return true;
        }
    return false;
}

/* CFWS. */
static bool skip(struct text *in)
{
    while (in->at < in->end)
        if (*in->at == ' ' || *in->at == '\t' || *in->at == '\r' || *in->at == '\n')
            in->at++;
        else if (*in->at != '(')
            return true;
        else if (!skip_comment(in))
            return false;
    return true;
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool take(struct text *in, char c)
{
    if (!skip(in) || in->at == in->end || *in->at != c)
        return false;
    in->at++;
    return true;
}

/* A number of that many digits; returns how many it has, 0: none. */
static size_t number(struct text *in, size_t least, size_t most, int *out)
{
    size_t digits = 0;
    if (!skip(in))
        return 0;
    for (*out = 0; in->at < in->end && digit(*in->at) && digits < most; in->at++, digits++)
        *out = *out * 10 + (*in->at - '0');
    return digits >= least && (in->at == in->end || !digit(*in->at)) ? digits : 0;
}

static size_t word(struct text *in, const char **out)
{
    *out = in->at;
    if (skip(in))
        for (*out = in->at; in->at < in->end && letter(*in->at);)
            in->at++;
    return (size_t)(in->at - *out);
}

/* Which of the names of three letters, from 0; -1: none. */
static int named(const char *names, const char *text, size_t len)
{
    for (int i = 0; len == 3 && names[3 * i] != '\0'; i++)
        if (str_case_starts(text, 3,
                            (const char[]){names[3 * i], names[3 * i + 1], names[3 * i + 2], '\0'}))
            return i;
    return -1;
}

static bool day_name(struct text *in)
{
    const char *name;
    size_t len = word(in, &name);
    return len == 0 || (named("MonTueWedThuFriSatSun", name, len) >= 0 && take(in, ','));
}

static int days_of(int month, int year)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* Days since the epoch (the years begin in March, so that the day of leap years is their last). */
static int64_t days_since(int day, int month, int year)
{
    int64_t years = month <= 2 ? year - 1 : year;
    int64_t months = (month + 9) % 12;
    return years * 365 + years / 4 - years / 100 + years / 400 + (153 * months + 2) / 5 + day -
           719469;
}

static bool date(struct text *in, int64_t *days)
{
    int day;
    int year;
    const char *name;
    if (number(in, 1, 2, &day) == 0)
        return false;
    size_t len = word(in, &name);
    int month = named("JanFebMarAprMayJunJulAugSepOctNovDec", name, len) + 1;
    size_t digits = number(in, 2, 4, &year);
    if (month == 0 || digits == 0)
        return false;
    if (digits < 4) /* RFC 5322 4.3 */
        year += digits == 2 && year < 50 ? 2000 : 1900;
    if (year < 1900 || day < 1 || day > days_of(month, year))
        return false;
    *days = days_since(day, month, year);
    return true;
}

static bool time_of_day(struct text *in, int64_t *seconds)
{
    int hour;
    int minute;
    int second = 0;
    if (number(in, 1, 2, &hour) == 0 || !take(in, ':') || number(in, 2, 2, &minute) == 0)
        return false;
    if (take(in, ':') && number(in, 2, 2, &second) == 0)
        return false;
    *seconds = hour * 3600 + minute * 60 + second;
    return hour <= 23 && minute <= 59 && second <= 60;
}

static int zone_by_name(const char *name, size_t len)
{
    static const struct {
        const char *name;
        int hours;
    } zones[] = {{"EST", -5}, {"EDT", -4}, {"CST", -6}, {"CDT", -5},
                 {"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7}};
    for (size_t i = 0; i < COUNT(zones); i++)
        if (str_case_eq(name, len, zones[i].name))
            return zones[i].hours * 3600;
    return 0;
}

static bool zone(struct text *in, int64_t *offset)
{
    int hhmm;
    bool minus = take(in, '-');
    if (minus || take(in, '+')) {
        if (in->at == in->end || !digit(*in->at) || number(in, 4, 4, &hhmm) == 0)
            return false;
        *offset = (minus ? -60 : 60) * (hhmm / 100 * 60 + hhmm % 100);
        return hhmm % 100 <= 59;
    }
    const char *name;
    size_t len = word(in, &name);
    *offset = zone_by_name(name, len);
    while (in->at < in->end && (digit(*in->at) || letter(*in->at)))
        in->at++;
    return len > 0;
}

bool mail_date_parse(const char *text, size_t len, int64_t *out)
{
    struct text in = {text, text + len};
    int64_t days;
    int64_t seconds;
    int64_t offset;
    if (!day_name(&in) || !date(&in, &days) || !time_of_day(&in, &seconds) || !zone(&in, &offset) ||
        !skip(&in) || in.at != in.end)
        return false;
    *out = days * 86400 + seconds - offset;
    return true;
}
