/* http1.h - one HTTP/1.1 connection and the front that speaks it (RFC 9112).
 *
 *            bytes arrive                    an error answer, or bytes left unread
 *   IDLE ------------------> ACTIVE (a task) ------------------------------------> LINGER
 *  ^ |  <------------------     |                                                    |
 *  | |  answered, kept          | answered, not kept                 end or 2 s      |
 *  | v                          v                                                    v
 *  PACKED ----------------->  closed                                               closed
 *     it goes on in another process (http_handover.h)
 *
 * Idle, packed and lingering connections hold no task, no stack and no buffer: this struct is all.
 * An active one borrows a task, on whose stack the exchange and the arena's first block live. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/list.h"
#include "http/chunked.h"
#include "http/exchange.h"
#include "loop/timer.h"
#include "net/endpoint.h"
#include "net/iostream.h"

struct http_server;

/* Unread body bytes that are worth reading to keep the connection. */
enum { HTTP1_DRAIN_MAX = 64 * 1024 };

enum http1_state { HTTP1_IDLE, HTTP1_ACTIVE, HTTP1_LINGER, HTTP1_PACKED };

struct http1_connection {
    struct http_server *server; /* owns the connection through its list */
    struct list link;
    struct iostream stream;
    struct timer timer;
    int64_t idle_since_ms;
    struct task *task;              /* while ACTIVE */
    struct http1_exchange *current; /* the exchange being served; NULL between two */
    struct peer peer;
    struct peer local;    /* of this end; no family until somebody has asked */
    int held;             /* by client_limits */
    uint32_t listener;    /* endpoint_key of where it came to; 0: not to be handed over */
    uint8_t state;        /* enum http1_state */
    bool is_half_closed;  /* the client ended its sending side while we serve */
    bool is_keep_alive;   /* another request may follow */
    bool is_unread;       /* bytes of the client will not be read: linger */
    bool is_refused;      /* its successor would not have it */
    bool is_one_too_many; /* of its client: told so, and counted in refused_count */
    bool must_reset;      /* the answer ends with the connection and is not whole: no orderly end */
};

struct http1_exchange {
    struct exchange exchange;
    struct http1_connection *connection;
    struct chunked chunked; /* of the request body */
    uint64_t body_left;     /* of a request body with a length */
    bool expects_continue;  /* 100 is still owed */
    bool is_chunked_out;    /* the response is chunked */
    bool has_last_chunk;    /* its end was sent with the last piece */
    bool is_open_ended;     /* it ends with the connection (HTTP/1.0) */
};

extern const struct front http1_front;

/* Takes a connected socket, which is idle. Returns the connection; the server owns it. */
struct http1_connection *http1_open(struct http_server *server, int fd, const struct peer *peer);
/* Tells a new one that its client has too many, and ends it: soon, or where many end so, at once.
 */
void http1_refuse(struct http1_connection *connection);
/* On one that is not active, or at the end of the task. */
void http1_close(struct http1_connection *connection);
/* How long idle ones may stay has changed. */
void http1_drain(struct http1_connection *connection);
/* Takes an idle one off the loop, or puts it back. */
void http1_pack(struct http1_connection *connection);
void http1_unpack(struct http1_connection *connection);

/* Writes the head of the response into the stream's gathered bytes. Returns 0, or -errno. */
SUSPENDS int http1_put_head(struct http1_exchange *x, int64_t body_length);
/* The current Date field's value, HTTP_DATE_LEN bytes. */
const char *http1_date(void);
