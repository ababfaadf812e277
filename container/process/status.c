/* status.c - one function for each object of the JSON. */
#include "process/status.h"

#include <string.h>
#include <unistd.h>

#include <gale/plugin.h>
#include "app/adapter.h"
#include "app/config.h"
#include "base/board.h"
#include "base/clock.h"
#include "base/macros.h"
#include "http/client_limits.h"
#include "process/generation.h"
#include "process/group.h"
#include "process/json.h"
#include "process/master_private.h"
#include "process/server_set.h"
#include "process/worker_process.h"

static const char *state_name(const struct master *master)
{
    if (master->stop != MASTER_RUNS)
        return "stopping";
    return master->front->live ? "serving" : "starting";
}

/* The worker goes on writing its texts while they are read: a copy stays what it is. */
static void write_slot_text(struct json *json, const char *key, const char *text, size_t size)
{
    char copy[BOARD_TEXT];
    if (size > sizeof(copy))
        size = sizeof(copy);
    memcpy(copy, text, size - 1);
    copy[size - 1] = 0;
    json_text(json, key, copy);
}

static uint32_t get(const _Atomic uint32_t *field)
{
    return atomic_load_explicit(field, memory_order_relaxed);
}

static void write_drain(const struct worker_process *worker, const struct board_slot *slot,
                        struct json *json)
{
    int64_t left_ms = worker->cut_ms - clock_mono_ms();
    json_open(json, "draining", '{');
    json_number(json, "requests", get(&slot->draining_requests));
    json_number(json, "connections", get(&slot->draining_connections));
    json_number(json, "tasks", get(&slot->draining_tasks));
    json_number(json, "cut_in_ms", left_ms > 0 ? left_ms : 0);
    json_close(json, '}');
}

static void write_worker(const struct worker_process *worker, struct json *json)
{
    const struct master *master = worker->generation->master;
    json_open(json, NULL, '{');
    json_number(json, "place", worker->place);
    json_number(json, "pid", worker->pid);
    json_text(json, "state", worker_state_name(worker->state));
    json_number(json, "restarts", worker->restarts);
    if (worker->slot >= 0) {
        struct board_slot *slot = board_slot(master->board, (unsigned)worker->slot);
        int64_t heartbeat = atomic_load_explicit(&slot->heartbeat_ms, memory_order_relaxed);
        json_number(json, "age_ms", master_age_ms(slot->started_ms));
        json_number(json, "memory", (int64_t)atomic_load(&slot->memory));
        json_number(json, "heartbeat_ms", heartbeat ? clock_mono_ms() - heartbeat : -1);
        if (worker->state == WORKER_ENDING)
            write_drain(worker, slot, json);
        if (slot->request[0]) {
            write_slot_text(json, "app", slot->app, sizeof(slot->app));
            write_slot_text(json, "request", slot->request, sizeof(slot->request));
        }
    }
    json_close(json, '}');
}

static void write_generation(const struct generation *generation, struct json *json)
{
    json_open(json, NULL, '{');
    json_text(json, "group", generation->group->name);
    json_number(json, "number", (int64_t)generation->number);
    json_text(json, "state", generation_state_name(generation->state));
    json_number(json, "age_ms", master_age_ms(generation->started_ms));
    json_open(json, "workers", '[');
    for (unsigned i = 0; i < generation->size; i++)
        if (generation->workers[i].state != WORKER_EMPTY)
            write_worker(&generation->workers[i], json);
    list_each (&generation->leaving, link)
        write_worker(container_of(link, struct worker_process, link), json);
    json_close(json, ']');
    json_close(json, '}');
}

static void write_group(const struct group *group, struct json *json)
{
    list_each (&group->generations, link)
        write_generation(container_of(link, struct generation, link), json);
}

static void write_listen(const struct listeners *listeners, struct json *json)
{
    char text[ENDPOINT_TEXT];
    json_open(json, "listen", '[');
    for (size_t i = 0; i < listeners->count; i++) {
        const struct listen_address *address = listeners->addresses[i];
        if (!address->live)
            continue;
        json_open(json, NULL, '{');
        json_text(json, "address", address->text);
        json_text(json, "bound", endpoint_print(&address->endpoint, text));
        json_number(json, "sockets", address->live);
        json_flag(json, "shared", address->is_shared);
        json_close(json, '}');
    }
    json_close(json, ']');
}

/* The generation of an isolated app's own workers: they know what it is. NULL: it has none. */
static const struct generation *own_of(const struct generation *front, size_t index)
{
    const struct app_config *app = &front->config->apps[index];
    const struct group *group =
        app->isolation.workers ? group_find(front->master, app->name) : NULL;
    return group ? group->live : NULL;
}

static void write_apps(const struct generation *live, struct json *json)
{
    json_open(json, "apps", '[');
    for (size_t i = 0; live && i < live->config->app_count; i++) {
        const struct app_config *app = &live->config->apps[i];
        const struct generation *own = own_of(live, i);
        json_open(json, NULL, '{');
        json_text(json, "name", app->name);
        json_text(json, "mount", app->mount_text);
        json_text(json, "adapter", own ? own->app->adapter->name : app->adapter->name);
        const struct app_title *title =
            own ? &own->titles[own->app - own->config->apps] : &live->titles[i];
        json_text(json, "title", title->title);
        json_text(json, "version", title->version);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void write_server(const struct server_process *process, struct json *json)
{
    bool has_process = process->state == SERVER_RUNNING || process->state == SERVER_ENDING;
    json_open(json, NULL, '{');
    json_text(json, "app", process->set->plan.app);
    json_number(json, "place", process->place);
    json_text(json, "state", server_state_name(process->state));
    json_number(json, "restarts", process->restarts);
    if (has_process) {
        json_number(json, "pid", process->child.pid);
        json_number(json, "age_ms", master_age_ms(process->started_ms));
    }
    json_close(json, '}');
}

static void write_servers(const struct servers *servers, struct json *json)
{
    json_open(json, "servers", '[');
    list_each (&servers->sets, link) {
        const struct server_set *set = container_of(link, struct server_set, link);
        for (int64_t i = 0; i < set->plan.servers.processes; i++)
            if (set->processes[i].state != SERVER_GONE)
                write_server(&set->processes[i], json);
    }
    json_close(json, ']');
}

static void write_reload(const struct reloads *reloads, struct json *json)
{
    json_open(json, "reload", '{');
    json_flag(json, "running", reloads->is_running);
    json_text(json, "last_failure", reloads->last_failure);
    if (reloads->last_failure)
        json_number(json, "last_failure_age_ms", master_age_ms(reloads->last_failure_ms));
    json_close(json, '}');
}

/* What clients were refused because they had enough. */
static void write_limited(const struct generation *live, struct json *json)
{
    int64_t connections, requests;
    if (!live || !config_limits_clients(live->config))
        return;
    client_limits_refused(&connections, &requests);
    json_open(json, "limited", '{');
    json_number(json, "connections", connections);
    json_number(json, "requests", requests);
    json_close(json, '}');
}

void status_write(struct master *master, struct buffer *out)
{
    struct json json = {.out = out};
    const struct generation *live = master->front->live;
    json_open(&json, NULL, '{');
    json_text(&json, "gale", gale_version());
    json_number(&json, "pid", getpid());
    json_text(&json, "state", state_name(master));
    json_text(&json, "config", master->options->path);
    json_text(&json, "control", master->control.path);
    json_number(&json, "uptime_ms", master_age_ms(master->started_ms));
    json_number(&json, "upgrades", master->upgrades);
    json_text(&json, "user", live ? live->config->server.user : NULL);
    json_number(&json, "generation", (int64_t)master->live_number);
    write_listen(&master->listeners, &json);
    write_limited(live, &json);
    write_apps(live, &json);
    json_open(&json, "generations", '[');
    list_each (&master->groups, link)
        write_group(container_of(link, struct group, link), &json);
    json_close(&json, ']');
    write_servers(&master->servers, &json);
    write_reload(&master->reloads, &json);
    rollback_write(master, &json);
    crashes_write(&master->crashes, &json);
    json_close(&json, '}');
    buffer_add(out, "\n", 1);
}

/* ---- metrics ---- */

struct metrics {
    struct buffer *out;
    const char *last; /* the name whose HELP and TYPE were written */
};

static int write_metric(void *data, const struct board_sample *sample)
{
    struct metrics *metrics = data;
    if (!metrics->last || strcmp(metrics->last, sample->name) != 0)
        buffer_printf(metrics->out, "# HELP %s %s\n# TYPE %s %s\n", sample->name, sample->help,
                      sample->name, sample->kind == BOARD_COUNTER ? "counter" : "gauge");
    metrics->last = sample->name;
    buffer_printf(metrics->out, *sample->labels ? "%s{%s} %lld\n" : "%s%s %lld\n", sample->name,
                  sample->labels, (long long)sample->value);
    return 0;
}

void status_write_metrics(struct buffer *out)
{
    struct metrics metrics = {.out = out};
    (void)board_each(write_metric, &metrics);
}
