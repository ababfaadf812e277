/* subtask.c - starting, and an end that is waited for. */
#include "adapters/fastcgi/subtask.h"

#include <errno.h>

#include "loop/ioloop.h"
#include "loop/task.h"

static void run(void *data)
{
    struct subtask *subtask = data;
    subtask->task = task_current();
    task_set_label(subtask->task, subtask->label);
    if (!subtask->waiter) /* nobody has stopped it before it began */
        subtask->fn(subtask->data);
    task_set_label(subtask->task, NULL);
    subtask->task = NULL;
    if (subtask->waiter)
        task_wake(subtask->waiter, false);
}

int subtask_start(struct subtask *subtask, void (*fn)(void *data), void *data,
                  const struct task_label *label)
{
    /* Until it has begun, `task` is the one that started it: it counts as running. */
    *subtask = (struct subtask){.task = task_current(), .fn = fn, .data = data, .label = label};
    int r = task_spawn(ioloop_current(), run, subtask, 0, NULL);
    if (r < 0)
        subtask->task = NULL;
    return r;
}

void subtask_stop(struct subtask *subtask)
{
    struct task *starter = task_current();
    subtask->waiter = starter;
    while (subtask->task) {
        if (subtask->task != starter)
            task_cancel(subtask->task, -ECANCELED);
        task_park_firmly();
    }
    subtask->waiter = NULL;
}

bool subtask_is_running(const struct subtask *subtask)
{
    return subtask->task != NULL;
}

bool subtask_is_stopping(const struct subtask *subtask)
{
    return subtask->waiter != NULL;
}
