/* generation.c - the states of a generation, and what its workers do to them. */
#include "process/generation.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/adapter.h"
#include "app/config.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/memory.h"
#include "process/channel.h"
#include "process/code_list.h"
#include "process/copies.h"
#include "process/group.h"
#include "process/master_private.h"
#include "process/release.h"
#include "process/succession.h"
#include "process/worker_process.h"

/* The board's slots are for several generations: reloads may follow each other fast. */
enum { AUTO_MAX = 64 };

/* Somebody waits to see whether it crashes again. */
enum { DEV_DELAY_MS = 300 };

const char *generation_state_name(enum generation_state state)
{
    static const char *const names[] = {"starting", "starting", "ready", "serving", "draining"};
    return names[state];
}

/* `workers = auto`: one for each CPU that this process may use. */
static unsigned workers_wanted(const struct config *config, const struct app_config *app)
{
    cpu_set_t cpus;
    if (app)
        return (unsigned)app->isolation.workers;
    if (config->server.workers > 0)
        return (unsigned)config->server.workers;
    int count = sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? CPU_COUNT(&cpus) : 1;
    return (unsigned)(count < AUTO_MAX ? count : AUTO_MAX);
}

static const struct app_config *find_app(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->app_count; i++)
        if (strcmp(config->apps[i].name, name) == 0)
            return &config->apps[i];
    return NULL;
}

static void on_ended(void *data)
{
    struct generation *generation = data;
    master_generation_ended(generation->master, generation);
}

static void on_failed(void *data);

struct generation *generation_create(struct group *group, struct config *config, int config_fd)
{
    struct generation *generation = memory_zalloc(sizeof(*generation));
    list_init(&generation->link);
    list_init(&generation->leaving);
    generation->group = group;
    generation->master = group->master;
    generation->number = group->master->last_number;
    generation->config = config;
    generation->config_fd = config_fd;
    generation->logs.access_fd = -1;
    generation->started_ms = clock_mono_ms();
    generation->code_fd = -1;
    generation->copies = memory_zalloc((config->app_count + 1) * sizeof(*generation->copies));
    generation->titles = memory_zalloc((config->app_count + 1) * sizeof(*generation->titles));
    generation->ended = (struct ioloop_call){.fn = on_ended, .data = generation};
    generation->failed = (struct ioloop_call){.fn = on_failed, .data = generation};
    generation->app = group_is_front(group) ? NULL : find_app(config, group->name);
    generation->size = workers_wanted(config, generation->app);
    generation->workers = memory_zalloc(generation->size * sizeof(*generation->workers));
    for (unsigned i = 0; i < generation->size; i++)
        worker_process_init(&generation->workers[i], generation, i);
    return generation;
}

void generation_keep_fd(struct generation *generation, int fd)
{
    size_t count = generation->code_fd_count;
    generation->code_fds = memory_realloc(generation->code_fds, (count + 1) * sizeof(int));
    generation->code_fds[generation->code_fd_count++] = fd;
}

int generation_resume_worker(const struct worker_process *as)
{
    struct generation *generation = as->generation;
    struct worker_process *worker = &generation->workers[as->place % generation->size];
    if (as->is_leaving) {
        worker = memory_zalloc(sizeof(*worker));
        list_append(&generation->leaving, &worker->link);
    }
    generation->running += as->pid != 0;
    return worker_process_resume(worker, as);
}

/* The front leaves isolated apps to their own. */
static bool loads(const struct generation *generation, const struct app_config *app)
{
    return generation->app ? app == generation->app : !app->isolation.workers;
}

int generation_copy_code(struct generation *generation, char **out_error)
{
    const struct config *config = generation->config;
    char path[PATH_MAX];
    const struct release *source = rollback_source(generation->master);
    for (size_t i = 0; i < config->app_count; i++) {
        const struct adapter *adapter = config->apps[i].adapter;
        if (!loads(generation, &config->apps[i]))
            continue;
        const struct copied *kept = source ? release_find_code(source, config->apps[i].name) : NULL;
        int r = 0;
        if (kept)
            generation->copies[i] = kept;
        else if (adapter->file && adapter->file(&config->apps[i], path) == 0)
            r = copies_take(&generation->master->copies, path, &generation->copies[i], out_error);
        if (r < 0)
            return r;
        for (size_t j = 0; generation->copies[i] && j < generation->copies[i]->fd_count; j++)
            generation_keep_fd(generation, generation->copies[i]->fds[j]);
    }
    generation->code_fd = code_list_write(config, generation->copies);
    if (generation->code_fd >= 0)
        return 0;
    *out_error = memory_printf("no memory for a list: %s", strerror(-generation->code_fd));
    return generation->code_fd;
}

static void forget_title(struct app_title *title)
{
    free(title->title);
    free(title->version);
    *title = (struct app_title){0};
}

void generation_destroy(struct generation *generation)
{
    list_remove(&generation->link);
    for (size_t i = 0; i < generation->config->app_count; i++)
        forget_title(&generation->titles[i]);
    free(generation->titles);
    free(generation->copies);
    free(generation->code_fds);
    if (generation->code_fd >= 0)
        close(generation->code_fd);
    ioloop_undefer(generation->master->loop, &generation->ended);
    ioloop_undefer(generation->master->loop, &generation->failed);
    for (unsigned i = 0; i < generation->size; i++)
        worker_process_finish(&generation->workers[i]);
    list_each (&generation->leaving, link)
        worker_process_free(container_of(link, struct worker_process, link));
    log_files_close(&generation->logs);
    servers_release(&generation->master->servers, generation->config);
    config_close(generation->config);
    close(generation->config_fd);
    free(generation->workers);
    free(generation->substance);
    free(generation);
}

/* ---- orders ---- */

void generation_drain(struct generation *generation, int64_t ms, unsigned flags)
{
    generation->state = GENERATION_ENDING;
    for (unsigned i = 0; i < generation->size; i++)
        worker_process_drain(&generation->workers[i], ms, flags);
    list_each (&generation->leaving, link)
        worker_process_drain(container_of(link, struct worker_process, link), ms, flags);
    /* All of them may have died and be waiting to be replaced. */
    if (!generation->running)
        ioloop_defer(generation->master->loop, &generation->ended);
}

void generation_kill(struct generation *generation)
{
    for (unsigned i = 0; i < generation->size; i++)
        worker_process_kill(&generation->workers[i]);
    list_each (&generation->leaving, link)
        worker_process_kill(container_of(link, struct worker_process, link));
}

void generation_go(struct generation *generation)
{
    generation->state = GENERATION_LIVE;
    for (unsigned i = 0; i < generation->size; i++)
        worker_process_go(&generation->workers[i]);
}

void generation_tell(struct generation *generation, const struct channel_message *message)
{
    for (unsigned i = 0; i < generation->size; i++)
        worker_process_tell(&generation->workers[i], message);
    list_each (&generation->leaving, link)
        worker_process_tell(container_of(link, struct worker_process, link), message);
}

void generation_reopen_logs(struct generation *generation)
{
    struct channel_message logs;
    scoped_free char *error = NULL;
    if (log_files_reopen(&generation->logs, &error) < 0)
        log_error("a log cannot be reopened; the old file is written on", LOG_TEXT("why", error));
    channel_message_init(&logs, CHANNEL_LOGS, generation->logs.access_fd >= 0);
    logs.fds[logs.fd_count++] = generation->logs.error_fd;
    if (generation->logs.access_fd >= 0)
        logs.fds[logs.fd_count++] = generation->logs.access_fd;
    generation_tell(generation, &logs);
}

/* ---- starting ---- */

static void fail(struct generation *generation, const char *why)
{
    generation_drain(generation, 0, 0);
    master_generation_failed(generation->master, generation, why);
    if (!generation->running)
        master_generation_ended(generation->master, generation);
}

static bool start_worker(struct generation *generation, unsigned place)
{
    generation->start_error = worker_process_start(&generation->workers[place]);
    if (generation->start_error < 0)
        return false;
    generation->running++;
    return true;
}

static void fail_to_start(struct generation *generation)
{
    scoped_free char *why = memory_printf("a worker process cannot be started: %s",
                                          worker_process_trouble(generation->start_error));
    fail(generation, why);
}

static void on_failed(void *data)
{
    struct generation *generation = data;
    if (generation->state != GENERATION_ENDING)
        fail_to_start(generation);
}

void generation_start(struct generation *generation)
{
    generation->state = GENERATION_CANARY;
    if (!start_worker(generation, 0))
        ioloop_defer(generation->master->loop, &generation->failed);
}

static void start_crew(struct generation *generation)
{
    generation->state = GENERATION_CREW;
    for (unsigned place = 1; place < generation->size; place++)
        if (!start_worker(generation, place)) {
            fail_to_start(generation);
            return;
        }
}

static bool is_complete(const struct generation *generation)
{
    for (unsigned i = 0; i < generation->size; i++)
        if (generation->workers[i].state != WORKER_READY)
            return false;
    return true;
}

static char *known(const char *text)
{
    return *text ? memory_copy(text, strlen(text)) : NULL;
}

void generation_app_opened(struct generation *generation, size_t index, const char *title,
                           const char *version)
{
    if (index >= generation->config->app_count)
        return;
    forget_title(&generation->titles[index]);
    generation->titles[index] = (struct app_title){known(title), known(version)};
}

/* The worker serves in a place that others were to leave. */
static void end_leaving(struct generation *generation, unsigned place)
{
    list_each (&generation->leaving, link) {
        struct worker_process *leaving = container_of(link, struct worker_process, link);
        if (leaving->place == place && leaving->state == WORKER_SERVING)
            worker_process_drain(leaving, generation->config->server.drain_timeout_ms,
                                 CHANNEL_REPLACED);
    }
}

void generation_worker_ready(struct generation *generation, struct worker_process *worker)
{
    if (generation->state == GENERATION_LIVE) {
        worker_process_go(worker);
        succession_join(worker);
        end_leaving(generation, worker->place);
    } else if (generation->state == GENERATION_CANARY && generation->size > 1)
        start_crew(generation);
    else if (generation->state != GENERATION_ENDING && is_complete(generation)) {
        generation->state = GENERATION_READY;
        master_generation_ready(generation->master, generation);
    }
}

/* ---- endings ---- */

/* "worker 0", "worker 0 of the app shop". */
static const char *name_of(const struct worker_process *worker, char out[80])
{
    const struct app_config *app = worker->generation->app;
    snprintf(out, 80, "worker %u%s%s", worker->place, app ? " of the app " : "",
             app ? app->name : "");
    return out;
}

/* What a worker says when it gives up says it all; any other end is told itself. */
static void fail_by(struct generation *generation, const struct worker_process *worker,
                    const char *how)
{
    char name[80];
    scoped_free char *why = memory_printf("%s %s%s%s", name_of(worker, name), how,
                                          worker->why ? "; before that it said:\n" : "",
                                          worker->why ? worker->why : "");
    fail(generation, worker->gave_up ? worker->why : why);
}

static void replace(struct generation *generation, struct worker_process *worker, const char *how)
{
    int64_t lived = worker->serving_ms ? clock_mono_ms() - worker->serving_ms : 0;
    int64_t most = worker->was_busy ? BACKOFF_BUSY_MS : BACKOFF_MAX_MS;
    int64_t delay = backoff_next(&worker->backoff, lived, most);
    bool is_dev = generation->master->dev && generation->app; /* which tells it itself */
    char name[80], text[600];
    snprintf(text, sizeof(text), "%s %s; another takes its place", name_of(worker, name), how);
    if (is_dev && delay > DEV_DELAY_MS)
        delay = DEV_DELAY_MS;
    if (!is_dev)
        log_error(text, LOG_NUMBER("generation", (int64_t)generation->number),
                  LOG_NUMBER("served_ms", lived), LOG_NUMBER("delay_ms", delay));
    worker->serving_ms = 0;
    worker->restarts++;
    worker->state = WORKER_WAITING;
    timer_start(generation->master->loop, &worker->timer, delay);
}

/* Nothing is wrong: the place is taken at once, unless workers come and go too fast. */
static void succeed(struct generation *generation, struct worker_process *worker, const char *why)
{
    int64_t lived = clock_mono_ms() - worker->serving_ms;
    int64_t delay =
        lived >= BACKOFF_HEALTH_MS ? 0 : backoff_next(&worker->backoff, lived, BACKOFF_MAX_MS);
    char name[80], text[600];
    snprintf(text, sizeof(text), "%s %s; another takes its place", name_of(worker, name), why);
    log_info(text, LOG_NUMBER("generation", (int64_t)generation->number),
             LOG_NUMBER("served_ms", lived), LOG_NUMBER("delay_ms", delay));
    worker->serving_ms = 0;
    worker->restarts++;
    worker->state = WORKER_WAITING;
    timer_start(generation->master->loop, &worker->timer, delay);
}

void generation_worker_leaves(struct generation *generation, struct worker_process *worker,
                              const char *why)
{
    /* A generation that ends, ends all its workers anyway; one that was struck down ends soon. */
    if (generation->state != GENERATION_LIVE || worker->state != WORKER_SERVING ||
        worker->is_leaving || worker->by != CRASH_BY_ITSELF)
        return;
    struct worker_process *leaving = worker_process_move_out(worker);
    list_append(&generation->leaving, &leaving->link);
    succeed(generation, worker, why);
}

void generation_worker_ended(struct generation *generation, struct worker_process *worker,
                             const char *how)
{
    bool is_leaving = worker->is_leaving;
    generation->running--;
    if ((is_leaving || generation->state == GENERATION_ENDING) && strncmp(how, "exited", 6) != 0)
        log_warn("a worker that was to end did not end by itself", LOG_TEXT("how", how),
                 LOG_NUMBER("generation", (int64_t)generation->number));
    if (is_leaving)
        worker_process_free(worker);
    else if (generation->state == GENERATION_LIVE)
        replace(generation, worker, how);
    else
        worker->state = WORKER_EMPTY;
    if (generation->state == GENERATION_LIVE)
        return;
    if (generation->state != GENERATION_ENDING)
        fail_by(generation, worker, how);
    else if (!generation->running)
        master_generation_ended(generation->master, generation);
}

void generation_worker_again(struct generation *generation, struct worker_process *worker)
{
    const struct master *master = generation->master;
    if (master->options->dev && !master->dev) /* it ends, and what workers need of it is gone */
        return;
    if (!start_worker(generation, worker->place))
        timer_start(generation->master->loop, &worker->timer,
                    backoff_next(&worker->backoff, 0, BACKOFF_MAX_MS));
}
