/* Ticks: they go on, at about the clock's rate. */
#include "unit.h"

#include "base/clock.h"
#include "loop/ticks.h"

START_TEST(agrees_with_the_clock)
{
    for (int i = 0; i < 3; i++) {
        int64_t ns = clock_mono_ns();
        uint64_t ticks = ticks_now();
        while (clock_mono_ns() - ns < 20 * 1000000)
            ;
        int64_t measured = ticks_to_ns(ticks_now() - ticks);
        ns = clock_mono_ns() - ns;
        ck_assert_int_gt(measured, ns / 2);
        ck_assert_int_lt(measured, ns * 2);
    }
    ck_assert_int_eq(ticks_to_ns(0), 0);
}
END_TEST

UNIT_MAIN(agrees_with_the_clock)
