/* dev_master.c - the apps that gale dev builds, and the reloads that take them in. */
#include "process/dev_master.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/config.h"
#include "app/dev.h"
#include "app/dev_log.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/memory.h"
#include "process/dev_asan.h"
#include "process/dev_master_private.h"
#include "process/generation.h"
#include "process/group.h"
#include "process/master_private.h"

static struct dev_master_app *app_of(struct list *link)
{
    return container_of(link, struct dev_master_app, link);
}

struct dev_master_app *dev_master_find(const struct dev_master *dev, const char *name)
{
    if (!dev)
        return NULL;
    list_each (&dev->apps, link)
        if (strcmp(app_of(link)->state.name, name) == 0)
            return app_of(link);
    return NULL;
}

/* ---- reloads ---- */

void dev_master_reload_begins(struct dev_master *dev)
{
    if (!dev)
        return;
    list_each (&dev->apps, link) {
        struct dev_master_app *app = app_of(link);
        app->is_reloading = app->is_built || app->state.stage == DEV_REFUSED;
        app->is_built = false;
    }
    dev_tell_prepare(dev, true);
}

static void tell_refused(const struct dev_master *dev, const char *why)
{
    const struct dev_notice notice = {
        .kind = DEV_IS_REFUSED, .app = "", .title = "", .folder = "", .text = why, .stack = ""};
    dev->options->notice(&notice);
}

void dev_master_reload_ended(struct dev_master *dev, const char *why)
{
    size_t count = 0;
    if (!dev || dev->master->stop != MASTER_RUNS)
        return;
    list_each (&dev->apps, link) {
        if (!app_of(link)->is_reloading)
            continue;
        dev_app_reloaded(app_of(link), why);
        count++;
    }
    dev->build += !why;
    dev_tell_workers(dev);
    if (!count && why)
        tell_refused(dev, why);
}

/* ---- life ---- */

static bool is_ours(const struct dev_options *options, const struct app_config *app)
{
    return options->app ? strcmp(options->app, app->name) == 0 : dev_is_ours(app);
}

int dev_master_open(struct master *master, const struct dev_options *options,
                    struct dev_master **out_dev)
{
    const struct config *config = master->front->next->config;
    struct dev_master *dev = memory_zalloc(sizeof(*dev));
    *dev = (struct dev_master){.master = master, .options = options, .state_fd = -1};
    list_init(&dev->apps);
    dev->build = (uint64_t)clock_wall_ms();
    for (size_t i = 0; i < config->app_count; i++)
        if (is_ours(options, &config->apps[i]))
            list_append(&dev->apps, &dev_app_create(dev, &config->apps[i])->link);
    dev->log_fd = dev_log_create();
    log_use_short_lines();
    dev_tell_prepare(dev, false);
    *out_dev = dev;
    return dev->log_fd < 0 || dev->state_fd < 0 ? -ENOMEM : 0;
}

void dev_master_start(struct dev_master *dev)
{
    list_each (&dev->apps, link)
        dev_app_start(app_of(link));
}

void dev_master_close(struct dev_master *dev)
{
    struct list *link;
    if (!dev)
        return;
    while ((link = list_pop(&dev->apps)))
        dev_app_destroy(app_of(link));
    if (dev->state_fd >= 0)
        close(dev->state_fd);
    if (dev->log_fd >= 0)
        close(dev->log_fd);
    free(dev);
}

/* ---- what workers get ---- */

int dev_master_state_fd(const struct dev_master *dev)
{
    return dev->state_fd;
}

int dev_master_log_fd(const struct dev_master *dev)
{
    return dev->log_fd;
}

const struct setting_pairs *dev_master_environment(const struct dev_master *dev, const char *app,
                                                   const struct setting_pairs *env,
                                                   struct arena *arena)
{
    const struct dev_master_app *own = dev_master_find(dev, app);
    return own ? dev_asan_environment(&own->recipe, env, arena) : env;
}

unsigned dev_master_builds(const struct dev_master *dev, const char *app)
{
    const struct dev_master_app *own = dev_master_find(dev, app);
    return own ? own->builds : 0;
}
