/* fcgi_server.c - whom to listen to, and an orderly end. */
#include "fastcgi/fcgi_server.h"

#include "base/log.h"
#include "base/macros.h"
#include "base/str.h"
#include "fastcgi/fcgi_front.h"
#include "http/forwarded.h"
#include "http/http_server.h"

enum { WARN_EVERY_MS = 10000 };

void fcgi_server_init(struct fcgi_server *server, struct http_server *http)
{
    *server = (struct fcgi_server){.http = http};
    list_init(&server->connections);
}

static bool is_trusted(const struct fcgi_server *server, const struct peer *peer)
{
    char text[INET6_ADDRSTRLEN];
    const struct forwarded_trust *trust = server->http->trust;
    if (peer->family == AF_UNIX)
        return true;
    return trust && forwarded_is_trusted(trust, str_of(peer_print(peer, text)));
}

static void warn(struct fcgi_server *server, const struct peer *peer)
{
    char text[INET6_ADDRSTRLEN];
    int64_t now_ms = ioloop_now_ms(server->http->loop);
    if (server->last_warning_ms && now_ms - server->last_warning_ms < WARN_EVERY_MS)
        return;
    server->last_warning_ms = now_ms;
    log_warn("a FastCGI peer was turned away: it is not among trusted_proxies",
             LOG_TEXT("peer", peer_print(peer, text)));
}

void fcgi_server_accept(struct fcgi_server *server, int fd, const struct peer *peer)
{
    if (is_trusted(server, peer)) {
        fcgi_connection_open(server, fd, peer);
        return;
    }
    warn(server, peer);
    ioloop_close(server->http->loop, fd);
    tcp_server_release(&server->http->tcp);
}

void fcgi_server_drain(struct fcgi_server *server)
{
    list_each (&server->connections, link)
        fcgi_connection_drain(container_of(link, struct fcgi_connection, link));
}

bool fcgi_server_is_empty(const struct fcgi_server *server)
{
    return server->connection_count == 0;
}

/* http_server_close has cancelled the tasks. */
size_t fcgi_server_close(struct fcgi_server *server)
{
    size_t cut = 0;
    list_each (&server->connections, link) {
        struct fcgi_connection *connection = container_of(link, struct fcgi_connection, link);
        if (connection->state != FCGI_STATE_ACTIVE)
            fcgi_connection_close(connection);
        else if (connection->current)
            http_server_log_cut(&connection->current->exchange.label, cut++);
    }
    return cut;
}
