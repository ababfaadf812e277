/* task_private.h - a task's inside, for the files that it is made of.
 *
 *   task.c          its life, the one place that resumes it, what it carries
 *   task_wait.c     waiting and what ends it: events, time, task_wake, cancellation
 *   task_main.c     those that run on the main stack: the second waiter
 *   task_group.c    waiting for tasks to end
 *   task_stuck.c    those that do not end although they were cancelled
 *   task_report.c   what a crash report wants to know
 *
 * The struct lies in the room of its coroutine and goes with it; that of a task on the main stack
 * lies on the heap. */
#pragma once
#include <assert.h>
#include "loop/coroutine.h"
#include "loop/task.h"
#include "loop/timer.h"

#define TASK_NEVER INT64_MAX

enum task_state {
    TASK_READY,   /* goes on in the next turn: `call` is queued */
    TASK_WOKEN,   /* the same, by task_wake: its task_park returns 0 */
    TASK_RUNNING, /* is the current task */
    TASK_PARKED,  /* waits in task_park; from here on it waits */
    TASK_WAITING, /* waits for a descriptor */
    TASK_ASLEEP,
};

struct task {
    struct coroutine *coroutine; /* NULL: it runs on the main stack */
    struct ioloop *loop;
    task_fn *fn;
    void *data;
    struct ioloop_call call;

    enum task_state state;
    int result;          /* of the wait that ended */
    int fd;              /* with `events`: what is watched for this task */
    unsigned events;     /* 0: nothing */
    struct timer timer;  /* runs while it waits, when the wait can end by time */
    int64_t wait_end_ms; /* TASK_NEVER: by something else only */
    bool is_firm;        /* this wait is not ended by cancellation */

    int reason; /* of its cancellation, 0 if none; a passed deadline counts without being here */
    int64_t deadline_ms;
    int64_t cleanup_end_ms; /* 0: there was none */

    task_park_fn *hook;
    void *hook_data;
    bool is_in_hook;
    bool is_parking; /* the hook runs because of task_park: a wake must not be lost */
    bool is_woken;   /* it came then */

    unsigned refusals;     /* waiting calls that returned at once */
    struct timer stuck;    /* runs from its cancellation, or from its deadline's start */
    bool is_stuck;         /* was reported */
    struct trace *tracing; /* it is resumed only to say where it is */

    const struct task_label *label; /* borrowed */
    void **globals;                 /* C++'s, of the app's runtime; NULL: none */
    void *kept_globals[2];
    uint64_t ran_ticks, resumed_ticks;
    size_t budget;

    struct task_group *group;
    struct list group_link;

    struct list main_link; /* those for the main stack: until it begins */
    bool is_due;           /* and: it goes on when this turn of the loop is over */
};
static_assert(sizeof(struct task) <= COROUTINE_ROOM, "a task lies in the room of its coroutine");

/* The running task of this thread, or NULL. */
extern _Thread_local struct task *task_running;

/* Runs the task until it waits or ends (then it is gone); one on the main stack goes on when the
 * turn is over. On the loop's stack only. */
void task_resume(struct task *task);
/* task_resume in the next turn. */
void task_resume_soon(struct task *task);

/* Gives up the loop: the only place where a task does. */
void task_leave(struct task *task);

/* Whether there may be one more. */
bool task_is_room(void);
/* Counts it, among its group; the reverse. */
void task_begin(struct task *task);
void task_end(struct task *task);
/* Makes it the running task, with all that belongs to it; the reverse. */
void task_enter(struct task *task);
void task_exit(struct task *task);

/* ---- on the main stack ---- */

/* It waits no longer. */
void task_main_go_on(struct task *task);
/* Turns the loop in place until it waits no longer. */
void task_main_leave(struct task *task);

/* It is cancelled in `ms`: it has until stuck_after_ms later to end. */
void task_stuck_start(struct task *task, int64_t ms);
void task_stuck_stop(struct task *task);
/* On the task: writes down where it is. */
void task_stuck_trace(struct task *task);
/* Reports it now, if somebody asked for that and it was not yet. */
void task_stuck_report(struct task *task);

void task_group_add(struct task_group *group, struct task *task);
void task_group_remove(struct task_group *group, struct task *task);
