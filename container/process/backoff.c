/* backoff.c - doubling, with a ceiling. */
#include "process/backoff.h"

int64_t backoff_next(struct backoff *backoff, int64_t lived_ms)
{
    if (lived_ms >= BACKOFF_HEALTH_MS || !backoff->delay_ms)
        backoff->delay_ms = BACKOFF_FIRST_MS;
    else if (backoff->delay_ms < BACKOFF_MAX_MS / 2)
        backoff->delay_ms *= 2;
    else
        backoff->delay_ms = BACKOFF_MAX_MS;
    return backoff->delay_ms;
}
