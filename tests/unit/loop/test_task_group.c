/* Groups: joined, cancelled, empty. */
#include "task_fixture.h"

#include <errno.h>

static struct task_group group;

static void spawn_in(task_fn *fn, void *data)
{
    ck_assert_int_eq(task_spawn(loop, fn, data, 0, &group), 0);
}

static void nothing(void *data)
{
    (void)data;
}

static void join(void *data)
{
    int *result = data;
    *result = task_group_join(&group, *result);
    note('j');
}

START_TEST(joins)
{
    struct parked a = {.timeout_ms = -1}, b = {.timeout_ms = -1};
    int first = -1, second = 10000, empty = -1;
    open_loop();
    task_group_init(&group);
    ck_assert(task_group_is_empty(&group));
    spawn(join, &empty);
    ck_assert_str_eq(trace, "j");
    ck_assert_int_eq(empty, 0);
    spawn_in(nothing, NULL);
    ck_assert(task_group_is_empty(&group));

    spawn_in(park, &a);
    spawn_in(park, &b);
    ck_assert_uint_eq(group.count, 2);
    spawn(join, &first);
    spawn(join, &second);
    task_wake(a.task, true);
    turns(2);
    ck_assert_uint_eq(group.count, 1);
    ck_assert_str_eq(trace, "jp");
    task_wake(b.task, true);
    ck_assert(task_group_is_empty(&group));
    memset(&group, 0xEE, sizeof(group)); /* may go with the end of its last task */
    turns(1);
    ck_assert_str_eq(trace, "jppjj");
    ck_assert_int_eq(first, 0);
    ck_assert_int_eq(second, 0);
    close_loop();
}
END_TEST

START_TEST(join_times_out)
{
    struct parked a = {.timeout_ms = -1};
    int none = 0, some = 10, later = -1;
    open_loop();
    task_group_init(&group);
    spawn_in(park, &a);
    spawn(join, &none);
    ck_assert_int_eq(none, -ETIMEDOUT);
    spawn(join, &some);
    while (some == 10)
        ck_assert_int_eq(ioloop_turn(loop, 100), 0);
    ck_assert_int_eq(some, -ETIMEDOUT);
    spawn(join, &later);
    task_wake(a.task, true);
    run_all();
    ck_assert_int_eq(later, 0);
    close_loop();
}
END_TEST

START_TEST(cancels_all)
{
    struct parked parked[5];
    int joined = -1;
    open_loop();
    task_group_init(&group);
    task_group_cancel(&group);
    for (int i = 0; i < 5; i++) {
        parked[i].timeout_ms = -1;
        spawn_in(park, &parked[i]);
    }
    spawn(join, &joined);
    task_group_cancel(&group);
    task_group_cancel(&group);
    turns(2);
    ck_assert_str_eq(trace, "pppppj");
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(parked[i].result, -ECANCELED);
    close_loop();
}
END_TEST

UNIT_MAIN(joins, join_times_out, cancels_all)
