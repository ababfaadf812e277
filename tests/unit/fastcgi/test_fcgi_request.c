/* Variables become the request that they came from, or none. */
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include "base/arena.h"
#include "base/buffer.h"
#include "base/macros.h"
#include "base/str.h"
#include "fastcgi/fcgi_record.h"
#include "fastcgi/fcgi_request.h"
#include "http/exchange.h"
#include "http/test_front.h"

static struct arena arena;
static struct exchange exchange;
static struct fcgi_said said;
static struct http_refusal refusal;
static const struct http_limits limits = {8192, 32768, 100};

/* "NAME=value;..." where \1 stands for a zero byte and \2 for a semicolon. */
static int make(const char *text, bool has_body)
{
    struct buffer pairs = {0};
    char copy[4096], *rest = copy, *one;
    snprintf(copy, sizeof(copy), "%s", text);
    while ((one = strsep(&rest, ";"))) {
        char *value = strchr(one, '=');
        *value++ = 0;
        size_t len = strlen(value);
        for (char *at = value; *at; at++)
            *at = *at == 1 ? 0 : *at == 2 ? ';' : *at;
        size_t size = fcgi_pair_size(strlen(one), len);
        fcgi_pair_encode((unsigned char *)buffer_reserve(&pairs, size), str_of(one),
                         (struct gale_str){value, len});
        pairs.len += size;
    }
    exchange = (struct exchange){.arena = &arena};
    refusal = (struct http_refusal){0};
    struct gale_str copied = arena_copy(&arena, pairs.at, pairs.len);
    buffer_finish(&pairs);
    return fcgi_request_make(copied, has_body, &limits, &arena, &exchange.req, &said, &refusal);
}

#define BASE "REQUEST_METHOD=GET;SERVER_PROTOCOL=HTTP/1.1;HTTP_HOST=h;"

START_TEST(paths_and_mounts)
{
    static const struct {
        const char *text, *path;
        size_t outer;
        const char *query;
    } rows[] = {
        {BASE "REQUEST_URI=/a/b?x=1", "/a/b", 0, "x=1"},
        {BASE "REQUEST_URI=/app/x;SCRIPT_NAME=/app;PATH_INFO=/x", "/app/x", 4, ""},
        {BASE "REQUEST_URI=/app/x%20y;SCRIPT_NAME=/app;PATH_INFO=/x y", "/app/x y", 4, ""},
        {BASE "REQUEST_URI=/app/x%2Fy;SCRIPT_NAME=/app;PATH_INFO=/x/y", "/app/x%2Fy", 4, ""},
        {BASE "REQUEST_URI=/app/x;SCRIPT_NAME=/app/x;PATH_INFO=", "/app/x", 0, ""},
        {BASE "REQUEST_URI=/app/x;SCRIPT_NAME=/app/x", "/app/x", 0, ""},
        {BASE "REQUEST_URI=/old;SCRIPT_NAME=/new;PATH_INFO=/x", "/old", 0, ""}, /* rewritten */
        {BASE "REQUEST_URI=/application;SCRIPT_NAME=/app;PATH_INFO=/x", "/application", 0, ""},
        {BASE "REQUEST_URI=/app/x;SCRIPT_NAME=/app;PATH_INFO=lication", "/app/x", 0, ""},
        {BASE "SCRIPT_NAME=/s;PATH_INFO=/a b%?;QUERY_STRING=q=1", "/s/a b%?", 2, "q=1"},
        {BASE "SCRIPT_NAME=/s", "/s", 0, ""},
        {BASE "REQUEST_URI=http://other/x", "/x", 0, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        arena_init(&arena, NULL, 0);
        ck_assert_msg(make(rows[i].text, true) == 0, "%s: %s", rows[i].text, refusal.why);
        ck_assert_str_eq(exchange.req.target.path.at, rows[i].path);
        ck_assert_msg(exchange.req.outer == rows[i].outer, "%s: %zu", rows[i].text,
                      exchange.req.outer);
        ck_assert_str_eq(exchange.req.target.query.at, rows[i].query);
        arena_finish(&arena);
    }
}
END_TEST

START_TEST(what_http_would_refuse_is_refused)
{
    static const struct {
        const char *text;
        int status;
    } rows[] = {
        {"REQUEST_URI=/", 400},
        {"REQUEST_METHOD=GET", 400},
        {"REQUEST_METHOD=;REQUEST_URI=/", 400},
        {"REQUEST_METHOD=G T;REQUEST_URI=/", 400},
        {"REQUEST_METHOD=GET\r\nX: y\r\n;REQUEST_URI=/", 400},
        {"REQUEST_METHOD=BREW;REQUEST_URI=/", 501},
        {"REQUEST_METHOD=CONNECT;REQUEST_URI=a:1", 501},
        {BASE "REQUEST_URI=/a b", 400},
        {BASE "REQUEST_URI=/a\r\nEvil: 1", 400},
        {BASE "REQUEST_URI=/\x01", 400},
        {BASE "REQUEST_URI=/%00", 400},
        {BASE "REQUEST_URI=/%zz", 400},
        {BASE "REQUEST_URI=*", 400},
        {BASE "REQUEST_URI=/#f", 400},
        {BASE "SCRIPT_NAME=/x\x01y", 400},
        {BASE "SCRIPT_NAME=/x;QUERY_STRING=a b", 400},
        {BASE "REQUEST_URI=/;HTTP_X=a\r\nEvil: 1", 400},
        {BASE "REQUEST_URI=/;HTTP_X=a\nb", 400},
        {BASE "REQUEST_URI=/;HTTP_X=a\x7f", 400},
        {BASE "REQUEST_URI=/;HTTP_X Y=a", 400},
        {BASE "REQUEST_URI=/;HTTP_=a", 400},
        {BASE "REQUEST_URI=/;HTTP_X:Y=a", 400},
        {BASE "REQUEST_URI=/;CONTENT_LENGTH=-1", 400},
        {BASE "REQUEST_URI=/;CONTENT_LENGTH=1 2", 400},
        {BASE "REQUEST_URI=/;CONTENT_LENGTH=99999999999999999999", 400},
        {BASE "REQUEST_URI=/;HTTP_TRANSFER_ENCODING=gzip", 400},
        {"REQUEST_METHOD=GET;REQUEST_URI=/;HTTP_HOST=a b", 400},
        {"REQUEST_METHOD=GET;REQUEST_URI=/;HTTP_HOST=u@h", 400},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        arena_init(&arena, NULL, 0);
        ck_assert_msg(make(rows[i].text, true) < 0, "%s passed", rows[i].text);
        ck_assert_msg(refusal.status == rows[i].status, "%s: %d", rows[i].text, refusal.status);
        arena_finish(&arena);
    }
}
END_TEST

static const char *field(const char *name)
{
    return gale_request_header(&exchange.req, name, NULL);
}

START_TEST(fields_come_back)
{
    arena_init(&arena, NULL, 0);
    ck_assert_int_eq(make(BASE "REQUEST_URI=/;HTTP_X_FORWARDED_FOR=1.2.3.4, 5.6.7.8;"
                               "HTTP_COOKIE=a=b\2 c=d;CONTENT_TYPE=text/plain;CONTENT_LENGTH=3;"
                               "HTTP_CONTENT_LENGTH=9;HTTP_CONTENT_TYPE=x;HTTP_CONNECTION=close;"
                               "HTTP_EXPECT=100-continue;HTTP_UPGRADE=h2c;HTTP_TE=trailers;"
                               "HTTP_AUTHORIZATION=Basic eA==;DOCUMENT_ROOT=/x;HTTP_EMPTY=",
                          true),
                     0);
    ck_assert_str_eq(field("X-Forwarded-For"), "1.2.3.4, 5.6.7.8");
    ck_assert_str_eq(gale_request_cookie(&exchange.req, "c", ""), "d");
    ck_assert_str_eq(field("Content-Type"), "text/plain");
    ck_assert_int_eq(gale_request_length(&exchange.req), 3);
    ck_assert_str_eq(field("Authorization"), "Basic eA==");
    ck_assert_str_eq(field("Empty"), "");
    ck_assert_str_eq(field("Host"), "h");
    ck_assert_ptr_null(field("Connection"));
    ck_assert_ptr_null(field("Expect"));
    ck_assert_ptr_null(field("Upgrade"));
    ck_assert_ptr_null(field("TE"));
    ck_assert_ptr_null(field("Document-Root"));
    arena_finish(&arena);
}
END_TEST

START_TEST(bodies_are_announced)
{
    static const struct {
        const char *text;
        bool has_body;
        int64_t length;
    } rows[] = {
        {BASE "REQUEST_URI=/", true, 0},
        {BASE "REQUEST_URI=/;CONTENT_LENGTH=", true, 0},
        {BASE "REQUEST_URI=/;CONTENT_LENGTH=0", true, 0},
        {BASE "REQUEST_URI=/;CONTENT_LENGTH=7", true, 7},
        {BASE "REQUEST_URI=/;CONTENT_LENGTH=7;HTTP_TRANSFER_ENCODING=chunked", true, 7},
        {BASE "REQUEST_URI=/;CONTENT_LENGTH=;HTTP_TRANSFER_ENCODING=chunked", true, -1},
        {BASE "REQUEST_URI=/;CONTENT_LENGTH=7", false, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        arena_init(&arena, NULL, 0);
        ck_assert_int_eq(make(rows[i].text, rows[i].has_body), 0);
        ck_assert_int_eq(gale_request_length(&exchange.req), rows[i].length);
        arena_finish(&arena);
    }
}
END_TEST

START_TEST(the_web_server_says_who_the_client_is)
{
    static const struct {
        const char *text, *peer, *scheme, *host;
        unsigned port;
    } rows[] = {
        {"REMOTE_ADDR=192.0.2.1;REMOTE_PORT=99", "192.0.2.1", "http", "h", 99},
        {"REMOTE_ADDR=2001:DB8::1;HTTPS=on", "2001:db8::1", "https", "h", 0},
        {"REMOTE_ADDR=unix:;REQUEST_SCHEME=https", "unix", "https", "h", 0},
        {"REMOTE_ADDR=1.2.3.4\r\nx;HTTPS=off;REMOTE_PORT=70000", "unix", "http", "h", 0},
        {"SERVER_NAME=other", "unix", "http", "h", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[512];
        arena_init(&arena, NULL, 0);
        snprintf(text, sizeof(text), BASE "REQUEST_URI=/;%s", rows[i].text);
        ck_assert_int_eq(make(text, true), 0);
        ck_assert_str_eq(gale_request_peer(&exchange.req).at, rows[i].peer);
        ck_assert_str_eq(gale_request_scheme(&exchange.req).at, rows[i].scheme);
        ck_assert_str_eq(gale_request_host(&exchange.req).at, rows[i].host);
        ck_assert_uint_eq(gale_request_peer_port(&exchange.req), rows[i].port);
        arena_finish(&arena);
    }
    arena_init(&arena, NULL, 0);
    ck_assert_int_eq(make("REQUEST_METHOD=GET;REQUEST_URI=/;SERVER_NAME=named.example", true), 0);
    ck_assert_str_eq(gale_request_host(&exchange.req).at, "named.example");
    ck_assert_int_eq(make("REQUEST_METHOD=GET;REQUEST_URI=/", true), 0); /* as HTTP/1.0 */
    ck_assert_str_eq(gale_request_host(&exchange.req).at, "");
    arena_finish(&arena);
}
END_TEST

START_TEST(pairs_that_are_cut_off_are_no_request)
{
    arena_init(&arena, NULL, 0);
    exchange = (struct exchange){.arena = &arena};
    struct gale_str cut = STR("\x0e\x03REQUEST_METHODGE");
    ck_assert_int_eq(fcgi_request_make(cut, true, &limits, &arena, &exchange.req, &said, &refusal),
                     -1);
    ck_assert_int_eq(refusal.status, 400);
    arena_finish(&arena);
}
END_TEST

START_TEST(users)
{
    arena_init(&arena, NULL, 0);
    ck_assert_int_eq(make(BASE "REQUEST_URI=/;REMOTE_USER=ann;AUTH_TYPE=Basic", true), 0);
    const struct gale_request *req = &exchange.req;
    ck_assert_str_eq(gale_request_variable(req, "REMOTE_USER", "-"), "ann");
    ck_assert_str_eq(gale_request_variable(req, "AUTH_TYPE", "-"), "Basic");
    ck_assert_uint_eq(req->own_count, 2);
    ck_assert_int_eq(make(BASE "REQUEST_URI=/;REMOTE_USER=;AUTH_TYPE=a\nb", true), 0);
    ck_assert_str_eq(gale_request_variable(req, "REMOTE_USER", "-"), "-");
    ck_assert_str_eq(gale_request_variable(req, "AUTH_TYPE", "-"), "-");
    ck_assert_int_eq(make(BASE "REQUEST_URI=/;HTTP_REMOTE_USER=evil;remote_user=evil", true), 0);
    ck_assert_str_eq(gale_request_variable(req, "REMOTE_USER", "-"), "-");
    ck_assert_uint_eq(req->variable_count, 0);
    arena_finish(&arena);
}
END_TEST

UNIT_MAIN(paths_and_mounts, what_http_would_refuse_is_refused, fields_come_back,
          bodies_are_announced, the_web_server_says_who_the_client_is,
          pairs_that_are_cut_off_are_no_request, users)
