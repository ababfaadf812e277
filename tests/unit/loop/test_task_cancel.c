/* Tasks: cancellation, deadlines and cleanup. */
#include "task_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void sleeper(void *data)
{
    struct parked *p = data;
    p->task = task_current();
    p->result = 99;
    p->result = task_sleep(p->timeout_ms);
}

struct reader {
    struct task *task;
    int fd, result;
};

static void read_ready(void *data)
{
    struct reader *reader = data;
    reader->task = task_current();
    reader->result = task_wait_fd(reader->fd, IOLOOP_READ, 10000);
}

START_TEST(cancels_each_kind_of_wait)
{
    int fds[2];
    struct parked p = {.timeout_ms = 10000}, s = {.timeout_ms = 10000};
    open_loop();
    ck_assert_int_eq(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
    struct reader w = {.fd = fds[0], .result = 99};
    spawn(park, &p);
    spawn(sleeper, &s);
    spawn(read_ready, &w);
    task_cancel(p.task, -ECANCELED);
    task_cancel(s.task, -ETIMEDOUT);
    task_cancel(w.task, -ECANCELED);
    ck_assert_int_eq(write(fds[1], "x", 1), 1); /* too late */
    ck_assert_int_eq(p.result, 99);
    turns(1);
    ck_assert_int_eq(p.result, -ECANCELED);
    ck_assert_int_eq(s.result, -ETIMEDOUT);
    ck_assert_int_eq(w.result, -ECANCELED);
    ioloop_close(loop, fds[0]);
    close(fds[1]);
    close_loop();
}
END_TEST

static void wait_often(void *data)
{
    (void)data;
    struct task *self = task_current();
    ck_assert_int_eq(task_cancelled(self), 0);
    task_cancel(self, -ETIMEDOUT);
    task_cancel(self, -ECANCELED); /* the first stays */
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(task_park(-1), -ETIMEDOUT);
        ck_assert_int_eq(task_sleep(10), -ETIMEDOUT);
        ck_assert_int_eq(task_yield(), -ETIMEDOUT);
        ck_assert_int_eq(task_wait_fd(0, IOLOOP_READ, -1), -ETIMEDOUT);
    }
    ck_assert_int_eq(task_cancelled(self), -ETIMEDOUT);
    ck_assert_int_eq(task_may_wait(self), -ETIMEDOUT);
    task_reset(self);
    ck_assert_int_eq(task_cancelled(self), 0);
    ck_assert_int_eq(task_yield(), 0);
    note('r');
}

START_TEST(cancellation_is_sticky)
{
    open_loop();
    spawn(wait_often, NULL);
    ck_assert_str_eq(trace, ""); /* all returned at once */
    turns(1);
    ck_assert_str_eq(trace, "r");
    close_loop();
}
END_TEST

static void park_twice(void *data)
{
    struct parked *p = data;
    p->task = task_current();
    p->result = task_park(-1);
    note(p->result == 0 ? 'w' : 'c');
    p->result = task_park(-1);
    note(p->result == 0 ? 'w' : 'c');
}

START_TEST(the_first_end_of_a_wait_counts)
{
    struct parked p;
    open_loop();
    spawn(park_twice, &p);
    ck_assert(task_wake(p.task, false));
    task_cancel(p.task, -ECANCELED);
    turns(1);
    ck_assert_str_eq(trace, "wc");
    spawn(park_twice, &p);
    task_cancel(p.task, -ECANCELED);
    ck_assert(!task_wake(p.task, true));
    turns(1);
    ck_assert_str_eq(trace, "wccc");
    close_loop();
}
END_TEST

static void spawn_and_cancel(void *data)
{
    struct task_group *group = data;
    struct parked p = {.timeout_ms = -1};
    ck_assert_int_eq(task_spawn(loop, park, &p, 0, group), 0);
    task_group_cancel(group); /* before it ever ran */
    ck_assert_int_eq(task_group_join(group, -1), 0);
    ck_assert_int_eq(p.result, -ECANCELED);
    note('j');
}

START_TEST(cancelled_before_it_ran)
{
    struct task_group group;
    open_loop();
    task_group_init(&group);
    spawn(spawn_and_cancel, &group);
    turns(2);
    ck_assert_str_eq(trace, "pj");
    close_loop();
}
END_TEST

static void meet_deadlines(void *data)
{
    (void)data;
    struct task *self = task_current();
    task_set_deadline(self, 500);
    int64_t began = clock_mono_ms();
    ck_assert_int_eq(task_sleep(5), 0);
    ck_assert_int_eq(task_park(10000), -ETIMEDOUT);
    ck_assert_int_lt(clock_mono_ms() - began, 9000);
    ck_assert_int_eq(task_cancelled(self), -ETIMEDOUT);
    task_cancel(self, -ECANCELED);
    task_set_deadline(self, -1); /* too late */
    ck_assert_int_eq(task_sleep(0), -ETIMEDOUT);
    task_reset(self);

    task_set_deadline(self, 10);
    task_set_deadline(self, -1);
    ck_assert_int_eq(task_sleep(30), 0);

    task_set_deadline(self, 10);
    burn(20);
    ck_assert_int_eq(task_yield(), -ETIMEDOUT);
    task_reset(self);
    task_set_deadline(self, 0);
    ck_assert_int_eq(task_yield(), -ETIMEDOUT);
    note('d');
}

START_TEST(deadlines)
{
    open_loop();
    spawn(meet_deadlines, NULL);
    run_all();
    ck_assert_str_eq(trace, "d");
    close_loop();
}
END_TEST

START_TEST(deadline_of_a_waiting_task)
{
    struct parked p = {.timeout_ms = 10000}, q = {.timeout_ms = 20};
    open_loop();
    spawn(park, &p);
    spawn(park, &q);
    task_set_deadline(q.task, 10000);
    task_set_deadline(p.task, 10000);
    task_set_deadline(p.task, 1);
    int64_t began = clock_mono_ms();
    run_all();
    ck_assert_int_lt(clock_mono_ms() - began, 9000);
    ck_assert_int_eq(p.result, -ETIMEDOUT);
    ck_assert_int_eq(q.result, -ETIMEDOUT);
    spawn(park, &p);
    task_set_deadline(p.task, 0);
    turns(1);
    ck_assert_int_eq(p.result, -ETIMEDOUT);
    close_loop();
}
END_TEST

static void clean_up(void *data)
{
    (void)data;
    struct task *self = task_current();
    task_cancel(self, -ECANCELED);
    ck_assert_int_eq(task_sleep(1), -ECANCELED);
    ck_assert_int_eq(task_cleanup(40), 0);
    ck_assert_int_eq(task_may_wait(self), 0);
    ck_assert_int_eq(task_cancelled(self), -ECANCELED);
    ck_assert_int_eq(task_cleanup(40), -EALREADY);
    ck_assert_int_eq(task_yield(), 0);
    ck_assert_int_eq(task_sleep(5), 0);
    ck_assert_int_eq(task_park(1), -ETIMEDOUT); /* its own time */
    ck_assert_int_eq(task_park(10000), -ECANCELED);
    ck_assert_int_eq(task_sleep(1), -ECANCELED);
    ck_assert_int_eq(task_cleanup(40), -EALREADY);
    note('c');
}

static void clean_up_early(void *data)
{
    struct parked *p = data;
    p->task = task_current();
    ck_assert_int_eq(task_cleanup(30), 0);
    p->result = task_park(10000); /* cancelled meanwhile */
    ck_assert_int_eq(task_sleep(1), -ECANCELED);
    note('e');
}

START_TEST(cleanup)
{
    struct parked p;
    open_loop();
    spawn(clean_up, NULL);
    run_all();
    spawn(clean_up_early, &p);
    task_cancel(p.task, -ECANCELED);
    turns(1);
    ck_assert_str_eq(trace, "c"); /* waits on */
    run_all();
    ck_assert_int_eq(p.result, -ECANCELED);
    ck_assert_str_eq(trace, "ce");
    close_loop();
}
END_TEST

static void park_firmly(void *data)
{
    struct parked *p = data;
    p->task = task_current();
    task_set_deadline(p->task, 1);
    for (int i = 0; i < 2; i++) {
        task_park_firmly();
        note('f');
    }
    ck_assert_int_lt(task_park(-1), 0); /* by whichever was first */
}

START_TEST(parks_firmly)
{
    struct parked p;
    open_loop();
    spawn(park_firmly, &p);
    task_cancel(p.task, -ECANCELED);
    usleep(5000);
    turns(3);
    ck_assert_str_eq(trace, "");
    ck_assert(task_wake(p.task, true));
    turns(2);
    ck_assert_str_eq(trace, "f");
    ck_assert(task_wake(p.task, false));
    turns(1);
    ck_assert_str_eq(trace, "ff");
    close_loop();
}
END_TEST

UNIT_MAIN(cancels_each_kind_of_wait, cancellation_is_sticky, the_first_end_of_a_wait_counts,
          cancelled_before_it_ran, deadlines, deadline_of_a_waiting_task, cleanup, parks_firmly)
