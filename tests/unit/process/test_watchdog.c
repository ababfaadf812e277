/* test_watchdog.c - what counts as standing still. Workers that do are for the system tests. */
#include "process/watchdog.h"

#include "base/macros.h"
#include "unit.h"

START_TEST(counts_only_what_it_was_awake_for)
{
    static const struct {
        int64_t heartbeat_ms, passed_ms, silent_ms;
    } looks[] = {
        {1000, 500, 0},        /* the first one */
        {1000, 500, 500},      /* stands */
        {1000, 1000, 1500},    /* a late look counts whole */
        {1000, 3600000, 2000}, /* but nothing was looking for an hour */
        {1000, -5, 1995},      /* no clock goes back; if one did, nothing bad follows */
        {1001, 500, 0},        /* turns again */
        {1001, 500, 500},      {0, 500, 0}, /* a worker that is not watched */
        {0, 500, 0},           {5, 500, 0},
    };
    struct watchdog_view view = {0};
    for (size_t i = 0; i < ARRAY_LEN(looks); i++)
        ck_assert_int_eq(watchdog_see(&view, looks[i].heartbeat_ms, looks[i].passed_ms),
                         looks[i].silent_ms);
}
END_TEST

UNIT_MAIN(counts_only_what_it_was_awake_for)
