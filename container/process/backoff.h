/* backoff.h - how long to wait before something that died is started again.
 *
 * 100 ms after the first death, twice as long after each further one, at most 30 s; or 1 s, where
 * somebody was being served and others wait to be. Whoever lived for a minute has earned a new
 * beginning. */
#pragma once
#include <stdint.h>

enum {
    BACKOFF_FIRST_MS = 100,
    BACKOFF_BUSY_MS = 1000,
    BACKOFF_MAX_MS = 30 * 1000,
    BACKOFF_HEALTH_MS = 60 * 1000,
};

struct backoff {
    int64_t delay_ms; /* of the last death; 0: none yet */
};

/* The delay after a death, at most `most_ms`; `lived_ms` is how long it had served. */
int64_t backoff_next(struct backoff *backoff, int64_t lived_ms, int64_t most_ms);
