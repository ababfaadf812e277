/* log.c - building one line at a time under a lock, and handing it to the sink. */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log_sink.h"
#include "base/utf8.h"

enum {
    LINE_BYTES = 4096, /* PIPE_BUF: a line this long still arrives in one piece */
    VALUE_BYTES = 2048,
    SINK_BYTES = 64 * 1024,
};

/* What stands at the end of a line that was cut, with its closing quote. */
static const char cut_note[] = "\" cut=yes\n";

struct line {
    char at[LINE_BYTES];
    size_t len;
    bool is_cut; /* something did not fit; nothing is added any more */
    bool in_quotes;
};

static struct {
    pthread_mutex_t lock; /* guards all below but level */
    _Atomic int level;
    int fd;
    const char *origin_key, *origin_value;
    void (*on_error)(const char *line, size_t len);
    void (*on_line)(const char *line, size_t len);
    bool gathers;
    bool is_short, has_colour;
    struct log_sink sink; /* once gathers */
    uint64_t lost;        /* lines dropped before */
    uint64_t announced;
    struct line line;
    struct line shown; /* with is_short: what is written */
} state = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .level = LOG_LEVEL_INFO,
    .fd = STDERR_FILENO,
};

/* ---- building a line ---- */

static void put(struct line *line, const char *at, size_t len)
{
    if (line->is_cut || len > LINE_BYTES - sizeof(cut_note) - line->len) {
        line->is_cut = true;
        return;
    }
    memcpy(line->at + line->len, at, len);
    line->len += len;
}

static void put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

/* Code points that break a line, move a terminal's cursor or turn the reading direction. */
static bool is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || (code >= 0x2028 && code <= 0x202E) ||
           (code >= 0x2066 && code <= 0x2069);
}

/* The length of the character at the start that may stand as it is, or 0. */
static size_t plain_len(struct gale_str text)
{
    uint32_t code;
    if (text.at[0] >= 0x20 && text.at[0] < 0x7F)
        return 1; /* what nearly all are */
    size_t len = utf8_next(text, &code);
    return len && !is_control(code) ? len : 0;
}

static bool needs_quotes(struct gale_str value)
{
    if (!value.len || value.len > VALUE_BYTES)
        return true;
    while (value.len) {
        size_t len = plain_len(value);
        if (!len || strchr(" \"=\\", value.at[0]))
            return true;
        value.at += len;
        value.len -= len;
    }
    return false;
}

static void put_escaped(struct line *line, char c)
{
    char text[8];
    const char *short_form = strchr("\nn\rr\tt\"\"\\\\", c);
    if (c && short_form)
        snprintf(text, sizeof(text), "\\%c", short_form[1]);
    else
        snprintf(text, sizeof(text), "\\x%02X", (unsigned char)c);
    put_text(line, text);
}

static void put_quoted(struct line *line, struct gale_str value)
{
    bool is_long = value.len > VALUE_BYTES;
    if (is_long)
        value.len = VALUE_BYTES;
    put(line, "\"", 1);
    line->in_quotes = !line->is_cut;
    while (value.len && !line->is_cut) {
        size_t len = plain_len(value);
        if (!len || value.at[0] == '"' || value.at[0] == '\\')
            put_escaped(line, value.at[0]);
        else
            put(line, value.at, len);
        value.at += len ? len : 1;
        value.len -= len ? len : 1;
    }
    if (is_long)
        put_text(line, "...");
    put(line, "\"", 1);
    line->in_quotes = line->in_quotes && line->is_cut;
}

static void put_value(struct line *line, struct gale_str value)
{
    if (needs_quotes(value))
        put_quoted(line, value);
    else
        put(line, value.at, value.len);
}

static void put_pair(struct line *line, const char *key, struct gale_str value)
{
    size_t before = line->len;
    put(line, " ", 1);
    put_text(line, key);
    put(line, "=", 1);
    put_value(line, value);
    if (line->is_cut && !line->in_quotes)
        line->len = before; /* a pair of which no value was written */
}

static void put_number(struct line *line, const char *key, int64_t number)
{
    char text[24];
    snprintf(text, sizeof(text), "%lld", (long long)number);
    put_pair(line, key, str_of(text));
}

static void put_plain(struct line *line, struct gale_str text)
{
    while (text.len && !line->is_cut) {
        size_t len = plain_len(text);
        if (len)
            put(line, text.at, len);
        else
            put_escaped(line, text.at[0]);
        text.at += len ? len : 1;
        text.len -= len ? len : 1;
    }
}

/* The date and the second are formatted once a second. */
static void put_time(struct line *line)
{
    static int64_t last_second = -1;
    static char text[40];
    int64_t now = clock_wall_ms();
    if (now / 1000 != last_second) {
        struct tm tm;
        time_t second = now / 1000;
        gmtime_r(&second, &tm);
        strftime(text, sizeof(text), "time=%FT%T", &tm);
        last_second = second;
    }
    char milliseconds[16];
    snprintf(milliseconds, sizeof(milliseconds), ".%03uZ", (unsigned)(now % 1000));
    put_text(line, text);
    put_text(line, milliseconds);
}

static void put_field(struct line *line, const struct log_field *field)
{
    if (field->kind == LOG_KIND_STR)
        put_pair(line, field->key, field->str);
    else if (field->kind == LOG_KIND_NUMBER)
        put_number(line, field->key, field->number);
    else
        put_pair(line, field->key, str_of(log_errno_name((int)field->number)));
}

static void begin(struct line *line, enum log_level level, const char *message)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    line->len = 0;
    line->is_cut = line->in_quotes = false;
    put_time(line);
    put_pair(line, "level", str_of(names[level]));
    put_number(line, "pid", getpid());
    if (state.origin_key)
        put_pair(line, state.origin_key, str_of(state.origin_value));
    put_pair(line, "msg", str_of(message));
}

static void end(struct line *line)
{
    const char *tail = line->is_cut ? cut_note + !line->in_quotes : "\n";
    memcpy(line->at + line->len, tail, strlen(tail));
    line->len += strlen(tail);
}

/* ---- for somebody who looks on ---- */

/* What the reader of a terminal knows, or has no use for. */
static bool is_for_files(const char *key)
{
    return strcmp(key, "generation") == 0 || strcmp(key, "id") == 0;
}

static void begin_short(struct line *line, enum log_level level, const char *message)
{
    static const char *const heads[][4] = {{"  error  ", "  warning  ", "  ", "  debug  "},
                                           {"  \033[31merror\033[0m  ",
                                            "  \033[33mwarning\033[0m  ", "  ",
                                            "  \033[2mdebug\033[0m  "}};
    line->len = 0;
    line->is_cut = line->in_quotes = false;
    put_text(line, heads[state.has_colour][level]);
    put_plain(line, str_of(message));
    put_text(line, state.has_colour ? "\033[2m" : "");
}

static void end_short(struct line *line)
{
    put_text(line, state.has_colour ? "\033[0m" : "");
    end(line);
}

/* ---- writing it ---- */

/* Short-lived commands want every line more than they mind waiting for their terminal. */
static void write_now(const struct line *line)
{
    size_t done = 0;
    while (done < line->len) {
        ssize_t n = state.fd < 0 ? -1 : write(state.fd, line->at + done, line->len - done);
        if (n < 0 && state.fd >= 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            state.lost += state.fd >= 0;
            return;
        }
        done += (size_t)n;
    }
}

static void emit(const struct line *line)
{
    if (!state.gathers) {
        write_now(line);
        return;
    }
    char *to = log_sink_reserve(&state.sink, line->len);
    if (to) {
        memcpy(to, line->at, line->len);
        log_sink_commit(&state.sink, line->len);
    }
}

/* Flushes, and says once what was lost as soon as everything gathered went out again. */
static void flush(void)
{
    uint64_t dropped = state.sink.dropped;
    if (!state.sink.len)
        return;
    log_sink_flush(&state.sink);
    if (state.sink.len || state.sink.dropped != dropped || dropped == state.announced)
        return;
    begin(&state.line, LOG_LEVEL_WARN, "log lines were dropped");
    put_number(&state.line, "count", (int64_t)(dropped - state.announced));
    end(&state.line);
    state.announced = dropped;
    emit(&state.line);
    log_sink_flush(&state.sink);
}

/* ---- the interface ---- */

void log_line(enum log_level level, const char *message, ...)
{
    if (!log_is_on(level))
        return;
    va_list fields;
    va_start(fields, message);
    pthread_mutex_lock(&state.lock);
    begin(&state.line, level, message);
    if (state.is_short)
        begin_short(&state.shown, level, message);
    for (;;) {
        struct log_field field = va_arg(fields, struct log_field);
        if (field.kind == LOG_KIND_END)
            break;
        put_field(&state.line, &field);
        if (state.is_short && !is_for_files(field.key))
            put_field(&state.shown, &field);
    }
    end(&state.line);
    if (state.is_short)
        end_short(&state.shown);
    emit(state.is_short ? &state.shown : &state.line);
    if (level == LOG_LEVEL_ERROR && state.on_error)
        state.on_error(state.line.at, state.line.len - 1);
    if (state.on_line)
        state.on_line(state.line.at, state.line.len - 1);
    pthread_mutex_unlock(&state.lock);
    va_end(fields);
}

void log_lines(enum log_level level, const char *text)
{
    struct gale_str rest = str_of(text);
    if (!log_is_on(level))
        return;
    pthread_mutex_lock(&state.lock);
    while (rest.len) {
        struct gale_str one = str_cut(&rest, '\n');
        state.line.len = 0;
        state.line.is_cut = state.line.in_quotes = false;
        if (one.len)
            put_text(&state.line, "  ");
        put_plain(&state.line, one);
        end(&state.line);
        emit(&state.line);
    }
    pthread_mutex_unlock(&state.lock);
}

void log_set_level(enum log_level level)
{
    state.level = (int)level;
}

bool log_is_on(enum log_level level)
{
    return (int)level <= state.level;
}

void log_set_fd(int fd)
{
    pthread_mutex_lock(&state.lock);
    state.fd = fd;
    if (state.gathers)
        log_sink_set_fd(&state.sink, fd);
    pthread_mutex_unlock(&state.lock);
}

void log_set_origin(const char *key, const char *value)
{
    pthread_mutex_lock(&state.lock);
    state.origin_key = value ? key : NULL;
    state.origin_value = value;
    pthread_mutex_unlock(&state.lock);
}

void log_on_error(void (*fn)(const char *line, size_t len))
{
    pthread_mutex_lock(&state.lock);
    state.on_error = fn;
    pthread_mutex_unlock(&state.lock);
}

void log_on_line(void (*fn)(const char *line, size_t len))
{
    pthread_mutex_lock(&state.lock);
    state.on_line = fn;
    pthread_mutex_unlock(&state.lock);
}

void log_use_short_lines(void)
{
    const char *refusal = getenv("NO_COLOR"), *kind = getenv("TERM");
    pthread_mutex_lock(&state.lock);
    state.is_short = true;
    state.has_colour =
        isatty(state.fd) && !(refusal && *refusal) && kind && strcmp(kind, "dumb") != 0;
    pthread_mutex_unlock(&state.lock);
}

void log_gather(void)
{
    pthread_mutex_lock(&state.lock);
    if (!state.gathers)
        log_sink_init(&state.sink, state.fd, SINK_BYTES);
    state.gathers = true;
    pthread_mutex_unlock(&state.lock);
}

void log_flush(void)
{
    pthread_mutex_lock(&state.lock);
    if (state.gathers)
        flush();
    pthread_mutex_unlock(&state.lock);
}

uint64_t log_dropped(void)
{
    pthread_mutex_lock(&state.lock);
    uint64_t dropped = state.lost + (state.gathers ? state.sink.dropped : 0);
    pthread_mutex_unlock(&state.lock);
    return dropped;
}

const char *log_errno_name(int error)
{
    static _Thread_local char text[24];
    const char *name = strerrorname_np(error == INT32_MIN || error > 0 ? error : -error);
    if (name)
        return name;
    snprintf(text, sizeof(text), "error %u", error < 0 ? 0U - (unsigned)error : (unsigned)error);
    return text;
}
