/* test_backoff.c - delays double, have a ceiling, and are forgiven after a minute of health. */
#include "process/backoff.h"
#include "unit.h"

START_TEST(doubles_up_to_the_ceiling)
{
    static const int64_t expected[] = {100,  200,   400,   800,   1600, 3200,
                                       6400, 12800, 25600, 30000, 30000};
    struct backoff backoff = {0};
    for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++)
        ck_assert_int_eq(backoff_next(&backoff, 10), expected[i]);
}
END_TEST

START_TEST(health_is_a_new_beginning)
{
    struct backoff backoff = {0};
    for (int i = 0; i < 5; i++)
        (void)backoff_next(&backoff, 0);
    ck_assert_int_eq(backoff_next(&backoff, BACKOFF_HEALTH_MS - 1), 3200);
    ck_assert_int_eq(backoff_next(&backoff, BACKOFF_HEALTH_MS), BACKOFF_FIRST_MS);
    ck_assert_int_eq(backoff_next(&backoff, 0), 2 * BACKOFF_FIRST_MS);
}
END_TEST

UNIT_MAIN(doubles_up_to_the_ceiling, health_is_a_new_beginning)
