/* ticks.c - how long a tick is. */
#include "loop/ticks.h"

enum { SETTLED_NS = 1000000000 };

static uint64_t first_ticks;
static int64_t first_ns;

__attribute__((constructor)) static void begin(void)
{
    first_ns = clock_mono_ns();
    first_ticks = ticks_now();
}

/* Measured again until a second has passed; what reading the clocks takes is nothing by then. */
static double ns_per_tick(void)
{
    static double settled;
    if (settled > 0)
        return settled;
    int64_t ns = clock_mono_ns() - first_ns;
    uint64_t ticks = ticks_now() - first_ticks;
    double ratio = (double)ns / (double)(ticks ? ticks : 1);
    if (ns >= SETTLED_NS)
        settled = ratio;
    return ratio;
}

int64_t ticks_to_ns(uint64_t ticks)
{
    return (int64_t)((double)ticks * ns_per_tick());
}
