/* ioloop.c - the turn, what runs in it by itself, and the life of a loop. */
#include "loop/ioloop_private.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/memory.h"

enum { EVENTS_A_TURN = 256, SLEEP_MAX_MS = 3600 * 1000 };

static _Thread_local struct ioloop *current;

/* ---- fork ---- */

/* How many forks lie between the first process that had a loop and this one. */
static unsigned forks;

static void count_fork(void)
{
    forks++;
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, count_fork);
}

void ioloop_check_process(const struct ioloop *loop)
{
    static const char message[] = "gale: an ioloop was used in a forked child of its process\n";
    if (likely(loop->forks == forks))
        return;
    (void)!write(STDERR_FILENO, message, sizeof(message) - 1);
    abort();
}

/* ---- deferred calls and hooks ---- */

static void queue(struct list *list, struct ioloop_call *call)
{
    if (call->is_queued)
        return;
    call->is_queued = true;
    list_append(list, &call->link);
}

void ioloop_defer(struct ioloop *loop, struct ioloop_call *call)
{
    ioloop_check_process(loop);
    queue(&loop->deferred, call);
}

void ioloop_on_turn_end(struct ioloop *loop, struct ioloop_call *hook)
{
    ioloop_check_process(loop);
    queue(&loop->turn_end, hook);
}

static void unqueue(struct ioloop_call *call)
{
    call->is_queued = false;
    list_remove(&call->link);
}

void ioloop_undefer(struct ioloop *loop, struct ioloop_call *call)
{
    ioloop_check_process(loop);
    if (call->is_queued)
        unqueue(call);
}

static void run_deferred(struct ioloop *loop)
{
    struct list due;
    list_init(&due);
    list_splice(&due, &loop->deferred);
    while (!list_is_empty(&due)) {
        struct ioloop_call *call = container_of(due.next, struct ioloop_call, link);
        unqueue(call);
        call->fn(call->data);
    }
}

static void run_hooks(struct ioloop *loop)
{
    struct list due, done, *link;
    list_init(&due);
    list_init(&done);
    list_splice(&due, &loop->turn_end);
    while ((link = list_pop(&due))) {
        struct ioloop_call *hook = container_of(link, struct ioloop_call, link);
        list_append(&done, link);
        hook->fn(hook->data);
    }
    list_splice(&done, &loop->turn_end); /* hooks that were added meanwhile come last */
    list_splice(&loop->turn_end, &done);
}

static void drop_calls(struct list *list)
{
    while (!list_is_empty(list))
        unqueue(container_of(list->next, struct ioloop_call, link));
}

/* ---- the turn ---- */

static int poll_timeout_ms(const struct ioloop *loop, int64_t max_wait_ms)
{
    if (!list_is_empty(&loop->deferred) || atomic_load(&loop->is_stopping))
        return 0;
    int64_t wait_ms = timer_heap_wait_ms(&loop->timers, loop->now_ms);
    if (wait_ms < 0 || (max_wait_ms >= 0 && max_wait_ms < wait_ms))
        wait_ms = max_wait_ms;
    return (int)(wait_ms < SLEEP_MAX_MS ? wait_ms : SLEEP_MAX_MS);
}

static void run_timers(struct ioloop *loop, uint64_t order_end)
{
    struct timer *timer;
    while ((timer = timer_heap_pop_due(&loop->timers, loop->now_ms, order_end)))
        timer->fn(timer->data);
}

static void warn_if_slow(struct ioloop *loop, int64_t busy_ms)
{
    const struct ioloop_blame *blame = &loop->blame;
    const struct log_field app = LOG_TEXT("app", blame->app), nobody = {0};
    if (loop->warn_ms > 0 && busy_ms > loop->warn_ms)
        log_warn("a worker was held up, and everybody else in it", LOG_NUMBER("ms", busy_ms),
                 blame->ms ? app : nobody, LOG_TEXT("request", blame->request),
                 LOG_TEXT("id", blame->request_id));
    loop->blame.ms = 0;
}

/* One turn. now_ms is fresh when it starts and when it ends; in between the clock is read once
 * after the poll, and before it only if deferred calls took time. */
static int turn(struct ioloop *loop, int64_t max_wait_ms)
{
    struct poller_event events[EVENTS_A_TURN];
    int64_t began_ms = loop->now_ms;
    uint64_t order_end = loop->timers.next_order;
    loop->turn++;
    if (!list_is_empty(&loop->deferred)) {
        run_deferred(loop);
        loop->now_ms = clock_mono_ms();
    }
    int64_t slept_ms = loop->now_ms;
    loop->has_forgotten = false;
    int n =
        loop->kind->wait(loop->poller, events, EVENTS_A_TURN, poll_timeout_ms(loop, max_wait_ms));
    if (n < 0)
        return n;
    loop->now_ms = clock_mono_ms();
    slept_ms = loop->now_ms - slept_ms;
    for (int i = 0; i < n; i++)
        ioloop_deliver(loop, &events[i]);
    run_timers(loop, order_end);
    run_hooks(loop);
    loop->now_ms = clock_mono_ms();
    warn_if_slow(loop, loop->now_ms - began_ms - slept_ms);
    log_flush();
    return 0;
}

int ioloop_turn(struct ioloop *loop, int64_t max_wait_ms)
{
    ioloop_check_process(loop);
    if (loop->is_running)
        return -EBUSY;
    loop->is_running = true;
    loop->now_ms = clock_mono_ms();
    int r = turn(loop, max_wait_ms);
    loop->is_running = false;
    return r;
}

int ioloop_run(struct ioloop *loop)
{
    int r = 0;
    ioloop_check_process(loop);
    if (loop->is_running)
        return -EBUSY;
    loop->is_running = true;
    loop->now_ms = clock_mono_ms();
    while (r == 0 && !atomic_load(&loop->is_stopping))
        r = turn(loop, -1);
    atomic_store(&loop->is_stopping, false);
    loop->is_running = false;
    return r;
}

bool ioloop_is_stopping(const struct ioloop *loop)
{
    return atomic_load(&loop->is_stopping);
}

/* ---- life cycle ---- */

static int open_loop(struct ioloop *loop)
{
    int r = loop->kind->open(&loop->poller);
    return r < 0 ? r : ioloop_open_wake(loop);
}

int ioloop_create(const struct ioloop_settings *settings, struct ioloop **out_loop)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch_forks);
    const struct poller_kind *kind = poller_find(settings ? settings->poller : NULL);
    if (!kind)
        return -EINVAL;
    struct ioloop *loop = memory_zalloc(sizeof(*loop));
    *loop = (struct ioloop){.kind = kind, .forks = forks, .wake_fd = -1, .signal_fd = -1};
    loop->warn_ms = settings ? settings->warn_ms : 0;
    list_init(&loop->deferred);
    list_init(&loop->turn_end);
    sigemptyset(&loop->signal_set);
    int r = open_loop(loop);
    if (r < 0) {
        ioloop_destroy(loop);
        return r;
    }
    current = loop;
    *out_loop = loop;
    return 0;
}

void ioloop_destroy(struct ioloop *loop)
{
    if (!loop)
        return;
    ioloop_check_process(loop);
    assert(!loop->is_running);
    ioloop_refuse_posts(loop);
    drop_calls(&loop->deferred);
    drop_calls(&loop->turn_end);
    timer_heap_finish(&loop->timers);
    if (loop->poller)
        loop->kind->close(loop->poller);
    ioloop_close_wake(loop);
    free(loop->slots);
    if (current == loop)
        current = NULL;
    free(loop);
}

struct ioloop *ioloop_current(void)
{
    return current;
}

const char *ioloop_poller_name(const struct ioloop *loop)
{
    return loop->kind->name;
}

int64_t ioloop_now_ms(const struct ioloop *loop)
{
    return loop->is_running ? loop->now_ms : clock_mono_ms();
}

uint64_t ioloop_turn_number(const struct ioloop *loop)
{
    return loop->turn;
}

struct timer_heap *ioloop_timers(struct ioloop *loop)
{
    ioloop_check_process(loop);
    return &loop->timers;
}

void ioloop_blame(struct ioloop *loop, int64_t ms, const char *app, const char *request,
                  const char *request_id)
{
    struct ioloop_blame *blame = &loop->blame;
    if (ms <= blame->ms)
        return;
    blame->ms = ms;
    snprintf(blame->app, sizeof(blame->app), "%s", app ? app : "");
    snprintf(blame->request, sizeof(blame->request), "%s", request ? request : "");
    snprintf(blame->request_id, sizeof(blame->request_id), "%s", request_id ? request_id : "");
}
