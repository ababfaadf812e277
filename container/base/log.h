/* log.h - gale's error log: one event a line, as key=value pairs.
 *
 *   time=2026-11-21T11:18:03.123Z level=error pid=71 msg="plugin refused" app=hello file=x.so
 *
 * Values with blanks, quotes, '=' or control characters are quoted and escaped, bytes that are no
 * UTF-8 become \xHH, so that nothing from the network can forge a line. A value over 2 KiB is cut
 * and ends in `...`, a line over 4 KiB ends in `cut=yes`.
 * Lines are gathered and written whole by log_flush (the loop calls it at the end of each turn)
 * without blocking; what a stalled pipe does not take is dropped and counted, and the count is
 * logged when the pipe moves again. Before log_gather is called, and so in short-lived commands,
 * each line is written at once, waiting where it must. All functions may be called on any thread,
 * but not between fork and exec.
 * A failure is logged once, by whoever decides what to do about it. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <gale/str.h>
#include "base/str.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

enum log_kind { LOG_KIND_END, LOG_KIND_STR, LOG_KIND_NUMBER, LOG_KIND_ERRNO };

struct log_field {
    const char *key;
    enum log_kind kind;
    struct gale_str str;
    int64_t number;
};

/* The fields of a line. LOG_ERRNO takes a negative errno and logs its name (error=ECONNRESET). */
#define LOG_STR(k, v)    ((struct log_field){.key = (k), .kind = LOG_KIND_STR, .str = (v)})
#define LOG_TEXT(k, v)   ((struct log_field){.key = (k), .kind = LOG_KIND_STR, .str = str_of(v)})
#define LOG_NUMBER(k, v) ((struct log_field){.key = (k), .kind = LOG_KIND_NUMBER, .number = (v)})
#define LOG_ERRNO(r)     ((struct log_field){.key = "error", .kind = LOG_KIND_ERRNO, .number = (r)})

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__, (struct log_field){0})
#define log_warn(...)  log_line(LOG_LEVEL_WARN, __VA_ARGS__, (struct log_field){0})
#define log_info(...)  log_line(LOG_LEVEL_INFO, __VA_ARGS__, (struct log_field){0})
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__, (struct log_field){0})

/* Logs `message` and then struct log_field arguments up to one of LOG_KIND_END; call it through
 * the four macros above: log_warn("accept failed", LOG_ERRNO(r)). */
void log_line(enum log_level level, const char *message, ...);

/* Logs lines that belong to the event before, indented and otherwise as they are but for control
 * characters and bytes that are no text: a report for people. An empty line stays one. */
void log_lines(enum log_level level, const char *text);

/* Lines above `level` are not written. Default LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);
bool log_is_on(enum log_level level);
/* Where lines go from now on; the descriptor is borrowed. Default STDERR_FILENO. */
void log_set_fd(int fd);
/* A field on every line from now on (worker=3), borrowed; NULL takes it away. */
void log_set_origin(const char *key, const char *value);
/* Calls fn with each error line as well (without its newline); fn must not log. NULL: nobody. */
void log_on_error(void (*fn)(const char *line, size_t len));
/* The same with each line of any level. */
void log_on_line(void (*fn)(const char *line, size_t len));
/* Lines are written for somebody who looks on: "  error  MESSAGE  key=value", in colours where the
 * descriptor is a terminal that shows them; the hooks get them as ever. */
void log_use_short_lines(void);
/* Starts gathering; log_flush then writes. Both may be called again. */
void log_gather(void);
void log_flush(void);
/* The lines that could not be written since the start. */
uint64_t log_dropped(void);

/* "ECONNRESET" for -ECONNRESET or ECONNRESET; "error 4711" has no name (static storage). */
const char *log_errno_name(int error);
