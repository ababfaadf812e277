/* client_limits.h - how much of the server one client may have: connections, and requests by time.
 *
 * A client is an IPv4 address, or an IPv6 network of 64 bits, which is what a household or a
 * machine gets. Who is known by no address (unix sockets) is not limited, nor are the networks of
 * `except`, nor trusted proxies: their connections are many clients', and their requests count for
 * whom they name. Where the tables have no room a client is let through. */
#pragma once
#include <stdint.h>
#include "base/rate_table.h"
#include "http/forwarded.h"

struct clients;
struct gale_request;
struct peer;

struct client_limits {
    struct clients *clients;             /* owned */
    uint64_t connections;                /* of one client; 0: any number */
    const struct forwarded_trust *trust; /* borrowed; NULL: nobody */
    struct forwarded_trust except;       /* its networks are borrowed */
    /* private */
    int refused_connections, refused_requests, unknown; /* board metrics */
};

/* Fills in `clients` and the metrics; what it is about lies behind the board of that descriptor
 * (borrowed), see clients_open. 0 or -errno. */
int client_limits_open(struct client_limits *limits, int board_fd, unsigned slot);
void client_limits_close(struct client_limits *limits);

/* Counts a new connection. Returns what client_limits_release takes, 0 where it is not counted, or
 * -EAGAIN: its client has as many as it may, and whoever calls refuses it. */
int client_limits_hold(struct client_limits *limits, const struct peer *peer);
/* The same for one that is there already, which is never refused. */
int client_limits_keep(struct client_limits *limits, const struct peer *peer);
void client_limits_release(struct client_limits *limits, int held);

/* How many of each were refused so far, by all workers. */
void client_limits_refused(int64_t *out_connections, int64_t *out_requests);

/* Counts a request. Returns 0, or after how many seconds its client may ask again. */
unsigned client_limits_charge(struct client_limits *limits, const struct gale_request *req,
                              const struct rate_limit *rate);
