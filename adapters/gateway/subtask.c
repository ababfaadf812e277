/* subtask.c - starting, and an end that is waited for. */
#include "adapters/gateway/subtask.h"

#include <errno.h>

#include "loop/ioloop.h"
#include "loop/task.h"

static void run(void *data)
{
    struct subtask *subtask = data;
    subtask->task = task_current();
    subtask->has_begun = true;
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
    subtask->waiter = task_current();
    while (subtask->task) {
        if (subtask->has_begun)
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
