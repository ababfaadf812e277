/* Token buckets: what a burst is, how it refills, whose entry is whose, and many processes. */
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/macros.h"
#include "base/rate_table.h"

enum { SECOND = 1000000000 };
static const int64_t start = 5 * (int64_t)SECOND;

static struct rate_table *make(void)
{
    void *at = mmap(NULL, sizeof(struct rate_table), PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ck_assert(at != MAP_FAILED);
    return at;
}

static struct rate_limit limit_of(int64_t interval_ns, int64_t burst)
{
    return (struct rate_limit){interval_ns, interval_ns * burst, 0};
}

START_TEST(a_bucket_gives_a_burst_and_then_the_rate)
{
    struct rate_table *table = make();
    const struct rate_limit limit = limit_of(SECOND / 10, 3);
    static const struct {
        int64_t at_ms, wait_ms;
    } rows[] = {
        {0, 0},   {0, 0},     {0, 0},    {0, 100},  {1, 99},     {99, 1},
        {100, 0}, {100, 100}, {150, 50}, {250, 0},  {250, 50},   {299, 1},
        {300, 0}, {5000, 0},  {5000, 0}, {5000, 0}, {5000, 100},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t wait = rate_table_take(table, 7, &limit, start + rows[i].at_ms * 1000000);
        ck_assert_msg(wait == rows[i].wait_ms * 1000000, "row %zu: %lld", i, (long long)wait);
    }
}
END_TEST

START_TEST(one_at_a_time_when_the_burst_is_one)
{
    struct rate_table *table = make();
    const struct rate_limit limit = limit_of(SECOND, 1);
    ck_assert_int_eq(rate_table_take(table, 7, &limit, start), 0);
    ck_assert_int_eq(rate_table_take(table, 7, &limit, start), SECOND);
    ck_assert_int_eq(rate_table_take(table, 7, &limit, start + SECOND), 0);
}
END_TEST

START_TEST(a_clock_that_stands_behind_takes_nothing_back)
{
    struct rate_table *table = make();
    const struct rate_limit limit = limit_of(SECOND, 2);
    ck_assert_int_eq(rate_table_take(table, 7, &limit, start), 0);
    ck_assert_int_eq(rate_table_take(table, 7, &limit, start - SECOND / 2), SECOND / 2);
    ck_assert_int_eq(rate_table_take(table, 7, &limit, start), 0);
}
END_TEST

START_TEST(a_debt_of_a_stricter_limit_is_forgiven)
{
    struct rate_table *table = make();
    const struct rate_limit hour = limit_of(3600 * (int64_t)SECOND, 5), quick = limit_of(SECOND, 2);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(rate_table_take(table, 7, &hour, start), 0);
    ck_assert_int_eq(rate_table_take(table, 7, &quick, start), SECOND);
}
END_TEST

START_TEST(neighbours_have_their_own_until_there_is_no_room)
{
    struct rate_table *table = make();
    const struct rate_limit limit = limit_of(SECOND, 1);
    uint64_t key = RATE_ENTRIES - 3; /* the window goes round the end */
    for (int i = 0; i < RATE_WINDOW; i++)
        ck_assert_int_eq(
            rate_table_take(table, key + (uint64_t)(i + 1) * RATE_ENTRIES, &limit, start), 0);
    for (int i = 0; i < RATE_WINDOW; i++)
        ck_assert_int_eq(
            rate_table_take(table, key + (uint64_t)(i + 1) * RATE_ENTRIES, &limit, start), SECOND);
    ck_assert_int_eq(rate_table_take(table, key, &limit, start), -ENOSPC);
    /* Full buckets make room. */
    ck_assert_int_eq(rate_table_take(table, key, &limit, start + SECOND), 0);
    ck_assert_int_eq(rate_table_take(table, key, &limit, start + SECOND), SECOND);
}
END_TEST

enum { PROCESSES = 4, TOKENS = 20000 };

/* What all of them get together, one of them being killed at it, is what the bucket has. */
START_TEST(processes_share_a_bucket_and_may_die)
{
    struct rate_table *table = make();
    _Atomic int *taken =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const struct rate_limit limit = limit_of(SECOND, TOKENS);
    pid_t pids[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        if (pids[i])
            continue;
        while (rate_table_take(table, 7, &limit, start) == 0)
            atomic_fetch_add(taken, 1);
        _exit(0);
    }
    kill(pids[0], SIGKILL);
    for (int i = 0; i < PROCESSES; i++)
        ck_assert_int_eq(waitpid(pids[i], NULL, 0), pids[i]);
    ck_assert_int_ge(*taken, TOKENS - 1); /* it may have died between the two steps */
    ck_assert_int_le(*taken, TOKENS);
    ck_assert_int_eq(rate_table_take(table, 7, &limit, start), SECOND);
}
END_TEST

UNIT_MAIN(a_bucket_gives_a_burst_and_then_the_rate, one_at_a_time_when_the_burst_is_one,
          a_clock_that_stands_behind_takes_nothing_back, a_debt_of_a_stricter_limit_is_forgiven,
          neighbours_have_their_own_until_there_is_no_room, processes_share_a_bucket_and_may_die)
