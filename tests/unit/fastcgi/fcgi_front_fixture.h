/* fcgi_front_fixture.h - a server that speaks FastCGI on one end of a socket pair, and the words to
 * say records to it and to hear what it answers, as text. */
#pragma once
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <gale/plugin.h>
#include <gale/wait.h>
#include "base/buffer.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/str.h"
#include "fastcgi/fcgi_front.h"
#include "fastcgi/fcgi_server.h"
#include "http/forwarded.h"
#include "http/http_server.h"
#include "loop/task.h"

static struct ioloop *loop;
static struct http_settings settings;
static struct http_server http;
static struct fcgi_server server;
static int client, cancelled;

static inline int file_of(const char *text, size_t times)
{
    int fd = memfd_create("test", MFD_CLOEXEC);
    for (size_t i = 0; i < times; i++)
        ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    return fd;
}

static inline int app(void *data, struct gale_request *req, struct gale_response *res)
{
    (void)data;
    struct gale_str path = gale_request_path(req), body;
    if (str_equals(path, STR("/body"))) {
        int r = gale_request_body(req, &body);
        return r < 0 ? r : gale_reply_str(res, 200, "text/plain", body);
    }
    if (str_equals(path, STR("/wait"))) {
        int r = task_sleep(60000);
        cancelled += r == -ECANCELED;
        return r;
    }
    if (str_equals(path, STR("/late"))) {
        gale_response_puts(res, "a");
        gale_response_flush(res);
        return 500;
    }
    if (str_equals(path, STR("/file"))) {
        scoped_close int fd = file_of("0123456789", 20000);
        return gale_response_sendfile(res, fd, 5, 100003);
    }
    return gale_reply(res, 200, "text/plain", "%s %s host=%s peer=%s:%u scheme=%s local=%s:%u x=%s",
                      gale_request_method(req).at, gale_request_target(req).at,
                      gale_request_host(req).at, gale_request_peer(req).at,
                      gale_request_peer_port(req), gale_request_scheme(req).at,
                      gale_request_local(req).at, gale_request_local_port(req),
                      gale_request_header(req, "X-Some-Thing", "-"));
}

static inline void open_server(void)
{
    int pair[2];
    struct peer peer = {.family = AF_UNIX};
    cancelled = 0;
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    http_settings_init(&settings);
    http_server_init(&http, loop, &settings, app, NULL);
    fcgi_server_init(&server, &http);
    fcgi_server_accept(&server, pair[0], &peer);
    client = pair[1];
    log_set_fd(-1);
}

static inline void turn(int times)
{
    for (int i = 0; i < times; i++)
        ioloop_turn(loop, 5);
}

static inline void close_server(void)
{
    http_server_close(&http);
    fcgi_server_close(&server);
    for (int i = 0; i < 200 && !fcgi_server_is_empty(&server); i++) {
        turn(1);
        fcgi_server_close(&server);
    }
    ck_assert(fcgi_server_is_empty(&server) && http_server_is_empty(&http));
    close(client);
    ioloop_destroy(loop);
}

/* ---- speaking ---- */

static struct buffer said;

static inline void record(int type, int id, const void *content, size_t len)
{
    unsigned char header[8];
    fcgi_record_encode(header, (uint8_t)type, (uint16_t)id, len, true, NULL);
    buffer_add(&said, (char *)header, 8);
    buffer_add(&said, content, len);
    buffer_add(&said, "\0\0\0\0\0\0\0\0", header[6]);
}

static inline void begin(int id, int role, bool keep)
{
    unsigned char body[8] = {0, (unsigned char)role, keep};
    record(FCGI_BEGIN_REQUEST, id, body, 8);
}

static inline void pair(struct buffer *to, const char *name, const char *value)
{
    size_t size = fcgi_pair_size(strlen(name), strlen(value));
    fcgi_pair_encode((unsigned char *)buffer_reserve(to, size), str_of(name), str_of(value));
    to->len += size;
}

/* "NAME=value;NAME=value" as one record of PARAMS and its end. */
static inline void params(int id, const char *text)
{
    struct buffer pairs = {0};
    char copy[2048], *rest = copy, *one;
    snprintf(copy, sizeof(copy), "%s", text);
    while ((one = strsep(&rest, ";"))) {
        char *value = strchr(one, '=');
        *value++ = 0;
        pair(&pairs, one, value);
    }
    record(FCGI_PARAMS, id, pairs.at, pairs.len);
    record(FCGI_PARAMS, id, "", 0);
    buffer_finish(&pairs);
}

#define GET "REQUEST_METHOD=GET;SERVER_PROTOCOL=HTTP/1.1;HTTP_HOST=h.example;REQUEST_URI="

static inline void request(int id, bool keep, const char *text)
{
    begin(id, FCGI_RESPONDER, keep);
    params(id, text);
    record(FCGI_STDIN, id, "", 0);
}

static inline void say_bytes(const void *at, size_t len)
{
    ck_assert_int_eq(send(client, at, len, MSG_NOSIGNAL), (ssize_t)len);
}

static inline void say(void)
{
    say_bytes(said.at, said.len);
    buffer_finish(&said);
}

/* ---- hearing ---- */

static struct buffer heard;
static bool heard_end;

/* Collects what the server says until nothing new comes for some turns, or it closes; then tells it
 * as text: "STDOUT 1 (...)" where a stream's records are one, "END 1 0", "SPOILED" where what
 * follows is no record. */
static inline const char *hear(void)
{
    static char text[400000];
    struct buffer raw = {0};
    heard_end = false;
    for (int idle = 0; idle < 8 && !heard_end;) {
        turn(1);
        char block[65536];
        ssize_t n = recv(client, block, sizeof(block), 0);
        heard_end = n == 0 || (n < 0 && errno == ECONNRESET);
        idle = n > 0 ? 0 : idle + 1;
        buffer_add(&raw, block, n > 0 ? (size_t)n : 0);
    }
    buffer_finish(&heard);
    char *to = text;
    *to = 0;
    for (size_t at = 0; at + 8 <= raw.len;) {
        struct fcgi_record r;
        const char *content = raw.at + at + 8;
        if (fcgi_record_decode((unsigned char *)raw.at + at, &r) < 0) {
            strcpy(to, "SPOILED");
            break;
        }
        ck_assert_uint_le(at + 8 + r.length + r.padding, raw.len);
        at += 8u + r.length + r.padding;
        if (r.type == FCGI_STDOUT && r.length)
            buffer_add(&heard, content, r.length);
        if (r.type == FCGI_STDOUT && r.length)
            continue;
        to += sprintf(to, "%s %d %d;",
                      r.type == FCGI_STDOUT              ? "EOF"
                      : r.type == FCGI_END_REQUEST       ? "END"
                      : r.type == FCGI_GET_VALUES_RESULT ? "VALUES"
                      : r.type == FCGI_UNKNOWN_TYPE      ? "UNKNOWN"
                                                         : "?",
                      r.id,
                      r.type == FCGI_END_REQUEST    ? content[4]
                      : r.type == FCGI_UNKNOWN_TYPE ? content[0]
                                                    : r.length);
    }
    buffer_finish(&raw);
    return text;
}

static inline const char *body(void)
{
    const char *at = heard.at ? strstr(heard.at, "\r\n\r\n") : NULL;
    return at ? at + 4 : "";
}
