/* clock.h - the two clocks.
 *
 * Waits use CLOCK_MONOTONIC in milliseconds; the wall clock is for logs and Date headers only. */
#pragma once
#include <stdint.h>

int64_t clock_mono_ms(void);
int64_t clock_mono_ns(void);
int64_t clock_wall_ms(void);      /* since 1970 */
int64_t clock_wall_seconds(void); /* since 1970, a few milliseconds coarse, but cheap */
