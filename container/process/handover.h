/* handover.h - idle connections on their way from a worker that drains to its successor.
 *
 *   giver (drains)                               taker (serves)
 *     <------------------------ room for n --
 *     -- up to 64 parcels [their sockets] -->     packed, and held here as well
 *     <--- refused, later, room for n more --     only then does it take them
 *
 * A connection is always somebody's: the giver lets it go when the taker has said that it has it,
 * and takes back what was refused, and everything under way when the taker is gone. The taker gives
 * room as it has it: its limits of connections and descriptors are its own. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/list.h"
#include "loop/ioloop.h"
#include "loop/timer.h"

struct http1_connection;
struct http_server;

enum {
    HANDOVER_BATCH = 64,                                   /* connections in one message */
    HANDOVER_UNDER_WAY = 4,                                /* messages that are not answered yet */
    HANDOVER_A_TURN = HANDOVER_BATCH * HANDOVER_UNDER_WAY, /* connections that are taken at once */
};

struct handover_batch {
    struct http1_connection *connections[HANDOVER_BATCH];
    size_t count;
};

/* ---- giving ---- */

struct giver {
    struct http_server *server;   /* borrowed */
    int fd;                       /* owned; -1: there is nobody to give to */
    void (*on_given)(void *data); /* whatever was idle is given; may be NULL */
    void *data;
    /* private */
    struct timer timer; /* after the taker went: until it is seen that no other comes */
    size_t room;
    struct handover_batch batches[HANDOVER_UNDER_WAY];
    size_t first, under_way;
};

void giver_init(struct giver *giver, struct http_server *server);
/* From now on gives to whom the descriptor (taken) leads; what is under way to another one is taken
 * back. When that one goes, another is waited for a moment before answers tell clients to close. */
void giver_open(struct giver *giver, int fd);
/* Gives to nobody any more; fine twice. */
void giver_close(struct giver *giver);
bool giver_is_open(const struct giver *giver);
/* Gives what is idle and finds room. To be called now and then. */
void giver_pump(struct giver *giver);

/* ---- taking ---- */

/* Whether clients of that address (endpoint_key) are served here. */
typedef bool taker_listens_fn(void *data, uint32_t listener);

struct taker {
    struct http_server *server; /* borrowed */
    taker_listens_fn *listens;
    void *data;
    /* private */
    struct list sources; /* owned */
    struct timer timer;  /* while room is owed */
    uint64_t turn;
    size_t taken; /* in that turn of the loop */
};

void taker_init(struct taker *taker, struct http_server *server, taker_listens_fn *listens,
                void *data);
/* Takes from a giver behind that descriptor (taken), until that has no more. */
void taker_open(struct taker *taker, int fd);
/* Takes from nobody any more; fine twice. */
void taker_close(struct taker *taker);
