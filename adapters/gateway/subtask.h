/* subtask.h - a second task that works on the same request, and never outlives it.
 *
 * It uses what is on the stack of the task that started it, so whoever goes stops it first and
 * waits for its end, whatever happens meanwhile. Embedded; zeroed is "not running". */
#pragma once
#include <stdbool.h>
#include "base/macros.h"

struct task;
struct task_label;

struct subtask {
    struct task *task;   /* NULL: it does not run */
    bool has_begun;      /* else `task` is whoever started it, which keeps the place */
    struct task *waiter; /* who waits for its end */
    void (*fn)(void *data);
    void *data;
    const struct task_label *label; /* borrowed */
};

/* Starts fn(data), in the next turn. Returns 0, or -EAGAIN when there are too many tasks. */
int subtask_start(struct subtask *subtask, void (*fn)(void *data), void *data,
                  const struct task_label *label);
/* Cancels it and waits for its end. Fine when it does not run. */
SUSPENDS void subtask_stop(struct subtask *subtask);
bool subtask_is_running(const struct subtask *subtask);
/* Whether somebody waits for its end: then its errors are its own. */
bool subtask_is_stopping(const struct subtask *subtask);
