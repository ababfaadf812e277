/* Tasks: waiting and being woken. */
#include "task_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

struct fd_case {
    int fd;
    unsigned events;
    int64_t timeout_ms;
    int result;
};

static void wait_fd(void *data)
{
    struct fd_case *c = data;
    c->result = task_wait_fd(c->fd, c->events, c->timeout_ms);
    note('w');
}

static struct fd_case wait_case(int fd, unsigned events, int64_t timeout_ms)
{
    struct fd_case c = {.fd = fd, .events = events, .timeout_ms = timeout_ms, .result = 99};
    spawn(wait_fd, &c); /* only for those that need not wait */
    return c;
}

START_TEST(waits_for_descriptors)
{
    int fds[2];
    open_loop();
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    struct fd_case c = {fds[0], IOLOOP_READ, -1, 99};
    spawn(wait_fd, &c);
    turns(3);
    ck_assert_int_eq(c.result, 99);
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    turns(1);
    ck_assert_int_eq(c.result, IOLOOP_READ);

    c = (struct fd_case){fds[0], IOLOOP_READ | IOLOOP_WRITE, -1, 99};
    spawn(wait_fd, &c);
    turns(1);
    ck_assert_int_eq(c.result, IOLOOP_READ | IOLOOP_WRITE);

    c = (struct fd_case){fds[1], IOLOOP_READ | IOLOOP_WRITE, 0, 99};
    spawn(wait_fd, &c);
    turns(1); /* its event comes before its time */
    ck_assert_int_eq(c.result, IOLOOP_WRITE);

    close(fds[1]);
    c = (struct fd_case){fds[0], IOLOOP_READ, -1, 99};
    spawn(wait_fd, &c);
    turns(1);
    ck_assert_int_eq(c.result, IOLOOP_READ);
    ioloop_close(loop, fds[0]);
    close_loop();
}
END_TEST

START_TEST(two_wait_for_one_descriptor)
{
    int fds[2];
    char bytes[4096] = {0};
    open_loop();
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    while (write(fds[0], bytes, sizeof(bytes)) > 0)
        ;
    struct fd_case reader = {fds[0], IOLOOP_READ, -1, 99};
    struct fd_case writer = {fds[0], IOLOOP_WRITE, -1, 99};
    spawn(wait_fd, &reader);
    spawn(wait_fd, &writer);
    turns(2);
    ck_assert_str_eq(trace, "");
    while (read(fds[1], bytes, sizeof(bytes)) > 0)
        ;
    turns(1);
    ck_assert_int_eq(writer.result, IOLOOP_WRITE);
    ck_assert_int_eq(reader.result, 99);
    close(fds[1]);
    turns(1);
    ck_assert_int_eq(reader.result, IOLOOP_READ);
    ioloop_close(loop, fds[0]);
    close_loop();
}
END_TEST

START_TEST(descriptors_without_readiness)
{
    open_loop();
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(wait_case(file, IOLOOP_READ, -1).result, IOLOOP_READ);
    ck_assert_int_eq(wait_case(file, IOLOOP_READ | IOLOOP_WRITE, 0).result,
                     IOLOOP_READ | IOLOOP_WRITE);
    close(file);
    ck_assert_int_eq(wait_case(-1, IOLOOP_READ, -1).result, -EBADF);
    ck_assert_int_eq(wait_case(file, IOLOOP_READ, -1).result, -EBADF);
    ck_assert_str_eq(trace, "wwww");
    close_loop();
}
END_TEST

START_TEST(descriptor_waits_time_out)
{
    int fds[2];
    open_loop();
    ck_assert_int_eq(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
    struct fd_case none = {fds[0], IOLOOP_READ, 0, 99};
    spawn(wait_fd, &none);
    turns(3);
    ck_assert_int_eq(none.result, -ETIMEDOUT);
    struct fd_case some = {fds[0], IOLOOP_READ, 20, 99};
    int64_t began = clock_mono_ms();
    spawn(wait_fd, &some);
    run_all();
    ck_assert_int_eq(some.result, -ETIMEDOUT);
    ck_assert_int_ge(clock_mono_ms() - began, 19);
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    turns(2); /* nobody waits any more */
    ck_assert_str_eq(trace, "ww");
    ioloop_close(loop, fds[0]);
    close(fds[1]);
    close_loop();
}
END_TEST

static void sleep_and_note(void *data)
{
    const char *name = data;
    int64_t began = clock_mono_ms();
    ck_assert_int_eq(task_sleep((name[0] - '0') * 20), 0);
    ck_assert_int_ge(clock_mono_ms() - began, (name[0] - '0') * 20);
    note(name[0]);
}

START_TEST(sleeps)
{
    open_loop();
    spawn(sleep_and_note, "3");
    spawn(sleep_and_note, "1");
    spawn(sleep_and_note, "2");
    spawn(sleep_and_note, "0");
    run_all();
    ck_assert_str_eq(trace, "0123");
    close_loop();
}
END_TEST

static void sleep_after_work(void *data)
{
    (void)data;
    burn(50);
    int64_t began = clock_mono_ms();
    ck_assert_int_eq(task_sleep(30), 0);
    ck_assert_int_ge(clock_mono_ms() - began, 30);
}

START_TEST(sleeps_no_less_after_work)
{
    open_loop();
    spawn(sleep_after_work, NULL);
    close_loop();
}
END_TEST

static void yield_thrice(void *data)
{
    for (int i = 0; i < 3; i++) {
        note(*(char *)data);
        uint64_t turn = ioloop_turn_number(loop);
        ck_assert_int_eq(task_yield(), 0);
        ck_assert_uint_gt(ioloop_turn_number(loop), turn);
    }
}

START_TEST(yields)
{
    open_loop();
    spawn(yield_thrice, "a");
    spawn(yield_thrice, "b");
    run_all();
    ck_assert_str_eq(trace, "ababab");
    close_loop();
}
END_TEST

static void spend_much(void *data)
{
    (void)data;
    ck_assert_int_eq(task_spend(TASK_TURN_BYTES - 1), 0);
    note('a');
    ck_assert_int_eq(task_spend(1), 0);
    note('b');
    ck_assert_int_eq(task_spend(TASK_TURN_BYTES / 2), 0);
    ck_assert_int_eq(task_yield(), 0); /* refills */
    ck_assert_int_eq(task_spend(TASK_TURN_BYTES / 2 + 1), 0);
    note('c');
    ck_assert_int_eq(task_spend(SIZE_MAX), 0);
    note('d');
    task_cancel(task_current(), -ECANCELED);
    ck_assert_int_eq(task_spend(1), 0);
    ck_assert_int_eq(task_spend(SIZE_MAX), -ECANCELED);
}

START_TEST(spends_its_turn)
{
    open_loop();
    spawn(spend_much, NULL);
    ck_assert_str_eq(trace, "a");
    turns(1);
    ck_assert_str_eq(trace, "ab");
    turns(1);
    ck_assert_str_eq(trace, "abc");
    turns(1);
    ck_assert_str_eq(trace, "abcd");
    close_loop();
}
END_TEST

static void wake_it(void *data)
{
    struct parked *p = data;
    ck_assert(task_wake(p->task, true)); /* not now: this is a task */
    ck_assert(task_wake(p->task, true)); /* is on its way */
    ck_assert(!task_wake(task_current(), false));
    note('w');
}

START_TEST(parks_until_woken)
{
    struct parked p = {.timeout_ms = -1};
    open_loop();
    spawn(park, &p);
    turns(2);
    ck_assert_int_eq(p.result, 99);
    ck_assert(task_wake(p.task, true));
    ck_assert_int_eq(p.result, 0);

    spawn(park, &p);
    ck_assert(task_wake(p.task, false));
    ck_assert(task_wake(p.task, true)); /* on its way already */
    ck_assert_int_eq(p.result, 99);
    turns(1);
    ck_assert_int_eq(p.result, 0);

    trace[0] = 0;
    spawn(park, &p);
    spawn(wake_it, &p);
    ck_assert_str_eq(trace, "w");
    turns(1);
    ck_assert_str_eq(trace, "wp");
    close_loop();
}
END_TEST

START_TEST(parks_for_a_time)
{
    struct parked late = {.timeout_ms = 20}, soon = {.timeout_ms = 0}, woken = {.timeout_ms = 50};
    open_loop();
    spawn(park, &late);
    spawn(park, &soon);
    spawn(park, &woken);
    turns(2);
    ck_assert_int_eq(soon.result, -ETIMEDOUT);
    ck_assert_int_eq(late.result, 99);
    task_wake(woken.task, true);
    ck_assert_int_eq(woken.result, 0);
    run_all();
    ck_assert_int_eq(late.result, -ETIMEDOUT);
    close_loop();
}
END_TEST

static void sleeper(void *data)
{
    struct parked *p = data;
    p->task = task_current();
    p->result = 99;
    p->result = task_sleep(p->timeout_ms);
}

START_TEST(wakes_only_the_parked)
{
    struct parked p = {.timeout_ms = 10};
    open_loop();
    spawn(sleeper, &p);
    ck_assert(!task_wake(p.task, true));
    turns(1);
    ck_assert_int_eq(p.result, 99);
    close_loop();
    ck_assert_int_eq(p.result, 0);
}
END_TEST

static void note_h(void *data)
{
    (void)data;
    note('h');
}

static void wait_in_hook(void *data)
{
    (void)data;
    note('(');
    ck_assert_int_eq(task_sleep(5), 0); /* no hook before this one */
    ck_assert_int_eq(task_yield(), 0);
    note(')');
}

static void park_hooked(void *data)
{
    task_set_park_hook(task_current(), note_h, NULL);
    ck_assert_int_eq(task_yield(), 0);
    ck_assert_int_eq(task_sleep(0), 0);
    ck_assert_int_eq(task_park(0), -ETIMEDOUT);
    task_set_park_hook(task_current(), NULL, NULL);
    ck_assert_int_eq(task_yield(), 0);
    task_set_park_hook(task_current(), wait_in_hook, NULL);
    park(data);
    task_cancel(task_current(), -ECANCELED);
    ck_assert_int_eq(task_yield(), -ECANCELED); /* nothing to wait for: no hook */
}

START_TEST(hook_before_waits)
{
    struct parked p = {.timeout_ms = -1};
    open_loop();
    spawn(park_hooked, &p);
    while (!strchr(trace, '('))
        turns(1);
    ck_assert_str_eq(trace, "hhh(");
    ck_assert(task_wake(p.task, true)); /* while the hook waits: not lost */
    ck_assert_str_eq(trace, "hhh(");
    run_all();
    ck_assert_int_eq(p.result, 0);
    ck_assert_str_eq(trace, "hhh()p");
    close_loop();
}
END_TEST

static void cancel_in_hook(void *data)
{
    (void)data;
    task_cancel(task_current(), -ETIMEDOUT);
}

static void park_after_hook(void *data)
{
    task_set_park_hook(task_current(), cancel_in_hook, NULL);
    *(int *)data = task_park(-1);
}

START_TEST(cancelled_in_the_hook)
{
    int result = 99;
    open_loop();
    spawn(park_after_hook, &result);
    ck_assert_int_eq(result, -ETIMEDOUT);
    close_loop();
}
END_TEST

UNIT_MAIN(waits_for_descriptors, two_wait_for_one_descriptor, descriptors_without_readiness,
          descriptor_waits_time_out, sleeps, sleeps_no_less_after_work, yields, spends_its_turn,
          parks_until_woken, parks_for_a_time, wakes_only_the_parked, hook_before_waits,
          cancelled_in_the_hook)
