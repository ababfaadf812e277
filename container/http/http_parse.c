/* http_parse.c - heads read by http-parser, and checked so that no byte goes by unseen.
 *
 *   GET /x HTTP/1.1\r\n  Accept :  a/b  \r\n  Host: a\r\n  \r\n
 *                        ^cursor               ^next cursor
 *
 * http-parser hands out names and values. Each must begin where the one before it ended, at the
 * cursor, with nothing between them but one colon, blanks and CRLF: that refuses folded lines,
 * blanks before a colon, and whatever else http-parser may step over. */
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
    struct http_request_head *head = reader->head;
    struct gale_str name = {at, len};
    if (at != reader->cursor || at[len] != ':' || !http_is_token(name))
        return http_refuse(&reader->refusal, 400, "a field's name is malformed");
    if (head->header_count == reader->limits->max_headers)
        return http_refuse(&reader->refusal, 431, "there are more fields than max_headers");
    if (head->header_count == reader->capacity)
        grow_headers(reader);
    head->headers[head->header_count].name = name;
    reader->cursor += len + 1;
    if (str_equals_nocase(name, STR("Content-Length")))
        blank_tabs(reader->cursor, (size_t)(reader->end - reader->cursor));
    return 0;
}

static int on_value(http_parser *parser, const char *at, size_t len)
{
    struct reader *reader = parser->data;
    struct http_request_head *head = reader->head;
    struct http_header *header = &head->headers[head->header_count];
    char *from = reader->cursor;
    while (is_blank(*from))
        from++;
    /* RFC 9112 5.2: a line that begins with a blank would go on with the one before it. */
    char *end = from + len;
    if ((len && at != from) || end[0] != '\r' || end[1] != '\n' || is_blank(end[2]))
        return http_refuse(&reader->refusal, 400, "a field is folded over lines");
    header->value = str_trim((struct gale_str){from, len});
    if (!http_is_field_value(header->value))
        return http_refuse(&reader->refusal, 400, "a field's value has a control byte");
    *writable(reader, header->name.at + header->name.len) = 0;
    *writable(reader, header->value.at + header->value.len) = 0;
    head->header_count++;
    head->minor = parser->http_minor;
    reader->cursor = end + 2;
    return http_fields_take(&reader->fields, head, header, &reader->refusal);
}

/* 1 tells http-parser that no body follows: bodies are not its business here, not even where it
 * sees an upgrade. */
static int on_complete(http_parser *parser)
{
    struct reader *reader = parser->data;
    reader->is_complete = true;
    reader->head->minor = parser->http_minor;
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

static enum http_errno run_http_parser(struct reader *reader, size_t len)
{
    static const http_parser_settings settings = {
        .on_url = on_target,
        .on_header_field = on_name,
        .on_header_value = on_value,
        .on_headers_complete = on_complete,
    };
    http_parser parser;
    http_parser_init(&parser, HTTP_REQUEST);
    parser.data = reader;
    /* One number for the whole process; gale's own max_head is what counts. */
    http_parser_set_max_header_size(UINT32_MAX);
    http_parser_execute(&parser, &settings, reader->data, len);
    return HTTP_PARSER_ERRNO(&parser);
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
    enum http_errno error = run_http_parser(&reader, len);
    if (error != HPE_OK || !reader.is_complete || reader.cursor + 2 != data + len)
        return refuse(&reader, error, data + len, out_refusal);
    if (http_fields_conclude(&reader.fields, &head, out_refusal) < 0)
        return -1;
    *out_head = head;
    return 0;
}
