/* test_worker_recycle.c - limits that differ from worker to worker, within bounds. */
#include "process/worker_recycle.h"

#include "unit.h"

START_TEST(limits_are_a_little_lower)
{
    ck_assert_uint_eq(worker_recycle_limit(0, 12345), 0); /* none stays none */
    ck_assert_uint_eq(worker_recycle_limit(1, 12345), 1);
    ck_assert_uint_eq(worker_recycle_limit(1000, 0), 1000);
    for (uint64_t chance = 0; chance < 5000; chance += 7) {
        uint64_t limit = worker_recycle_limit(1000, chance);
        ck_assert_uint_le(limit, 1000);
        ck_assert_uint_ge(limit, 900);
    }
    ck_assert_uint_eq(worker_recycle_limit(1000, 50), 950);
}
END_TEST

UNIT_MAIN(limits_are_a_little_lower)
