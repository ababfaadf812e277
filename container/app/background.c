/* background.c - gale_spawn: tasks of an app that belong to no request.
 *
 * What open spawns starts when every app is open, so that it never runs beside a half-opened app;
 * what a request spawns starts in the next turn. */
#include "app/app.h"

#include <errno.h>
#include <gale/wait.h>

#include "app/config.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/memory.h"
#include "loop/ioloop.h"

struct background {
    struct gale_app *app;
    void (*fn)(void *data);
    void *data;
    struct list link; /* in app->starting */
};

static void run(void *data)
{
    struct background *work = data;
    struct gale_app *app = work->app;
    void (*fn)(void *) = work->fn;
    void *argument = work->data;
    free(work);
    const struct task_label label = {.app = app->config->name, .request = "background task"};
    struct task *task = task_current();
    task_set_label(task, &label);
    task_set_exception_globals(task, app->exception_globals);
    fn(argument);
    task_set_exception_globals(task, NULL);
    task_set_label(task, NULL);
}

/* Takes work. */
static int start(struct background *work)
{
    struct gale_app *app = work->app;
    int r = task_spawn(ioloop_current(), run, work, app->stack_size, &app->background);
    if (r < 0)
        free(work);
    return r;
}

int gale_spawn(struct gale_app *app, void (*fn)(void *data), void *data)
{
    if (app->is_draining)
        return -ECANCELED;
    struct background *work = memory_zalloc(sizeof(*work));
    *work = (struct background){.app = app, .fn = fn, .data = data};
    if (app->is_open)
        return start(work);
    list_append(&app->starting, &work->link);
    return 0;
}

void background_start(struct gale_app *app)
{
    struct list *link;
    while ((link = list_pop(&app->starting)) != NULL) {
        int r = start(container_of(link, struct background, link));
        if (r < 0)
            log_error("background task not started", LOG_TEXT("app", app->config->name),
                      LOG_ERRNO(r));
    }
}

void background_drop(struct gale_app *app)
{
    struct list *link;
    while ((link = list_pop(&app->starting)) != NULL)
        free(container_of(link, struct background, link));
}
