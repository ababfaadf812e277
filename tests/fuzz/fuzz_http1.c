/* Any bytes of a client: every answer is well-formed, whatever the app does with the body, and
 * where it reads that first the statuses are the same however the bytes are cut.
 *
 * The first byte says how many come at a time. */
#include "wire.h"

#include <gale/plugin.h>
#include "http/exchange.h"
#include "http/http_server.h"

enum { INPUT_MAX = 8192 };

static int echo(struct gale_request *req, struct gale_response *res)
{
    char block[100];
    ssize_t n;
    while ((n = gale_request_read(req, block, sizeof(block))) > 0)
        if (gale_response_write(res, block, (size_t)n) < 0)
            return -EPIPE;
    return (int)n;
}

static int answer(struct gale_request *req, struct gale_response *res, char kind)
{
    struct gale_str body, name, value;
    switch (kind) {
    case 'b':
        (void)gale_request_body(req, &body);
        return gale_reply_str(res, 200, "text/plain", gale_request_path(req));
    case 'e':
        return echo(req, res);
    case 'f':
        (void)gale_request_form_read(req);
        return gale_request_form_at(req, 0, &name, &value) ? 204 : 200;
    case 'h':
        value = gale_request_query_string(req);
        return gale_response_header_str(res, STR("X-Query"), value) < 0 ? 400 : 0;
    case 's':
        gale_response_puts(res, "streamed");
        return gale_response_flush(res);
    default:
        return gale_reply(res, 200, "text/plain", "%s", gale_request_cookie(req, "c", "none"));
    }
}

static int serve(void *data, struct gale_request *req, struct gale_response *res)
{
    struct gale_str path = gale_request_path(req);
    (void)data;
    assert(path.at[path.len] == 0 && !memchr(path.at, 0, path.len));
    return answer(req, res, path.len > 1 ? path.at[1] : 0);
}

static void talk(struct gale_str bytes, size_t step, struct buffer *statuses)
{
    struct http_settings settings;
    struct http_server server;
    struct buffer heard = {0};
    struct peer peer = {.family = AF_UNIX};
    int client, fd = wire_pair(&client);
    http_settings_init(&settings);
    settings.max_body = 2000;
    settings.limits.max_head = 2000;
    settings.form_memory = 50;
    http_server_init(&server, wire_loop, &settings, serve, NULL);
    http_server_accept(&server, fd, &peer, NULL);
    wire_talk(client, bytes, step, &heard);
    for (int turns = 0; !http_server_is_empty(&server) && turns < WIRE_TURNS; turns++)
        ioloop_turn(wire_loop, 1);
    assert(http_server_is_empty(&server) && task_count() == 0);
    (void)http_server_close(&server);
    wire_check_http(&heard, false, statuses);
    buffer_finish(&heard);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer whole = {0}, split = {0};
    if (size < 2 || size > INPUT_MAX)
        return 0;
    struct gale_str bytes = {(const char *)data + 1, size - 1};
    /* Which answers have a body is the client's to know; this one never asks by HEAD. */
    if (memmem(bytes.at, bytes.len, "HEAD", 4))
        return 0;
    wire_begin();
    talk(bytes, bytes.len, &whole);
    talk(bytes, 1 + data[0] + bytes.len / 64, &split);
    /* What streams may have begun its answer before it comes to what is wrong. */
    if (!memmem(bytes.at, bytes.len, "/e", 2))
        assert(str_equals(buffer_str(&whole), buffer_str(&split)));
    buffer_finish(&whole);
    buffer_finish(&split);
    return 0;
}
