/* coverage.h - which listening sockets a worker accepts from.
 *
 * Connections that the kernel put into the queue of a worker that hangs, died or was stopped would
 * wait there. So every worker holds the sockets of all places: it watches its own, the shared
 * ones, and those of every place at which the board shows no worker that serves with a fresh
 * heartbeat. A place beyond the number of workers has none: its socket is leaving, and all help to
 * empty its queue. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "loop/timer.h"

struct board;
struct ioloop;
struct tcp_server;
struct worker_socket;

enum {
    COVERAGE_CHECK_MS = 250, /* also how often an idle loop turns, so that it has a heartbeat */
    COVERAGE_STALE_MS = 1000,
};

struct coverage {
    struct ioloop *loop;
    struct board *board;
    unsigned place;
    struct covered *sockets; /* owned */
    size_t count;
    bool is_on;
    struct timer timer;
};

/* Adds the sockets (taken) to the server; nothing is watched yet. */
void coverage_init(struct coverage *coverage, struct board *board, struct tcp_server *server,
                   unsigned place, const struct worker_socket *sockets, size_t count);
/* Starts to accept, and to look every COVERAGE_CHECK_MS for places to cover. */
void coverage_start(struct coverage *coverage);
/* Closes the sockets of this place and those above. */
void coverage_retire(struct coverage *coverage, unsigned place);
/* How many connections wait in queues that only this process may be left to empty. */
size_t coverage_queued(const struct coverage *coverage);
/* Ends it; before the server is stopped, which closes the sockets. */
void coverage_finish(struct coverage *coverage);

/* Whether some worker of that place serves, its heartbeat fresh at now_ms. */
bool coverage_is_alive(struct board *board, unsigned place, int64_t now_ms);
