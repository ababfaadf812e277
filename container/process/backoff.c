/* backoff.c - doubling, with a ceiling. */
#include "process/backoff.h"

int64_t backoff_next(struct backoff *backoff, int64_t lived_ms, int64_t most_ms)
{
    if (lived_ms >= BACKOFF_HEALTH_MS || !backoff->delay_ms)
        backoff->delay_ms = BACKOFF_FIRST_MS;
    else if (backoff->delay_ms < most_ms / 2)
        backoff->delay_ms *= 2;
    else
        backoff->delay_ms = most_ms;
    return backoff->delay_ms;
}
