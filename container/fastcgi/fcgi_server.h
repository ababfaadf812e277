/* fcgi_server.h - web servers that speak FastCGI to gale, on connections of their own.
 *
 * Beside an http_server whose settings, logs, counters, trust and `serve` it shares, so that the
 * same apps answer in the same way. Only peers on unix sockets and trusted ones may speak to it:
 * whoever speaks FastCGI says who the client is. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "base/list.h"

struct http_server;
struct peer;

struct fcgi_server {
    struct http_server
        *http; /* borrowed; its tasks and its tcp_server's connections include ours */
    struct list connections;
    size_t connection_count;
    int64_t last_warning_ms; /* when a peer was last said to be turned away; 0: never */
};

void fcgi_server_init(struct fcgi_server *server, struct http_server *http);
/* Takes a connected socket that http->tcp accepted, and closes it if the peer is not trusted. */
void fcgi_server_accept(struct fcgi_server *server, int fd, const struct peer *peer);
/* Call these three after http_server's of the same name. */
void fcgi_server_drain(struct fcgi_server *server);
bool fcgi_server_is_empty(const struct fcgi_server *server);
size_t fcgi_server_close(struct fcgi_server *server);
