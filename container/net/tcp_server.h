/* tcp_server.h - accepting connections.
 *
 * Listens on sockets that somebody else made (the master: one SO_REUSEPORT socket for each worker
 * slot; systemd: inherited ones) or makes its own. Accepts until EAGAIN, at most 16 a turn and
 * listener. Out of descriptors it pauses for 100 ms at a time, closes at most 16 of those who wait
 * after each pause but the first, and says so at most once in ten seconds. Beyond max_connections
 * it stops accepting until one has gone. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/list.h"
#include "loop/ioloop.h"
#include "loop/timer.h"
#include "net/endpoint.h"

struct tcp_server;

/* A new connection: `fd` (taken, non-blocking, close-on-exec, TCP_NODELAY where it applies). */
typedef void tcp_server_stream_fn(void *data, int fd, const struct peer *peer,
                                  const struct endpoint *local);

struct tcp_listener {
    struct tcp_server *server;
    int fd; /* owned */
    struct endpoint local;
    uint32_t key; /* endpoint_key of it */
    bool is_watched;
    bool is_shared; /* other processes accept from it, too, and not all are to be woken for each
                       client; set before it is watched */
    /* private */
    struct list link;
};

struct tcp_server {
    struct ioloop *loop;
    tcp_server_stream_fn *on_stream;
    void *data;
    uint64_t max_connections; /* of the instance, by the board's gauge; 0: no limit */
    int gauge; /* board metric that counts connections; -1: none, and no limit then */
    /* private */
    struct list listeners;
    struct timer pause;
    bool is_full; /* the pause is for max_connections */
    bool is_suspended;
    int reserve_fd;                 /* owned: room for one more when there is none */
    int64_t exhausted_ms;           /* when there was none last; 0: never */
    int64_t last_warning_ms;        /* 0: never */
    struct tcp_listener *accepting; /* whose clients are being accepted now */
};

void tcp_server_init(struct tcp_server *server, struct ioloop *loop,
                     tcp_server_stream_fn *on_stream, void *data);
/* Adds a bound, listening socket (taken). `watched`: accept from it now. Returns it; it lives as
 * long as the server. */
struct tcp_listener *tcp_server_add(struct tcp_server *server, int fd, bool watched);
/* Starts or stops accepting from one listener. */
void tcp_listener_watch(struct tcp_listener *listener, bool watched);
/* For a shared one, now and then: sees clients for whom another process was woken that has not
 * come to accept them. */
void tcp_listener_look(struct tcp_listener *listener);
/* Accepts nothing, whatever is watched, until it is told to again. */
void tcp_server_suspend(struct tcp_server *server, bool suspended);
/* Closes one listener and frees it. */
void tcp_listener_close(struct tcp_listener *listener);
/* The listener at the address of that endpoint_key, or NULL. */
const struct tcp_listener *tcp_server_find(const struct tcp_server *server, uint32_t key);
/* Counts a connection that came from another process of the instance, where it was counted until
 * now: beyond no limit. */
void tcp_server_hold(struct tcp_server *server);
/* A connection that was handed over is closed: there is room for another. */
void tcp_server_release(struct tcp_server *server);
/* Closes every listener; connections live on. Fine twice. */
void tcp_server_stop(struct tcp_server *server);

/* A bound, listening socket. `reuse_port` shares the port among sockets that all asked so. A unix
 * path that nobody listens on is replaced, any other file there is -EADDRINUSE; its mode is `mode`,
 * or 0666 less the umask if that is 0. Returns the descriptor or -errno. */
int tcp_listen(const struct endpoint *endpoint, bool reuse_port, int mode, int backlog);
