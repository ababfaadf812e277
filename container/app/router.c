/* router.c - from a request to the apps that may serve it, best first. */
#include "app/router.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/adapter.h"
#include "app/app.h"
#include "app/authorize.h"
#include "app/config.h"
#include "app/mount.h"
#include "base/board.h"
#include "base/arena.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "http/client_limits.h"
#include "http/exchange.h"
#include "loop/task.h"

/* The order in which mounts are asked; equal ones keep the file's order by their address. */
static int compare(const void *a, const void *b)
{
    const struct gale_app *left = *(struct gale_app *const *)a;
    const struct gale_app *right = *(struct gale_app *const *)b;
    const struct app_config *l = left->config, *r = right->config;
    if (!l->host.len != !r->host.len)
        return l->host.len ? -1 : 1;
    if (l->prefix.len != r->prefix.len)
        return l->prefix.len > r->prefix.len ? -1 : 1;
    return left < right ? -1 : 1;
}

void router_init(struct router *router, struct gale_app *apps, size_t count)
{
    *router = (struct router){.apps = apps, .count = count};
    router->order = memory_alloc((count + 1) * sizeof(struct gale_app *));
    for (size_t i = 0; i < count; i++) {
        router->order[i] = &apps[i];
        apps[i].router = router;
    }
    qsort(router->order, count, sizeof(*router->order), compare);
}

void router_finish(struct router *router)
{
    free(router->order);
    *router = (struct router){0};
}

/* The path as apps are mounted on it: behind what a web server in front has mounted gale on. */
static struct gale_str path_of(const struct gale_request *req)
{
    struct gale_str path = req->target.path;
    return (struct gale_str){path.at + req->outer, path.len - req->outer};
}

/* "/" has the empty path, too, where a web server in front names the rest. */
static bool is_below(struct gale_str prefix, const struct gale_request *req)
{
    struct gale_str path = path_of(req);
    return mount_has(prefix, path) || (req->outer && !prefix.len && !path.len);
}

static bool is_for(const struct app_config *config, const struct gale_request *req)
{
    return config->has_mount &&
           (!config->host.len || str_equals(config->host, gale_request_host(req))) &&
           is_below(config->prefix, req);
}

/* Whether the app did what rules a decline out. */
static bool is_begun(const struct exchange *exchange)
{
    const struct gale_response *res = &exchange->res;
    return exchange->req.is_body_touched || res->state != RESPONSE_HEAD || res->body_sent;
}

/* Gives the exchange to the app: what it sees of its place, its limits, its counters. */
static void hand_over(struct exchange *exchange, struct gale_app *app)
{
    const struct app_config *config = app->config;
    struct gale_request *req = &exchange->req;
    exchange->app = app;
    exchange->counters = &app->counters;
    exchange->max_body = config->limits.max_body;
    exchange->form_memory = config->limits.form_memory;
    exchange->body_timeout_ms = config->limits.body_timeout_ms;
    exchange->write_timeout_ms = config->limits.write_timeout_ms;
    size_t mounted = req->outer + config->prefix.len;
    req->mount =
        req->outer ? arena_copy(exchange->arena, req->target.path.at, mounted) : config->prefix;
    req->below = (struct gale_str){req->target.path.at + mounted, req->target.path.len - mounted};
}

/* Names and times the task after the app; NULL: after nobody. */
static void mark_task(struct exchange *exchange, const struct app_config *config)
{
    struct task *task = task_current();
    exchange->label.app = config ? config->name : NULL;
    if (!task)
        return;
    task_set_label(task, &exchange->label);
    task_set_deadline(task, config && config->limits.deadline_ms ? config->limits.deadline_ms : -1);
}

static int serve_one(struct exchange *exchange, struct gale_app *app)
{
    hand_over(exchange, app);
    /* A body that is announced to be too large is refused before anybody works for it. */
    if (exchange->req.head.has_length && exchange->req.head.content_length > exchange->max_body)
        return 413;
    mark_task(exchange, app->config);
    board_add(app->counters.running, 1);
    int verdict;
    bool may = authorize_exchange(exchange, app, &verdict);
    if (may)
        verdict = app->adapter->serve(app, &exchange->req, &exchange->res);
    board_add(app->counters.running, -1);
    if (!may || verdict != GALE_DECLINE)
        return verdict;
    if (is_begun(exchange)) {
        log_error("app declined a request that it had begun to answer or whose body it had read",
                  LOG_TEXT("app", app->config->name), LOG_STR("request", exchange->req.head.target),
                  LOG_TEXT("id", exchange->req.id));
        return 500;
    }
    (void)response_reset(&exchange->res);
    response_drop_fields(&exchange->res); /* what the app set is not its successor's */
    return GALE_DECLINE;
}

int router_serve_only(void *data, struct gale_request *req, struct gale_response *res)
{
    struct router *router = data;
    (void)res;
    router->is_only = true;
    return serve_one(exchange_of_request(req), router->order[0]);
}

/* Whether the client may have another request served. A bucket is charged once a request, however
 * many apps decline it or have it served by another; buckets of one scope are the same. */
static bool is_admitted(const struct router *router, struct exchange *exchange,
                        const struct rate_limit *rate, const struct rate_limit **charged)
{
    if (!router->limits || !rate->interval_ns || exchange->redirects ||
        (*charged && (*charged)->scope == rate->scope))
        return true;
    *charged = rate;
    unsigned seconds = client_limits_charge(router->limits, &exchange->req, rate);
    if (!seconds)
        return true;
    char text[16];
    snprintf(text, sizeof(text), "%u", seconds);
    (void)gale_response_header(&exchange->res, "Retry-After", text);
    return false;
}

/* Nobody's request: the exchange is the server's again. */
static void take_back(struct exchange *exchange, struct http_counters *counters)
{
    exchange->app = NULL;
    exchange->counters = counters;
    exchange->req.mount = STR("");
    exchange->req.below = exchange->req.target.path;
    mark_task(exchange, NULL);
}

/* OPTIONS * asks about the server, not about any app (RFC 9110 9.3.7). */
static int answer_options(struct gale_response *res)
{
    gale_response_header(res, "Allow", "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS");
    return gale_response_status(res, 204);
}

/* Refused ones count as the app's. */
static int try_app(const struct router *router, struct exchange *exchange, struct gale_app *app,
                   const struct rate_limit **charged)
{
    if (is_admitted(router, exchange, &app->config->limits.rate, charged))
        return serve_one(exchange, app);
    hand_over(exchange, app);
    mark_task(exchange, app->config);
    return 429;
}

int router_serve(void *data, struct gale_request *req, struct gale_response *res)
{
    const struct router *router = data;
    struct exchange *exchange = exchange_of_request(req);
    struct http_counters *counters = exchange->counters;
    const struct rate_limit *charged = NULL;
    if (req->target.is_asterisk)
        return answer_options(res);
    for (size_t i = 0; i < router->count; i++) {
        if (!is_for(router->order[i]->config, req))
            continue;
        int verdict = try_app(router, exchange, router->order[i], &charged);
        if (verdict != GALE_DECLINE)
            return verdict;
    }
    take_back(exchange, counters);
    return is_admitted(router, exchange, router->rate, &charged) ? 404 : 429;
}
