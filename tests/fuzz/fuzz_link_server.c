/* Any bytes on the link to an isolated app's worker: it answers in records of the link or ends the
 * session, and nothing of it stays.
 *
 * The first byte says how many come at a time. Where the rest begins with a slash, it is the target
 * of a request, up to its first line end; what follows are records. */
#include "wire.h"

#include <gale/plugin.h>
#include "base/arena.h"
#include "fastcgi/link.h"
#include "fastcgi/link_server.h"
#include "http/exchange.h"
#include "http/http_server.h"
#include "http/test_front.h"

enum { INPUT_MAX = 16 * 1024 };

static struct buffer said;

static int serve(void *data, struct gale_request *req, struct gale_response *res)
{
    struct gale_str body, name, value;
    (void)data;
    for (size_t i = 0; gale_request_header_at(req, i, &name, &value) == 0; i++)
        assert(name.at[name.len] == 0 && value.at[value.len] == 0);
    if (gale_request_path(req).len % 2 && gale_request_body(req, &body) == 0)
        return gale_reply_str(res, 200, "text/plain", body);
    return gale_reply(res, 200, "text/plain", "%s %s", gale_request_host(req).at,
                      gale_request_peer(req).at);
}

static void check_record(void *data, const struct fcgi_record *record, struct gale_str content)
{
    (void)data;
    (void)content;
    assert(record->type == FCGI_STDOUT || record->type == FCGI_END_REQUEST ||
           (record->type >= LINK_WANT && record->type <= LINK_LEAVE));
}

/* What a front would send for it. */
static int encode(void *data, struct gale_request *req, struct gale_response *res)
{
    unsigned char header[FCGI_HEADER_SIZE];
    struct gale_str block = link_request_encode(exchange_of_request(req));
    (void)data;
    (void)res;
    fcgi_record_encode(header, LINK_REQUEST, LINK_ID, block.len, false, NULL);
    buffer_add(&said, (char *)header, sizeof(header));
    buffer_add_str(&said, block);
    return 204;
}

static void add_request(struct gale_str *rest)
{
    struct test_front front;
    struct gale_str line = str_cut(rest, '\n');
    char *target = strndup(line.at, line.len);
    test_front_init(&front, "POST", target);
    test_front_header(&front, "X-Some", "thing");
    test_front_body(&front, "body", 4, 0);
    (void)test_front_serve(&front, encode, NULL);
    test_front_finish(&front);
    free(target);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_settings settings;
    struct http_server http;
    struct link_server server;
    struct buffer heard = {0};
    int client;
    if (size < 2 || size > INPUT_MAX)
        return 0;
    wire_begin();
    struct gale_str rest = {(const char *)data + 1, size - 1};
    while (rest.len && rest.at[0] == '/')
        add_request(&rest);
    buffer_add_str(&said, rest);
    int fd = wire_pair(&client);
    http_settings_init(&settings);
    http_server_init(&http, wire_loop, &settings, serve, NULL);
    link_server_init(&server, &http);
    link_server_accept(&server, fd);
    wire_talk(client, buffer_str(&said), 1 + (size_t)data[0] * 8 + size / 64, &heard);
    for (int turns = 0; !link_server_is_empty(&server) && turns < WIRE_TURNS; turns++)
        ioloop_turn(wire_loop, 1);
    assert(link_server_is_empty(&server) && task_count() == 0);
    (void)http_server_close(&http);
    wire_each_record(&heard, check_record, NULL);
    buffer_finish(&heard);
    buffer_finish(&said);
    return 0;
}
