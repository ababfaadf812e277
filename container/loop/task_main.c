/* task_main.c - tasks on the main stack, one after the other: the second waiter.
 *
 *   task_run_main                 runs the loop while there is nothing to do
 *     fn(data)                    the task, where the loop was run
 *       task_sleep, ...           the calls that every task waits by
 *         task_main_leave         ioloop_turn, again and again, until its wait has ended
 *           other tasks, timers   as under any turn; none of them is on this stack when it returns
 *
 * The loop is never in the midst of a turn when such a task begins or goes on: what ends its wait
 * is only noted, and the turn ends first. So turns do not nest, and handlers need not expect it. */
#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>
#include "base/memory.h"
#include "loop/task.h"
#include "loop/task_private.h"

static struct list waiting = {&waiting, &waiting}; /* not begun yet */

static jmp_buf run_end; /* of task_run_main, while a task of it waits */
static int run_error;

int task_spawn_main(struct ioloop *loop, task_fn *fn, void *data, struct task_group *group)
{
    if (!task_is_room())
        return -EAGAIN;
    struct task *task = memory_alloc(sizeof(*task));
    *task = (struct task){.loop = loop,
                          .fn = fn,
                          .data = data,
                          .state = TASK_READY,
                          .deadline_ms = TASK_NEVER,
                          .group = group};
    task_begin(task);
    list_append(&waiting, &task->main_link);
    return 0;
}

static void do_nothing(void *data)
{
    (void)data;
}

/* The turn that is under way must not sleep any more: a deferred call keeps it from that. */
void task_main_go_on(struct task *task)
{
    task->is_due = true;
    task->state = TASK_READY;
    task->call.fn = do_nothing;
    ioloop_defer(task->loop, &task->call);
}

/* A loop that is to stop would never sleep again, and nothing may end this wait: the stack above
 * task_run_main is given up, as those of coroutines are then. */
static _Noreturn void give_up(int error)
{
    run_error = error;
    longjmp(run_end, 1);
}

void task_main_leave(struct task *task)
{
    task_exit(task);
    while (!task->is_due) {
        int r = ioloop_turn(task->loop, -1);
        if (r < 0 || ioloop_is_stopping(task->loop))
            give_up(r);
    }
    task->is_due = false;
    ioloop_undefer(task->loop, &task->call);
    task_enter(task);
}

static void run(struct task *task)
{
    task_enter(task);
    task->fn(task->data);
    task_exit(task);
    task_end(task);
    free(task);
}

/* A turn comes between two tasks, so that neither timers nor signals wait for the last of them. */
static int run_all(struct ioloop *loop)
{
    while (!ioloop_is_stopping(loop)) {
        int r = ioloop_turn(loop, list_is_empty(&waiting) ? -1 : 0);
        if (r < 0)
            return r;
        struct list *link = ioloop_is_stopping(loop) ? NULL : list_pop(&waiting);
        if (link)
            run(container_of(link, struct task, main_link));
    }
    return 0;
}

int task_run_main(struct ioloop *loop)
{
    assert(!task_running);
    int r = setjmp(run_end) ? run_error : run_all(loop);
    return r < 0 ? r : ioloop_run(loop); /* which takes the stop, and returns */
}
