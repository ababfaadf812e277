/* Reading against time: deadlines, cancellation, and the share of a turn. */
#include "net_fixture.h"

#include "base/clock.h"

static struct link pair;
static const struct setup *setup;

#define FOR_EACH_SETUP for (setup = setups; setup < setups + ARRAY_LEN(setups); setup++)

static bool is_done;

static void drip(void *data)
{
    (void)data;
    while (!is_done) {
        ck_assert_int_eq(write_text(&pair.a, "x"), 0);
        ck_assert_int_eq(task_sleep(2), 0);
    }
}

static void read_dripping(void *data)
{
    char got[8], *at;
    static char big[65536];
    (void)data;
    /* Each byte comes in time, the frame does not. */
    ck_assert_int_eq(iostream_read_until(&pair.b, STR("\n"), 65536, 50, &at), -ETIMEDOUT);
    ck_assert_uint_gt(iostream_buffered(&pair.b).len, 0);
    ck_assert_int_eq(iostream_read_exactly(&pair.b, big, sizeof(big), 50), -ETIMEDOUT);
    ck_assert_int_eq(iostream_read_until_close(&pair.b, 65536, 50, &at), -ETIMEDOUT);
    /* Nothing failed: there is more to read, and to write. */
    ck_assert_int_eq(pair.b.error, 0);
    ck_assert_int_eq(iostream_read_exactly(&pair.b, got, sizeof(got), 1000), 0);
    ck_assert_int_eq(write_text(&pair.b, "408"), 0);
    is_done = true;
}

START_TEST(limits_the_time_of_the_whole_call)
{
    FOR_EACH_SETUP
    {
        is_done = false;
        link_open(&pair, setup);
        run_both(&pair, read_dripping, drip, NULL);
        link_close(&pair);
    }
}
END_TEST

static void write_until_done(void *data)
{
    static char bytes[65536];
    (void)data;
    while (!is_done)
        ck_assert_int_eq(write_bytes(&pair.a, bytes, sizeof(bytes)), 0);
}

static void read_from_a_flood(void *data)
{
    static char big[65536];
    (void)data;
    int64_t began_ms = clock_mono_ms();
    int r = 0;
    /* Reading never has to wait; the deadline counts all the same. 4 GB would take longer. */
    char *everything = malloc(1u << 30);
    r = iostream_read_exactly(&pair.b, everything, 1u << 30, 30);
    ck_assert_int_eq(r, -ETIMEDOUT);
    ck_assert_int_lt(clock_mono_ms() - began_ms, 5000);
    free(everything);
    is_done = true;
    while (iostream_read(&pair.b, big, sizeof(big), 100) > 0)
        ;
}

START_TEST(a_flood_does_not_outlast_the_deadline)
{
    is_done = false;
    link_open(&pair, setups);
    run_both(&pair, read_from_a_flood, write_until_done, NULL);
    link_close(&pair);
}
END_TEST

static size_t filled;

static void read_what_is_there(void *data)
{
    static char got[100000];
    (void)data;
    uint64_t first = ioloop_turn_number(pair.loop);
    for (size_t n = 0; n < filled;) {
        ssize_t r = iostream_read(&pair.b, got, sizeof(got), 1000);
        ck_assert_int_gt(r, 0);
        ck_assert_int_le(r, IOSTREAM_READ_MAX);
        n += (size_t)r;
    }
    ck_assert_uint_ge(ioloop_turn_number(pair.loop) - first, filled / TASK_TURN_BYTES);
}

START_TEST(a_reader_leaves_turns_to_others)
{
    static char bytes[65536];
    ssize_t n;
    link_open(&pair, setups);
    while ((n = send(pair.a.fd, bytes, sizeof(bytes), MSG_NOSIGNAL)) > 0)
        filled += (size_t)n;
    ck_assert_uint_gt(filled, 4 * TASK_TURN_BYTES);
    run_both(&pair, read_what_is_there, NULL, NULL);
    link_close(&pair);
}
END_TEST

static struct task *reader;

static void read_cancelled(void *data)
{
    char got[4];
    (void)data;
    reader = task_current();
    ck_assert_int_eq(iostream_read(&pair.b, got, 4, -1), -ECANCELED);
    ck_assert_int_eq(pair.b.error, 0);
    ck_assert_ptr_null(pair.b.in);
    task_reset(task_current());
    ck_assert_int_eq(iostream_read(&pair.b, got, 4, 1000), 2);
    ck_assert_int_eq(iostream_read(&pair.b, got, 4, 0), -ETIMEDOUT);
}

static void cancel_reader(void *data)
{
    (void)data;
    ck_assert_int_eq(task_yield(), 0);
    task_cancel(reader, -ECANCELED);
    ck_assert_int_eq(task_yield(), 0);
    ck_assert_int_eq(task_yield(), 0);
    ck_assert_int_eq(write_text(&pair.a, "ok"), 0);
}

START_TEST(a_cancelled_read_harms_nothing)
{
    FOR_EACH_SETUP
    {
        link_open(&pair, setup);
        run_both(&pair, read_cancelled, cancel_reader, NULL);
        link_close(&pair);
    }
}
END_TEST

UNIT_MAIN_ON_WAITERS(limits_the_time_of_the_whole_call, a_flood_does_not_outlast_the_deadline,
                     a_reader_leaves_turns_to_others, a_cancelled_read_harms_nothing)
