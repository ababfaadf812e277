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
#include "base/sealed.h"
#include "process/dev_asan.h"
#include "process/dev_build.h"
#include "process/dev_conf.h"
#include "process/dev_master_private.h"
#include "process/dev_sites.h"
#include "process/generation.h"
#include "process/group.h"
#include "process/master_private.h"

static struct dev_master_app *app_of(struct list *link)
{
    return container_of(link, struct dev_master_app, link);
}

struct dev_master_app *dev_master_find(const struct dev_master *dev, const char *name)
{
    struct dev_master_app *found = NULL;
    if (!dev)
        return NULL;
    list_each (&dev->apps, link)
        if (strcmp(app_of(link)->state.name, name) == 0)
            found = app_of(link); /* those that come stand behind the others */
    return found;
}

/* ---- which apps ---- */

static bool is_ours(const struct dev_options *options, const struct app_config *app)
{
    return options->app ? strcmp(options->app, app->name) == 0 : dev_is_ours(app);
}

static const struct app_config *find_config(const struct dev_master *dev,
                                            const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->app_count; i++)
        if (is_ours(dev->options, &config->apps[i]) && strcmp(config->apps[i].name, name) == 0)
            return &config->apps[i];
    return NULL;
}

static void forget_plan(struct dev_master *dev)
{
    list_each (&dev->apps, link) {
        struct dev_master_app *app = app_of(link);
        app->is_leaving = false;
        if (!app->is_coming)
            continue;
        list_remove(link);
        dev_app_destroy(app);
    }
}

static void plan_app(struct dev_master *dev, const struct app_config *config)
{
    struct dev_master_app *old = dev_master_find(dev, config->name), *app;
    if (old && (dev->options->recipe || dev_app_is_as(old, config)))
        return;
    app = old ? dev_app_create_again(old, config) : dev_app_create(dev, config);
    app->is_coming = true;
    if (old)
        old->is_leaving = true;
    list_append(&dev->apps, &app->link);
}

/* What is whole by now is in this reload. */
static void take_built(struct dev_master *dev)
{
    list_each (&dev->apps, link) {
        struct dev_master_app *app = app_of(link);
        if (!app->is_built)
            continue;
        app->was_built = app->is_reloading = true;
        app->is_built = app->is_held = false;
    }
}

void dev_master_plan(struct dev_master *dev, const struct config *config)
{
    if (!dev)
        return;
    forget_plan(dev);
    take_built(dev);
    list_each (&dev->apps, link) {
        struct dev_master_app *app = app_of(link);
        app->is_leaving = !find_config(dev, config, app->state.name);
        app->is_blamed = false; /* for what has passed */
    }
    for (size_t i = 0; i < config->app_count; i++)
        if (is_ours(dev->options, &config->apps[i]))
            plan_app(dev, &config->apps[i]);
    dev_sites_plan(dev->sites, config);
    dev_tell_prepare(dev, true);
}

static void carry_out_plan(struct dev_master *dev)
{
    dev_sites_follow(dev->sites);
    list_each (&dev->apps, link) {
        struct dev_master_app *app = app_of(link);
        if (app->is_leaving) {
            list_remove(link);
            dev_app_destroy(app);
        } else if (app->is_coming) {
            app->is_coming = false;
            dev_app_start(app);
        }
    }
}

/* ---- reloads ---- */

void dev_master_reload_begins(struct dev_master *dev)
{
    if (!dev)
        return;
    bool is_asked = !list_is_empty(&dev->master->reloads.current);
    bool is_other = dev->conf && dev_conf_choose(dev->conf, is_asked);
    list_each (&dev->apps, link) {
        struct dev_master_app *app = app_of(link);
        app->is_held = app->is_held && !is_asked && !is_other;
        app->was_built = false;
        app->is_reloading = app->state.stage == DEV_REFUSED && !app->is_held;
    }
    take_built(dev);
    dev_tell_prepare(dev, true);
}

static void tell_refused(const struct dev_master *dev, const char *why)
{
    const struct dev_notice notice = {
        .kind = DEV_IS_REFUSED, .app = "", .title = "", .folder = "", .text = why, .stack = ""};
    dev->options->notice(&notice);
}

/* What is not to blame is tried again, without what is. */
static void put_back(struct dev_master *dev, bool has_conf)
{
    bool has_built = has_conf;
    list_each (&dev->apps, link) {
        struct dev_master_app *app = app_of(link);
        app->is_built = app->is_built || (app->is_reloading && app->was_built);
        app->is_reloading = false;
        has_built |= app->is_built;
    }
    if (has_built)
        reload_ask(dev->master);
}

static size_t tell_apps(struct dev_master *dev, const char *why)
{
    size_t count = 0;
    list_each (&dev->apps, link) {
        if (!app_of(link)->is_reloading)
            continue;
        dev_app_reloaded(app_of(link), why);
        count++;
    }
    return count;
}

/* Who made the reload fail: what was built of it, or tried again. A healthy app that a new
 * configuration spoils is not to blame itself. */
static struct dev_master_app *find_culprit(const struct dev_master *dev)
{
    list_each (&dev->apps, link) {
        struct dev_master_app *app = app_of(link);
        bool is_news = app->was_built || app->state.stage == DEV_REFUSED;
        if (app->is_blamed && !app->is_held && !app->is_coming &&
            (is_news || !dev_conf_is_new(dev->conf)))
            return app;
    }
    return NULL;
}

/* One thing is refused; the others go on, in a reload without it. */
static bool refuse_one(struct dev_master *dev, const char *why)
{
    struct dev_master_app *culprit = why ? find_culprit(dev) : NULL;
    if (culprit) {
        culprit->is_held = true;
        dev_app_reloaded(culprit, why);
    } else if (!dev->conf || !dev_conf_reloaded(dev->conf, why)) {
        return false;
    }
    forget_plan(dev);
    put_back(dev, culprit && dev_conf_is_new(dev->conf));
    dev_tell_workers(dev);
    return true;
}

void dev_master_reload_ended(struct dev_master *dev, const char *why)
{
    if (!dev || dev->master->stop != MASTER_RUNS || refuse_one(dev, why))
        return;
    size_t count = tell_apps(dev, why);
    if (why)
        forget_plan(dev);
    else
        carry_out_plan(dev);
    dev->build += !why;
    dev_tell_workers(dev);
    if (!count && why)
        tell_refused(dev, why);
    if (count && !why && dev->conf)
        dev_conf_try_again(dev->conf);
}

void dev_master_blame(struct dev_master *dev, const char *name)
{
    struct dev_master_app *app = dev_master_find(dev, name);
    if (app)
        app->is_blamed = true;
}

bool dev_master_holds(const struct dev_master *dev, const char *name)
{
    const struct dev_master_app *app = dev_master_find(dev, name);
    if (!app)
        return false;
    bool is_half_made = app->build && dev_build_is_running(app->build) && !app->was_built;
    return app->is_held || is_half_made;
}

bool dev_master_text(const struct dev_master *dev, struct gale_str *out_text)
{
    if (!dev || !dev->conf)
        return false;
    struct gale_str text = dev_conf_text(dev->conf);
    *out_text = (struct gale_str){memory_copy(text.at, text.len), text.len};
    return true;
}

/* ---- life ---- */

static void open_conf(struct dev_master *dev)
{
    struct gale_str text;
    if (dev->master->options->text || sealed_read(dev->master->front->next->config_fd, &text) < 0)
        return;
    dev->conf = dev_conf_create(dev, text);
    free((char *)text.at);
}

int dev_master_open(struct master *master, const struct dev_options *options,
                    struct dev_master **out_dev)
{
    const struct config *config = master->front->next->config;
    struct dev_master *dev = memory_zalloc(sizeof(*dev));
    *dev = (struct dev_master){.master = master, .options = options, .state_fd = -1};
    list_init(&dev->apps);
    dev->sites = dev_sites_create(dev);
    dev->build = (uint64_t)clock_wall_ms();
    for (size_t i = 0; i < config->app_count; i++)
        if (is_ours(options, &config->apps[i]))
            list_append(&dev->apps, &dev_app_create(dev, &config->apps[i])->link);
    open_conf(dev);
    dev_sites_plan(dev->sites, config);
    dev->log_fd = dev_log_create();
    log_use_short_lines();
    dev_tell_prepare(dev, false);
    *out_dev = dev;
    return dev->log_fd < 0 || dev->state_fd < 0 ? -ENOMEM : 0;
}

void dev_master_start(struct dev_master *dev)
{
    dev_conf_start(dev->conf);
    dev_sites_follow(dev->sites);
    list_each (&dev->apps, link)
        dev_app_start(app_of(link));
}

void dev_master_close(struct dev_master *dev)
{
    struct list *link;
    if (!dev)
        return;
    dev_conf_destroy(dev->conf);
    while ((link = list_pop(&dev->apps)))
        dev_app_destroy(app_of(link));
    dev_sites_destroy(dev->sites);
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
