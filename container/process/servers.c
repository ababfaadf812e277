/* servers.c - keeping what is wanted still, ending what is not. */
#include "process/servers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/config.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/memory.h"
#include "process/server_set.h"
#include "process/worker_arguments.h"

struct use {
    struct list link;
    const struct config *config; /* borrowed; only compared */
    size_t app;
    struct server_set *set; /* borrowed */
};

void servers_init(struct servers *servers)
{
    *servers = (struct servers){0};
    list_init(&servers->sets);
    list_init(&servers->uses);
}

bool servers_is_empty(const struct servers *servers)
{
    return list_is_empty(&servers->sets);
}

/* ---- ending ---- */

static void on_ended(void *data)
{
    struct server_set *set = data;
    struct servers *servers = set->owner;
    log_debug("the servers of an app have ended", LOG_TEXT("app", set->plan.app));
    server_set_destroy(set);
    if (servers_is_empty(servers))
        servers->on_empty.fn(servers->on_empty.data);
}

static bool is_used(const struct servers *servers, const struct server_set *set)
{
    list_each (&servers->uses, link)
        if (container_of(link, struct use, link)->set == set)
            return true;
    return false;
}

static void end(struct servers *servers, struct server_set *set)
{
    server_set_end(set, servers->is_killed ? 0 : set->plan.servers.grace_ms);
}

void servers_release(struct servers *servers, const struct config *config)
{
    list_each (&servers->uses, link) {
        struct use *use = container_of(link, struct use, link);
        if (use->config != config)
            continue;
        list_remove(&use->link);
        free(use);
    }
    list_each (&servers->sets, link) {
        struct server_set *set = container_of(link, struct server_set, link);
        if (!set->is_ending && !is_used(servers, set))
            end(servers, set);
    }
}

void servers_kill(struct servers *servers)
{
    servers->is_killed = true;
    list_each (&servers->sets, link) {
        struct server_set *set = container_of(link, struct server_set, link);
        if (set->is_ending)
            server_set_end(set, 0);
    }
}

void servers_finish(struct servers *servers)
{
    struct list *link;
    while ((link = list_pop(&servers->uses)))
        free(container_of(link, struct use, link));
    while ((link = list_pop(&servers->sets)))
        server_set_destroy(container_of(link, struct server_set, link));
}

/* ---- starting ---- */

static struct server_set *find_equal(const struct servers *servers, const struct server_plan *plan)
{
    list_each (&servers->sets, link) {
        struct server_set *set = container_of(link, struct server_set, link);
        if (!set->is_ending && server_plan_equals(&set->plan, plan))
            return set;
    }
    return NULL;
}

static void keep(struct servers *servers, struct server_set *set)
{
    set->owner = servers;
    set->ended = (struct ioloop_call){.fn = on_ended, .data = set};
    list_append(&servers->sets, &set->link);
}

static void add_use(struct servers *servers, const struct config *config, size_t app,
                    struct server_set *set)
{
    struct use *use = memory_zalloc(sizeof(*use));
    *use = (struct use){.config = config, .app = app, .set = set};
    list_append(&servers->uses, &use->link);
}

/* Takes the plan. */
static struct server_set *start(struct servers *servers, const struct app_config *app,
                                const struct server_plan *plan, char **out_error)
{
    struct server_set *set = server_set_create(servers->loop, plan);
    const struct app_servers *wanted = &set->plan.servers;
    int r = server_set_start(set);
    if (r < 0) {
        *out_error = memory_printf("%s:%u: [app %s] command: %s cannot be started: %s", app->file,
                                   app->line, app->name, wanted->program, strerror(-r));
        server_set_destroy(set);
        return NULL;
    }
    keep(servers, set);
    log_info("the servers of an app are started", LOG_TEXT("app", app->name),
             LOG_TEXT("program", wanted->program), LOG_NUMBER("processes", wanted->processes));
    return set;
}

static int prepare_app(struct servers *servers, const struct config *config, size_t index,
                       char **out_error)
{
    const struct app_config *app = &config->apps[index];
    struct server_plan plan;
    int r = server_plan_make(app, &plan, out_error);
    if (r <= 0)
        return r;
    struct server_set *set = find_equal(servers, &plan);
    if (set)
        server_plan_finish(&plan);
    else
        set = start(servers, app, &plan, out_error);
    if (!set)
        return -ECANCELED;
    add_use(servers, config, index, set);
    return 0;
}

int servers_prepare(struct servers *servers, const struct config *config,
                    const struct app_config *only, char **out_error)
{
    for (size_t i = 0; i < config->app_count; i++) {
        const struct app_config *app = &config->apps[i];
        if (only ? app != only : app->isolation.workers > 0)
            continue;
        int r = prepare_app(servers, config, i, out_error);
        if (r < 0) {
            servers_release(servers, config);
            return r;
        }
    }
    return 0;
}

/* ---- for workers ---- */

struct worker_server *servers_of(const struct servers *servers, const struct config *config,
                                 size_t *out_count)
{
    struct worker_server *found = NULL;
    size_t count = 0;
    list_each (&servers->uses, link) {
        const struct use *use = container_of(link, struct use, link);
        if (use->config != config)
            continue;
        found = memory_realloc(found, (count + 1) * sizeof(*found));
        found[count++] = (struct worker_server){(int)use->app, use->set->socket.path_fd};
    }
    *out_count = count;
    return found;
}

/* ---- under another program ---- */

struct server_set *servers_resume(struct servers *servers, const struct server_plan *plan)
{
    struct server_set *set = server_set_create(servers->loop, plan);
    keep(servers, set);
    return set;
}

static struct server_set *find_set(const struct servers *servers, size_t number)
{
    list_each (&servers->sets, link)
        if (number-- == 0)
            return container_of(link, struct server_set, link);
    return NULL;
}

int servers_resume_use(struct servers *servers, const struct config *config, const char *app,
                       size_t number)
{
    struct server_set *set = find_set(servers, number);
    for (size_t i = 0; set && i < config->app_count; i++) {
        if (strcmp(config->apps[i].name, app) != 0)
            continue;
        add_use(servers, config, i, set);
        return 0;
    }
    return -EBADMSG;
}

static size_t number_of(const struct servers *servers, const struct server_set *set)
{
    size_t number = 0;
    list_each (&servers->sets, link) {
        if (container_of(link, struct server_set, link) == set)
            break;
        number++;
    }
    return number;
}

void servers_each_use(const struct servers *servers, const struct config *config,
                      void (*fn)(void *data, size_t app, size_t number), void *data)
{
    list_each (&servers->uses, link) {
        const struct use *use = container_of(link, struct use, link);
        if (use->config == config)
            fn(data, use->app, number_of(servers, use->set));
    }
}
