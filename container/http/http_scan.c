/* http_scan.c - finding the end of a head, judging its request line on the way.
 *
 *   \r\n \r\n  GET /x HTTP/1.1\r\n  Host: a\r\n  \r\n  body...
 *   skipped    ^start               ^line            ^ the head's length
 *
 * Every refusal is decided by the shortest piece of input that suffices for it, in the order of
 * the bytes; that is why it cannot matter how they were split. */
#include "http/http_parse.h"

#include <string.h>

#include "base/macros.h"
#include "base/str.h"

enum { EMPTY_LINES_MAX = 2, TLS_HANDSHAKE = 0x16 };
/* Besides its target, a request line has the method, two blanks, the version and the line's end;
 * twice what the longest good one needs. */
enum { LINE_SLACK = 64 };

/* What IANA has registered and http-parser can read, but for CONNECT: gale is no tunnel. */
bool http_is_known_method(struct gale_str method)
{
    static const struct gale_str methods[] = {
        STR("GET"),     STR("POST"),   STR("HEAD"),       STR("PUT"),      STR("DELETE"),
        STR("OPTIONS"), STR("PATCH"),  STR("TRACE"),      STR("PROPFIND"), STR("PROPPATCH"),
        STR("MKCOL"),   STR("COPY"),   STR("MOVE"),       STR("LOCK"),     STR("UNLOCK"),
        STR("SEARCH"),  STR("REPORT"), STR("MKCALENDAR"), STR("ACL"),      STR("BIND"),
        STR("REBIND"),  STR("UNBIND"), STR("MKACTIVITY"), STR("CHECKOUT"), STR("MERGE"),
        STR("LINK"),    STR("UNLINK"),
    };
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (str_equals(method, methods[i]))
            return true;
    return false;
}

/* Takes bytes of one kind off the front of the line. */
static struct gale_str take(struct gale_str *line, enum http_byte kind)
{
    const char *from = line->at, *end = from + line->len, *at = from;
    while (at < end && http_is_byte(*at, kind))
        at++;
    *line = (struct gale_str){at, (size_t)(end - at)};
    return (struct gale_str){from, (size_t)(at - from)};
}

static bool take_blank(struct gale_str *line)
{
    if (!line->len || line->at[0] != ' ')
        return false;
    line->at++;
    line->len--;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* What follows the target, up to the line's end. */
static int judge_version(struct gale_str text, struct http_refusal *out_refusal)
{
    if (text.len != 8 || memcmp(text.at, "HTTP/", 5) != 0 || !is_digit(text.at[5]) ||
        text.at[6] != '.' || !is_digit(text.at[7]))
        return http_refuse(out_refusal, 400, "the request line does not end in HTTP/1.1");
    if (text.at[5] != '1')
        return http_refuse(out_refusal, 505, "only HTTP/1 is spoken here");
    return 0;
}

/* RFC 9112 3: method SP target SP version, and not a blank more. */
static int judge_request_line(struct gale_str line, const struct http_limits *limits,
                              struct http_refusal *out_refusal)
{
    struct gale_str method = take(&line, HTTP_BYTE_TOKEN);
    if (!method.len || !take_blank(&line))
        return http_refuse(out_refusal, 400, "the request line does not begin with a method");
    struct gale_str target = take(&line, HTTP_BYTE_TARGET);
    if (!target.len || !take_blank(&line))
        return http_refuse(out_refusal, 400, "the request line has no proper target");
    if (judge_version(line, out_refusal) < 0)
        return -1;
    if (target.len > limits->max_target)
        return http_refuse(out_refusal, 414, "the target is longer than max_target");
    if (!http_is_known_method(method))
        return http_refuse(out_refusal, 501, "the method is unknown here");
    return 0;
}

/* Skips empty lines and looks at the first byte of the request line. 1 when it is there and good,
 * 0 when more bytes are needed. */
static int find_start(struct http_scan *scan, const char *data, size_t len,
                      struct http_refusal *out_refusal)
{
    while (scan->start < len && data[scan->start] == '\r' && scan->start < 2 * EMPTY_LINES_MAX) {
        if (len - scan->start < 2)
            return 0;
        if (data[scan->start + 1] != '\n')
            return http_refuse(out_refusal, 400, "a CR without LF before the request line");
        scan->start += 2;
    }
    if (scan->start == len)
        return 0;
    scan->scanned = scan->line = scan->start;
    if (http_is_byte(data[scan->start], HTTP_BYTE_TOKEN))
        return 1;
    if (data[scan->start] == TLS_HANDSHAKE)
        return http_refuse(out_refusal, 400, "this port speaks plain HTTP; the client tried TLS");
    return http_refuse(out_refusal, 400, "the first byte cannot begin a request");
}

/* The request line may have this many bytes: so much that its target is too long for certain. */
static size_t line_max(const struct http_limits *limits)
{
    size_t max = limits->max_target + LINE_SLACK;
    return max < limits->max_head ? max : limits->max_head;
}

/* `end` bytes were seen, and the request line or the head is not over before them. */
static int check_limits(const struct http_scan *scan, size_t end, const struct http_limits *limits,
                        struct http_refusal *out_refusal)
{
    size_t seen = end - scan->start;
    if (!scan->has_line && seen > line_max(limits))
        return http_refuse(out_refusal, 414, "the request line is longer than max_target allows");
    if (seen > limits->max_head)
        return http_refuse(out_refusal, 431, "the head is longer than max_head");
    return 0;
}

/* The line up to `lf`: 1 when it ends the head, 0 when the head goes on. */
static int take_line(struct http_scan *scan, const char *data, const char *lf,
                     const struct http_limits *limits, struct http_refusal *out_refusal)
{
    struct gale_str line = {data + scan->line, (size_t)(lf - data) - scan->line};
    size_t end = scan->line + line.len + 1;
    if (check_limits(scan, end, limits, out_refusal) < 0)
        return -1;
    if (lf[-1] != '\r') /* there is a byte before: the line before it, or its own first one */
        return http_refuse(out_refusal, 400, "a line ends in LF without CR");
    line.len--;
    if (!scan->has_line && judge_request_line(line, limits, out_refusal) < 0)
        return -1;
    bool is_end = scan->has_line && !line.len;
    scan->has_line = true;
    scan->scanned = scan->line = end;
    return is_end;
}

long http_scan(struct http_scan *scan, const char *data, size_t len,
               const struct http_limits *limits, struct http_refusal *out_refusal)
{
    if (scan->scanned == 0) {
        int r = find_start(scan, data, len, out_refusal);
        if (r <= 0)
            return r;
    }
    const char *lf;
    while ((lf = memchr(data + scan->scanned, '\n', len - scan->scanned))) {
        int r = take_line(scan, data, lf, limits, out_refusal);
        if (r != 0)
            return r < 0 ? -1 : (long)scan->scanned;
    }
    scan->scanned = len;
    return check_limits(scan, len, limits, out_refusal);
}
