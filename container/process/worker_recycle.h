/* worker_recycle.h - when a worker has done enough: `max_requests` and `max_memory`; or when it
 * could not open all of its apps.
 *
 * It asks for a successor and serves on until that does. Each worker's limits are a little below
 * what is configured, by chance, so that those which started together do not all leave together. */
#pragma once
#include <stdint.h>
#include "loop/timer.h"

struct worker;

enum { RECYCLE_LOOK_MS = 1000 };

struct worker_recycle {
    struct worker *worker;             /* borrowed */
    uint64_t max_requests, max_memory; /* this worker's; 0: none */
    struct timer timer;                /* looks at its memory, which the board then shows */
    int statm;                         /* owned; -1: unknown */
};

void worker_recycle_start(struct worker_recycle *recycle, struct worker *worker);
void worker_recycle_stop(struct worker_recycle *recycle);
/* At the end of a turn. */
void worker_recycle_count(struct worker_recycle *recycle);

/* Up to a tenth less than `limit`; `chance` is any number. */
uint64_t worker_recycle_limit(uint64_t limit, uint64_t chance);
