/* task.h - a coroutine that the ioloop can wake: the unit in which requests are served.
 *
 * A task runs until it waits. All waiting ends in task_park, the only place where a task gives up
 * the loop. Tasks are resumed from the loop only, one at a time, never from each other, so between
 * two waits no other task of the worker runs.
 *
 * Cancellation is sticky: once a task is cancelled or its deadline has passed, each waiting call
 * returns -ECANCELED (-ETIMEDOUT) at once, but for the calls under one task_cleanup. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/list.h"
#include "base/macros.h"
#include "loop/ioloop.h"
#include "loop/task_sync.h"

struct task;
struct task_group;

typedef void task_fn(void *data);

/* Sets how many tasks this process may have at once (default 10000). */
void task_set_max(size_t max);
size_t task_count(void);

/* Starts a task: at once when called from the loop, in the next turn when called on a task.
 * stack_size 0 is the default. The task is freed when fn returns. `group` (may be NULL) counts it
 * until then. Returns 0, -EAGAIN when max tasks run already, or -errno. */
int task_spawn(struct ioloop *loop, task_fn *fn, void *data, size_t stack_size,
               struct task_group *group);

/* ---- the main stack: a second waiter under the same calls ----
 * For code that blocks, that needs a deep stack, or that cannot live on a foreign one (Go's
 * runtime). Such tasks run where task_run_main was called, one after the other, in the order of
 * their start. While one waits, the loop is turned in place, so that everything else goes on:
 * descriptors, timers, tasks on stacks of their own. While one blocks, all of that stands still. */

/* Starts such a task when those before it have ended. Returns 0, or -EAGAIN as above. */
int task_spawn_main(struct ioloop *loop, task_fn *fn, void *data, struct task_group *group);
/* ioloop_run for a process with such tasks. A stop while one waits gives that one up for good: its
 * stack is left where it stands, as that of any task that has not ended when the loop stops. */
int task_run_main(struct ioloop *loop);

/* The running task, or NULL on the loop's own stack. */
struct task *task_current(void);
struct ioloop *task_loop(const struct task *task);

/* ---- waiting; each returns -ECANCELED or -ETIMEDOUT at once when the task is cancelled ---- */

/* Waits until fd is ready for one of `events` (IOLOOP_READ, IOLOOP_WRITE). Returns the bits that
 * came, -ETIMEDOUT after timeout_ms (-1: never), or -errno. A descriptor that the poller refuses
 * because it is always ready is ready. */
SUSPENDS int task_wait_fd(int fd, unsigned events, int64_t timeout_ms);
/* Returns 0 after that time. */
SUSPENDS int task_sleep(int64_t ms);
/* Lets everything else that is ready run; goes on in the next turn. */
SUSPENDS int task_yield(void);
/* Waits for task_wake. Returns 0, -ETIMEDOUT or -ECANCELED. The base of locks and queues. A wake
 * during the park hook counts; if the hook parks, too, either may get the other's: so look for what
 * you wait for, and park again. */
SUSPENDS int task_park(int64_t timeout_ms);
/* The same until task_wake whatever happens to the task, for what can't be left behind. */
SUSPENDS void task_park_firmly(void);
/* Makes a parked task go on in the next turn (at once when called from the loop's stack with `now`,
 * unless it runs on the main stack). Returns whether its task_park returns 0, by this or an earlier
 * wake; no effect, and false, on a task that is not in task_park or whose wait has ended otherwise.
 */
bool task_wake(struct task *task, bool now);

/* ---- cancellation ---- */

/* Cancels with -ECANCELED or -ETIMEDOUT as `reason`; the first one stays. A waiting task goes on
 * in the next turn. */
void task_cancel(struct task *task, int reason);
/* 0, or the reason. */
int task_cancelled(const struct task *task);
/* 0 when a waiting call may wait now, or the reason that it returns at once: task_cancelled, but
 * for the cleanup. */
int task_may_wait(const struct task *task);
/* The task is cancelled with -ETIMEDOUT this long from now; -1 takes the deadline away. */
void task_set_deadline(struct task *task, int64_t ms);
/* Lets the current task, though cancelled now or later, wait for `ms` from now; works once, then
 * -EALREADY. */
int task_cleanup(int64_t ms);
/* For connection code: forgets an earlier cancellation, deadline and cleanup between requests. */
void task_reset(struct task *task);
/* What every waiting call begins with: task_may_wait of the current task. One that is refused again
 * and again lets others run now and then, so that a loop which ignores its cancellation does not
 * hold them up. */
SUSPENDS int task_ask(void);
/* The same for a call that returns `error` each time it is made: returns that. Fine without a
 * task. */
SUSPENDS int task_refuse(int error);

/* ---- what a task carries ---- */

/* Called on the task each time before it parks (but not while the hook itself runs): responses
 * send what they hold. NULL takes it away. */
typedef void task_park_fn(void *data);
void task_set_park_hook(struct task *task, task_park_fn *hook, void *data);
/* What the task serves, for reports (borrowed; NULL: none): the app's name and the request's line
 * and id go to the board whenever the task runs. Set once more when its app, and no more than that,
 * has changed. */
struct task_label {
    const char *app;
    const char *request;
    const char *request_id;
};
void task_set_label(struct task *task, const struct task_label *label);
/* The app runtime's exception globals, 16 bytes at `globals` (from __cxa_get_globals), kept apart
 * for each task while it is inside the app; NULL: none. */
void task_set_exception_globals(struct task *task, void *globals);
/* Nanoseconds the task ran on the CPU since its start (for charging it to an app). */
int64_t task_run_ns(const struct task *task);

/* Bytes this task may still move in the current turn; iostreams take from it and yield when it is
 * used up. Refilled with TASK_TURN_BYTES whenever the task is resumed. */
enum { TASK_TURN_BYTES = 256 * 1024 };
SUSPENDS int task_spend(size_t bytes);

/* ---- tasks that do not end ---- */

/* One that is still there although it was cancelled. */
struct task_stuck {
    const struct task_label *label; /* borrowed; NULL: none */
    int reason;                     /* of its cancellation */
    const char *stack;              /* where it waits, as symbol_describe_stack has it */
};
enum { TASK_STUCK_MS = 5000 };
/* Calls fn, on the loop's stack, for each task of this process that is still there `after_ms` after
 * it was cancelled, or after its cleanup; once for each. NULL: nobody asks. */
typedef void task_stuck_fn(void *data, const struct task_stuck *stuck);
void task_on_stuck(int64_t after_ms, task_stuck_fn *fn, void *data);

/* ---- groups: tasks that somebody waits for ---- */

struct task_group {
    struct list tasks;
    size_t count;
    size_t stuck; /* those of them that were reported */
    /* private */
    struct task_line waiters;
};

void task_group_init(struct task_group *group);
/* Waits until all tasks of the group have ended. Returns 0, -ETIMEDOUT or -ECANCELED. */
SUSPENDS int task_group_join(struct task_group *group, int64_t timeout_ms);
void task_group_cancel(struct task_group *group);
bool task_group_is_empty(const struct task_group *group);
/* Reports those that are cancelled at once, without waiting for their time. On the loop's stack. */
void task_group_report(struct task_group *group);

/* ---- for crash reports; safe in a signal handler ---- */

/* True if the address lies in the guard of the running task's stack: its overflow. */
bool task_is_overflow(const void *address);
/* What the task serves; NULL: unknown. */
const struct task_label *task_find_label(const struct task *task);
