/* worker_isolated.c - how a worker differs because of isolated apps.
 *
 *   a front's worker       every isolated app's adapter is the link to its workers
 *   an isolated app's      that app is all of its configuration; fronts are its clients */
#include <errno.h>
#include <string.h>

#include "adapters/link/link.h"
#include "app/app.h"
#include "app/config.h"
#include "base/arena.h"
#include "base/board.h"
#include "net/hidden_socket.h"
#include "process/confinement.h"
#include "process/worker_private.h"

/* What the app's own deadline gets before the front's, so that the app ends the request. */
enum { DEADLINE_GRACE_MS = 5000 };

/* ---- a front ---- */

static const struct worker_link *find_link(const struct worker *worker, const char *app)
{
    for (size_t i = 0; i < worker->arguments.link_count; i++)
        if (strcmp(worker->arguments.links[i].app, app) == 0)
            return &worker->arguments.links[i];
    return NULL;
}

/* In process mode as many requests as there are workers are served, and `queue` more wait; the
 * kernel's own queue hands them out, to whichever worker is free. */
static void set_limits(const struct app_isolation *isolation, struct link_settings *settings)
{
    if (isolation->connections || isolation->mode != APP_PROCESS) {
        settings->limit = (uint64_t)isolation->connections;
        settings->queue = (uint64_t)isolation->queue;
    } else {
        settings->limit = (uint64_t)(isolation->workers + isolation->queue);
    }
}

static int become_link(struct worker *worker, struct app_config *app)
{
    const struct worker_link *link = find_link(worker, app->name);
    if (!link)
        return -ENOENT;
    struct arena *arena = &worker->config->arena;
    struct link_settings *settings = arena_zalloc(arena, sizeof(*settings));
    char *address = arena_alloc(arena, HIDDEN_SOCKET_TEXT);
    settings->address = hidden_socket_address(link->door, address);
    settings->queue_timeout_ms = app->isolation.queue_timeout_ms;
    settings->is_told = worker->dev != NULL;
    set_limits(&app->isolation, settings);
    app->adapter = &link_adapter;
    app->settings = settings;
    if (app->limits.deadline_ms)
        app->limits.deadline_ms += DEADLINE_GRACE_MS;
    return 0;
}

/* ---- an isolated app's worker ---- */

static int become_alone(struct worker *worker)
{
    struct config *config = worker->config;
    for (size_t i = 0; i < config->app_count; i++) {
        if (strcmp(config->apps[i].name, worker->arguments.group) != 0)
            continue;
        worker->app_index = i;
        config->apps += i;
        config->apps->authorizer = NULL; /* the front has asked */
        apps_set_on_main_stack(true);    /* or so it may be, should the app ask for it */
        config->app_count = 1;
        worker->app = config->apps;
        return 0;
    }
    return -ENOENT;
}

int worker_take_part(struct worker *worker)
{
    int r = 0;
    if (worker->arguments.group)
        return become_alone(worker);
    for (size_t i = 0; i < worker->config->app_count && r == 0; i++)
        if (worker->config->apps[i].isolation.workers)
            r = become_link(worker, &worker->config->apps[i]);
    return r;
}

/* An own group without an own user goes with the server's. */
void worker_find_user(const struct worker *worker, const char **out_user, const char **out_group)
{
    const struct server_settings *server = &worker->config->server;
    const struct app_isolation *isolation = worker->app ? &worker->app->isolation : NULL;
    bool has_user = isolation && isolation->user;
    *out_user = has_user ? isolation->user : server->user;
    *out_group = isolation && isolation->group ? isolation->group : has_user ? NULL : server->group;
}

int worker_confine(const struct worker *worker)
{
    return worker->app ? confinement_apply(worker->app) : 0;
}

static void on_stream(void *data, int fd, const struct peer *peer, const struct endpoint *local)
{
    struct worker *worker = data;
    (void)peer;
    (void)local;
    link_server_accept(&worker->link, fd);
}

/* The front counts and logs every request, so nobody does here. */
void worker_serve_link(struct worker *worker)
{
    memset(&worker->apps[0].counters, 0xFF, sizeof(worker->apps[0].counters));
    memset(&worker->http.counters, 0xFF, sizeof(worker->http.counters));
    bool is_single = worker->app->isolation.mode == APP_PROCESS || worker->apps[0].may_block;
    worker->link.is_single = worker->http.is_on_main_stack = is_single;
    atomic_store(&board_mine->may_block, is_single);
    worker->http.serve = router_serve_only;
    worker->http.access_log = NULL;
    worker->http.tcp.on_stream = on_stream;
    worker->http.tcp.gauge = -1;
}
