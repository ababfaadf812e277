/* on_waiters.h - runs a program's tests once on a task's own stack, once on the main stack.
 *
 * run_task runs fn(data) as such a task and the loop until fn has returned. */
#pragma once
#include "unit.h"

#include "base/macros.h"
#include "loop/ioloop.h"
#include "loop/task.h"

static bool is_on_main;

static inline int waiter_spawn(struct ioloop *on, task_fn *fn, void *data, struct task_group *group)
{
    return is_on_main ? task_spawn_main(on, fn, data, group) : task_spawn(on, fn, data, 0, group);
}

static inline int waiter_run(struct ioloop *on)
{
    return is_on_main ? task_run_main(on) : ioloop_run(on);
}

struct waiter_call {
    task_fn *fn;
    void *data;
};

static inline void waiter_call(void *data)
{
    const struct waiter_call *call = data;
    call->fn(call->data);
    ioloop_stop(task_loop(task_current()));
}

static inline void run_task(struct ioloop *on, task_fn *fn, void *data)
{
    struct waiter_call call = {fn, data};
    ck_assert_int_eq(waiter_spawn(on, waiter_call, &call, NULL), 0);
    ck_assert_int_eq(waiter_run(on), 0);
    ck_assert_ptr_null(task_current());
}

static inline int run_on_each_waiter(const char *file, const TTest *const *tests)
{
    int failed = 0;
    for (int i = 0; i < 2; i++) {
        is_on_main = i;
        failed |= unit_run(file, tests);
    }
    return failed;
}

#define UNIT_MAIN_ON_WAITERS(...)                                                                  \
    int main(void)                                                                                 \
    {                                                                                              \
        const TTest *const tests[] = {__VA_ARGS__, NULL};                                          \
        return run_on_each_waiter(__FILE__, tests);                                                \
    }
