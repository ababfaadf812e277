/* A second task: begun, ended, stopped before it began and in the midst of waiting. */
#include "unit.h"

#include <errno.h>
#include "adapters/gateway/subtask.h"
#include "loop/ioloop.h"
#include "loop/task.h"

static struct ioloop *loop;
static int result, runs;

static void nap(void *data)
{
    runs++;
    result = task_sleep(*(int *)data);
}

static void let_end(void *data)
{
    struct subtask subtask = {0};
    ck_assert(!subtask_is_running(&subtask));
    ck_assert_int_eq(subtask_start(&subtask, nap, data, NULL), 0);
    ck_assert(subtask_is_running(&subtask));
    while (subtask_is_running(&subtask))
        (void)task_sleep(1);
    subtask_stop(&subtask);
    ck_assert_int_eq(result, 0);
}

static void stop_at_once(void *data)
{
    struct subtask subtask = {0};
    ck_assert_int_eq(subtask_start(&subtask, nap, data, NULL), 0);
    subtask_stop(&subtask);
    ck_assert_int_eq(runs, 0); /* it had not begun */
}

static void stop_within(void *data)
{
    struct subtask subtask = {0};
    ck_assert_int_eq(subtask_start(&subtask, nap, data, NULL), 0);
    (void)task_yield();
    (void)task_yield();
    ck_assert_int_eq(runs, 1);
    task_cancel(task_current(), -ECANCELED); /* its end is waited for all the same */
    subtask_stop(&subtask);
    ck_assert_int_eq(result, -ECANCELED);
    ck_assert(!subtask_is_running(&subtask) && !subtask_is_stopping(&subtask));
}

static void too_many(void *data)
{
    struct subtask subtask = {0};
    task_set_max(1);
    ck_assert_int_eq(subtask_start(&subtask, nap, data, NULL), -EAGAIN);
    ck_assert(!subtask_is_running(&subtask));
    subtask_stop(&subtask);
}

static void run(void (*fn)(void *data), int ms)
{
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    runs = 0;
    result = 99;
    ck_assert_int_eq(task_spawn(loop, fn, &ms, 0, NULL), 0);
    for (int i = 0; task_count() && i < 1000; i++)
        ioloop_turn(loop, 5);
    ck_assert_uint_eq(task_count(), 0);
    ioloop_destroy(loop);
}

START_TEST(ends_by_itself)
{
    run(let_end, 2);
}
END_TEST

START_TEST(is_stopped)
{
    run(stop_at_once, 60000);
    run(stop_within, 60000);
    run(too_many, 1);
}
END_TEST

UNIT_MAIN(ends_by_itself, is_stopped)
