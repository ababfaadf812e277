/* Output through a relay: in order, with room for little, to an end of either side. */
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include "adapters/gateway/relay.h"
#include "base/log.h"
#include "loop/ioloop.h"
#include "loop/task.h"

enum { TOTAL = 3 * 1000 * 1000, PIECE = 30000 };

static struct relay relay;
static size_t given, taken, fail_at;
static int nap_ms, read_result, result;

static char byte_at(size_t at)
{
    return (char)(at * 7 + at / 1000);
}

static int give(void *data)
{
    static char piece[PIECE];
    (void)data;
    while (given < TOTAL) {
        for (size_t i = 0; i < PIECE; i++)
            piece[i] = byte_at(given + i);
        int r = relay_put(&relay, piece, PIECE);
        if (r < 0)
            return r;
        given += PIECE;
        if (nap_ms < 0)
            (void)task_sleep(-nap_ms);
    }
    return read_result;
}

static int take(void *data, const char *at, size_t len)
{
    (void)data;
    size_t same = 0;
    while (same < len && at[same] == byte_at(taken + same))
        same++;
    ck_assert_uint_eq(same, len);
    taken += len;
    if (nap_ms > 0)
        (void)task_sleep(nap_ms);
    return fail_at && taken >= fail_at ? -EPIPE : 0;
}

static int shortage = -1; /* the resource that is short while it runs */
static rlim_t most;

static void run_task(void *data)
{
    static const struct relay_ends ends = {give, take, NULL};
    struct rlimit before, now;
    if (shortage >= 0) {
        getrlimit(shortage, &before);
        now = (struct rlimit){most, before.rlim_max};
        setrlimit(shortage, &now);
    }
    result = relay_run(&relay, &ends, *(uint64_t *)data, NULL);
    if (shortage >= 0)
        setrlimit(shortage, &before);
}

static struct ioloop *loop;

static void run(uint64_t limit, int ms, bool cancel)
{
    struct task_group group;
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    task_group_init(&group);
    given = taken = 0;
    nap_ms = ms;
    result = 99;
    ck_assert_int_eq(task_spawn(loop, run_task, &limit, 0, &group), 0);
    for (int i = 0; task_count() && i < 4000; i++) {
        if (cancel && taken > TOTAL / 10)
            task_group_cancel(&group);
        ioloop_turn(loop, 5);
    }
    ck_assert_uint_eq(task_count(), 0);
    ioloop_destroy(loop);
}

START_TEST(all_of_it_arrives)
{
    static const uint64_t limits[] = {1, 100000, 1000000, 100000000};
    for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
        for (int ms = -1; ms <= 1; ms++) {
            run(limits[i], ms, false);
            ck_assert_int_eq(result, 0);
            ck_assert_uint_eq(taken, TOTAL);
            ck_assert(relay.has_read && !relay.is_untaken);
        }
    }
}
END_TEST

/* RLIMIT_FSIZE stands for the disk; without a descriptor there is no file at all. */
START_TEST(without_room_it_goes_through_memory)
{
    static const struct {
        int resource;
        rlim_t most;
    } shortages[] = {
        {RLIMIT_FSIZE, 0}, {RLIMIT_FSIZE, 1}, {RLIMIT_FSIZE, 100001}, {RLIMIT_NOFILE, 0}};
    log_set_fd(-1);
    signal(SIGXFSZ, SIG_IGN);
    for (size_t i = 0; i < sizeof(shortages) / sizeof(*shortages); i++) {
        for (int ms = -1; ms <= 1; ms++) {
            shortage = shortages[i].resource;
            most = shortages[i].most;
            run(1000000, ms, false);
            ck_assert_int_eq(result, 0);
            ck_assert_uint_eq(taken, TOTAL);
            ck_assert(relay.has_read && !relay.is_untaken);
        }
    }
    shortage = -1;
}
END_TEST

START_TEST(an_error_of_the_program_comes_last)
{
    read_result = -EBADMSG;
    run(1000000, 1, false);
    ck_assert_int_eq(result, -EBADMSG);
    ck_assert_uint_eq(taken, TOTAL);
    ck_assert(relay.has_read && !relay.is_untaken);
}
END_TEST

START_TEST(a_client_that_leaves_ends_it)
{
    fail_at = 500000;
    run(1, 0, false);
    ck_assert_int_eq(result, -EPIPE);
    ck_assert(relay.is_untaken && relay.has_read && given < TOTAL);
    fail_at = 0;
    run(1, 1, true);
    ck_assert_int_eq(result, -ECANCELED);
    ck_assert(relay.is_untaken && relay.has_read && given < TOTAL);
}
END_TEST

static void too_many(void *data)
{
    static const struct relay_ends ends = {give, take, NULL};
    (void)data;
    task_set_max(1);
    result = relay_run(&relay, &ends, 1, NULL);
}

START_TEST(without_a_task_nothing_is_done)
{
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    ck_assert_int_eq(task_spawn(loop, too_many, NULL, 0, NULL), 0);
    for (int i = 0; task_count() && i < 100; i++)
        ioloop_turn(loop, 5);
    ck_assert_int_eq(result, -EAGAIN);
    ck_assert(!relay.has_read && given == 0);
    ioloop_destroy(loop);
}
END_TEST

UNIT_MAIN(all_of_it_arrives, without_room_it_goes_through_memory,
          an_error_of_the_program_comes_last, a_client_that_leaves_ends_it,
          without_a_task_nothing_is_done)
