/* governor.c - a gauge that everybody asks, and a line for those it has no room for.
 *
 * Whoever makes room takes it for the first in the line before waking it, so nobody comes in
 * between. The timer runs only while the line is not empty, and the line is empty once the last
 * waiter has left governor_enter: so nothing outlives the app. */
#include "adapters/gateway/governor.h"

#include <errno.h>
#include <stdio.h>

#include "base/board.h"
#include "base/list.h"
#include "loop/task.h"

enum { LOOK_MS = 50 };

static void on_timer(void *data);

void governor_init(struct governor *governor, const char *name, const char *labels, uint64_t limit,
                   uint64_t queue)
{
    char waiting[BOARD_TEXT];
    snprintf(waiting, sizeof(waiting), "%s_waiting", name);
    *governor = (struct governor){
        .gauge = board_metric(BOARD_GAUGE, name, labels, "How many are at work now."),
        .waiting = board_metric(BOARD_GAUGE, waiting, labels, "How many requests wait for one."),
        .limit = limit ? limit : UINT64_MAX,
        .queue = queue,
        .timer = {.fn = on_timer, .data = governor},
    };
    task_line_init(&governor->line);
}

static bool is_anybody_waiting(const struct governor *governor)
{
    return !list_is_empty(&governor->line.waiters);
}

/* Gives what is free to those who came first. */
static void hand_out(struct governor *governor)
{
    while (is_anybody_waiting(governor) && board_hold(governor->gauge, governor->limit)) {
        if (task_line_wake(&governor->line, 1) == 0) { /* its wait ended otherwise just now */
            board_release(governor->gauge);
            return;
        }
    }
}

static void on_timer(void *data)
{
    struct governor *governor = data;
    hand_out(governor);
    if (is_anybody_waiting(governor))
        timer_start(ioloop_current(), &governor->timer, LOOK_MS);
}

static int wait(struct governor *governor, int64_t timeout_ms)
{
    if (!board_hold(governor->waiting, governor->queue))
        return -EBUSY;
    if (!timer_is_running(&governor->timer))
        timer_start(ioloop_current(), &governor->timer, LOOK_MS);
    int r = task_line_wait(&governor->line, timeout_ms);
    if (!is_anybody_waiting(governor))
        timer_stop(ioloop_current(), &governor->timer);
    board_release(governor->waiting);
    return r;
}

int governor_enter(struct governor *governor, int64_t timeout_ms)
{
    int r = task_may_wait(task_current());
    if (r < 0)
        return r;
    if (!is_anybody_waiting(governor) && board_hold(governor->gauge, governor->limit))
        return 0;
    return wait(governor, timeout_ms);
}

void governor_leave(struct governor *governor)
{
    board_release(governor->gauge);
    hand_out(governor);
}
