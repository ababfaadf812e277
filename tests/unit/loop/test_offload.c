/* Offloaded calls: results, order, limits, cancellation. */
#include "task_fixture.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>
#include "loop/offload.h"

struct job {
    int input, output, result;
    atomic_bool *gate; /* the job ends when it is true; NULL: at once */
    struct task *task;
};

static void double_it(void *data)
{
    struct job *job = data;
    sigset_t blocked;
    char name[16];
    while (job->gate && !atomic_load(job->gate))
        usleep(1000);
    ck_assert_ptr_null(task_current());
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    pthread_getname_np(pthread_self(), name, sizeof(name));
    job->output = sigismember(&blocked, SIGTERM) == 1 && strcmp(name, "gale-offload") == 0
                      ? 2 * job->input
                      : -1;
}

static void offload(void *data)
{
    struct job *job = data;
    job->task = task_current();
    job->result = 99;
    job->result = offload_run(double_it, job);
    note(job->result == 0 ? 'o' : '!');
}

START_TEST(returns_what_it_computed)
{
    struct job jobs[50] = {0};
    open_loop();
    for (int i = 0; i < 50; i++) {
        jobs[i].input = i;
        spawn(offload, &jobs[i]);
    }
    run_all();
    for (int i = 0; i < 50; i++) {
        ck_assert_int_eq(jobs[i].result, 0);
        ck_assert_int_eq(jobs[i].output, 2 * i);
    }
    offload_stop();
    spawn(offload, &jobs[7]); /* starts again */
    run_all();
    offload_stop();
    offload_stop();
    close_loop();
}
END_TEST

START_TEST(so_many_wait)
{
    atomic_bool gate = false;
    struct job jobs[6] = {0};
    offload_configure(2, 3);
    open_loop();
    for (int i = 0; i < 6; i++) {
        jobs[i].gate = &gate;
        spawn(offload, &jobs[i]);
        ck_assert_int_eq(jobs[i].result, i < 5 ? 99 : -EAGAIN);
    }
    atomic_store(&gate, true);
    run_all();
    ck_assert_str_eq(trace, "!ooooo");
    spawn(offload, &jobs[5]);
    run_all();
    ck_assert_int_eq(jobs[5].result, 0);
    offload_stop();
    close_loop();
}
END_TEST

static int order[8];
static atomic_int ran;

static void take_a_number(void *data)
{
    order[atomic_fetch_add(&ran, 1)] = *(int *)data;
}

static void offload_number(void *data)
{
    ck_assert_int_eq(offload_run(take_a_number, data), 0);
}

START_TEST(first_come_first_served)
{
    int numbers[8];
    offload_configure(1, 10);
    open_loop();
    for (int i = 0; i < 8; i++) {
        numbers[i] = i;
        spawn(offload_number, &numbers[i]);
    }
    run_all();
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(order[i], i);
    offload_stop();
    close_loop();
}
END_TEST

static void offload_cancelled(void *data)
{
    task_cancel(task_current(), -ECANCELED);
    offload(data);
}

START_TEST(cancelled_tasks_wait_for_the_end)
{
    atomic_bool gate = false;
    struct job job = {.input = 21, .gate = &gate}, never = {.input = 1};
    open_loop();
    spawn(offload, &job);
    task_set_deadline(job.task, 1);
    task_cancel(job.task, -ECANCELED);
    usleep(5000);
    turns(5);
    ck_assert_int_eq(job.result, 99);
    atomic_store(&gate, true);
    run_all();
    ck_assert_int_eq(job.result, 0);
    ck_assert_int_eq(job.output, 42);
    spawn(offload_cancelled, &never);
    ck_assert_int_eq(never.result, -ECANCELED);
    ck_assert_int_eq(never.output, 0); /* did not run */
    offload_stop();
    close_loop();
}
END_TEST

static void slow_hook(void *data)
{
    (void)data;
    ck_assert_int_eq(task_sleep(20), 0); /* the job ends meanwhile */
}

static void offload_hooked(void *data)
{
    task_set_park_hook(task_current(), slow_hook, NULL);
    offload(data);
}

START_TEST(ends_while_the_hook_waits)
{
    struct job job = {.input = 4};
    open_loop();
    spawn(offload_hooked, &job);
    run_all();
    ck_assert_int_eq(job.output, 8);
    offload_stop();
    close_loop();
}
END_TEST

UNIT_MAIN(returns_what_it_computed, so_many_wait, first_come_first_served,
          cancelled_tasks_wait_for_the_end, ends_while_the_hook_waits)
