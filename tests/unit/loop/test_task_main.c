/* Tasks on the main stack: their order, their stack, their end. */
#include "task_fixture.h"

#include <errno.h>

static struct task_group group;

static void spawn_main(task_fn *fn, void *data)
{
    ck_assert_int_eq(task_spawn_main(loop, fn, data, NULL), 0);
}

static void one_of_many(void *data)
{
    note(*(char *)data);
    if (*(char *)data == '2')
        spawn_main(one_of_many, "4"); /* after those that wait already */
    ck_assert_int_eq(task_sleep(2), 0);
    note('.');
    if (*(char *)data == '4')
        ioloop_stop(loop);
}

START_TEST(main_runs_one_after_the_other)
{
    open_loop();
    spawn_main(one_of_many, "1");
    spawn_main(one_of_many, "2");
    spawn_main(one_of_many, "3");
    ck_assert_uint_eq(task_count(), 3);
    ck_assert_str_eq(trace, "");
    ck_assert_int_eq(task_run_main(loop), 0);
    ck_assert_str_eq(trace, "1.2.3.4.");
    close_loop();
}
END_TEST

static void note_result(void *data)
{
    *(int *)data = task_sleep(60000);
    ioloop_stop(loop);
}

START_TEST(main_may_be_cancelled_before_it_begins)
{
    int result = 99;
    open_loop();
    task_set_max(1);
    task_group_init(&group);
    ck_assert_int_eq(task_spawn_main(loop, note_result, &result, &group), 0);
    ck_assert_int_eq(task_spawn_main(loop, note_result, &result, &group), -EAGAIN);
    task_group_cancel(&group);
    ck_assert_int_eq(task_run_main(loop), 0);
    ck_assert_int_eq(result, -ECANCELED);
    ck_assert(task_group_is_empty(&group));
    close_loop();
}
END_TEST

/* Deeper than any stack of a task. */
static int descend(int levels)
{
    volatile char block[4096];
    block[0] = (char)levels;
    return levels ? descend(levels - 1) + block[0] * 0 + 1 : task_sleep(1);
}

static void go_deep(void *data)
{
    (void)data;
    ck_assert_int_eq(descend(500), 500);
    ioloop_stop(loop);
}

START_TEST(main_has_the_deep_stack)
{
    open_loop();
    spawn_main(go_deep, NULL);
    ck_assert_int_eq(task_run_main(loop), 0);
    close_loop();
}
END_TEST

static void stop_soon(void *data)
{
    (void)data;
    task_sleep(2);
    ioloop_stop(loop);
}

static void never_end(void *data)
{
    (void)data;
    note('(');
    task_park_firmly();
    note(')');
}

START_TEST(main_is_given_up_by_a_stop)
{
    open_loop();
    task_group_init(&group);
    ck_assert_int_eq(task_spawn_main(loop, never_end, NULL, &group), 0);
    spawn(stop_soon, NULL);
    ck_assert_int_eq(task_run_main(loop), 0);
    ck_assert_str_eq(trace, "(");
    ck_assert_ptr_null(task_current());
    ck_assert(!task_group_is_empty(&group)); /* for good */
    ck_assert_int_eq(ioloop_turn(loop, 0), 0);
    ioloop_destroy(loop);
}
END_TEST

UNIT_MAIN(main_runs_one_after_the_other, main_may_be_cancelled_before_it_begins,
          main_has_the_deep_stack, main_is_given_up_by_a_stop)
