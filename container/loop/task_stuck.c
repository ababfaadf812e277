/* task_stuck.c - tasks that are still there although they were cancelled.
 *
 * The time runs from the cancellation: a timer in each task that is cancelled or has a deadline.
 * Where such a task waits, only its own stack tells: it is resumed for nothing else than to write
 * that down, and gives up the loop again within the wait that it is in, whatever that wait is for.
 */
#include <execinfo.h>
#include "base/symbol.h"
#include "loop/task.h"
#include "loop/task_private.h"

enum { FRAMES = 32, STACK_TEXT = 2000 };

struct trace {
    void *frames[FRAMES];
    int count;
};

static task_stuck_fn *on_stuck;
static void *on_stuck_data;
static int64_t stuck_after_ms = TASK_STUCK_MS;

void task_on_stuck(int64_t after_ms, task_stuck_fn *fn, void *data)
{
    void *frame;
    on_stuck = fn;
    on_stuck_data = data;
    stuck_after_ms = after_ms;
    /* The first one loads the unwinder: better here than on a task's small stack. */
    if (fn)
        (void)backtrace(&frame, 1);
}

/* ---- where it is ---- */

__attribute__((noinline)) void task_stuck_trace(struct task *task)
{
    task->tracing->count = backtrace(task->tracing->frames, FRAMES);
    task->tracing = NULL;
}

/* Nothing of the task changes: neither its state nor what it waits for. One on the main stack waits
 * right below whoever asks. */
static void take_trace(struct task *task, struct trace *trace)
{
    task->tracing = trace;
    if (!task->coroutine) {
        task_stuck_trace(task);
        return;
    }
    task_running = task;
    (void)coroutine_resume(task->coroutine);
    task_running = NULL;
}

void task_stuck_report(struct task *task)
{
    struct trace trace = {.count = 0};
    char text[STACK_TEXT];
    assert(!task_running);
    if (!on_stuck || task->is_stuck)
        return;
    task->is_stuck = true;
    if (task->group)
        task->group->stuck++;
    take_trace(task, &trace);
    /* The first frame is the one that asked. */
    int skipped = trace.count > 0;
    const struct task_stuck stuck = {
        .label = task->label,
        .reason = task_cancelled(task),
        .stack = symbol_describe_stack(trace.frames + skipped, (size_t)(trace.count - skipped),
                                       text, sizeof(text)),
    };
    on_stuck(on_stuck_data, &stuck);
}

/* ---- when ---- */

static void on_time(void *data)
{
    struct task *task = data;
    int64_t now_ms = ioloop_now_ms(task->loop);
    if (task->cleanup_end_ms > now_ms - stuck_after_ms)
        task_stuck_start(task, task->cleanup_end_ms - now_ms);
    else
        task_stuck_report(task);
}

void task_stuck_start(struct task *task, int64_t ms)
{
    int64_t delay_ms;
    if (!on_stuck || __builtin_add_overflow(ms, stuck_after_ms, &delay_ms))
        return;
    task->stuck.fn = on_time;
    task->stuck.data = task;
    timer_start(task->loop, &task->stuck, delay_ms);
}

void task_stuck_stop(struct task *task)
{
    if (timer_is_running(&task->stuck))
        timer_stop(task->loop, &task->stuck);
}
