/* upstream_connection.h - one connection to a FastCGI server, in use or kept for the next request.
 *
 * An idle one is watched: it closes when the server ends it, and when it is as old as it may
 * become. None is kept while a new connection, of any worker, is late to be answered: it may wait
 * for the process that the kept one holds. Counted on the board. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/list.h"
#include "base/macros.h"
#include "fastcgi/fcgi_stream.h"
#include "loop/timer.h"
#include "net/iostream.h"

struct upstream;

struct upstream_connection {
    struct upstream *upstream; /* borrowed: outlives it */
    struct iostream stream;
    struct fcgi_reader reader;
    struct list link; /* while idle */
    struct timer timer;
    int64_t opened_ms;
    uint16_t requests; /* how many it has carried; the id of the last one */
    bool is_kept;      /* it has served a request already: it may have gone stale */
    bool is_late;      /* nothing has come on it for long */
};

/* An idle connection, or NULL. Owned by the caller from then on. */
struct upstream_connection *upstream_take_idle(struct upstream *upstream);
/* Connects. Returns 0 and the connection (owned), -ETIMEDOUT, -ECANCELED, or -errno. */
SUSPENDS int upstream_connect(struct upstream *upstream,
                              struct upstream_connection **out_connection);
/* A new connection is late to be answered, or is no more so. */
void upstream_set_late(struct upstream_connection *connection, bool is_late);
/* Keeps it for the next request if it may be kept, else closes it. Takes it. */
void upstream_give_back(struct upstream_connection *connection);
/* Takes it. */
void upstream_close(struct upstream_connection *connection);
void upstream_close_idle(struct upstream *upstream);
