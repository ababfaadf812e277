/* program_log.c - cutting bytes into lines, and counting those of this second. */
#include "adapters/gateway/program_log.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

enum { NOTICES_MAX = 3 /* a second */ };

/* Requests that each leave something out must not become a flood of their own. */
static void log_dropped_lines(struct program_log *log)
{
    if (!log->dropped || log->notices == NOTICES_MAX)
        return;
    log->notices++;
    log_warn("programs wrote too much to stderr; lines were left out", LOG_TEXT("app", log->app),
             LOG_NUMBER("lines", (int64_t)log->dropped));
    log->dropped = 0;
}

static bool may_log(struct program_log *log)
{
    int64_t second = clock_mono_ms() / 1000;
    if (second != log->second) {
        log->notices = 0;
        log_dropped_lines(log);
        log->second = second;
        log->lines = 0;
    }
    if (log->lines < PROGRAM_LOG_LINES) {
        log->lines++;
        return true;
    }
    log->dropped++;
    return false;
}

static void end_line(struct program_lines *lines)
{
    struct gale_str text = str_trim((struct gale_str){lines->line, lines->len});
    lines->len = 0;
    if (text.len && text.at[text.len - 1] == '\r')
        text.len--;
    if (!text.len || !may_log(lines->log))
        return;
    log_warn("stderr", LOG_TEXT("app", lines->log->app), LOG_STR("text", text),
             LOG_TEXT("program", lines->program ? lines->program : "-"), LOG_STR("id", lines->id));
}

/* Takes what belongs to the current line, at most what it has room for; returns how much. */
static size_t add(struct program_lines *lines, const char *data, size_t len)
{
    const char *lf = memchr(data, '\n', len);
    size_t n = lf ? (size_t)(lf - data) : len, room = sizeof(lines->line) - lines->len;
    if (n > room)
        n = room;
    memcpy(lines->line + lines->len, data, n);
    lines->len += n;
    bool is_whole = n < len && data[n] == '\n';
    if (is_whole || lines->len == sizeof(lines->line))
        end_line(lines);
    return n + is_whole;
}

void program_lines_take(struct program_lines *lines, const char *data, size_t len)
{
    while (len > 0) {
        size_t n = add(lines, data, len);
        data += n;
        len -= n;
    }
}

void program_lines_end(struct program_lines *lines)
{
    end_line(lines);
    log_dropped_lines(lines->log);
}
