/* cgi_head.c - "Status: 200 OK" and the fields. */
#include "fastcgi/cgi_head.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "http/exchange.h"
#include "http/http_status.h"

struct gale_str cgi_head_write(struct exchange *exchange, int64_t body_length)
{
    const struct gale_response *res = &exchange->res;
    struct gale_str reason = response_reason(res);
    size_t size = 128 + reason.len;
    for (size_t i = 0; i < res->header_count; i++)
        size += res->headers[i].name.len + res->headers[i].value.len + 4;
    char *head = arena_alloc(exchange->arena, size), *to = head;
    to += sprintf(to, "Status: %d %.*s\r\n", res->status, (int)reason.len, reason.at);
    for (size_t i = 0; i < res->header_count; i++) {
        const struct http_header *header = &res->headers[i];
        memcpy(to, header->name.at, header->name.len);
        to += header->name.len;
        *to++ = ':';
        *to++ = ' ';
        memcpy(to, header->value.at, header->value.len);
        to += header->value.len;
        *to++ = '\r';
        *to++ = '\n';
    }
    if (body_length >= 0 && !http_status_is_bodyless(res->status))
        to += sprintf(to, "Content-Length: %lld\r\n", (long long)body_length);
    *to++ = '\r';
    *to++ = '\n';
    return (struct gale_str){head, (size_t)(to - head)};
}
