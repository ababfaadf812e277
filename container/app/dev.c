/* dev.c - the state of the builds in this worker, who waits for another one, and the way of a
 * request past it. */
#include "app/dev_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "app/config.h"
#include "app/dev_front.h"
#include "app/router.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/sealed.h"
#include "base/str.h"
#include "http/access_log.h"
#include "http/exchange.h"

enum { ADAPTERS_MAX = 8, DRAIN_MS = 3000, HOLD_MS = 2000 };

/* ---- the state ---- */

/* The new one is there before the old one goes: nothing here waits in between. */
static int read_state(struct dev *dev, int fd)
{
    struct arena arena;
    struct dev_state state;
    struct gale_str text;
    int r = sealed_read(fd, &text);
    if (r < 0)
        return r;
    arena_init(&arena, NULL, 0);
    r = dev_state_decode(text, &arena, &state);
    free((char *)text.at);
    if (r < 0) {
        arena_finish(&arena);
        return r;
    }
    arena_finish(&dev->arena);
    dev->arena = arena;
    dev->state = state;
    return 0;
}

int dev_open(int state_fd, struct dev **out_dev)
{
    struct dev *dev = memory_zalloc(sizeof(*dev));
    task_line_init(&dev->waiters);
    arena_init(&dev->arena, NULL, 0);
    int r = read_state(dev, state_fd);
    if (r < 0)
        dev_close(dev);
    else
        *out_dev = dev;
    return r;
}

void dev_close(struct dev *dev)
{
    if (!dev)
        return;
    free(dev->guards);
    arena_finish(&dev->arena);
    free(dev);
}

/* ---- waiting for another one ---- */

int dev_wait(struct dev *dev, int64_t ms)
{
    int r = dev->is_draining ? -ESHUTDOWN : task_line_wait(&dev->waiters, ms);
    return r == 0 && dev->is_draining ? -ESHUTDOWN : r;
}

int dev_update(struct dev *dev, int state_fd)
{
    int r = read_state(dev, state_fd);
    if (r == 0)
        (void)task_line_wake(&dev->waiters, SIZE_MAX);
    return r;
}

void dev_drain(struct dev *dev)
{
    if (!dev)
        return;
    dev->is_draining = true;
    (void)task_line_wake(&dev->waiters, SIZE_MAX);
}

/* ---- apps ---- */

bool dev_is_ours(const struct app_config *app)
{
    return app->adapter && strcmp(app->adapter->name, "plugin") == 0 &&
           (app->build || strchr(app->target, '/') ||
            str_ends_with(str_of(app->target), STR(".so")));
}

static int (*plugin_file)(const struct app_config *config, char out_path[PATH_MAX]);

/* What was never built is not there to be copied. */
static int file_if_there(const struct app_config *config, char out_path[PATH_MAX])
{
    int r = plugin_file(config, out_path);
    return r == 0 && access(out_path, F_OK) < 0 ? -errno : r;
}

const struct adapter *const *dev_adapters(const struct adapter *const *adapters)
{
    static struct adapter lenient[ADAPTERS_MAX];
    static const struct adapter *list[ADAPTERS_MAX + 1];
    for (size_t i = 0; i < ADAPTERS_MAX && adapters[i]; i++) {
        lenient[i] = *adapters[i];
        if (strcmp(adapters[i]->name, "plugin") == 0) {
            lenient[i].check = NULL;
            lenient[i].is_alone = dev_is_ours;
            plugin_file = adapters[i]->file;
            lenient[i].file = file_if_there;
        }
        list[i] = &lenient[i];
    }
    return list;
}

void dev_override(struct config *config)
{
    struct server_settings *server = &config->server;
    server->workers = 1;
    server->rollback = false; /* what crashes is what is being written */
    server->access_log_format = ACCESS_SHORT;
    if (server->drain_timeout_ms > DRAIN_MS)
        server->drain_timeout_ms = DRAIN_MS;
}

static int open_nothing(struct gale_app *app)
{
    (void)app;
    return 0;
}

static int serve_nothing(struct gale_app *app, struct gale_request *req, struct gale_response *res)
{
    (void)app;
    (void)req;
    return gale_reply(res, 503, "text/plain", "it is not built yet\n");
}

void dev_prepare(struct dev *dev, struct config *config)
{
    apps_fail_quietly();
    for (size_t i = 0; i < config->app_count; i++) {
        const struct dev_app *app = dev_state_find(&dev->state, str_of(config->apps[i].name));
        if (!app || app->is_openable)
            continue;
        dev->stand_in = *config->apps[i].adapter;
        dev->stand_in.open = open_nothing;
        dev->stand_in.serve = serve_nothing;
        dev->stand_in.drain = NULL;
        dev->stand_in.close = NULL;
        config->apps[i].adapter = &dev->stand_in;
    }
}

static const struct dev_app *find(const struct dev *dev, const struct gale_app *app)
{
    return dev_state_find(&dev->state, str_of(app->config->name));
}

/* A request that comes while its app is built gets what that becomes, unless it takes long; then
 * what there is. Returns 0, or why the task waits no longer. */
static int wait_for_build(struct dev *dev, const struct gale_app *app)
{
    int64_t end_ms = clock_mono_ms() + HOLD_MS;
    for (;;) {
        const struct dev_app *own = find(dev, app);
        int64_t left_ms = end_ms - clock_mono_ms();
        if (!own || (own->stage != DEV_FIRST && !own->is_building) || left_ms <= 0)
            return 0;
        int r = dev_wait(dev, left_ms);
        if (r < 0)
            return r == -ETIMEDOUT || r == -ESHUTDOWN ? 0 : r;
    }
}

static int guard_serve(struct gale_app *app, struct gale_request *req, struct gale_response *res)
{
    const struct dev_guard *guard = container_of(app->adapter, struct dev_guard, adapter);
    int r = wait_for_build(guard->dev, app);
    const struct dev_app *own = find(guard->dev, app);
    if (r < 0)
        return r;
    if (own && (dev_app_is_broken(own) || own->stage == DEV_FIRST))
        return dev_answer_trouble(own, exchange_of_response(res));
    return guard->behind->serve(app, req, res);
}

void dev_attach(struct dev *dev, struct gale_app *apps, size_t count, struct error_pages *errors,
                struct router *router)
{
    dev->guards = memory_zalloc((count + 1) * sizeof(*dev->guards));
    dev->router = router;
    errors->make = dev_answer_error;
    for (size_t i = 0; i < count; i++) {
        struct dev_guard *guard = &dev->guards[i];
        *guard = (struct dev_guard){*apps[i].adapter, apps[i].adapter, dev};
        guard->adapter.serve = guard_serve;
        apps[i].adapter = &guard->adapter;
    }
}

/* ---- requests ---- */

static struct gale_str stamp_of(void *data, struct exchange *exchange)
{
    return dev_stamp(data, exchange_app_name(exchange), exchange->arena);
}

int dev_serve(void *data, struct gale_request *req, struct gale_response *res)
{
    struct dev *dev = data;
    if (str_starts_with(req->target.path, STR("/.gale/"))) {
        exchange_of_request(req)->is_unlogged = true;
        return dev_browser_serve(dev, req, res);
    }
    struct exchange *exchange = exchange_of_request(req);
    dev_front_attach(exchange, stamp_of, dev);
    if (dev->state.conf.trouble && dev_front_is_visit(exchange))
        return dev_answer_conf(&dev->state.conf, exchange);
    return router_serve(dev->router, req, res);
}
