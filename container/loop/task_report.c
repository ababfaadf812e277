/* task_report.c - what a crash report wants to know of the task that crashed. */
#include "loop/task.h"
#include "loop/task_private.h"

bool task_is_overflow(const void *address)
{
    return task_running && coroutine_is_overflow(task_running->coroutine, address);
}

const struct task_label *task_find_label(const struct task *task)
{
    return task->label;
}
