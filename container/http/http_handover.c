/* http_handover.c - packing, letting go, adopting. */
#include "http/http_handover.h"

#include "http/client_limits.h"
#include "http/http1.h"
#include "http/http_server.h"

static bool can_go(const struct http1_connection *connection)
{
    const struct iostream *stream = &connection->stream;
    return connection->state == HTTP1_IDLE && connection->listener && !connection->is_refused &&
           !stream->error && !stream->wakeup && !iostream_buffered(stream).len &&
           !iostream_unsent(stream);
}

size_t http_server_pack(struct http_server *server, struct http1_connection **out_connections,
                        size_t max)
{
    size_t count = 0;
    list_each (&server->connections, link) {
        struct http1_connection *connection = container_of(link, struct http1_connection, link);
        if (count == max)
            break;
        if (!can_go(connection))
            continue;
        http1_pack(connection);
        out_connections[count++] = connection;
    }
    return count;
}

int http_parcel_of(const struct http1_connection *connection, struct http_parcel *out_parcel)
{
    *out_parcel = (struct http_parcel){
        .peer = connection->peer,
        .listener = connection->listener,
        .idle_until_ms = connection->idle_since_ms + connection->server->settings->idle_timeout_ms,
    };
    return connection->stream.fd;
}

void http_server_let_go(struct http1_connection *connection)
{
    http1_close(connection);
}

void http_server_take_back(struct http1_connection *connection, bool is_refused)
{
    connection->is_refused = is_refused;
    http1_unpack(connection);
}

/* What is left of its time counts, but no more than is granted here. */
void http_server_adopt(struct http_server *server, int fd, const struct http_parcel *parcel)
{
    int64_t now_ms = ioloop_now_ms(server->loop);
    tcp_server_hold(&server->tcp);
    struct http1_connection *connection = http1_open(server, fd, &parcel->peer);
    connection->listener = parcel->listener;
    if (server->limits)
        connection->held = client_limits_keep(server->limits, &parcel->peer);
    int64_t since_ms = parcel->idle_until_ms - server->settings->idle_timeout_ms;
    connection->idle_since_ms = since_ms < now_ms ? since_ms : now_ms;
    http1_drain(connection);
}
