/* watchdog.c - one look at every worker. */
#include "process/watchdog.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/config.h"
#include "base/board.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "process/generation.h"
#include "process/group.h"
#include "process/master_private.h"
#include "process/worker_process.h"

/* A handler that takes longer has met with something that it waits for. */
enum { WRITING_MS = 3000, MEMORY_TICKS = 20 };

int64_t watchdog_see(struct watchdog_view *view, int64_t heartbeat_ms, int64_t passed_ms)
{
    /* Beyond the usual the master was not awake, and perhaps nobody was. */
    if (passed_ms > 2 * WATCHDOG_TICK_MS)
        passed_ms = WATCHDOG_TICK_MS;
    bool is_still = heartbeat_ms && heartbeat_ms == view->heartbeat_ms;
    view->heartbeat_ms = heartbeat_ms;
    view->silent_ms = is_still ? view->silent_ms + passed_ms : 0;
    return view->silent_ms;
}

/* ---- what holds it ---- */

/* A line of /proc/PID/status: what follows the key, or "". */
static void read_status(pid_t pid, const char *key, char *out, size_t size)
{
    char path[40], text[2048];
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    scoped_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = 0;
    const char *at = strstr(text, key);
    at = at ? at + strlen(key) : "";
    at += strspn(at, " \t");
    snprintf(out, size, "%.*s", (int)strcspn(at, "\n"), at);
}

static bool is_debugged(pid_t pid)
{
    char tracer[16];
    read_status(pid, "\nTracerPid:", tracer, sizeof(tracer));
    return atoi(tracer) > 0;
}

static bool is_stopped(pid_t pid)
{
    char state[16];
    read_status(pid, "\nState:", state, sizeof(state));
    return state[0] == 'T';
}

/* ---- one worker ---- */

static void strike(struct worker_process *worker)
{
    worker->is_stopped = is_stopped(worker->pid);
    worker->silent_ms = worker->view.silent_ms;
    log_error("a worker is stuck and is replaced", LOG_NUMBER("worker", worker->place),
              LOG_NUMBER("worker_pid", worker->pid), LOG_NUMBER("silent_ms", worker->silent_ms));
    worker_process_strike(worker, CRASH_BY_WATCHDOG);
}

/* In process mode an app holds up the loop by right, but no request longer than its deadline. */
static int64_t limit_of(const struct worker_process *worker, const struct board_slot *slot)
{
    const struct app_config *app = worker->generation->app;
    int64_t limit_ms = worker->generation->config->server.stuck_timeout_ms;
    if (!limit_ms || !atomic_load_explicit(&slot->may_block, memory_order_relaxed))
        return limit_ms;
    return app && app->limits.deadline_ms ? app->limits.deadline_ms + limit_ms : 0;
}

static void look_at_loop(struct worker_process *worker, const struct board_slot *slot,
                         int64_t passed_ms)
{
    int64_t limit_ms = limit_of(worker, slot);
    int64_t heartbeat_ms = atomic_load_explicit(&slot->heartbeat_ms, memory_order_relaxed);
    int64_t silent_ms = watchdog_see(&worker->view, heartbeat_ms, passed_ms);
    bool turns = worker->state == WORKER_SERVING || worker->state == WORKER_ENDING;
    if (!limit_ms || silent_ms < limit_ms || !turns || worker->by != CRASH_BY_ITSELF)
        return;
    if (is_debugged(worker->pid))
        worker->view.silent_ms = 0;
    else
        strike(worker);
}

/* A signal more ends the step that its handler hangs in. */
static void look_at_crash(struct worker_process *worker, const struct board_slot *slot,
                          int64_t passed_ms)
{
    if (slot->crash.stage != CRASH_WRITING)
        return;
    worker->view.writing_ms += passed_ms;
    if (worker->view.writing_ms >= 2 * WRITING_MS)
        worker_process_kill(worker);
    else if (worker->view.writing_ms >= WRITING_MS)
        (void)kill(worker->pid, SIGABRT);
}

static void look_at(struct worker_process *worker, int64_t passed_ms)
{
    if (!worker->pid || worker->slot < 0)
        return;
    const struct board_slot *slot =
        board_slot(worker->generation->master->board, (unsigned)worker->slot);
    look_at_crash(worker, slot, passed_ms);
    look_at_loop(worker, slot, passed_ms);
}

/* ---- all of them ---- */

static void look_at_generation(struct generation *generation, int64_t passed_ms)
{
    for (unsigned i = 0; i < generation->size; i++)
        look_at(&generation->workers[i], passed_ms);
    list_each (&generation->leaving, link)
        look_at(container_of(link, struct worker_process, link), passed_ms);
}

static void on_tick(void *data)
{
    struct watchdog *watchdog = data;
    int64_t now_ms = clock_mono_ms(), passed_ms = now_ms - watchdog->looked_ms;
    watchdog->looked_ms = now_ms;
    list_each (&watchdog->master->groups, link) {
        struct group *group = container_of(link, struct group, link);
        list_each (&group->generations, member)
            look_at_generation(container_of(member, struct generation, link), passed_ms);
    }
    if (++watchdog->ticks % MEMORY_TICKS == 0)
        out_of_memory_look(&watchdog->master->out_of_memory);
    timer_start(watchdog->master->loop, &watchdog->timer, WATCHDOG_TICK_MS);
}

void watchdog_start(struct watchdog *watchdog, struct master *master)
{
    *watchdog = (struct watchdog){.master = master, .looked_ms = clock_mono_ms()};
    watchdog->timer = (struct timer){.fn = on_tick, .data = watchdog};
    timer_start(master->loop, &watchdog->timer, WATCHDOG_TICK_MS);
}

void watchdog_stop(struct watchdog *watchdog)
{
    if (watchdog->master)
        timer_stop(watchdog->master->loop, &watchdog->timer);
}
