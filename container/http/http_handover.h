/* http_handover.h - idle connections that go on in another process, so that no client sees a
 * reload.
 *
 * The old process packs a connection: takes it off its loop, before anybody else has it. When the
 * other one has taken it, it is let go here; when that one would not have it, it is unpacked and
 * goes on here. Bytes that arrive meanwhile wait in the socket for whoever has it then. Only
 * connections between two requests of which nothing is buffered, in or out, can be packed. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "net/endpoint.h"

struct http1_connection;
struct http_server;

/* What there is to know of one besides its socket. */
struct http_parcel {
    struct peer peer;
    uint32_t listener;     /* endpoint_key of the address that it came to */
    int64_t idle_until_ms; /* monotonic, which is the same in all processes */
};

/* Packs up to `max` connections. Returns how many; they stay the server's. */
size_t http_server_pack(struct http_server *server, struct http1_connection **out_connections,
                        size_t max);
/* Its socket (borrowed) and the rest. */
int http_parcel_of(const struct http1_connection *connection, struct http_parcel *out_parcel);
/* A packed one goes on elsewhere: it is closed here, and the client does not notice. */
void http_server_let_go(struct http1_connection *connection);
/* A packed one goes on here. `is_refused`: the successor would not have it, so it stays. */
void http_server_take_back(struct http1_connection *connection, bool is_refused);

/* Takes a connection that another process has packed. */
void http_server_adopt(struct http_server *server, int fd, const struct http_parcel *parcel);
