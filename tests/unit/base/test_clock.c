/* Two clocks that go forward. */
#include "unit.h"

#include <time.h>
#include "base/clock.h"

START_TEST(the_waiting_clock_never_goes_back)
{
    int64_t last = clock_mono_ns();
    for (int i = 0; i < 100000; i++) {
        int64_t now = clock_mono_ns();
        ck_assert_int_ge(now, last);
        last = now;
    }
    ck_assert_int_ge(clock_mono_ms(), last / 1000000);
}
END_TEST

START_TEST(the_wall_clock_is_in_milliseconds)
{
    int64_t before = (int64_t)time(NULL) * 1000;
    int64_t now = clock_wall_ms();
    ck_assert_int_ge(now, before);
    ck_assert_int_lt(now, before + 60000);
}
END_TEST

UNIT_MAIN(the_waiting_clock_never_goes_back, the_wall_clock_is_in_milliseconds)
