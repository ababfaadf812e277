/* fcgi_front.h - a web server in front of gale: one connection, and the front that speaks FastCGI.
 *
 *            a record arrives                answered, the connection is not kept, input is left
 *   IDLE ------------------> ACTIVE (a task) ------------------------------------> LINGER
 *    ^  <------------------     |                                                    |
 *       answered, kept          | answered, not kept, or cut         end or 2 s      |
 *                               v                                                    v
 *                             closed                                               closed
 *
 * It goes as http1.h goes: an idle connection is this struct and nothing else, an active one
 * borrows a task. One request at a time: a second id is told CANT_MPX_CONN. Bodies stream both ways
 * at the pace of whoever takes them. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/list.h"
#include "fastcgi/fcgi_stream.h"
#include "http/exchange.h"
#include "loop/timer.h"
#include "net/endpoint.h"
#include "net/iostream.h"

struct fcgi_server;

enum fcgi_state { FCGI_STATE_IDLE, FCGI_STATE_ACTIVE, FCGI_STATE_LINGER };

struct fcgi_connection {
    struct fcgi_server *server; /* owns the connection through its list */
    struct list link;
    struct iostream stream;
    struct fcgi_reader reader;
    struct timer timer;
    int64_t idle_since_ms;
    struct task *task;             /* while ACTIVE */
    struct fcgi_exchange *current; /* the exchange being served; NULL between two */
    struct peer peer;              /* the web server */
    uint8_t state;                 /* enum fcgi_state */
    bool is_half_closed;           /* the web server ended its sending side while we serve */
    bool is_kept;                  /* another request may follow */
    bool is_unread;                /* input of the last request may still come: linger */
    bool is_cut;                   /* close so that the web server sees that something is missing */
    bool is_torn;                  /* the last record may be incomplete: nothing can follow it */
    bool is_reading;               /* a task reads: what comes is its business */
};

struct fcgi_exchange {
    struct exchange exchange;
    struct fcgi_connection *connection;
    uint16_t id, role;
    bool is_kept;        /* the web server wants the connection to go on */
    bool has_output;     /* some of STDOUT was written */
    bool is_input_ended; /* of STDIN */
    bool is_aborted;     /* ABORT_REQUEST came */
    bool is_in_input;    /* within a record of STDIN */
    uint64_t input_read;
    struct gale_str local; /* the address that the client reached */
    unsigned local_port;
};

extern const struct front fcgi_front;

/* Takes a connected socket. */
void fcgi_connection_open(struct fcgi_server *server, int fd, const struct peer *peer);
/* On an idle or lingering one, or at the end of the task. */
void fcgi_connection_close(struct fcgi_connection *connection);
/* The server drains: an idle connection closes. */
void fcgi_connection_drain(struct fcgi_connection *connection);

/* ---- fcgi_dispatch.c: what belongs to the connection rather than to its one request ---- */

/* Reads records until one of the request's own, or one that begins a request when `x` is NULL, has
 * its content next: 1, or as fcgi_read_record. Others are answered or passed over on the way. */
SUSPENDS int fcgi_next_record(struct fcgi_connection *connection, const struct fcgi_exchange *x,
                              int64_t timeout_ms);
/* Looks at records that were buffered while nobody reads: an ABORT_REQUEST, the end of the input,
 * another request. Never waits. Returns whether it makes sense to look again when more comes. */
bool fcgi_look(struct fcgi_connection *connection);
/* Puts END_REQUEST without waiting; false when there is no room for it now. */
bool fcgi_put_end(struct iostream *stream, uint16_t id, uint8_t protocol_status);
