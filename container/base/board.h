/* board.h - the memory that all of gale's processes share.
 *
 * One memfd, made by the master and mapped by every worker: what each worker is doing, its
 * heartbeat, and every metric. Each process writes its own slot only, with plain relaxed stores;
 * readers sum over the slots. A counter of a worker that died is folded into the board's own
 * column, so no metric ever goes back; a gauge dies with its worker. Limits that hold for the
 * whole instance are gauges, too: board_hold asks the sum.
 *
 *   [head | folded values | metric names][slot 0: state, values][slot 1] ... [the master's slot]
 *
 * A process that never attached (unit tests, `gale check`) counts into a private slot and has a
 * table of its own, so a worker attaches before it asks for a metric.
 *
 * Behind it lies, in the same memfd, what clients.h knows of clients; the board leaves it alone. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/crash_record.h"

struct board;

enum { BOARD_SLOTS = 256, BOARD_METRICS = 4096, BOARD_TEXT = 160, BOARD_ID = 24 };

enum board_kind { BOARD_COUNTER, BOARD_GAUGE };

enum board_state {
    BOARD_FREE,
    BOARD_STARTING, /* opens its apps */
    BOARD_READY,    /* waits for "go" */
    BOARD_SERVING,
    BOARD_DRAINING,
};

struct board_slot {
    _Atomic uint32_t state; /* enum board_state */
    char group[48];         /* the isolated app whose worker it is; "": the front's */
    uint32_t place;         /* the worker's place in its group */
    int32_t pid;
    uint64_t generation;
    int64_t started_ms;           /* monotonic */
    _Atomic int64_t heartbeat_ms; /* monotonic; each turn of the loop */
    _Atomic uint64_t memory;      /* bytes that it holds, as last looked at */
    /* What it still has while it drains. */
    _Atomic uint32_t draining_requests, draining_connections, draining_tasks;
    _Atomic uint32_t may_block; /* its app holds up the loop: no heartbeat then says nothing */
    /* What the worker's current task is doing, for crash reports: zero-terminated. */
    char app[48];
    char request[BOARD_TEXT];
    char request_id[BOARD_ID];
    struct crash_record crash;              /* how it died */
    _Atomic uint64_t values[BOARD_METRICS]; /* of the loop's thread */
    _Atomic uint64_t shared[BOARD_METRICS]; /* of its other threads; a metric is the sum of both */
};

/* The slot this process counts into; never NULL. */
extern struct board_slot *board_mine;

/* Makes a board (master), whose own slot is slot BOARD_SLOTS. Returns 0 and the board, its
 * descriptor in *out_fd (owned, CLOEXEC), or -errno. */
int board_create(struct board **out_board, int *out_fd);
/* Maps the board behind `fd` (borrowed) and makes `slot` this process's; a master that was exec'd
 * onto itself takes BOARD_SLOTS. Returns 0, -EINVAL where fd is no such board, or -errno. */
int board_attach(int fd, unsigned slot, struct board **out_board);
void board_detach(struct board *board);
/* Where in the memfd the memory of clients.h begins. */
uint64_t board_clients_offset(void);
/* The board this process created or attached to, or NULL. */
struct board *board_current(void);

struct board_slot *board_slot(struct board *board, unsigned index);
/* No slot from here on was ever claimed. */
unsigned board_used(const struct board *board);
/* Claims the lowest free slot (master only) and zeroes it; its state is BOARD_STARTING. Returns its
 * index, or -ENOSPC. */
int board_claim(struct board *board);
/* Folds the slot's counters, drops its gauges, frees it (master only, its worker being reaped). */
void board_retire(struct board *board, unsigned index);
/* Lets everybody know that the request with this id has used up a worker and is not to be run once
 * more (master only, before that worker's slot is retired). The last BOARD_CONDEMNED are known. */
enum { BOARD_CONDEMNED = 64 };
void board_condemn(struct board *board, const char *request_id);
bool board_is_condemned(const struct board *board, const char *request_id);

/* The index of the metric of that name and labels, registering it when new: the same in every
 * process. `labels` is text as Prometheus writes it (app="hello",code="2xx") or ""; `help` is one
 * sentence, cut at BOARD_TEXT. Returns -ENOSPC when the table is full, -EINVAL for a name or label
 * text that is too long (BOARD_TEXT), a name that is not [a-zA-Z_:][a-zA-Z0-9_:]*, or one that is
 * there already as the other kind. */
int board_metric(enum board_kind kind, const char *name, const char *labels, const char *help);

static inline void board_add(int metric, int64_t delta)
{
    if (metric < 0) /* a metric that found no room counts nowhere */
        return;
    _Atomic uint64_t *value = &board_mine->values[metric];
    uint64_t old = atomic_load_explicit(value, memory_order_relaxed);
    atomic_store_explicit(value, old + (uint64_t)delta, memory_order_relaxed);
}
/* The same from a thread that is not the loop's: an atomic addition. */
void board_add_shared(int metric, int64_t delta);
void board_set(int metric, int64_t value);

/* Takes one of `max` holdings of the gauge for this process; false when all processes together
 * hold that many already, or when two ask at the same instant for the last one. Takes no lock, so
 * that a stopped process stops nobody else. board_release gives it back. */
bool board_hold(int gauge, uint64_t max);
void board_release(int gauge);
/* The sum over all slots, folded values included. */
int64_t board_sum(int metric);

struct board_sample {
    enum board_kind kind;
    const char *name, *labels, *help; /* valid while the board is */
    int64_t value;
};
/* Calls fn for every metric, those of one name one after the other; stops at a result != 0,
 * which it returns. */
int board_each(int (*fn)(void *data, const struct board_sample *sample), void *data);
