/* worker_drain.c - an orderly end: sweep, drain, and cut what takes too long.
 *
 *   drain --> [sweep: accept what waits]  --> nothing new --> quiet? --> stop the loop
 *                at most SWEEP_MS                  |
 *                                                  +-- after drain_ms: cut --> quiet? or UNWIND_MS
 *
 * Meanwhile idle connections go to the worker that takes over (handover.h), those that become idle
 * as well; what it does not take stays until its next answer, or the cut.
 *
 * A worker that is to leave while others of its generation stay first has a successor started. */
#include "app/app.h"
#include "app/config.h"
#include "app/dev.h"
#include "base/board.h"
#include "base/log.h"
#include "base/str.h"
#include "process/channel.h"
#include "process/worker_private.h"

enum { TICK_MS = 10, SWEEP_MS = 1000, UNWIND_MS = 3000 };

bool worker_is_quiet(const struct worker *worker)
{
    if (!worker->apps)
        return true;
    for (size_t i = 0; i < worker->config->app_count; i++)
        if (!task_group_is_empty(&worker->apps[i].background))
            return false;
    return http_server_is_empty(&worker->http) && fcgi_server_is_empty(&worker->fcgi) &&
           link_server_is_empty(&worker->link);
}

/* What was reported as stuck is not waited for. */
static bool has_only_stuck(const struct worker *worker)
{
    const struct task_group *requests = &worker->http.tasks;
    for (size_t i = 0; i < worker->config->app_count; i++)
        if (worker->apps[i].background.count != worker->apps[i].background.stuck)
            return false;
    size_t connections =
        worker->http.connection_count + worker->fcgi.connection_count + worker->link.session_count;
    return requests->count == requests->stuck && connections == requests->stuck;
}

static void take_nothing_new(struct worker *worker)
{
    worker->is_sweeping = false;
    dev_drain(worker->dev);
    coverage_finish(&worker->coverage);
    taker_close(&worker->taker);
    http_server_drain(&worker->http);
    fcgi_server_drain(&worker->fcgi);
    link_server_drain(&worker->link);
    apps_drain(worker->apps, worker->config->app_count);
}

static void cut(struct worker *worker)
{
    worker->cut_ms = ioloop_now_ms(worker->loop);
    giver_close(&worker->giver);
    size_t requests = http_server_close(&worker->http) + fcgi_server_close(&worker->fcgi) +
                      link_server_close(&worker->link);
    if (requests)
        log_warn("requests that still ran were cut", LOG_NUMBER("requests", (int64_t)requests),
                 LOG_NUMBER("drain_ms", worker->cut_ms - worker->drain_ms));
}

static void give_up(struct worker *worker)
{
    task_group_report(&worker->http.tasks);
    for (size_t i = 0; i < worker->config->app_count; i++)
        task_group_report(&worker->apps[i].background);
    log_error("tasks did not end although they were cancelled",
              LOG_NUMBER("tasks", (int64_t)task_count()));
    ioloop_stop(worker->loop);
}

static void set(_Atomic uint32_t *field, size_t value)
{
    atomic_store_explicit(field, (uint32_t)value, memory_order_relaxed);
}

/* For whoever asks what it still waits for. */
static void show(const struct worker *worker)
{
    size_t background = 0;
    for (size_t i = 0; i < worker->config->app_count; i++)
        background += worker->apps[i].background.count;
    set(&board_mine->draining_requests, worker->http.tasks.count);
    set(&board_mine->draining_connections,
        worker->http.connection_count + worker->fcgi.connection_count);
    set(&board_mine->draining_tasks, background);
}

static void sweep(struct worker *worker, int64_t now_ms)
{
    bool is_late = now_ms >= worker->drain_ms + SWEEP_MS || now_ms >= worker->deadline_ms;
    if (is_late || !coverage_queued(&worker->coverage))
        take_nothing_new(worker);
}

static void on_tick(void *data)
{
    struct worker *worker = data;
    int64_t now_ms = ioloop_now_ms(worker->loop);
    if (worker->is_sweeping)
        sweep(worker, now_ms);
    else
        giver_pump(&worker->giver);
    show(worker);
    if (!worker->is_sweeping && has_only_stuck(worker)) {
        ioloop_stop(worker->loop);
        return;
    }
    if (!worker->cut_ms && now_ms >= worker->deadline_ms)
        cut(worker);
    if (worker->cut_ms && now_ms >= worker->cut_ms + UNWIND_MS) {
        give_up(worker);
        return;
    }
    timer_start(worker->loop, &worker->drain_timer, TICK_MS);
}

void worker_given(void *data)
{
    struct worker *worker = data;
    struct channel_message passed;
    if (!worker->is_draining || worker->is_sweeping || worker->has_passed)
        return;
    worker->has_passed = true;
    channel_message_init(&passed, CHANNEL_PASSED, 0);
    (void)channel_send(worker->arguments.channel, &passed);
    timer_start(worker->loop, &worker->drain_timer, 0); /* that may have been all */
}

static void begin(struct worker *worker, unsigned flags)
{
    worker->drain_ms = ioloop_now_ms(worker->loop);
    worker->drain_timer = (struct timer){.fn = on_tick, .data = worker};
    worker->is_sweeping = flags & CHANNEL_SWEEP && worker->coverage.is_on;
    if (flags & CHANNEL_REPLACED && !giver_is_open(&worker->giver))
        http_server_set_idle(&worker->http, HTTP_IDLE_STAYS);
    if (!worker->is_sweeping)
        take_nothing_new(worker);
    /* Whoever sees this knows that fronts have been told to leave. */
    atomic_store_explicit(&board_mine->state, BOARD_DRAINING, memory_order_release);
    timer_start(worker->loop, &worker->drain_timer, 0);
}

/* Before all apps are open there is nothing to end: worker.c then does not begin to serve. */
void worker_drain(struct worker *worker, int64_t ms, unsigned flags)
{
    bool is_first = !worker->is_draining;
    worker->is_draining = true;
    if (!worker->apps)
        return;
    int64_t deadline_ms = ioloop_now_ms(worker->loop) + ms;
    if (is_first || deadline_ms < worker->deadline_ms)
        worker->deadline_ms = deadline_ms;
    if (is_first)
        begin(worker, flags);
    else if (!(flags & CHANNEL_REPLACED)) { /* all of gale ends */
        giver_close(&worker->giver);
        http_server_set_idle(&worker->http, HTTP_IDLE_CLOSES);
    }
}

void worker_leave(struct worker *worker, const char *why)
{
    if (worker->is_draining || worker->is_leaving)
        return;
    worker->is_leaving =
        atomic_load_explicit(&board_mine->state, memory_order_relaxed) == BOARD_SERVING &&
        channel_tell(worker->arguments.channel, CHANNEL_LEAVE, str_of(why)) == 0;
    if (!worker->is_leaving)
        worker_drain(worker, worker->config->server.drain_timeout_ms, 0);
}
