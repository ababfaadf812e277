/* task_wait.c - waiting and what ends it.
 *
 * A wait is ended by exactly one of: its event, its time, task_wake, cancellation. end_wait takes
 * the others away, so none can come too late; the first result stays. The timer is started only
 * here, when a task really gives up the loop, for whichever time comes first. */
#include "loop/task.h"

#include <errno.h>
#include "base/clock.h"
#include "loop/task_private.h"

/* How many refused waits a task gets in one turn of the loop. */
enum { REFUSALS_A_TURN = 16 };

static int64_t after(int64_t now_ms, int64_t ms)
{
    int64_t end;
    if (ms < 0 || __builtin_add_overflow(now_ms, ms, &end))
        return TASK_NEVER;
    return end;
}

static int64_t min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* ---- cancellation: what it means for a wait ---- */

int task_cancelled(const struct task *task)
{
    if (task->reason)
        return task->reason;
    return ioloop_now_ms(task->loop) >= task->deadline_ms ? -ETIMEDOUT : 0;
}

int task_may_wait(const struct task *task)
{
    int reason = task_cancelled(task);
    return reason && ioloop_now_ms(task->loop) >= task->cleanup_end_ms ? reason : 0;
}

/* When a wait would end by cancellation, if nothing else happens. */
static int64_t interruption_ms(const struct task *task)
{
    if (task->is_firm)
        return TASK_NEVER;
    return task->reason ? task->cleanup_end_ms : max(task->deadline_ms, task->cleanup_end_ms);
}

/* ---- the end of a wait ---- */

static void end_wait(struct task *task, int result)
{
    if (task->events)
        ioloop_unwatch(task->loop, task->fd, task->events);
    task->events = 0;
    if (timer_is_running(&task->timer))
        timer_stop(task->loop, &task->timer);
    task->result = result;
}

static void on_fd(void *data, unsigned events)
{
    struct task *task = data;
    end_wait(task, (int)(events & task->events));
    task_resume(task);
}

static void on_time(void *data)
{
    struct task *task = data;
    int reason = task->is_firm ? 0 : task_may_wait(task);
    end_wait(task, reason ? reason : task->state == TASK_ASLEEP ? 0 : -ETIMEDOUT);
    task_resume(task);
}

bool task_wake(struct task *task, bool now)
{
    if (task->is_parking)
        task->is_woken = true;
    if (task->state != TASK_PARKED)
        return task->is_parking || task->state == TASK_WOKEN;
    end_wait(task, 0);
    if (now && !task_running && task->coroutine) {
        task_resume(task);
        return true;
    }
    task_resume_soon(task);
    task->state = TASK_WOKEN;
    return true;
}

/* ---- waiting ---- */

static void start_timer(struct task *task)
{
    int64_t end_ms = min(task->wait_end_ms, interruption_ms(task));
    if (end_ms == TASK_NEVER) {
        if (timer_is_running(&task->timer))
            timer_stop(task->loop, &task->timer);
        return;
    }
    task->timer.fn = on_time;
    task->timer.data = task;
    timer_start(task->loop, &task->timer, end_ms - ioloop_now_ms(task->loop));
}

void task_leave(struct task *task)
{
    if (!task->coroutine) {
        task_main_leave(task);
        return;
    }
    coroutine_yield();
    while (task->tracing) {
        task_stuck_trace(task);
        coroutine_yield();
    }
}

static int wait(struct task *task, enum task_state state, int64_t end_ms)
{
    task->wait_end_ms = end_ms;
    task->state = state;
    start_timer(task);
    task_leave(task);
    return task->result;
}

static void run_hook(struct task *task)
{
    if (!task->hook || task->is_in_hook)
        return;
    task->is_in_hook = true;
    task->hook(task->hook_data);
    task->is_in_hook = false;
}

int task_refuse(int error)
{
    struct task *task = task_running;
    if (task && ++task->refusals % REFUSALS_A_TURN == 0) {
        task_resume_soon(task);
        task_leave(task);
    }
    return error;
}

int task_ask(void)
{
    int r = task_may_wait(task_running);
    return r < 0 ? task_refuse(r) : 0;
}

static int before_wait(struct task *task)
{
    int r = task_ask();
    if (r < 0)
        return r;
    run_hook(task);
    return task_may_wait(task);
}

/* The hook may wait: so what wakes this task meanwhile is kept. */
static int park(struct task *task, int64_t timeout_ms, bool is_firm)
{
    bool is_outer = !task->is_in_hook;
    if (is_outer) {
        task->is_woken = false;
        task->is_parking = true;
    }
    int r = before_wait(task);
    if (is_outer)
        task->is_parking = false;
    if (is_outer && task->is_woken)
        return 0;
    if (r < 0 && !is_firm)
        return r;
    task->is_firm = is_firm;
    r = wait(task, TASK_PARKED, after(ioloop_now_ms(task->loop), timeout_ms));
    task->is_firm = false;
    return r;
}

int task_park(int64_t timeout_ms)
{
    assert(task_running);
    return park(task_running, timeout_ms, false);
}

void task_park_firmly(void)
{
    assert(task_running);
    park(task_running, -1, true);
}

static int watch(struct task *task, int fd, unsigned events)
{
    task->fd = fd;
    for (unsigned bit = IOLOOP_READ; bit <= IOLOOP_HANGUP; bit <<= 1) {
        if (!(events & bit))
            continue;
        int r = ioloop_watch(task->loop, fd, bit, on_fd, task);
        if (r < 0) {
            end_wait(task, r);
            return r;
        }
        task->events |= bit;
    }
    return 0;
}

int task_wait_fd(int fd, unsigned events, int64_t timeout_ms)
{
    struct task *task = task_running;
    assert(task && events);
    int r = before_wait(task);
    if (r < 0)
        return r;
    r = watch(task, fd, events);
    if (r == -EPERM)
        return (int)events; /* always ready */
    if (r < 0)
        return r;
    return wait(task, TASK_WAITING, after(ioloop_now_ms(task->loop), timeout_ms));
}

/* The turn's time may be long ago for a task that has computed meanwhile: a sleep must not be
 * shorter than it was asked for. */
int task_sleep(int64_t ms)
{
    struct task *task = task_running;
    assert(task);
    int r = before_wait(task);
    return r < 0 ? r : wait(task, TASK_ASLEEP, after(clock_mono_ms(), max(ms, 0)));
}

int task_yield(void)
{
    struct task *task = task_running;
    assert(task);
    int r = before_wait(task);
    if (r < 0)
        return r;
    task_resume_soon(task);
    task_leave(task);
    return task_may_wait(task);
}

int task_spend(size_t bytes)
{
    struct task *task = task_running;
    assert(task);
    if (bytes >= task->budget)
        return task_yield();
    task->budget -= bytes;
    return 0;
}

void task_set_park_hook(struct task *task, task_park_fn *hook, void *data)
{
    task->hook = hook;
    task->hook_data = data;
}

/* ---- cancelling ---- */

/* After a change of what ends a wait: ends it, or moves its timer. */
static void reconsider(struct task *task)
{
    if (task->state < TASK_PARKED)
        return;
    int reason = task->is_firm ? 0 : task_may_wait(task);
    if (!reason) {
        start_timer(task);
        return;
    }
    end_wait(task, reason);
    task_resume_soon(task);
}

void task_cancel(struct task *task, int reason)
{
    assert(reason == -ECANCELED || reason == -ETIMEDOUT);
    if (!task_cancelled(task)) {
        task->reason = reason;
        task_stuck_start(task, 0);
    }
    reconsider(task);
}

void task_set_deadline(struct task *task, int64_t ms)
{
    task->reason = task_cancelled(task);
    task->deadline_ms = after(ioloop_now_ms(task->loop), ms);
    if (!task->reason && ms >= 0)
        task_stuck_start(task, ms);
    else if (!task->reason)
        task_stuck_stop(task);
    reconsider(task);
}

int task_cleanup(int64_t ms)
{
    struct task *task = task_running;
    assert(task);
    if (task->cleanup_end_ms)
        return -EALREADY;
    task->cleanup_end_ms = after(ioloop_now_ms(task->loop), max(ms, 0));
    return 0;
}

void task_reset(struct task *task)
{
    task->reason = 0;
    task->deadline_ms = TASK_NEVER;
    task->cleanup_end_ms = 0;
    task_stuck_stop(task);
    reconsider(task);
}
