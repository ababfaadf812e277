/* governor.h - how many may work at once, how many may wait for it, and for how long.
 *
 * `limit` holds for the whole instance: it is a gauge on the board, so workers share it. Waiting is
 * first come, first served within a worker; another worker's release is noticed within 50 ms. */
#pragma once
#include <stdint.h>
#include "base/macros.h"
#include "loop/task_sync.h"
#include "loop/timer.h"

struct governor {
    int gauge;      /* board metric of what is held */
    int waiting;    /* board gauge of who waits */
    uint64_t limit; /* 0: no limit */
    uint64_t queue; /* how many may wait, in the instance */
    struct task_line line;
    /* private */
    struct timer timer; /* runs while somebody waits: looks whether another worker gave back */
};

/* `name` and `labels` as for board_metric: "gale_cgi_processes", app="tools"; those who wait are
 * counted under the same name with "_waiting" behind it. Nothing to free. */
void governor_init(struct governor *governor, const char *name, const char *labels, uint64_t limit,
                   uint64_t queue);
/* 0 when one may begin; -EBUSY when the queue is full, -ETIMEDOUT, -ECANCELED. */
SUSPENDS int governor_enter(struct governor *governor, int64_t timeout_ms);
/* Not only on a task. */
void governor_leave(struct governor *governor);
