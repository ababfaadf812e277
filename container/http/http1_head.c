/* http1_head.c - the head of a response, written straight into the stream's buffer. */
#include "http/http1.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/str.h"
#include "http/http_date.h"
#include "http/http_server.h"
#include "http/http_status.h"

/* What gale adds itself: status line, Date, Server, Content-Length, Connection. */
enum { OWN_FIELDS_MAX = 256 };

const char *http1_date(void)
{
    static char text[HTTP_DATE_LEN + 1];
    static int64_t formatted = -1;
    int64_t now = clock_wall_seconds();
    if (now != formatted) {
        http_date_format(now, text);
        formatted = now;
    }
    return text;
}

static char *put(char *to, const char *text, size_t len)
{
    memcpy(to, text, len);
    return to + len;
}

static char *put_literal(char *to, struct gale_str text)
{
    return put(to, text.at, text.len);
}

static char *put_number(char *to, uint64_t value)
{
    char digits[20];
    int n = 0;
    do
        digits[n++] = (char)('0' + value % 10);
    while (value /= 10);
    while (n)
        *to++ = digits[--n];
    return to;
}

/* Whether what the client still sends of this request is little enough to be read first. */
static bool can_drain(const struct http1_exchange *x)
{
    const struct gale_request *req = &x->exchange.req;
    if (!req->has_body || req->is_body_done)
        return true;
    if (req->body_error || x->expects_continue)
        return false;
    /* How much is left of a body in chunks nobody knows; whoever is still reading it may well come
     * to its end. */
    if (!req->head.has_length)
        return req->is_body_touched && !x->exchange.is_served;
    return x->body_left <= HTTP1_DRAIN_MAX && req->head.content_length <= x->exchange.max_body;
}

static bool decide_keep_alive(const struct http1_exchange *x)
{
    const struct http1_connection *connection = x->connection;
    const struct gale_request *req = &x->exchange.req;
    return connection->is_keep_alive && req->head.is_keep_alive && !x->is_open_ended &&
           can_drain(x) && !connection->is_refused && !http_server_is_last(connection->server);
}

static size_t fields_size(const struct gale_response *res)
{
    size_t size = 0;
    for (size_t i = 0; i < res->header_count; i++)
        size += res->headers[i].name.len + res->headers[i].value.len + 4;
    return size;
}

static char *put_fields(char *to, const struct gale_response *res)
{
    for (size_t i = 0; i < res->header_count; i++) {
        to = put_literal(to, res->headers[i].name);
        to = put_literal(to, STR(": "));
        to = put_literal(to, res->headers[i].value);
        to = put_literal(to, STR("\r\n"));
    }
    return to;
}

/* RFC 9110 8.6: no Content-Length with 1xx and 204; a 304 may have one and needs none. */
static char *put_framing(char *to, struct http1_exchange *x, int64_t body_length)
{
    const struct gale_response *res = &x->exchange.res;
    if (http_status_is_bodyless(res->status))
        return to;
    if (body_length >= 0) {
        to = put_literal(to, STR("Content-Length: "));
        to = put_number(to, (uint64_t)body_length);
        return put_literal(to, STR("\r\n"));
    }
    return x->is_chunked_out ? put_literal(to, STR("Transfer-Encoding: chunked\r\n")) : to;
}

static char *put_connection(char *to, const struct http1_exchange *x)
{
    if (!x->connection->is_keep_alive)
        return put_literal(to, STR("Connection: close\r\n"));
    if (x->exchange.req.head.minor == 0)
        return put_literal(to, STR("Connection: keep-alive\r\n"));
    return to;
}

static char *put_status_line(char *to, const struct gale_response *res)
{
    to = put_literal(to, STR("HTTP/1.1 "));
    to = put_number(to, (uint64_t)res->status);
    *to++ = ' ';
    to = put_literal(to, response_reason(res));
    return put_literal(to, STR("\r\n"));
}

static char *put_own_fields(char *to, const struct gale_response *res)
{
    if (!response_find(res, STR("Date"))) {
        to = put_literal(to, STR("Date: "));
        to = put(to, http1_date(), HTTP_DATE_LEN);
        to = put_literal(to, STR("\r\n"));
    }
    if (!response_find(res, STR("Server")))
        to = put_literal(to, STR("Server: gale\r\n"));
    return to;
}

static char *put_head(char *to, struct http1_exchange *x, int64_t body_length)
{
    const struct gale_response *res = &x->exchange.res;
    to = put_status_line(to, res);
    to = put_own_fields(to, res);
    to = put_fields(to, res);
    to = put_framing(to, x, body_length);
    to = put_connection(to, x);
    return put_literal(to, STR("\r\n"));
}

int http1_put_head(struct http1_exchange *x, int64_t body_length)
{
    struct gale_response *res = &x->exchange.res;
    struct iostream *stream = &x->connection->stream;
    size_t most = OWN_FIELDS_MAX + res->reason.len + fields_size(res);
    x->is_chunked_out = body_length < 0 && !res->is_bodyless && x->exchange.req.head.minor >= 1;
    x->is_open_ended = body_length < 0 && !res->is_bodyless && !x->is_chunked_out;
    x->connection->is_keep_alive = decide_keep_alive(x);
    char *to = iostream_reserve(stream, most);
    if (to) {
        iostream_commit(stream, (size_t)(put_head(to, x, body_length) - to));
        return 0;
    }
    /* More than the room that is left: built aside, then put, which writes what does not fit. */
    char *aside = arena_alloc(x->exchange.arena, most);
    return iostream_put(stream, aside, (size_t)(put_head(aside, x, body_length) - aside));
}
