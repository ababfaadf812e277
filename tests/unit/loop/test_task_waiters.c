/* Every way to wait, under both waiters: on a stack of the task's own and on the main stack. */
#include "task_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/board.h"
#include "loop/offload.h"
#include "loop/on_waiters.h"
#include "loop/timer.h"

static void run_scenario(task_fn *fn)
{
    open_loop();
    run_task(loop, fn, NULL);
    offload_stop();
    close_loop();
}

/* Another task, on a stack of its own. */
static void beside(task_fn *fn, void *data)
{
    ck_assert_int_eq(task_spawn(loop, fn, data, 0, NULL), 0);
}

static void note_and_yield(void *data)
{
    for (int i = 0; i < 3; i++) {
        note(*(char *)data);
        ck_assert_int_eq(task_yield(), 0);
    }
}

/* ---- time and turns ---- */

static void sleep_beside_others(void *data)
{
    (void)data;
    beside(note_and_yield, "x");
    int64_t began = clock_mono_ms();
    ck_assert_str_eq(trace, ""); /* what a task starts begins when that one waits */
    ck_assert_int_eq(task_sleep(20), 0);
    ck_assert_int_ge(clock_mono_ms() - began, 20);
    ck_assert_str_eq(trace, "xxx");
    ck_assert_int_eq(task_sleep(0), 0);
    burn(30);
    began = clock_mono_ms();
    ck_assert_int_eq(task_sleep(20), 0);
    ck_assert_int_ge(clock_mono_ms() - began, 20);
}

START_TEST(sleeps)
{
    run_scenario(sleep_beside_others);
}
END_TEST

static void yield_beside_others(void *data)
{
    (void)data;
    beside(note_and_yield, "x");
    for (int i = 0; i < 3; i++) {
        uint64_t turn = ioloop_turn_number(loop);
        ck_assert_int_eq(task_yield(), 0);
        ck_assert_uint_gt(ioloop_turn_number(loop), turn);
        note('m');
    }
    ck_assert_str_eq(trace, "xmxmxm");
    ck_assert_int_eq(task_spend(TASK_TURN_BYTES - 1), 0);
    uint64_t turn = ioloop_turn_number(loop);
    ck_assert_int_eq(task_spend(TASK_TURN_BYTES), 0);
    ck_assert_uint_gt(ioloop_turn_number(loop), turn);
}

START_TEST(yields)
{
    run_scenario(yield_beside_others);
}
END_TEST

/* ---- descriptors ---- */

static void write_later(void *data)
{
    ck_assert_int_eq(task_sleep(5), 0);
    ck_assert_int_eq(write(*(int *)data, "x", 1), 1);
}

static void wait_for_descriptors(void *data)
{
    (void)data;
    int fds[2], file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    ck_assert_int_eq(task_wait_fd(fds[0], IOLOOP_READ, 0), -ETIMEDOUT);
    ck_assert_int_eq(task_wait_fd(fds[0], IOLOOP_READ, 5), -ETIMEDOUT);
    ck_assert_int_eq(task_wait_fd(fds[0], IOLOOP_READ | IOLOOP_WRITE, -1), IOLOOP_WRITE);
    beside(write_later, &fds[1]);
    ck_assert_int_eq(task_wait_fd(fds[0], IOLOOP_READ, 20000), IOLOOP_READ);
    ck_assert_int_eq(task_wait_fd(fds[0], IOLOOP_READ | IOLOOP_WRITE, -1),
                     IOLOOP_READ | IOLOOP_WRITE);
    ck_assert_int_eq(task_wait_fd(file, IOLOOP_READ, -1), IOLOOP_READ);
    ck_assert_int_eq(task_wait_fd(-1, IOLOOP_READ, -1), -EBADF);
    ioloop_close(loop, fds[0]);
    close(fds[1]);
    close(file);
}

START_TEST(waits_for_descriptors)
{
    run_scenario(wait_for_descriptors);
}
END_TEST

/* ---- being woken ---- */

struct alarm {
    struct timer timer;
    struct task *task;
    bool now;
};

static void on_alarm(void *data)
{
    struct alarm *alarm = data;
    ck_assert_ptr_null(task_current());
    ck_assert(task_wake(alarm->task, alarm->now));
    note('w');
}

static void wake_it(void *data)
{
    ck_assert(task_wake(data, true)); /* not now: this is a task */
    ck_assert(task_wake(data, true)); /* is on its way */
    note('w');
}

static void park_to_be_woken(void *data)
{
    struct alarm alarm = {.timer = {.fn = on_alarm, .data = &alarm}, .task = task_current()};
    (void)data;
    ck_assert_int_eq(task_park(5), -ETIMEDOUT);
    beside(wake_it, task_current());
    ck_assert_int_eq(task_park(-1), 0);
    note('m');
    for (int i = 0; i < 2; i++) {
        alarm.now = i;
        timer_start(loop, &alarm.timer, 2);
        ck_assert_int_eq(task_park(20000), 0);
        note('m');
    }
    ck_assert_str_eq(is_on_main ? "wmwmwm" : "wmwmm", trace);
}

START_TEST(parks)
{
    run_scenario(park_to_be_woken);
}
END_TEST

static void wake_in_hook(void *data)
{
    ck_assert_int_eq(task_sleep(2), 0);
    task_wake(data, false);
    note('h');
}

static void park_hooked(void *data)
{
    (void)data;
    task_set_park_hook(task_current(), wake_in_hook, task_current());
    ck_assert_int_eq(task_park(-1), 0); /* woken before it parked */
    task_set_park_hook(task_current(), NULL, NULL);
    ck_assert_str_eq(trace, "h");
}

START_TEST(hooks_run_before_waits)
{
    run_scenario(park_hooked);
}
END_TEST

/* ---- cancellation ---- */

static void cancel_it(void *data)
{
    ck_assert_int_eq(task_sleep(5), 0);
    task_cancel(data, -ECANCELED);
}

static void be_cancelled(void *data)
{
    (void)data;
    beside(cancel_it, task_current());
    ck_assert_int_eq(task_sleep(60000), -ECANCELED);
    ck_assert_int_eq(task_yield(), -ECANCELED);
    ck_assert_int_eq(task_park(-1), -ECANCELED);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(task_ask(), -ECANCELED);
    ck_assert_int_eq(task_cleanup(60000), 0);
    ck_assert_int_eq(task_sleep(1), 0);
    ck_assert_int_eq(task_cleanup(1), -EALREADY);
    task_reset(task_current());
    ck_assert_int_eq(task_sleep(1), 0);
}

START_TEST(is_cancelled)
{
    run_scenario(be_cancelled);
}
END_TEST

static void pass_deadlines(void *data)
{
    (void)data;
    task_set_deadline(task_current(), 10);
    ck_assert_int_eq(task_sleep(60000), -ETIMEDOUT);
    ck_assert_int_eq(task_cancelled(task_current()), -ETIMEDOUT);
    task_reset(task_current());
    task_set_deadline(task_current(), 60000);
    ck_assert_int_eq(task_yield(), 0);
    task_set_deadline(task_current(), 10);
    burn(20); /* blocked, as far as the loop knows */
    (void)task_yield();
    ck_assert_int_eq(task_sleep(60000), -ETIMEDOUT);
}

START_TEST(has_deadlines)
{
    run_scenario(pass_deadlines);
}
END_TEST

static struct task_stuck seen;

static void see_stuck(void *data, const struct task_stuck *stuck)
{
    (void)data;
    seen = *stuck;
    note(strstr(stuck->stack, "0x") || strchr(stuck->stack, '+') ? 's' : '?');
}

static void be_stuck(void *data)
{
    (void)data;
    task_on_stuck(1, see_stuck, NULL);
    task_cancel(task_current(), -ECANCELED);
    while (!strchr(trace, 's'))
        (void)task_ask();
    ck_assert_int_eq(seen.reason, -ECANCELED);
    task_on_stuck(0, NULL, NULL);
}

START_TEST(is_reported_when_stuck)
{
    run_scenario(be_stuck);
}
END_TEST

/* ---- locks, events, semaphores, queues, groups ---- */

static struct task_lock lock;
static struct task_event event;
static struct task_semaphore semaphore;
static struct task_queue queue;
static struct task_group group;

static void hold_lock(void *data)
{
    (void)data;
    ck_assert_int_eq(task_lock_acquire(&lock, -1), 0);
    ck_assert_int_eq(task_sleep(5), 0);
    note('l');
    ck_assert_int_eq(task_lock_release(&lock), 0);
}

static void want_lock(void *data)
{
    (void)data;
    task_lock_init(&lock);
    beside(hold_lock, NULL);
    ck_assert_int_eq(task_yield(), 0);
    ck_assert_int_eq(task_lock_acquire(&lock, 0), -ETIMEDOUT);
    ck_assert_int_eq(task_lock_release(&lock), -EPERM);
    ck_assert_int_eq(task_lock_acquire(&lock, -1), 0);
    ck_assert_int_eq(task_lock_acquire(&lock, -1), -EDEADLK);
    ck_assert_str_eq(trace, "l");
    beside(hold_lock, NULL);
    ck_assert_int_eq(task_yield(), 0);
    ck_assert_int_eq(task_lock_release(&lock), 0);
    ck_assert_int_eq(task_lock_acquire(&lock, 20000), 0);
    ck_assert_str_eq(trace, "ll");
}

START_TEST(locks)
{
    run_scenario(want_lock);
}
END_TEST

static void set_event(void *data)
{
    (void)data;
    ck_assert_int_eq(task_sleep(5), 0);
    task_event_set(&event);
}

static void *set_event_from_thread(void *data)
{
    (void)data;
    usleep(5000);
    ck_assert(task_event_set_from_thread(&event, loop));
    return NULL;
}

static void want_event(void *data)
{
    pthread_t thread;
    (void)data;
    task_event_init(&event);
    ck_assert_int_eq(task_event_wait(&event, 1), -ETIMEDOUT);
    beside(set_event, NULL);
    ck_assert_int_eq(task_event_wait(&event, 20000), 0);
    task_event_clear(&event);
    ck_assert_int_eq(pthread_create(&thread, NULL, set_event_from_thread, NULL), 0);
    ck_assert_int_eq(task_event_wait(&event, 20000), 0);
    pthread_join(thread, NULL);
}

START_TEST(events)
{
    run_scenario(want_event);
}
END_TEST

static void give_things(void *data)
{
    void *item;
    (void)data;
    ck_assert_int_eq(task_sleep(5), 0);
    task_semaphore_release(&semaphore);
    ck_assert_int_eq(task_queue_put(&queue, &lock, -1), 0);
    ck_assert_int_eq(task_sleep(5), 0);
    ck_assert_int_eq(task_queue_get(&queue, &item, -1), 0);
    ck_assert_ptr_eq(item, &event);
}

static void want_things(void *data)
{
    void *item;
    (void)data;
    task_semaphore_init(&semaphore, 1);
    task_queue_init(&queue, 1);
    task_group_init(&group);
    ck_assert_int_eq(task_semaphore_acquire(&semaphore, 0), 0);
    ck_assert_int_eq(task_semaphore_acquire(&semaphore, 1), -ETIMEDOUT);
    ck_assert_int_eq(task_spawn(loop, give_things, NULL, 0, &group), 0);
    ck_assert_int_eq(task_semaphore_acquire(&semaphore, 20000), 0);
    ck_assert_int_eq(task_queue_get(&queue, &item, 20000), 0);
    ck_assert_ptr_eq(item, &lock);
    ck_assert_int_eq(task_queue_get(&queue, &item, 0), -ETIMEDOUT);
    ck_assert_int_eq(task_queue_put(&queue, &event, 0), 0);
    ck_assert_int_eq(task_queue_put(&queue, &queue, 20000), 0); /* full: waits */
    ck_assert_int_eq(task_group_join(&group, 20000), 0);
    task_queue_finish(&queue);
}

START_TEST(semaphores_queues_and_groups)
{
    run_scenario(want_things);
}
END_TEST

/* ---- threads ---- */

static void work(void *data)
{
    usleep(10000);
    *(pthread_t *)data = pthread_self();
}

static void offload_work(void *data)
{
    pthread_t thread = pthread_self();
    (void)data;
    beside(note_and_yield, "x");
    ck_assert_int_eq(offload_run(work, &thread), 0);
    ck_assert(!pthread_equal(thread, pthread_self()));
    ck_assert_str_eq(trace, "xxx");
    beside(cancel_it, task_current());
    thread = pthread_self();
    ck_assert_int_eq(offload_run(work, &thread), 0); /* not left behind */
    ck_assert(!pthread_equal(thread, pthread_self()));
    while (!task_cancelled(task_current()))
        (void)task_yield();
    ck_assert_int_eq(offload_run(work, &thread), -ECANCELED);
}

START_TEST(offloads)
{
    run_scenario(offload_work);
}
END_TEST

/* ---- what a task carries ---- */

static void look_at_board(void *data)
{
    const struct task_label label = {.app = "other", .request = "background"};
    (void)data;
    ck_assert_str_eq(board_mine->app, "");
    task_set_label(task_current(), &label);
    ck_assert_int_eq(task_sleep(1), 0);
    ck_assert_str_eq(board_mine->app, "other");
    task_set_label(task_current(), NULL);
}

static void carry_things(void *data)
{
    const struct task_label label = {.app = "mine", .request = "GET /", .request_id = "7"};
    void *globals[2] = {0};
    (void)data;
    task_set_label(task_current(), &label);
    task_set_exception_globals(task_current(), globals);
    globals[0] = &globals;
    beside(look_at_board, NULL);
    ck_assert_str_eq(board_mine->app, "mine");
    ck_assert_int_eq(task_sleep(10), 0);
    ck_assert_str_eq(board_mine->app, "mine");
    ck_assert_str_eq(board_mine->request_id, "7");
    ck_assert_ptr_eq(globals[0], &globals);
    task_set_label(task_current(), NULL);
    ck_assert_str_eq(board_mine->app, "");
    int64_t ran = task_run_ns(task_current());
    ck_assert_int_eq(task_sleep(200), 0); /* no time of its own */
    ck_assert_int_lt(task_run_ns(task_current()) - ran, 150000000);
    task_set_exception_globals(task_current(), NULL);
}

START_TEST(carries_its_own)
{
    run_scenario(carry_things);
}
END_TEST

UNIT_MAIN_ON_WAITERS(sleeps, yields, waits_for_descriptors, parks, hooks_run_before_waits,
                     is_cancelled, has_deadlines, is_reported_when_stuck, locks, events,
                     semaphores_queues_and_groups, offloads, carries_its_own)
