/* ticks.h - the CPU's own counter, for times that are taken at every switch of a task.
 *
 * Reading it costs half of what the clock does. The counter runs at a constant rate on whatever
 * gale runs on; what its rate is, is measured against the clock from the start of the process. */
#pragma once
#include <stdint.h>
#include "base/clock.h"

static inline uint64_t ticks_now(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
#else
    return (uint64_t)clock_mono_ns();
#endif
}

/* How long so many ticks take. */
int64_t ticks_to_ns(uint64_t ticks);
