/* auto_reload.c - from live copies to watched files, and from changed files to a reload. */
#include "process/auto_reload.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "app/config.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/memory.h"
#include "process/copies.h"
#include "process/generation.h"
#include "process/group.h"
#include "process/master_private.h"
#include "process/watch.h"

enum { QUIET_MS = 100 };

void auto_reload_init(struct auto_reload *reload, struct master *master)
{
    *reload = (struct auto_reload){.master = master};
}

void auto_reload_finish(struct auto_reload *reload)
{
    watch_destroy(reload->watch);
    reload->watch = NULL;
}

/* Calls fn for each watched app that serves, until it returns true; returns that. */
typedef bool app_fn(void *data, const struct app_config *app, const struct copied *copied);

static bool each_app(const struct master *master, app_fn *fn, void *data)
{
    list_each (&master->groups, link) {
        const struct generation *live = container_of(link, struct group, link)->live;
        for (size_t i = 0; live && i < live->config->app_count; i++)
            if (live->config->apps[i].watch && live->copies[i] &&
                fn(data, &live->config->apps[i], live->copies[i]))
                return true;
    }
    return false;
}

static bool has_source(const struct copied *copied, const char *path, const struct file_state *is)
{
    for (size_t i = 0; copied && i < copied->source_count; i++)
        if (strcmp(copied->sources[i].path, path) == 0 &&
            file_state_equals(is, &copied->sources[i].state))
            return true;
    return false;
}

/* Files that were tried and rolled back are no news, either. */
static bool differs(void *data, const struct app_config *app, const struct copied *copied)
{
    const struct copied *refused = rollback_refused(data, app->name);
    for (size_t i = 0; i < copied->source_count; i++) {
        struct file_state is = file_state_look(copied->sources[i].path);
        if (file_state_equals(&is, &copied->sources[i].state) ||
            has_source(refused, copied->sources[i].path, &is))
            continue;
        log_info("a watched file has changed", LOG_TEXT("app", app->name),
                 LOG_TEXT("file", copied->sources[i].path));
        return true;
    }
    return false;
}

static void on_change(void *data)
{
    struct auto_reload *reload = data;
    if (reload->master->stop == MASTER_RUNS && each_app(reload->master, differs, reload->master))
        reload_ask(reload->master);
}

struct paths {
    const char **at; /* owned array of borrowed */
    size_t count;
};

static bool add_paths(void *data, const struct app_config *app, const struct copied *copied)
{
    struct paths *paths = data;
    (void)app;
    paths->at = memory_realloc(paths->at, (paths->count + copied->source_count) * sizeof(char *));
    for (size_t i = 0; i < copied->source_count; i++)
        paths->at[paths->count++] = copied->sources[i].path;
    return false;
}

void auto_reload_follow(struct auto_reload *reload)
{
    const struct watch_settings settings = {
        .quiet_ms = QUIET_MS, .missing_ms = -1, .fn = on_change, .data = reload};
    struct paths paths = {0};
    (void)each_app(reload->master, add_paths, &paths);
    if (paths.count && !reload->watch)
        reload->watch = watch_create(reload->master->loop, &settings);
    if (reload->watch)
        watch_set(reload->watch, paths.at, paths.count);
    free(paths.at);
    /* What changed while it was copied, and before it was watched. */
    on_change(reload);
}
