/* app.c - opening and closing apps. */
#include "app/app.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "app/adapter.h"
#include "app/authorize.h"
#include "app/closed.h"
#include "app/config.h"
#include "base/board.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"

enum { SAID_MAX = 4096 };

static struct buffer failure;
static bool is_quiet; /* somebody else says it */
static bool may_stay_closed;

const char *apps_failure(void)
{
    return failure.at ? failure.at : "";
}

void apps_fail_quietly(void)
{
    is_quiet = true;
}

void apps_may_stay_closed(void)
{
    may_stay_closed = true;
}

int app_fail(struct gale_app *app, int error, const char *format, ...)
{
    struct buffer text = {0};
    va_list args;
    va_start(args, format);
    buffer_vprintf(&text, format, args);
    va_end(args);
    if (!is_quiet)
        log_error(text.at, LOG_TEXT("app", app->config->name));
    failure.len = 0;
    if (app->config->line)
        buffer_printf(&failure, "%s:%u: [app %s] ", app->config->file, app->config->line,
                      app->config->name);
    else if (*text.at != '/') /* else it names the file itself */
        buffer_printf(&failure, "%s: ", app->config->file);
    buffer_add_text(&failure, text.at);
    buffer_finish(&text);
    return error;
}

void app_note(struct gale_app *app, struct gale_str text)
{
    pthread_mutex_lock(&app->lock);
    if (!app->is_open && app->said.len + text.len < SAID_MAX) {
        if (app->said.len)
            buffer_add_text(&app->said, "; ");
        buffer_add_str(&app->said, text);
    }
    pthread_mutex_unlock(&app->lock);
}

const char *app_said(struct gale_app *app)
{
    return app->said.at ? app->said.at : "";
}

/* The board says which app is being opened, should that crash or never return. */
static void show_opening(const char *name)
{
    snprintf(board_mine->app, sizeof(board_mine->app), "%s", name);
}

static int open_one(struct gale_app *app, const struct app_config *config)
{
    app->config = config;
    app->adapter = config->adapter;
    pthread_mutex_init(&app->lock, NULL);
    http_counters_init(&app->counters, config->name);
    task_group_init(&app->background);
    list_init(&app->starting);
    if (app->authorizer)
        authorize_init(app);
    show_opening(config->name);
    int r = app->adapter->open(app);
    show_opening("");
    pthread_mutex_lock(&app->lock);
    app->is_open = r == 0;
    buffer_finish(&app->said);
    pthread_mutex_unlock(&app->lock);
    return r;
}

static void close_one(struct gale_app *app)
{
    background_drop(app);
    if (app->is_open && app->adapter->close)
        app->adapter->close(app);
    app_forget_memory(app);
    pthread_mutex_destroy(&app->lock);
}

int apps_open(const struct config *config, struct gale_app **out_apps)
{
    struct gale_app *apps = memory_zalloc((config->app_count + 1) * sizeof(*apps));
    buffer_finish(&failure);
    for (size_t i = 0; i < config->app_count; i++) {
        if (config->apps[i].authorizer)
            apps[i].authorizer = &apps[config->apps[i].authorizer - config->apps];
        int r = open_one(&apps[i], &config->apps[i]);
        if (r < 0 && may_stay_closed) {
            closed_take_place(&apps[i]);
        } else if (r < 0) {
            apps_close(apps, i + 1);
            return r;
        }
    }
    for (size_t i = 0; i < config->app_count; i++)
        background_start(&apps[i]);
    *out_apps = apps;
    return 0;
}

const char *apps_find_closed(const struct gale_app *apps, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (apps[i].adapter == &closed_adapter)
            return apps[i].config->name;
    return NULL;
}

void apps_drain(struct gale_app *apps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (apps[i].is_draining)
            continue;
        apps[i].is_draining = true;
        if (apps[i].adapter->drain)
            apps[i].adapter->drain(&apps[i]);
        task_group_cancel(&apps[i].background);
    }
}

void apps_close(struct gale_app *apps, size_t count)
{
    for (size_t i = count; i-- > 0;)
        close_one(&apps[i]);
    free(apps);
}

static bool on_main_stack;

void apps_set_on_main_stack(bool are)
{
    on_main_stack = are;
}

bool apps_are_on_main_stack(void)
{
    return on_main_stack;
}

size_t apps_stack_size(const struct gale_app *apps, size_t count)
{
    size_t largest = 0;
    for (size_t i = 0; i < count; i++)
        if (apps[i].stack_size > largest)
            largest = apps[i].stack_size;
    return largest;
}
