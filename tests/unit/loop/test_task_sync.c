/* Locks, events, semaphores: first come first served, with time-outs and cancellation. */
#include "task_fixture.h"

#include <errno.h>
#include <pthread.h>

/* A task that makes one call and notes its name when that returns 0, '!' otherwise. */
struct caller {
    char name;
    int64_t timeout_ms;
    void *object;
    int result;
    struct task *task;
};

typedef int call_fn(void *object, int64_t timeout_ms);

static void call(struct caller *caller, call_fn *fn)
{
    caller->task = task_current();
    caller->result = 99;
    caller->result = fn(caller->object, caller->timeout_ms);
    note(caller->result == 0 ? caller->name : '!');
}

static int wait_line(void *object, int64_t timeout_ms)
{
    return task_line_wait(object, timeout_ms);
}

static int wait_event(void *object, int64_t timeout_ms)
{
    return task_event_wait(object, timeout_ms);
}

static int acquire(void *object, int64_t timeout_ms)
{
    return task_semaphore_acquire(object, timeout_ms);
}

static void in_line(void *data)
{
    call(data, wait_line);
}

static void on_event(void *data)
{
    call(data, wait_event);
}

static void on_semaphore(void *data)
{
    call(data, acquire);
}

static void callers(struct caller *first, int n, task_fn *fn, void *object)
{
    for (int i = 0; i < n; i++) {
        first[i] = (struct caller){.name = (char)('0' + i), .timeout_ms = -1, .object = object};
        spawn(fn, &first[i]);
    }
}

/* ---- lines ---- */

START_TEST(line_is_first_come_first_served)
{
    struct task_line line;
    struct caller c[6];
    open_loop();
    task_line_init(&line);
    ck_assert_uint_eq(task_line_wake(&line, 1), 0);
    callers(c, 6, in_line, &line);
    ck_assert_uint_eq(task_line_wake(&line, 0), 0);
    ck_assert_uint_eq(task_line_wake(&line, 1), 1);
    ck_assert_uint_eq(task_line_wake(&line, 1), 1);
    ck_assert_str_eq(trace, ""); /* in the next turn */
    turns(1);
    ck_assert_str_eq(trace, "01");
    ck_assert_uint_eq(task_line_wake(&line, 3), 3);
    turns(1);
    ck_assert_str_eq(trace, "01234");
    ck_assert_uint_eq(task_line_wake(&line, SIZE_MAX), 1);
    turns(1);
    ck_assert_str_eq(trace, "012345");
    close_loop();
}
END_TEST

START_TEST(those_who_left_use_up_nothing)
{
    struct task_line line;
    struct caller c[4], timed = {'t', 1, &line, 0, NULL}, none = {'n', 0, &line, 0, NULL};
    open_loop();
    task_line_init(&line);
    spawn(in_line, &none);
    ck_assert_int_eq(none.result, -ETIMEDOUT); /* at once */
    callers(c, 1, in_line, &line);
    spawn(in_line, &timed);
    while (timed.result == 99)
        ck_assert_int_eq(ioloop_turn(loop, 100), 0);
    ck_assert_int_eq(timed.result, -ETIMEDOUT);
    callers(c + 1, 3, in_line, &line);
    task_cancel(c[1].task, -ECANCELED); /* still stands in the line, but is gone */
    trace[0] = 0;
    ck_assert_uint_eq(task_line_wake(&line, 2), 2);
    turns(1);
    ck_assert_str_eq(trace, "!01"); /* c[0] and c[2], whose name is 1 */
    ck_assert_int_eq(c[1].result, -ECANCELED);
    ck_assert_uint_eq(task_line_wake(&line, 2), 1);
    close_loop();
}
END_TEST

START_TEST(many_who_left_are_swept)
{
    struct task_line line;
    struct caller c[101], last = {'z', -1, &line, 0, NULL};
    open_loop();
    task_line_init(&line);
    for (int i = 0; i < 101; i++) {
        c[i] = (struct caller){.name = 'x', .timeout_ms = 1, .object = &line};
        spawn(in_line, &c[i]);
    }
    spawn(in_line, &last);
    while (task_count() > 1)
        ck_assert_int_eq(ioloop_turn(loop, 100), 0);
    ck_assert_uint_eq(task_line_wake(&line, 1), 1);
    ck_assert(list_is_empty(&line.waiters));
    close_loop();
    ck_assert_int_eq(last.result, 0);
}
END_TEST

START_TEST(woken_and_then_cancelled)
{
    struct task_line line;
    struct caller c;
    open_loop();
    task_line_init(&line);
    callers(&c, 1, in_line, &line);
    ck_assert_uint_eq(task_line_wake(&line, 1), 1);
    task_cancel(c.task, -ECANCELED);
    turns(1);
    ck_assert_int_eq(c.result, 0); /* what it was given is not lost */
    close_loop();
}
END_TEST

static void wake_next(void *data)
{
    struct caller *caller = data;
    call(caller, wait_line);
    task_line_wake(caller->object, 1);
}

START_TEST(woken_ones_wake_others)
{
    struct task_line line;
    struct caller c[5];
    open_loop();
    task_line_init(&line);
    callers(c, 5, wake_next, &line);
    task_line_wake(&line, 1);
    run_all();
    ck_assert_str_eq(trace, "01234");
    close_loop();
}
END_TEST

/* A park hook that itself waits in a line: each wake reaches the one it is for. */
static struct task_line hook_line;

static void hook_waits(void *data)
{
    (void)data;
    note('(');
    ck_assert_int_eq(task_line_wait(&hook_line, 10000), 0);
    note(')');
}

static void in_line_hooked(void *data)
{
    task_set_park_hook(task_current(), hook_waits, NULL);
    call(data, wait_line);
}

START_TEST(wakes_do_not_mix_with_the_hooks)
{
    struct task_line line;
    struct caller c;
    open_loop();
    task_line_init(&line);
    task_line_init(&hook_line);
    callers(&c, 1, in_line_hooked, &line);
    ck_assert_uint_eq(task_line_wake(&line, 1), 1); /* its hook waits yet */
    turns(3);
    ck_assert_str_eq(trace, "(");
    ck_assert_uint_eq(task_line_wake(&hook_line, 1), 1);
    turns(1);
    ck_assert_str_eq(trace, "()0");

    callers(&c, 1, in_line_hooked, &line);
    ck_assert_uint_eq(task_line_wake(&hook_line, 1), 1);
    turns(2);
    ck_assert_str_eq(trace, "()0()(");
    ck_assert_int_eq(c.result, 99);
    ck_assert_uint_eq(task_line_wake(&hook_line, 1), 1);
    turns(2);
    ck_assert_uint_eq(task_line_wake(&line, 1), 1);
    while (task_count()) {
        task_line_wake(&hook_line, 1);
        turns(1);
    }
    ck_assert_int_eq(c.result, 0);
    close_loop();
}
END_TEST

/* ---- locks ---- */

struct locker {
    char name;
    struct task_lock *lock;
    int64_t timeout_ms;
    bool is_holding; /* until it is woken */
    int result;
    struct task *task;
};

static void lock_and_note(void *data)
{
    struct locker *locker = data;
    locker->task = task_current();
    locker->result = task_lock_acquire(locker->lock, locker->timeout_ms);
    if (locker->result < 0) {
        note('!');
        return;
    }
    ck_assert_int_eq(task_lock_acquire(locker->lock, -1), -EDEADLK);
    note(locker->name);
    ck_assert_int_eq(locker->is_holding ? task_park(-1) : task_yield(), 0);
    note((char)(locker->name - 'a' + 'A'));
    ck_assert_int_eq(task_lock_release(locker->lock), 0);
    ck_assert_int_eq(task_lock_release(locker->lock), -EPERM);
}

START_TEST(locks)
{
    struct task_lock lock;
    struct locker l[5] = {0}, try = {.name = 't', .lock = &lock};
    struct locker late = {.name = 'l', .lock = &lock, .timeout_ms = 1, .result = 99};
    open_loop();
    task_lock_init(&lock);
    ck_assert_int_eq(task_lock_release(&lock), -EPERM);
    for (int i = 0; i < 5; i++) {
        l[i] = (struct locker){.name = (char)('a' + i), .lock = &lock, .timeout_ms = -1};
        l[i].is_holding = i == 0;
        spawn(lock_and_note, &l[i]);
    }
    spawn(lock_and_note, &try);
    ck_assert_int_eq(try.result, -ETIMEDOUT);
    spawn(lock_and_note, &late);
    while (late.result == 99)
        ck_assert_int_eq(ioloop_turn(loop, 100), 0);
    ck_assert_int_eq(late.result, -ETIMEDOUT);
    task_cancel(l[2].task, -ECANCELED);
    turns(1);
    ck_assert_int_eq(l[2].result, -ECANCELED);
    ck_assert_ptr_eq(lock.owner, l[0].task);
    task_wake(l[0].task, true);
    run_all();
    ck_assert_ptr_null(lock.owner);
    ck_assert_str_eq(trace, "a!!!AbBdDeE");
    close_loop();
}
END_TEST

static void cancelled_lock(void *data)
{
    task_cancel(task_current(), -ECANCELED);
    ck_assert_int_eq(task_lock_acquire(data, -1), -ECANCELED); /* though it is free */
    ck_assert_int_eq(task_lock_acquire(data, 0), 0);           /* to try is not to wait */
    ck_assert_int_eq(task_lock_release(data), 0);
}

START_TEST(lock_of_a_cancelled_task)
{
    struct task_lock lock;
    open_loop();
    task_lock_init(&lock);
    spawn(cancelled_lock, &lock);
    close_loop();
}
END_TEST

/* ---- events ---- */

START_TEST(events)
{
    struct task_event event;
    struct caller c[3], set = {'s', -1, &event, 0, NULL}, late = {'l', 1, &event, 0, NULL};
    open_loop();
    task_event_init(&event);
    callers(c, 3, on_event, &event);
    task_event_set(&event);
    task_event_clear(&event); /* those who waited were woken all the same */
    turns(1);
    ck_assert_str_eq(trace, "012");
    spawn(on_event, &late);
    run_all();
    ck_assert_int_eq(late.result, -ETIMEDOUT);
    task_event_set(&event);
    task_event_set(&event);
    spawn(on_event, &set);
    ck_assert_str_eq(trace, "012!s");
    close_loop();
}
END_TEST

struct setter {
    struct task_event *event;
    bool ok;
};

static void *set_event(void *data)
{
    struct setter *setter = data;
    setter->ok = task_event_set_from_thread(setter->event, loop);
    return NULL;
}

START_TEST(event_set_by_a_thread)
{
    struct task_event event;
    struct setter setter = {&event, false};
    struct caller c;
    pthread_t thread;
    open_loop();
    task_event_init(&event);
    callers(&c, 1, on_event, &event);
    ck_assert_int_eq(pthread_create(&thread, NULL, set_event, &setter), 0);
    run_all();
    pthread_join(thread, NULL);
    ck_assert(setter.ok);
    ck_assert(event.is_set);
    ck_assert_int_eq(c.result, 0);
    close_loop();
}
END_TEST

/* ---- semaphores ---- */

START_TEST(semaphores)
{
    struct task_semaphore semaphore;
    struct caller c[5], late = {'l', 1, &semaphore, 0, NULL};
    open_loop();
    task_semaphore_init(&semaphore, 2);
    callers(c, 5, on_semaphore, &semaphore);
    ck_assert_str_eq(trace, "01");
    spawn(on_semaphore, &late);
    while (late.result == 99)
        ck_assert_int_eq(ioloop_turn(loop, 100), 0);
    ck_assert_int_eq(late.result, -ETIMEDOUT);
    ck_assert_uint_eq(semaphore.count, 0);
    task_cancel(c[3].task, -ECANCELED);
    task_semaphore_release(&semaphore);
    task_semaphore_release(&semaphore);
    ck_assert_uint_eq(semaphore.count, 0); /* handed over: nobody comes in between */
    struct caller between = {'b', 0, &semaphore, 0, NULL};
    spawn(on_semaphore, &between);
    ck_assert_int_eq(between.result, -ETIMEDOUT);
    turns(1);
    ck_assert_str_eq(trace, "01!!!24");
    for (int i = 0; i < 3; i++)
        task_semaphore_release(&semaphore);
    ck_assert_uint_eq(semaphore.count, 3); /* more than at the start */
    close_loop();
}
END_TEST

UNIT_MAIN(line_is_first_come_first_served, those_who_left_use_up_nothing, many_who_left_are_swept,
          woken_and_then_cancelled, woken_ones_wake_others, wakes_do_not_mix_with_the_hooks, locks,
          lock_of_a_cancelled_task, events, event_set_by_a_thread, semaphores)
