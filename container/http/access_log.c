/* access_log.c - formatting one line a request, without malloc.
 *
 *   combined: 203.0.113.7 - - [21/Nov/2026:11:18:03 +0000] "GET / HTTP/1.1" 200 14 "-" "curl/7"
 *             with the request's id and the seconds it took behind it
 *   short:    "  200  GET /   0.4 ms", in colours on a terminal
 *   JSON:     {"time":"2026-11-21T11:18:03Z","peer":"203.0.113.7","method":"GET",...} */
#include "http/access_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/board.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/str.h"
#include "http/exchange.h"

/* A line holds at most this much; longer texts from the network are cut. */
enum { LINE_MAX = 4096, TEXT_MAX = 1024 };

/* Texts from this length on are worth looking at as a whole. */
enum { VECTOR = 16 };

void access_log_init(struct access_log *log, int fd, enum access_format format)
{
    *log = (struct access_log){.is_on = fd >= 0, .format = format, .second = -1};
    const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");
    log->has_colour = format == ACCESS_SHORT && fd >= 0 && isatty(fd) &&
                      !(no_colour && *no_colour) && terminal && strcmp(terminal, "dumb") != 0;
    log_sink_init(&log->sink, fd, 64 * 1024);
    log->metric = board_metric(BOARD_COUNTER, "gale_access_log_dropped_total", "",
                               "Lines of the access log that could not be written.");
}

static void tell_dropped(struct access_log *log)
{
    enum { EVERY_MS = 10 * 1000 };
    int64_t now_ms = clock_mono_ms();
    if (log->told_ms && now_ms - log->told_ms < EVERY_MS)
        return;
    uint64_t count = log->sink.dropped - log->told;
    log_warn("lines of the access log were dropped", LOG_NUMBER("count", (int64_t)count),
             LOG_ERRNO(log->sink.error ? log->sink.error : -EAGAIN));
    log->told = log->sink.dropped;
    log->told_ms = now_ms;
}

void access_log_flush(struct access_log *log)
{
    log_sink_flush(&log->sink);
    if (log->sink.dropped == log->told)
        return;
    board_add(log->metric, log->sink.dropped - log->counted);
    log->counted = log->sink.dropped;
    tell_dropped(log);
}

void access_log_finish(struct access_log *log)
{
    log_sink_finish(&log->sink);
}

static struct gale_str time_text(struct access_log *log)
{
    int64_t second = clock_wall_seconds();
    if (second != log->second) {
        time_t t = (time_t)second;
        struct tm tm;
        gmtime_r(&t, &tm);
        log->time_len = strftime(
            log->time, sizeof(log->time),
            log->format == ACCESS_JSON ? "%Y-%m-%dT%H:%M:%SZ" : "%d/%b/%Y:%H:%M:%S +0000", &tm);
        log->second = second;
    }
    return (struct gale_str){log->time, log->time_len};
}

/* ---- pieces; all write at `to` and return what follows ---- */

static char *put(char *to, const char *text, size_t len)
{
    memcpy(to, text, len);
    return to + len;
}

static char *put_str(char *to, struct gale_str text)
{
    return put(to, text.at, text.len);
}

/* `digits` decimal digits of a value, with zeros in front. */
static char *put_digits(char *to, uint64_t value, int digits)
{
    for (int i = digits - 1; i >= 0; i--, value /= 10)
        to[i] = (char)('0' + value % 10);
    return to + digits;
}

static char *put_number(char *to, uint64_t value)
{
    int digits = 1;
    for (uint64_t rest = value / 10; rest; rest /= 10)
        digits++;
    return put_digits(to, value, digits);
}

/* Microseconds as seconds: 0.000123. */
static char *put_seconds(char *to, int64_t us)
{
    to = put_number(to, (uint64_t)us / 1000000);
    *to++ = '.';
    return put_digits(to, (uint64_t)us % 1000000, 6);
}

/* Bytes that may stand in quotes as they are: printable ASCII but for the quote and the backslash.
 */
static bool is_plain(unsigned char c)
{
    return c >= ' ' && c < 0x7F && c != '"' && c != '\\';
}

static char *put_escaped(char *to, unsigned char c, bool json)
{
    static const char digits[] = "0123456789abcdef";
    to = put_str(to, json ? STR("\\u00") : STR("\\x"));
    *to++ = digits[c >> 4];
    *to++ = digits[c & 15];
    return to;
}

/* A look at every byte: a loop that the compiler does sixteen at a time. */
static bool are_plain(struct gale_str text)
{
    unsigned odd = 0;
    for (size_t i = 0; i < text.len; i++)
        odd |= !is_plain((unsigned char)text.at[i]);
    return !odd;
}

/* Bytes from the network between quotes: what could end the text or the line is escaped. */
static char *put_foreign(char *to, struct gale_str text, bool json)
{
    if (text.len > TEXT_MAX)
        text.len = TEXT_MAX;
    if (text.len >= VECTOR && are_plain(text))
        return put_str(to, text);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (is_plain(c))
            *to++ = (char)c;
        else
            to = put_escaped(to, c, json);
    }
    return to;
}

/* A field of the request, or a dash. */
static char *put_header(char *to, const struct gale_request *req, struct gale_str name)
{
    struct gale_str value;
    if (gale_request_header_nth(req, name, 0, &value) < 0)
        return put_str(to, STR("-"));
    return put_foreign(to, value, false);
}

static struct gale_str header(const struct gale_request *req, struct gale_str name)
{
    struct gale_str value = STR("-");
    (void)gale_request_header_nth(req, name, 0, &value);
    return value;
}

/* Who it is, where somebody has said so; no blank may stand outside of quotes. */
static char *put_user(char *to, struct gale_str user)
{
    if (!user.len)
        return put_str(to, STR("-"));
    for (size_t i = 0; i < user.len && i < TEXT_MAX; i++) {
        bool is_blank = user.at[i] == ' ';
        to = is_blank ? put_escaped(to, ' ', false)
                      : put_foreign(to, (struct gale_str){user.at + i, 1}, false);
    }
    return to;
}

/* Straight from the address, where nobody has asked for its text before. */
static char *put_peer(char *to, const struct gale_request *req)
{
    if (req->peer.at || !req->from)
        return put_str(to, gale_request_peer(req));
    char text[INET6_ADDRSTRLEN];
    return stpcpy(to, peer_print(req->from, text));
}

/* ---- the formats ---- */

static char *put_combined(char *to, struct access_log *log, const struct gale_request *req,
                          int status, uint64_t bytes, int64_t us)
{
    to = put_peer(to, req);
    to = put_str(to, STR(" - "));
    to = put_user(to, request_variable(req, STR("REMOTE_USER")));
    to = put_str(to, STR(" ["));
    to = put_str(to, time_text(log));
    to = put_str(to, STR("] \""));
    to = put_foreign(to, req->head.method, false);
    *to++ = ' ';
    to = put_foreign(to, req->head.target, false);
    to = put_str(to, req->head.minor ? STR(" HTTP/1.1\" ") : STR(" HTTP/1.0\" "));
    to = put_number(to, (uint64_t)status);
    *to++ = ' ';
    to = put_number(to, bytes);
    to = put_str(to, STR(" \""));
    to = put_header(to, req, STR("Referer"));
    to = put_str(to, STR("\" \""));
    to = put_header(to, req, STR("User-Agent"));
    to = put_str(to, STR("\" "));
    to = put(to, req->id, REQUEST_ID_LEN);
    *to++ = ' ';
    return put_seconds(to, us);
}

static char *put_member(char *to, struct gale_str name, struct gale_str text)
{
    to = put_str(to, STR(",\""));
    to = put_str(to, name);
    to = put_str(to, STR("\":\""));
    to = put_foreign(to, text, true);
    *to++ = '"';
    return to;
}

static char *put_json(char *to, struct access_log *log, const struct gale_request *req, int status,
                      uint64_t bytes, int64_t us)
{
    struct gale_str user = request_variable(req, STR("REMOTE_USER"));
    to = put_str(to, STR("{\"time\":\""));
    to = put_str(to, time_text(log));
    *to++ = '"';
    to = put_member(to, STR("peer"), gale_request_peer(req));
    if (user.len)
        to = put_member(to, STR("user"), user);
    to = put_member(to, STR("method"), req->head.method);
    to = put_member(to, STR("target"), req->head.target);
    to = put_member(to, STR("host"), gale_request_host(req));
    to = put_str(to, STR(",\"status\":"));
    to = put_number(to, (uint64_t)status);
    to = put_str(to, STR(",\"bytes\":"));
    to = put_number(to, bytes);
    to = put_str(to, STR(",\"seconds\":"));
    to = put_seconds(to, us);
    to = put_member(to, STR("referer"), header(req, STR("Referer")));
    to = put_member(to, STR("agent"), header(req, STR("User-Agent")));
    to = put_member(to, STR("id"), gale_request_id(req));
    *to++ = '}';
    return to;
}

/* Colours by the first digit of the status. */
static struct gale_str colour_of(int status)
{
    static const struct gale_str colours[] = {STR("\033[32m"), STR("\033[36m"), STR("\033[33m"),
                                              STR("\033[31m")};
    return colours[status < 300 ? 0 : status < 400 ? 1 : status < 500 ? 2 : 3];
}

/* Microseconds as milliseconds: 0.4 ms. */
static char *put_milliseconds(char *to, int64_t us)
{
    to = put_number(to, (uint64_t)us / 1000);
    *to++ = '.';
    to = put_digits(to, (uint64_t)us % 1000 / 100, 1);
    return put_str(to, STR(" ms"));
}

static char *put_short(char *to, struct access_log *log, const struct gale_request *req, int status,
                       uint64_t bytes, int64_t us)
{
    (void)bytes;
    to = put_str(to, STR("  "));
    if (log->has_colour)
        to = put_str(to, colour_of(status));
    to = put_number(to, (uint64_t)status);
    if (log->has_colour)
        to = put_str(to, STR("\033[0m"));
    to = put_str(to, STR("  "));
    to = put_foreign(to, req->head.method, false);
    *to++ = ' ';
    to = put_foreign(to, req->head.target, false);
    to = put_str(to, log->has_colour ? STR("  \033[2m") : STR("  "));
    to = put_milliseconds(to, us);
    return put_str(to, log->has_colour ? STR("\033[0m") : STR(""));
}

static char *(*const formats[])(char *, struct access_log *, const struct gale_request *, int,
                                uint64_t, int64_t) = {
    [ACCESS_COMBINED] = put_combined, [ACCESS_JSON] = put_json, [ACCESS_SHORT] = put_short};

void access_log_write(struct access_log *log, struct exchange *exchange, int status,
                      int64_t duration_ns)
{
    /* Six texts of TEXT_MAX that may each grow sixfold are the worst a line can hold. */
    enum { WORST = LINE_MAX + 6 * 6 * TEXT_MAX };
    if (!log->is_on)
        return;
    char *line = log_sink_reserve(&log->sink, WORST);
    if (!line)
        return;
    const struct gale_request *req = &exchange->req;
    uint64_t bytes = exchange->res.is_bodyless ? 0 : exchange->res.body_sent;
    char *end = formats[log->format](line, log, req, status, bytes, duration_ns / 1000);
    *end++ = '\n';
    log_sink_commit(&log->sink, (size_t)(end - line));
}
