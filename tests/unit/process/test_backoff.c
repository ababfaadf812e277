/* test_backoff.c - delays double, have a ceiling, and are forgiven after a minute of health. */
#include "process/backoff.h"
#include "unit.h"

START_TEST(doubles_up_to_the_ceiling)
{
    static const int64_t expected[] = {100,  200,   400,   800,   1600, 3200,
                                       6400, 12800, 25600, 30000, 30000};
    struct backoff backoff = {0};
    for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++)
        ck_assert_int_eq(backoff_next(&backoff, 10, BACKOFF_MAX_MS), expected[i]);
}
END_TEST

START_TEST(who_died_at_work_is_wanted_soon)
{
    static const int64_t expected[] = {100, 200, 400, 800, 1000, 1000};
    struct backoff backoff = {0};
    for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++)
        ck_assert_int_eq(backoff_next(&backoff, 10, BACKOFF_BUSY_MS), expected[i]);
    ck_assert_int_eq(backoff_next(&backoff, 0, BACKOFF_MAX_MS), 2000);
    ck_assert_int_eq(backoff_next(&backoff, 10, BACKOFF_BUSY_MS), 1000);
}
END_TEST

START_TEST(health_is_a_new_beginning)
{
    struct backoff backoff = {0};
    for (int i = 0; i < 5; i++)
        (void)backoff_next(&backoff, 0, BACKOFF_MAX_MS);
    ck_assert_int_eq(backoff_next(&backoff, BACKOFF_HEALTH_MS - 1, BACKOFF_MAX_MS), 3200);
    ck_assert_int_eq(backoff_next(&backoff, BACKOFF_HEALTH_MS, BACKOFF_MAX_MS), BACKOFF_FIRST_MS);
    ck_assert_int_eq(backoff_next(&backoff, 0, BACKOFF_MAX_MS), 2 * BACKOFF_FIRST_MS);
}
END_TEST

UNIT_MAIN(doubles_up_to_the_ceiling, who_died_at_work_is_wanted_soon, health_is_a_new_beginning)
