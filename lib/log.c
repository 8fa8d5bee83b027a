/* SPDX-License-Identifier: ISC */
/*
 * log: one grammar for every line, built without allocation and written whole by one write(2).
 *
 * Text, as one regular expression (POSIX extended; also right for Python and PCRE):
 *
 *   ^([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z )?
 *   (error|warning|info|debug) (-|[0-9A-Za-z]+) [a-z][a-z-]*
 *   ( [a-z][a-z0-9_-]*=([]!#-[^-~]+|"([^"\\]|\\["\\]|\\x[0-9a-f]{2})*"))*$
 *
 * (in one piece). The time is UTC; syslog and journal, which have their own, get the line without.
 * A value stands bare where it is printable ASCII without space, quote and backslash; otherwise in
 * quotes, where UTF-8 stays readable and controls, invalid UTF-8 and what turns the direction of
 * text are \xHH.
 *
 * JSON: {"time":"...","level":"...","session":"..." or null,"event":"...",KEY:VALUE...}, valid
 * UTF-8; log_num() gives numbers; what would be \xHH in text is the same four characters here (so
 * control characters too), other characters as they are.
 *
 * A value that no longer fits its line is left out whole, later shorter ones may still get in. A
 * target that does not take a line (closed, full) loses it: mail goes on.
 */
#include "lib/log.h"

#include "lib/buf.h"
#include "lib/str.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define LINE_END  2 /* kept free for what ends a line: '}' and a newline or NUL */
#define TIME_SIZE sizeof "2026-11-22T10:00:00"

/* Where lines go; set by log_init(), read by all threads. */
static struct {
    atomic_int target;
    atomic_int format;
    atomic_int least;
    _Atomic(log_journal_fn) journal;
    _Atomic(log_filter_fn) filter;
    _Atomic(void *) filter_arg;
} sink = {.target = LOG_TARGET_STDERR, .format = LOG_FORMAT_TEXT, .least = LOG_LEVEL_INFO};

/* The second this thread has spelled last. */
static _Thread_local struct {
    time_t second;
    char text[TIME_SIZE];
} spelled;

static const char *const level_name[] = {"error", "warning", "info", "debug"};

void log_init(enum log_target target, enum log_format format, enum log_level least,
              log_journal_fn journal)
{
    if (target == LOG_TARGET_SYSLOG)
        openlog("gatepostd", LOG_PID | LOG_NDELAY, LOG_MAIL);
    atomic_store(&sink.journal, journal);
    atomic_store(&sink.target,
                 target == LOG_TARGET_JOURNAL && journal == NULL ? LOG_TARGET_STDERR : (int)target);
    atomic_store(&sink.format, (int)format);
    atomic_store(&sink.least, (int)least);
}

void log_filter(log_filter_fn filter, void *arg)
{
    atomic_store(&sink.filter, NULL);
    atomic_store(&sink.filter_arg, arg);
    atomic_store(&sink.filter, filter);
}

static bool is_json(const struct log_line *line)
{
    return line->text[0] == '{';
}

static size_t room(const struct log_line *line)
{
    return LOG_LINE_MAX - LINE_END - line->len;
}

/* Adds bytes that are known to fit and to need no escape. */
static void put(struct log_line *line, const char *text, size_t len)
{
    memcpy(line->text + line->len, text, len);
    line->len += len;
}

static void put_str(struct log_line *line, const char *text)
{
    put(line, text, strlen(text));
}

/* "2026-11-22T10:00:00.123Z" */
static void put_time(struct log_line *line)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec != spelled.second) {
        struct tm tm;
        gmtime_r(&now.tv_sec, &tm);
        strftime(spelled.text, sizeof spelled.text, "%Y-%m-%dT%H:%M:%S", &tm);
        spelled.second = now.tv_sec;
    }
    long ms = now.tv_nsec / 1000000;
    char tail[] = {'.', (char)('0' + ms / 100), (char)('0' + ms / 10 % 10), (char)('0' + ms % 10),
                   'Z'};
    put(line, spelled.text, sizeof spelled.text - 1);
    put(line, tail, sizeof tail);
}

static void begin_json(struct log_line *line)
{
    put_str(line, "{\"time\":\"");
    put_time(line);
    put_str(line, "\",\"level\":\"");
    put_str(line, level_name[line->level]);
    put_str(line, line->session != NULL ? "\",\"session\":\"" : "\",\"session\":null");
    if (line->session != NULL) {
        put_str(line, line->session);
        put_str(line, "\"");
    }
    put_str(line, ",\"event\":\"");
    put_str(line, line->event);
    put_str(line, "\"");
}

static void begin_text(struct log_line *line)
{
    if (atomic_load_explicit(&sink.target, memory_order_relaxed) == LOG_TARGET_STDERR) {
        put_time(line);
        put_str(line, " ");
    }
    put_str(line, level_name[line->level]);
    put_str(line, " ");
    put_str(line, line->session != NULL ? line->session : "-");
    put_str(line, " ");
    put_str(line, line->event);
}

void log_begin(struct log_line *line, enum log_level level, const char *session, const char *event)
{
    line->level = level;
    line->session = session;
    line->event = event;
    line->len = 0;
    line->wanted = (int)level <= atomic_load_explicit(&sink.least, memory_order_relaxed);
    if (!line->wanted)
        return;
    if (atomic_load_explicit(&sink.format, memory_order_relaxed) == LOG_FORMAT_JSON)
        begin_json(line);
    else
        begin_text(line);
}

/* Starts a pair: ` key=` or `,"key":`. False: not even that and a quoted empty value fits. */
static bool put_key(struct log_line *line, const char *key)
{
    size_t len = strlen(key);
    if (len + 6 > room(line))
        return false;
    bool json = is_json(line);
    put(line, json ? ",\"" : " ", json ? 2 : 1);
    put(line, key, len);
    put(line, json ? "\":" : "=", json ? 2 : 1);
    return true;
}

/* How many bytes at `value` are printable ASCII from `first` on, without quote and backslash. */
static size_t plain_len(const char *value, size_t len, char first)
{
    size_t i = 0;
    while (i < len && value[i] >= first && value[i] < 0x7f && value[i] != '"' && value[i] != '\\')
        i++;
    return i;
}

/* One character that is not plain, escaped, into `out` (5 bytes of room). *used gets the
 * bytes taken. */
static size_t escape(char *out, bool json, const char *value, size_t len, size_t *used)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char c = (unsigned char)*value;
    *used = 1;
    if (c == '"' || c == '\\') {
        memcpy(out, (char[]){'\\', (char)c}, 2);
        return 2;
    }
    size_t octets = str_utf8_shown(value, len);
    if (octets != 0) {
        *used = octets;
        memcpy(out, value, octets);
        return octets;
    }
    size_t at = json ? 2 : 1;
    memcpy(out, "\\\\", at);
    memcpy(out + at, (char[]){'x', hex[c >> 4], hex[c & 15]}, 3);
    return at + 3;
}

/* Adds the value's characters, escaped, with one byte left for the closing quote. False: no room.
 */
static bool put_escaped(struct log_line *line, const char *value, size_t len)
{
    bool json = is_json(line);
    for (size_t i = 0, used; i < len; i += used) {
        used = plain_len(value + i, len - i, ' ');
        if (used > 0) {
            if (used + 1 > room(line))
                return false;
            put(line, value + i, used);
            continue;
        }
        if (6 > room(line))
            return false;
        line->len += escape(line->text + line->len, json, value + i, len - i, &used);
    }
    return true;
}

static bool put_quoted(struct log_line *line, const char *value, size_t len, bool cut)
{
    put(line, "\"", 1);
    if (!put_escaped(line, value, len) || (cut && room(line) < 4))
        return false;
    put(line, cut ? "...\"" : "\"", cut ? 4 : 1);
    return true;
}

/* Where to cut a long value: not inside a UTF-8 character. */
static size_t cut_at(const char *value, size_t len)
{
    size_t start = len;
    while (start > len - 3 && ((unsigned char)value[start] & 0xc0) == 0x80)
        start--;
    size_t octets = str_utf8(value + start, len - start + 4);
    return start + octets > len && octets > 1 ? start : len;
}

/* Adds key=value with "..." at its end where it was cut. False: no room, and nothing is added. */
static bool put_value(struct log_line *line, const char *key, const char *value, size_t len,
                      bool cut)
{
    size_t before = line->len;
    bool whole = put_key(line, key);
    if (whole && (is_json(line) || len == 0 || plain_len(value, len, '!') < len)) {
        whole = put_quoted(line, value, len, cut);
    } else if (whole) {
        whole = len + 3 <= room(line);
        if (whole)
            put(line, value, len);
        if (whole && cut)
            put(line, "...", 3);
    }
    if (!whole)
        line->len = before;
    return whole;
}

/* What is to stand in the value's place is in `out`; false: as it is. */
static bool filtered(const struct log_line *line, const char *value, size_t len, struct buf *out)
{
    log_filter_fn filter = atomic_load_explicit(&sink.filter, memory_order_acquire);
    return filter != NULL && line->session != NULL &&
           filter(atomic_load_explicit(&sink.filter_arg, memory_order_relaxed), value, len, out);
}

static void add_bytes(struct log_line *line, const char *key, const char *value, size_t len)
{
    bool cut = len > LOG_VALUE_MAX;
    put_value(line, key, value, cut ? cut_at(value, LOG_VALUE_MAX - 3) : len, cut);
}

void log_bytes(struct log_line *line, const char *key, const char *value, size_t len)
{
    struct buf other = {0};
    if (!line->wanted || value == NULL)
        return;
    if (filtered(line, value, len, &other))
        add_bytes(line, key, buf_data(&other), buf_len(&other));
    else
        add_bytes(line, key, value, len);
    buf_free(&other);
}

/* The list without its last item, up to and with the "; " before it; 0: there is only one. */
static size_t without_last(const char *value, size_t len)
{
    len -= len >= 2 ? 2 : len; /* not the one it may end in */
    while (len >= 2 && (value[len - 2] != ';' || value[len - 1] != ' '))
        len--;
    return len >= 2 ? len : 0;
}

static void add_list(struct log_line *line, const char *key, const char *value, size_t len)
{
    bool cut = len > LOG_LIST_MAX;
    if (cut)
        len = without_last(value, LOG_LIST_MAX - 3 + 2);
    while (!put_value(line, key, value, len, cut) && len > 0) {
        cut = true;
        len = without_last(value, len);
    }
}

void log_list(struct log_line *line, const char *key, const char *value, size_t len)
{
    struct buf other = {0};
    if (!line->wanted || value == NULL)
        return;
    if (filtered(line, value, len, &other))
        add_list(line, key, buf_data(&other), buf_len(&other));
    else
        add_list(line, key, value, len);
    buf_free(&other);
}

void log_str(struct log_line *line, const char *key, const char *value)
{
    if (line->wanted && value != NULL)
        log_bytes(line, key, value, strlen(value));
}

void log_num(struct log_line *line, const char *key, long long value)
{
    char digit[24];
    size_t at = sizeof digit;
    unsigned long long rest = value < 0 ? 0 - (unsigned long long)value : (unsigned long long)value;
    size_t before = line->len;
    if (!line->wanted || !put_key(line, key))
        return;
    do
        digit[--at] = (char)('0' + rest % 10);
    while ((rest /= 10) != 0);
    if (value < 0)
        digit[--at] = '-';
    if (sizeof digit - at > room(line))
        line->len = before;
    else
        put(line, digit + at, sizeof digit - at);
}

__attribute__((format(printf, 3, 0))) static void add_format(struct log_line *line, const char *key,
                                                             const char *format, va_list args)
{
    char text[LOG_VALUE_MAX + 2]; /* so that what is too long is seen to be */
    if (!line->wanted)
        return;
    int len = vsnprintf(text, sizeof text, format, args);
    if (len >= 0)
        log_bytes(line, key, text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1);
}

static void write_stderr(const char *text, size_t len)
{
    while (len > 0) {
        ssize_t written = write(STDERR_FILENO, text, len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return;
        text += written;
        len -= (size_t)written;
    }
}

void log_end(struct log_line *line)
{
    static const int priority[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};
    if (!line->wanted)
        return;
    if (is_json(line))
        line->text[line->len++] = '}';
    line->text[line->len] = '\0';
    log_journal_fn journal = atomic_load(&sink.journal);
    switch ((enum log_target)atomic_load_explicit(&sink.target, memory_order_relaxed)) {
    case LOG_TARGET_SYSLOG:
        syslog(priority[line->level], "%s", line->text);
        return;
    case LOG_TARGET_JOURNAL:
        if (journal != NULL)
            journal(line->level, line->event, line->session, line->text);
        return;
    case LOG_TARGET_STDERR:
        line->text[line->len] = '\n';
        write_stderr(line->text, line->len + 1);
        return;
    }
}

void log_event(enum log_level level, const char *session, const char *event, const char *format,
               ...)
{
    struct log_line line;
    log_begin(&line, level, session, event);
    va_list args;
    va_start(args, format);
    add_format(&line, "text", format, args);
    va_end(args);
    log_end(&line);
}
