/* task_fixture.h - what the tests of tasks share: a loop, a trace of what ran, tasks to wait in. */
#pragma once
#include "unit.h"

#include <string.h>
#include "base/clock.h"
#include "loop/task.h"

static struct ioloop *loop;
static char trace[256];

static inline void note(char c)
{
    size_t len = strlen(trace);
    ck_assert_uint_lt(len, sizeof(trace) - 1);
    trace[len] = c;
    trace[len + 1] = 0;
}

static inline void open_loop(void)
{
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    trace[0] = 0;
}

static inline void turns(int n)
{
    while (n-- > 0)
        ck_assert_int_eq(ioloop_turn(loop, 0), 0);
}

/* Until no task is left, 20 s at most. */
static inline void run_all(void)
{
    int64_t end = clock_mono_ms() + 20000;
    while (task_count()) {
        ck_assert_int_eq(ioloop_turn(loop, 100), 0);
        ck_assert_msg(clock_mono_ms() < end, "tasks are stuck after: %s", trace);
    }
}

static inline void close_loop(void)
{
    run_all();
    ck_assert_ptr_null(task_current());
    ioloop_destroy(loop);
}

static inline void spawn(task_fn *fn, void *data)
{
    ck_assert_int_eq(task_spawn(loop, fn, data, 0, NULL), 0);
}

static inline void burn(int64_t ms)
{
    for (int64_t end = clock_mono_ms() + ms; clock_mono_ms() < end;)
        ;
}

/* A task that parks once. */
struct parked {
    struct task *task;
    int64_t timeout_ms;
    int result;
};

static inline void park(void *data)
{
    struct parked *p = data;
    p->task = task_current();
    p->result = 99;
    p->result = task_park(p->timeout_ms);
    note('p');
}
