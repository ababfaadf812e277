/* http_parse.c - heads read by http-parser, and checked so that no byte goes by unseen.
 *
 *   GET /x HTTP/1.1\r\n  Accept :  a/b  \r\n  Host: a\r\n  \r\n
 *                        ^cursor               ^next cursor
 *
 * http-parser reads the request line, the fields that frame a message, and the end. It hands out
 * names and values; each must begin where the one before it ended, at the cursor, with nothing
 * between them but one colon, blanks and CRLF: that refuses folded lines, blanks before a colon,
 * and whatever else http-parser may step over. To all other fields it gives no meaning: such a line
 * is cut in two here and goes through the same checks, at a fifth of the instructions. */
#include "http/http_parse.h"

#include <http_parser.h>
#include <string.h>

#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"
#include "http/http_field.h"

enum { HEADERS_FIRST = 16, VERSION_LINE_END = sizeof(" HTTP/1.1\r\n") - 1 };

struct reader {
    char *data, *cursor; /* where the next line begins */
    const char *end;
    const struct http_limits *limits;
    struct arena *arena;
    struct http_request_head *head;
    size_t capacity; /* of head->headers */
    struct http_fields fields;
    struct http_refusal refusal; /* a status once there is one */
    bool has_name;               /* of a field whose value has not come yet */
    bool is_complete;
};

/* The same place in the head, to write a zero to. http-parser has gone past it by then. */
static char *writable(const struct reader *reader, const char *at)
{
    return reader->data + (at - reader->data);
}

static int on_target(http_parser *parser, const char *at, size_t len)
{
    struct reader *reader = parser->data;
    struct http_request_head *head = reader->head;
    char *target = writable(reader, at);
    head->method = (struct gale_str){reader->data, (size_t)(at - reader->data) - 1};
    head->target = (struct gale_str){target, len};
    target[-1] = target[len] = 0;
    reader->cursor = target + len + VERSION_LINE_END;
    return 0;
}

static void grow_headers(struct reader *reader)
{
    struct http_request_head *head = reader->head;
    size_t capacity = reader->capacity ? 2 * reader->capacity : HEADERS_FIRST;
    struct http_header *headers = arena_alloc(reader->arena, capacity * sizeof(*headers));
    if (head->header_count)
        memcpy(headers, head->headers, head->header_count * sizeof(*headers));
    head->headers = headers;
    reader->capacity = capacity;
}

static int take_name(struct reader *reader, struct gale_str name)
{
    struct http_request_head *head = reader->head;
    if (name.at != reader->cursor || name.at[name.len] != ':' || !http_is_token(name))
        return http_refuse(&reader->refusal, 400, "a field's name is malformed");
    if (head->header_count == reader->limits->max_headers)
        return http_refuse(&reader->refusal, 431, "there are more fields than max_headers");
    if (head->header_count == reader->capacity)
        grow_headers(reader);
    head->headers[head->header_count].name = name;
    reader->cursor += name.len + 1;
    reader->has_name = true;
    return 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* RFC 9112 5.1: tabs are blanks, but http-parser knows none behind the digits of a length. It has
 * not seen what comes behind the name yet. */
static void blank_tabs(char *value, size_t len)
{
    char *end = memchr(value, '\r', len);
    while (end && end > value && is_blank(end[-1]))
        *--end = ' ';
}

static int on_name(http_parser *parser, const char *at, size_t len)
{
    struct reader *reader = parser->data;
    struct gale_str name = {at, len};
    if (take_name(reader, name) < 0)
        return -1;
    if (str_equals_nocase(name, STR("Content-Length")))
        blank_tabs(reader->cursor, (size_t)(reader->end - reader->cursor));
    return 0;
}

static char *after_blanks(char *at)
{
    while (is_blank(*at))
        at++;
    return at;
}

/* The value from `from` to its line's end. */
static int take_value(struct reader *reader, char *from, size_t len)
{
    struct http_request_head *head = reader->head;
    struct http_header *header = &head->headers[head->header_count];
    char *end = from + len;
    header->value = str_trim((struct gale_str){from, len});
    if (!http_is_field_value(header->value))
        return http_refuse(&reader->refusal, 400, "a field's value has a control byte");
    *writable(reader, header->name.at + header->name.len) = 0;
    *writable(reader, header->value.at + header->value.len) = 0;
    head->header_count++;
    reader->has_name = false;
    reader->cursor = end + 2;
    return http_fields_take(&reader->fields, head, header, &reader->refusal);
}

static int refuse_fold(struct reader *reader)
{
    return http_refuse(&reader->refusal, 400, "a field is folded over lines");
}

static int on_value(http_parser *parser, const char *at, size_t len)
{
    struct reader *reader = parser->data;
    char *from = after_blanks(reader->cursor), *end = from + len;
    /* RFC 9112 5.2: a line that begins with a blank would go on with the one before it. */
    if ((len && at != from) || end[0] != '\r' || end[1] != '\n' || is_blank(end[2]))
        return refuse_fold(reader);
    return take_value(reader, from, len);
}

/* 1 tells http-parser that no body follows: bodies are not its business here, not even where it
 * sees an upgrade. */
static int on_complete(http_parser *parser)
{
    struct reader *reader = parser->data;
    reader->is_complete = true;
    return 1;
}

/* http-parser refuses a length within its digits, before on_value could see the field. What it
 * refuses and gale would take is close to UINT64_MAX. */
static void refuse_length(struct reader *reader, const char *end)
{
    struct http_request_head *head = reader->head;
    struct gale_str rest = {reader->cursor, (size_t)(end - reader->cursor)};
    struct http_header length = {STR("Content-Length"), str_trim(str_cut(&rest, '\r'))};
    if (http_fields_take(&reader->fields, head, &length, &reader->refusal) == 0)
        http_refuse(&reader->refusal, 413, "the Content-Length is not one that can be taken");
}

static int refuse(struct reader *reader, enum http_errno error, const char *end,
                  struct http_refusal *out_refusal)
{
    if (!reader->refusal.status && error == HPE_INVALID_CONTENT_LENGTH)
        refuse_length(reader, end);
    if (!reader->refusal.status && error != HPE_OK)
        http_refuse(&reader->refusal, 400, http_errno_description(error));
    if (!reader->refusal.status)
        http_refuse(&reader->refusal, 400, "the head is malformed");
    *out_refusal = reader->refusal;
    return -1;
}

/* ---- lines ---- */

/* The fields that http-parser judges. What it makes of others (Connection, Upgrade) is for the
 * reading of bodies and of further messages, which is not its business here. */
static bool is_framing(struct gale_str name)
{
    return (name.len == 14 && str_equals_nocase(name, STR("content-length"))) ||
           (name.len == 17 && str_equals_nocase(name, STR("transfer-encoding")));
}

/* A line that http-parser need not see. */
static int take_line(struct reader *reader, struct gale_str name, char *next)
{
    if (take_name(reader, name) < 0)
        return -1;
    char *from = after_blanks(reader->cursor);
    if (from > next - 2 || next[-2] != '\r' || is_blank(*next))
        return refuse_fold(reader);
    return take_value(reader, from, (size_t)(next - 2 - from));
}

static enum http_errno feed(http_parser *parser, const char *at, size_t len)
{
    static const http_parser_settings settings = {
        .on_url = on_target,
        .on_header_field = on_name,
        .on_header_value = on_value,
        .on_headers_complete = on_complete,
    };
    http_parser_execute(parser, &settings, at, len);
    return HTTP_PARSER_ERRNO(parser);
}

/* Reads the line up to `next`. http-parser tells of an empty value with the byte that follows its
 * line, so until it has, the next line is http-parser's as well. */
static enum http_errno read_line(struct reader *reader, http_parser *parser, char *line, char *next)
{
    size_t len = (size_t)(next - line);
    const char *colon = reader->has_name ? NULL : memchr(line, ':', len);
    struct gale_str name = {line, colon ? (size_t)(colon - line) : 0};
    if (!colon || is_framing(name))
        return feed(parser, line, len);
    return take_line(reader, name, next) < 0 ? HPE_UNKNOWN : HPE_OK;
}

static enum http_errno read_lines(struct reader *reader, size_t len)
{
    char *line = reader->data, *end = line + len, *next;
    http_parser parser;
    http_parser_init(&parser, HTTP_REQUEST);
    parser.data = reader;
    /* One number for the whole process; gale's own max_head is what counts. */
    http_parser_set_max_header_size(UINT32_MAX);
    enum http_errno error = HPE_OK;
    for (; line < end && error == HPE_OK; line = next) {
        next = memchr(line, '\n', (size_t)(end - line));
        next = next ? next + 1 : end;
        bool is_first = line == reader->data;
        error = is_first ? feed(&parser, line, (size_t)(next - line))
                         : read_line(reader, &parser, line, next);
        reader->head->minor = parser.http_minor;
    }
    return error;
}

int http_parse_request_head(char *data, size_t len, const struct http_limits *limits,
                            struct arena *arena, struct http_request_head *out_head,
                            struct http_refusal *out_refusal)
{
    struct http_request_head head = {.host = STR("")};
    struct reader reader = {.data = data,
                            .cursor = data,
                            .end = data + len,
                            .limits = limits,
                            .arena = arena,
                            .head = &head};
    enum http_errno error = read_lines(&reader, len);
    if (error != HPE_OK || !reader.is_complete || reader.cursor + 2 != data + len)
        return refuse(&reader, error, data + len, out_refusal);
    if (http_fields_conclude(&reader.fields, &head, out_refusal) < 0)
        return -1;
    *out_head = head;
    return 0;
}
