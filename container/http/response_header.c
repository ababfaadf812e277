/* response_header.c - the fields of a response: what may be set, and the answers in one call. */
#include "http/response.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "http/cookie.h"
#include "http/exchange.h"
#include "http/http_date.h"

static struct arena *arena_of(struct gale_response *res)
{
    return exchange_of_response(res)->arena;
}

const struct gale_str *response_find(const struct gale_response *res, struct gale_str name)
{
    for (size_t i = 0; i < res->header_count; i++)
        if (str_equals_nocase(res->headers[i].name, name))
            return &res->headers[i].value;
    return NULL;
}

static void remove_field(struct gale_response *res, struct gale_str name)
{
    size_t kept = 0;
    for (size_t i = 0; i < res->header_count; i++)
        if (!str_equals_nocase(res->headers[i].name, name))
            res->headers[kept++] = res->headers[i];
    res->header_count = kept;
}

static void append_field(struct gale_response *res, struct gale_str name, struct gale_str value)
{
    struct arena *arena = arena_of(res);
    if (res->header_count == res->header_cap) {
        size_t cap = res->header_cap ? res->header_cap * 2 : 16;
        struct http_header *larger = arena_alloc(arena, cap * sizeof(*larger));
        if (res->header_count)
            memcpy(larger, res->headers, res->header_count * sizeof(*larger));
        res->headers = larger;
        res->header_cap = cap;
    }
    res->headers[res->header_count++] = (struct http_header){
        arena_copy(arena, name.at, name.len), arena_copy(arena, value.at, value.len)};
}

void response_put(struct gale_response *res, struct gale_str name, struct gale_str value)
{
    remove_field(res, name);
    append_field(res, name, value);
}

/* The fields that say where a message ends and what the connection does next are the front's. */
static bool frames_message(struct gale_str name)
{
    static const struct gale_str names[] = {STR("Connection"), STR("Transfer-Encoding"),
                                            STR("Upgrade"), STR("Trailer"), STR("Keep-Alive")};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_equals_nocase(name, names[i]))
            return true;
    return false;
}

static int check_field(struct gale_response *res, struct gale_str name, struct gale_str value)
{
    if (res->state != RESPONSE_HEAD)
        return -EALREADY;
    if (!http_is_token(name) || !http_is_field_value(value))
        return -EINVAL;
    return frames_message(name) ? -EPERM : 0;
}

static int set_length(struct gale_response *res, struct gale_str value)
{
    uint64_t length = 0;
    if (str_to_u64(value, &length) < 0 || length > INT64_MAX)
        return -EINVAL;
    res->length = (int64_t)length;
    return 0;
}

int gale_response_header_str(struct gale_response *res, struct gale_str name, struct gale_str value)
{
    int r = check_field(res, name, value);
    if (r < 0)
        return r;
    if (str_equals_nocase(name, STR("Content-Length")))
        return set_length(res, value);
    response_put(res, name, value);
    return 0;
}

int gale_response_header_add(struct gale_response *res, struct gale_str name, struct gale_str value)
{
    if (str_equals_nocase(name, STR("Content-Length"))) /* there is only one */
        return gale_response_header_str(res, name, value);
    int r = check_field(res, name, value);
    if (r < 0)
        return r;
    append_field(res, name, value);
    return 0;
}

int gale_response_header(struct gale_response *res, const char *name, const char *value)
{
    if (value)
        return gale_response_header_str(res, str_of(name), str_of(value));
    if (res->state != RESPONSE_HEAD)
        return -EALREADY;
    if (str_equals_nocase(str_of(name), STR("Content-Length")))
        res->length = -1;
    remove_field(res, str_of(name));
    return 0;
}

/* Fields that describe a content that will not be sent: not those of an error page. */
static bool describes_content(struct gale_str name)
{
    static const struct gale_str names[] = {STR("ETag"), STR("Last-Modified"), STR("Cache-Control"),
                                            STR("Expires"), STR("Accept-Ranges")};
    static const struct gale_str prefix = STR("Content-");
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_equals_nocase(name, names[i]))
            return true;
    /* Content-Range of a 416 tells the size (RFC 9110 15.5.17). */
    return name.len > prefix.len && !str_equals_nocase(name, STR("Content-Range")) &&
           str_equals_nocase((struct gale_str){name.at, prefix.len}, prefix);
}

void response_drop_content(struct gale_response *res)
{
    size_t kept = 0;
    for (size_t i = 0; i < res->header_count; i++)
        if (!describes_content(res->headers[i].name))
            res->headers[kept++] = res->headers[i];
    res->header_count = kept;
}

void response_drop_fields(struct gale_response *res)
{
    res->header_count = 0;
}

void gale_http_date(int64_t seconds, char out[GALE_HTTP_DATE_SIZE])
{
    http_date_format(seconds, out);
}

/* ---- cookies ---- */

static enum cookie_same_site same_site(const char *text)
{
    static const char *const names[] = {"", "Lax", "Strict", "None"};
    for (int i = COOKIE_SAME_SITE_LAX; text && i <= COOKIE_SAME_SITE_NONE; i++)
        if (str_equals_nocase(str_of(text), str_of(names[i])))
            return (enum cookie_same_site)i;
    return COOKIE_SAME_SITE_UNSET;
}

static struct gale_str text_or(const char *text, const char *fallback)
{
    return str_of(text ? text : fallback);
}

int gale_response_cookie(struct gale_response *res, const struct gale_cookie *cookie)
{
    struct cookie_settings settings = {
        .name = text_or(cookie->name, ""),
        .value = text_or(cookie->value, ""),
        .path = text_or(cookie->path, "/"),
        .domain = text_or(cookie->domain, ""),
        .is_secure = cookie->secure,
        .is_http_only = cookie->http_only,
        .same_site = same_site(cookie->same_site),
        .has_expires = cookie->max_age<0, /* in the past: deleted */
                                       .has_max_age = cookie->max_age> 0,
        .max_age = cookie->max_age,
    };
    struct gale_str value;
    if (cookie->same_site && settings.same_site == COOKIE_SAME_SITE_UNSET)
        return -EINVAL;
    int r = cookie_build(&settings, arena_of(res), &value);
    return r < 0 ? r : gale_response_header_add(res, STR("Set-Cookie"), value);
}

/* ---- whole answers ---- */

static int begin(struct gale_response *res, int status, const char *type)
{
    int r = gale_response_status(res, status);
    return r < 0 ? r : gale_response_header(res, "Content-Type", type);
}

int gale_reply(struct gale_response *res, int status, const char *type, const char *format, ...)
{
    int r = begin(res, status, type);
    if (r < 0)
        return r;
    va_list args;
    va_start(args, format);
    r = gale_response_vprintf(res, format, args);
    va_end(args);
    return r;
}

int gale_reply_str(struct gale_response *res, int status, const char *type, struct gale_str body)
{
    int r = begin(res, status, type);
    return r < 0 ? r : gale_response_write(res, body.at, body.len);
}

int gale_redirect(struct gale_response *res, int status, const char *location)
{
    if (status != 301 && status != 302 && status != 303 && status != 307 && status != 308)
        return -EINVAL;
    int r = gale_response_status(res, status);
    return r < 0 ? r : gale_response_header(res, "Location", location);
}
