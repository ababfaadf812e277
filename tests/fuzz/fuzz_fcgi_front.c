/* Any bytes of a web server that speaks FastCGI: what comes back are records, an answer is whole
 * before its END_REQUEST, and that comes once.
 *
 * The first byte says how many come at a time. */
#include "wire.h"

#include <gale/plugin.h>
#include "fastcgi/fcgi_server.h"
#include "http/exchange.h"
#include "http/http_server.h"

enum { INPUT_MAX = 16 * 1024 };

static int serve(void *data, struct gale_request *req, struct gale_response *res)
{
    struct gale_str body;
    (void)data;
    if (gale_request_path(req).len % 2 && gale_request_body(req, &body) == 0)
        return gale_reply_str(res, 200, "text/plain", body);
    return gale_reply(res, 200, "text/plain", "%s %s", gale_request_host(req).at,
                      gale_request_peer(req).at);
}

static void check_record(void *data, const struct fcgi_record *record, struct gale_str content)
{
    (void)data;
    assert(record->type == FCGI_STDOUT || record->type == FCGI_STDERR ||
           record->type == FCGI_END_REQUEST || record->type == FCGI_GET_VALUES_RESULT ||
           record->type == FCGI_UNKNOWN_TYPE);
    if (record->type == FCGI_END_REQUEST)
        assert(content.len == 8 && (unsigned char)content.at[4] <= FCGI_UNKNOWN_ROLE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_settings settings;
    struct http_server http;
    struct fcgi_server server;
    struct buffer heard = {0};
    struct peer peer = {.family = AF_UNIX};
    int client;
    if (size < 2 || size > INPUT_MAX)
        return 0;
    wire_begin();
    int fd = wire_pair(&client);
    http_settings_init(&settings);
    settings.max_body = 2000;
    settings.limits.max_head = 2000;
    http_server_init(&http, wire_loop, &settings, serve, NULL);
    fcgi_server_init(&server, &http);
    fcgi_server_accept(&server, fd, &peer);
    struct gale_str bytes = {(const char *)data + 1, size - 1};
    wire_talk(client, bytes, 1 + (size_t)data[0] * 8 + size / 64, &heard);
    for (int turns = 0; !fcgi_server_is_empty(&server) && turns < WIRE_TURNS; turns++)
        ioloop_turn(wire_loop, 1);
    assert(fcgi_server_is_empty(&server) && http_server_is_empty(&http) && task_count() == 0);
    (void)http_server_close(&http);
    wire_each_record(&heard, check_record, NULL);
    buffer_finish(&heard);
    return 0;
}
