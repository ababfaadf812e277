/* Tasks that are still there although they were cancelled: reported, once, with where they are. */
#include "task_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include "loop/offload.h"

static struct {
    int reports, reason;
    char stack[2048], app[32];
} seen;

static void on_stuck(void *data, const struct task_stuck *stuck)
{
    ck_assert_ptr_eq(data, &seen);
    ck_assert_ptr_null(task_current());
    seen.reports++;
    seen.reason = stuck->reason;
    snprintf(seen.stack, sizeof(seen.stack), "%s", stuck->stack);
    snprintf(seen.app, sizeof(seen.app), "%s", stuck->label ? stuck->label->app : "none");
}

static void open_watching(int64_t after_ms)
{
    open_loop();
    memset(&seen, 0, sizeof(seen));
    task_on_stuck(after_ms, on_stuck, &seen);
}

static void run_until_reported(int reports)
{
    for (int64_t end = clock_mono_ms() + 20000; seen.reports < reports;) {
        ck_assert_int_eq(ioloop_turn(loop, 5), 0);
        ck_assert_int_lt(clock_mono_ms(), end);
    }
}

static void assert_in_stack(const char *text)
{
    ck_assert_msg(strstr(seen.stack, text) != NULL, "no %s in: %s", text, seen.stack);
}

static const struct task_label label = {"shop", "GET /basket", "r-1"};

/* ---- one that waits and cannot be cancelled ---- */

static struct task *waiting;

static __attribute__((noinline)) void never_gives_up(int *out_wakes)
{
    for (*out_wakes = 0; *out_wakes < 2; ++*out_wakes)
        task_park_firmly();
}

static void firm(void *data)
{
    waiting = task_current();
    task_set_label(waiting, &label);
    never_gives_up(data);
    note('e');
}

START_TEST(tells_where_a_parked_task_waits)
{
    int wakes;
    open_watching(10);
    spawn(firm, &wakes);
    task_cancel(waiting, -ECANCELED);
    task_cancel(waiting, -ETIMEDOUT);
    turns(3);
    run_until_reported(1);
    ck_assert_int_eq(seen.reason, -ECANCELED);
    ck_assert_str_eq(seen.app, "shop");
    assert_in_stack("never_gives_up+0x");
    assert_in_stack("firm+0x");
    assert_in_stack("task_park_firmly+0x");
    /* Its wait is as it was. */
    ck_assert_int_eq(wakes, 0);
    ck_assert(task_wake(waiting, true));
    ck_assert_int_eq(wakes, 1);
    usleep(30000);
    turns(3);
    ck_assert_int_eq(seen.reports, 1);
    ck_assert(task_wake(waiting, true));
    ck_assert_str_eq(trace, "e");
    close_loop();
}
END_TEST

START_TEST(reports_at_once_when_asked)
{
    struct task_group group;
    struct parked polite = {.timeout_ms = -1};
    int wakes;
    open_watching(100000);
    task_group_init(&group);
    ck_assert_int_eq(task_spawn(loop, firm, &wakes, 0, &group), 0);
    ck_assert_int_eq(task_spawn(loop, park, &polite, 0, &group), 0);
    task_group_report(&group); /* none is cancelled */
    ck_assert_int_eq(seen.reports, 0);
    task_group_cancel(&group);
    turns(2);
    task_group_report(&group);
    task_group_report(&group);
    ck_assert_int_eq(seen.reports, 1);
    ck_assert_uint_eq(group.stuck, 1);
    ck_assert_uint_eq(group.count, 1);
    task_wake(waiting, true);
    task_wake(waiting, true);
    ck_assert_uint_eq(group.stuck, 0);
    ck_assert(task_group_is_empty(&group));
    close_loop();
}
END_TEST

/* ---- one that does not listen ---- */

static bool may_end;

static __attribute__((noinline)) int ask_again_and_again(int (*ask)(void))
{
    int r = 0;
    while (!may_end)
        r = ask();
    return r;
}

static int ask_sleep(void)
{
    return task_sleep(100);
}

static int ask_park(void)
{
    return task_park(-1);
}

static int ask_yield(void)
{
    return task_yield();
}

static int ask_fd(void)
{
    return task_wait_fd(STDIN_FILENO, IOLOOP_READ, -1);
}

static void nothing(void *data)
{
    (void)data;
}

static int ask_offload(void)
{
    return offload_run(nothing, NULL);
}

static int ask_lock(void)
{
    static struct task_semaphore semaphore;
    if (!semaphore.line.waiters.next)
        task_semaphore_init(&semaphore, 0);
    return task_semaphore_acquire(&semaphore, -1);
}

static int ask_join(void)
{
    static struct task_group group;
    if (!group.tasks.next)
        task_group_init(&group);
    return task_group_join(&group, -1);
}

static int ask_refused(void)
{
    return task_refuse(-EPIPE);
}

static int (*const asks[])(void) = {ask_sleep,   ask_park, ask_yield, ask_fd,
                                    ask_offload, ask_lock, ask_join,  ask_refused};

static void spin(void *data)
{
    int (*const *ask)(void) = data;
    task_cancel(task_current(), -ECANCELED);
    ck_assert_int_eq(ask_again_and_again(*ask), *ask == ask_refused ? -EPIPE : -ECANCELED);
    note('s');
}

static void serve_others(void *data)
{
    (void)data;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(task_yield(), 0);
    note('o');
}

START_TEST(one_that_spins_holds_nobody_up)
{
    for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
        open_watching(10);
        may_end = false;
        spawn(spin, (void *)&asks[i]);
        spawn(serve_others, NULL);
        run_until_reported(1);
        assert_in_stack("ask_again_and_again+0x");
        ck_assert_str_eq(trace, "o");
        may_end = true;
        run_all();
        ck_assert_str_eq(trace, "os");
        offload_stop();
        close_loop();
    }
}
END_TEST

/* ---- in a thread's hands ---- */

static void wait_for_permission(void *data)
{
    while (!*(volatile bool *)data)
        usleep(1000);
}

static void offload(void *data)
{
    waiting = task_current();
    ck_assert_int_eq(offload_run(wait_for_permission, data), 0);
    note('o');
}

START_TEST(one_that_waits_for_a_thread)
{
    bool permission = false;
    open_watching(10);
    spawn(offload, &permission);
    task_set_deadline(waiting, 10);
    run_until_reported(1);
    ck_assert_int_eq(seen.reason, -ETIMEDOUT);
    ck_assert_str_eq(seen.app, "none");
    assert_in_stack("offload_run+0x");
    permission = true;
    run_all();
    ck_assert_str_eq(trace, "o");
    offload_stop();
    close_loop();
}
END_TEST

/* ---- who is left alone ---- */

START_TEST(nobody_else_is_reported)
{
    struct parked p = {.timeout_ms = -1}, q = {.timeout_ms = 60}, s = {.timeout_ms = 60};
    open_watching(10);
    spawn(park, &p);
    task_cancel(p.task, -ECANCELED); /* ends at once */
    spawn(park, &q);
    task_set_deadline(q.task, 1);
    task_set_deadline(q.task, -1);
    spawn(park, &s);
    task_set_deadline(s.task, 10000);
    task_set_deadline(s.task, 1);
    task_reset(s.task);
    run_all();
    ck_assert_str_eq(trace, "ppp");
    ck_assert_int_eq(seen.reports, 0);
    close_loop();
}
END_TEST

static void clean_up(void *data)
{
    (void)data;
    waiting = task_current();
    ck_assert_int_eq(task_park(-1), -ECANCELED);
    ck_assert_int_eq(task_cleanup(500), 0);
    ck_assert_int_eq(task_sleep(50), 0); /* well beyond the 10 ms */
    ck_assert_int_eq(seen.reports, 0);
    task_park_firmly();
    note('c');
}

START_TEST(the_time_runs_from_the_end_of_its_cleanup)
{
    open_watching(10);
    spawn(clean_up, NULL);
    task_cancel(waiting, -ECANCELED);
    run_until_reported(1);
    assert_in_stack("clean_up+0x");
    task_wake(waiting, true);
    close_loop();
}
END_TEST

START_TEST(nobody_asked)
{
    int wakes;
    open_watching(0);
    task_on_stuck(0, NULL, NULL);
    spawn(firm, &wakes);
    task_cancel(waiting, -ECANCELED);
    usleep(5000);
    turns(3);
    ck_assert_int_eq(seen.reports, 0);
    ck_assert_int_eq(task_refuse(-EPIPE), -EPIPE); /* without a task */
    task_wake(waiting, true);
    task_wake(waiting, true);
    close_loop();
}
END_TEST

UNIT_MAIN(tells_where_a_parked_task_waits, reports_at_once_when_asked,
          one_that_spins_holds_nobody_up, one_that_waits_for_a_thread, nobody_else_is_reported,
          the_time_runs_from_the_end_of_its_cleanup, nobody_asked)
