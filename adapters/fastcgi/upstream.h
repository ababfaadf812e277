/* upstream.h - the servers of one FastCGI app: which one is asked, and how they are.
 *
 *   serving  --failed-->  aside (1 s, then twice as long each time, 30 s at most)  --worked-->
 * serving
 *
 * The one with the fewest requests in flight in the whole instance is asked first, backups when no
 * other is well, and those set aside when nobody is: the one that is due first. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <gale/str.h>
#include "base/list.h"

struct fastcgi;

/* What can go wrong with a server, as metrics name it. */
#define UPSTREAM_FAILURES(X)                                                                       \
    X(REFUSED, "refused")       /* no connection */                                                \
    X(TIMEOUT, "timeout")       /* connecting or answering took too long */                        \
    X(CLOSED, "closed")         /* it ended the connection before it had answered */               \
    X(MALFORMED, "malformed")   /* records or a header that are none */                            \
    X(OVERLOADED, "overloaded") /* it said so */                                                   \
    X(UNSUITED, "unsuited")     /* unknown role, or it cannot multiplex what is not multiplexed */ \
    X(TRUNCATED, "truncated")   /* the end came within the answer */

enum upstream_failure {
#define FAILURE(name, text) UPSTREAM_##name,
    UPSTREAM_FAILURES(FAILURE)
#undef FAILURE
        UPSTREAM_FAILURE_COUNT
};

enum { UPSTREAMS_MAX = 64 };

struct upstream {
    const struct fastcgi *fastcgi; /* borrowed */
    struct gale_str text;          /* as configured, borrowed */
    struct gale_str address;       /* what it is reached at: the same, but for "spawn"; borrowed */
    bool is_backup;
    struct list idle; /* struct upstream_connection, the one used last first */
    size_t idle_count, open_count;
    int64_t aside_until_ms, backoff_ms; /* 0: it is well */
    bool is_asked;                      /* GET_VALUES is being asked or has been answered */
    size_t keep_max;                    /* idle connections here; 0 until it was asked */
    /* board metrics */
    int running, late, connections, requests, retries, failures[UPSTREAM_FAILURE_COUNT];
};

struct upstreams {
    struct upstream *items; /* owned */
    size_t count;
    size_t next; /* where the search begins, so that equals take turns */
};

void upstreams_init(struct upstreams *upstreams, struct fastcgi *fastcgi);
/* Closes idle connections; no request may be running. */
void upstreams_finish(struct upstreams *upstreams);
/* The server to ask next of those not in the set `tried` (a bit each), or NULL. */
struct upstream *upstreams_choose(struct upstreams *upstreams, uint64_t tried);
uint64_t upstreams_bit(const struct upstreams *upstreams, const struct upstream *upstream);

/* Closes idle connections until at most max - 1 are open in this worker, so far as idle ones are.
 */
void upstreams_make_room(struct upstreams *upstreams, size_t max);

/* Counts, and sets the server aside where others may fare better meanwhile. */
void upstream_failed(struct upstream *upstream, enum upstream_failure failure);
/* It has answered. */
void upstream_worked(struct upstream *upstream);
