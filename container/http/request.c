/* request.c - reading a request: views, lookups and the body's limits. */
#include "http/request.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/arena.h"
#include "base/str.h"
#include "http/cookie.h"
#include "http/exchange.h"
#include "http/form.h"
#include "http/front.h"
#include "http/query.h"
#include "loop/task.h"

enum { QUERY_PAIRS_MAX = 1000 };

static struct arena *arena_of(const struct gale_request *req)
{
    return exchange_of_request(req)->arena;
}

struct gale_str gale_request_method(const struct gale_request *req)
{
    return req->head.method;
}

struct gale_str gale_request_target(const struct gale_request *req)
{
    return req->head.target;
}

struct gale_str gale_request_path(const struct gale_request *req)
{
    return req->target.path;
}

struct gale_str gale_request_mount(const struct gale_request *req)
{
    return req->mount;
}

struct gale_str gale_request_below(const struct gale_request *req)
{
    return req->below;
}

struct gale_str gale_request_query_string(const struct gale_request *req)
{
    return req->target.query;
}

struct gale_str gale_request_host(const struct gale_request *req)
{
    unsigned port;
    struct gale_request *known = (struct gale_request *)req; /* its meaning does not change */
    if (!req->host.at && target_parse_host(req->head.host, arena_of(req), &known->host, &port) < 0)
        known->host = STR("");
    return req->host;
}

struct gale_str gale_request_scheme(const struct gale_request *req)
{
    return req->is_https ? STR("https") : STR("http");
}

struct gale_str gale_request_peer(const struct gale_request *req)
{
    if (!req->peer.at && req->from) {
        char text[INET6_ADDRSTRLEN];
        peer_print(req->from, text);
        /* Made on demand: the request's meaning does not change. */
        ((struct gale_request *)req)->peer = arena_copy(arena_of(req), text, strlen(text));
    }
    return req->peer.at ? req->peer : STR("");
}

unsigned gale_request_peer_port(const struct gale_request *req)
{
    return req->from && !req->peer_port ? peer_port(req->from) : req->peer_port;
}

struct gale_str gale_request_local(const struct gale_request *req)
{
    struct exchange *exchange = exchange_of_request(req);
    struct gale_request *known = &exchange->req; /* its meaning does not change */
    char text[ENDPOINT_TEXT] = "";
    if (!req->local.at) {
        exchange->front->local(exchange, text, sizeof(text), &known->local_port);
        known->local = arena_copy(exchange->arena, text, strlen(text));
    }
    return req->local;
}

unsigned gale_request_local_port(const struct gale_request *req)
{
    (void)gale_request_local(req);
    return req->local_port;
}

struct gale_str gale_request_protocol(const struct gale_request *req)
{
    return req->head.minor ? STR("HTTP/1.1") : STR("HTTP/1.0");
}

struct gale_str gale_request_id(const struct gale_request *req)
{
    return (struct gale_str){req->id, strlen(req->id)};
}

struct gale_app *gale_request_app(const struct gale_request *req)
{
    return exchange_of_request(req)->app;
}

/* ---- ids ---- */

static void put_hex(char out[8], uint32_t value)
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 7; i >= 0; i--, value >>= 4)
        out[i] = digits[value & 15];
}

void request_make_id(struct gale_request *req)
{
    static char prefix[8];
    static uint32_t number;
    uint32_t random;
    if (!number) {
        if (getrandom(&random, sizeof(random), 0) != sizeof(random))
            random = (uint32_t)getpid();
        put_hex(prefix, random);
    }
    memcpy(req->id, prefix, sizeof(prefix));
    put_hex(req->id + sizeof(prefix), ++number);
    req->id[REQUEST_ID_LEN] = 0;
}

/* ---- header fields ---- */

int gale_request_header_nth(const struct gale_request *req, struct gale_str name, size_t nth,
                            struct gale_str *out_value)
{
    for (size_t i = 0; i < req->head.header_count; i++) {
        const struct http_header *header = &req->head.headers[i];
        if (!str_equals_nocase(header->name, name) || nth--)
            continue;
        *out_value = header->value;
        return 0;
    }
    return -ENOENT;
}

const char *gale_request_header(const struct gale_request *req, const char *name,
                                const char *fallback)
{
    struct gale_str value;
    return gale_request_header_nth(req, str_of(name), 0, &value) == 0 ? value.at : fallback;
}

int gale_request_header_at(const struct gale_request *req, size_t index, struct gale_str *out_name,
                           struct gale_str *out_value)
{
    if (index >= req->head.header_count)
        return -ENOENT;
    *out_name = req->head.headers[index].name;
    *out_value = req->head.headers[index].value;
    return 0;
}

/* ---- the query ---- */

static const struct query *query_of(struct gale_request *req)
{
    if (!req->query) {
        req->query = arena_zalloc(arena_of(req), sizeof(*req->query));
        /* Too many pairs count as none: `query` stays empty. */
        (void)query_parse(req->target.query, QUERY_PAIRS_MAX, arena_of(req), req->query);
    }
    return req->query;
}

int gale_request_query_nth(struct gale_request *req, struct gale_str name, size_t nth,
                           struct gale_str *out_value)
{
    const struct query_pair *pair = query_find(query_of(req), name, nth);
    if (!pair)
        return -ENOENT;
    *out_value = pair->value;
    return 0;
}

const char *gale_request_query(struct gale_request *req, const char *name, const char *fallback)
{
    struct gale_str value;
    return gale_request_query_nth(req, str_of(name), 0, &value) == 0 ? value.at : fallback;
}

int gale_request_query_at(struct gale_request *req, size_t index, struct gale_str *out_name,
                          struct gale_str *out_value)
{
    const struct query *query = query_of(req);
    if (index >= query->count)
        return -ENOENT;
    *out_name = query->pairs[index].name;
    *out_value = query->pairs[index].value;
    return 0;
}

/* ---- the body ---- */

int64_t gale_request_length(const struct gale_request *req)
{
    if (!req->has_body)
        return 0;
    return req->head.has_length ? (int64_t)req->head.content_length : -1;
}

static ssize_t body_failed(struct gale_request *req, int error)
{
    req->body_error = error;
    return error;
}

ssize_t gale_request_read(struct gale_request *req, void *buffer, size_t size)
{
    struct exchange *exchange = exchange_of_request(req);
    req->is_body_touched = true;
    if (req->body_error)
        return task_refuse(req->body_error);
    if (req->is_body_done || !req->has_body || !size)
        return 0;
    if (req->head.has_length && req->head.content_length > exchange->max_body)
        return body_failed(req, -EMSGSIZE);
    ssize_t n = exchange->front->read_body(exchange, buffer, size);
    if (n < 0)
        return body_failed(req, (int)n);
    req->is_body_done = n == 0;
    req->body_read += (uint64_t)n;
    if (req->body_read > exchange->max_body)
        return body_failed(req, -EMSGSIZE);
    return n;
}

int gale_request_body(struct gale_request *req, struct gale_str *out_body)
{
    struct arena *arena = arena_of(req);
    int64_t announced = gale_request_length(req);
    size_t len = 0, cap = announced > 0 ? (size_t)announced : 4096;
    if (announced > 0 && (uint64_t)announced > exchange_of_request(req)->max_body)
        return (int)gale_request_read(req, &(char){0}, 1);
    char *body = arena_alloc(arena, cap + 1);
    for (;;) {
        ssize_t n = gale_request_read(req, body + len, cap - len);
        if (n < 0)
            return (int)n;
        len += (size_t)n;
        if (n == 0 || (announced > 0 && len == cap))
            break;
        if (len == cap) { /* length unknown: doubling, the old copy stays in the arena */
            char *larger = arena_alloc(arena, cap * 2 + 1);
            memcpy(larger, body, len);
            body = larger;
            cap *= 2;
        }
    }
    body[len] = 0;
    *out_body = (struct gale_str){body, len};
    return 0;
}

int request_drain(struct gale_request *req, uint64_t limit)
{
    char block[4096];
    uint64_t dropped = 0;
    while (req->has_body && !req->is_body_done) {
        ssize_t n = gale_request_read(req, block, sizeof(block));
        if (n < 0)
            return (int)n;
        dropped += (uint64_t)n;
        if (dropped > limit)
            return -EMSGSIZE;
    }
    return 0;
}

/* ---- memory ---- */

void *gale_request_alloc(struct gale_request *req, size_t size)
{
    return arena_alloc(arena_of(req), size);
}

const char *gale_request_printf(struct gale_request *req, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct gale_str text = arena_vprintf(arena_of(req), format, args);
    va_end(args);
    return text.at;
}

struct gale_str gale_request_copy(struct gale_request *req, struct gale_str text)
{
    return arena_copy(arena_of(req), text.at, text.len);
}

void request_finish(struct gale_request *req)
{
    form_finish(req->form);
    req->form = NULL;
}

/* ---- cookies ---- */

static const struct cookies *cookies_of(struct gale_request *req)
{
    if (!req->cookies) {
        req->cookies = arena_zalloc(arena_of(req), sizeof(*req->cookies));
        cookies_parse(req->head.headers, req->head.header_count, arena_of(req), req->cookies);
    }
    return req->cookies;
}

int gale_request_cookie_str(struct gale_request *req, struct gale_str name,
                            struct gale_str *out_value)
{
    const struct cookie *cookie = cookies_find(cookies_of(req), name);
    if (!cookie)
        return -ENOENT;
    *out_value = cookie->value;
    return 0;
}

const char *gale_request_cookie(struct gale_request *req, const char *name, const char *fallback)
{
    struct gale_str value;
    return gale_request_cookie_str(req, str_of(name), &value) == 0 ? value.at : fallback;
}
