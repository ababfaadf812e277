/* whole_parser.h - what http-parser makes of a whole head by itself, to compare gale's reading
 * with.
 *
 * gale shows http-parser only the lines that it gives a meaning to. Whatever gale accepts,
 * http-parser must accept as a whole, with the same fields, length and coding (but for tabs at the
 * end of a line, which it does not know, and names that only begin with Transfer-Encoding, beside
 * which it wants no Content-Length). */
#pragma once
#include <http_parser.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "http/http_parse.h"

struct whole_parser {
    const struct http_request_head *head;
    size_t names, values;
    bool agrees, is_complete;
    uint64_t length;
    bool is_chunked;
};

static inline int whole_parser_name(http_parser *parser, const char *at, size_t len)
{
    struct whole_parser *whole = parser->data;
    size_t i = whole->names++;
    whole->agrees &= i < whole->head->header_count &&
                     str_equals(whole->head->headers[i].name, (struct gale_str){at, len});
    return 0;
}

static inline int whole_parser_value(http_parser *parser, const char *at, size_t len)
{
    struct whole_parser *whole = parser->data;
    size_t i = whole->values++;
    whole->agrees &=
        i < whole->head->header_count &&
        str_equals(whole->head->headers[i].value, str_trim((struct gale_str){at, len}));
    return 0;
}

static inline int whole_parser_end(http_parser *parser)
{
    struct whole_parser *whole = parser->data;
    whole->is_complete = true;
    whole->length = parser->flags & F_CONTENTLENGTH ? parser->content_length : 0;
    whole->is_chunked = parser->flags & F_CHUNKED;
    return 1;
}

static inline char *whole_parser_copy(const char *data, size_t len)
{
    char *copy = malloc(len);
    memcpy(copy, data, len);
    for (size_t i = 0; i < len; i++)
        for (size_t k = i; copy[i] == '\r' && k > 0 && strchr(" \t", copy[k - 1]); k--)
            copy[k - 1] = ' ';
    return copy;
}

static inline bool whole_parser_mistakes(const struct http_request_head *head)
{
    static const struct gale_str name = STR("Transfer-Encoding");
    for (size_t i = 0; i < head->header_count; i++) {
        struct gale_str start = head->headers[i].name;
        bool is_longer = start.len > name.len;
        start.len = name.len;
        if (is_longer && str_equals_nocase(start, name))
            return true;
    }
    return false;
}

/* `data` are the bytes as they came, `head` is what gale made of a copy. */
static inline bool whole_parser_agrees(const char *data, size_t len,
                                       const struct http_request_head *head)
{
    static const http_parser_settings settings = {.on_header_field = whole_parser_name,
                                                  .on_header_value = whole_parser_value,
                                                  .on_headers_complete = whole_parser_end};
    struct whole_parser whole = {.head = head, .agrees = true};
    http_parser parser;
    http_parser_init(&parser, HTTP_REQUEST);
    http_parser_set_max_header_size(UINT32_MAX);
    parser.data = &whole;
    char *copy = whole_parser_copy(data, len);
    http_parser_execute(&parser, &settings, copy, len);
    free(copy);
    if (HTTP_PARSER_ERRNO(&parser) == HPE_UNEXPECTED_CONTENT_LENGTH)
        return whole_parser_mistakes(head);
    return HTTP_PARSER_ERRNO(&parser) == HPE_OK && whole.is_complete && whole.agrees &&
           whole.names == head->header_count && whole.values == head->header_count &&
           parser.http_minor == head->minor && whole.length == head->content_length &&
           (head->is_chunked || !whole.is_chunked);
}
