/* watchdog.h - replacing workers whose loop does not turn any more.
 *
 * Every WATCHDOG_TICK_MS the master looks at each worker's heartbeat. What counts is how long it
 * stood still while the master itself was awake: neither a clock that jumps nor a machine that
 * slept, nor a frozen cgroup, nor a master that got no CPU can make a worker look stuck. One that a
 * debugger holds is left alone. */
#pragma once
#include <stdint.h>
#include "loop/timer.h"

struct master;

enum { WATCHDOG_TICK_MS = 500 };

struct watchdog {
    struct master *master; /* borrowed */
    struct timer timer;
    int64_t looked_ms; /* monotonic */
    unsigned ticks;
};

void watchdog_start(struct watchdog *watchdog, struct master *master);
void watchdog_stop(struct watchdog *watchdog);

/* What was last seen of a worker. */
struct watchdog_view {
    int64_t heartbeat_ms;
    int64_t silent_ms;  /* how long it has been that */
    int64_t writing_ms; /* how long it has been writing its crash record */
};

/* Takes in a heartbeat, `passed_ms` after the one before; returns how long it has stood still. A
 * worker without a heartbeat (0) is not watched. */
int64_t watchdog_see(struct watchdog_view *view, int64_t heartbeat_ms, int64_t passed_ms);
