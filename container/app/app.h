/* app.h - struct gale_app: one hosted thing in this worker. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <gale/plugin.h>
#include "base/list.h"
#include "http/http_counters.h"
#include "loop/task.h"

struct adapter;
struct app_config;

struct gale_app {
    const struct app_config *config; /* borrowed: outlives the app */
    const struct adapter *adapter;
    void *state; /* the adapter's */
    bool is_open;
    struct http_counters counters;
    struct task_group background; /* its gale_spawn tasks */
};

/* Opens the apps of a configuration in its order, in this worker. On failure closes those that were
 * opened and returns the -errno; the adapter has logged why. Returns owned, `count` apps. */
struct config;
int apps_open(const struct config *config, struct gale_app **out_apps);
void apps_drain(struct gale_app *apps, size_t count);
/* Once no request runs any more; background tasks have been cancelled by drain. */
void apps_close(struct gale_app *apps, size_t count);

/* How gale_shared gets its memory: the worker sets it to ask the master. Returns a mapping or NULL
 * with errno; without one, gale_shared is private memory of this process. */
typedef void *app_shared_fn(const char *app, const char *name, size_t size);
void app_set_shared(app_shared_fn *fn);
