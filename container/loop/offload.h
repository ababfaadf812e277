/* offload.h - blocking calls on threads, awaited by tasks.
 *
 * The only threads of a worker. The pool starts with the first call and grows to its size; jobs are
 * taken first come, first served. A job always runs to its end, and the call returns only then,
 * whatever happens to the task meanwhile: the job may use the caller's stack. */
#pragma once
#include "base/macros.h"

struct task;

typedef void offload_fn(void *data);

/* Threads at most (default 8) and jobs waiting at most (default 1024). Before the first call. */
void offload_configure(unsigned threads, unsigned queue);
/* Runs fn(data) on a thread and waits for its end. Returns 0; -EAGAIN when the queue is full, or
 * -ECANCELED, -ETIMEDOUT when the task was cancelled before: fn did not run then. */
SUSPENDS int offload_run(offload_fn *fn, void *data);
/* The task for which the calling thread works, which waits meanwhile; NULL: this is no such thread,
 * or it is idle. Safe in a signal handler. */
const struct task *offload_task(void);
/* Ends the threads after the jobs that wait; for tests and a clean exit. */
void offload_stop(void);
