/* app.h - struct gale_app: one hosted thing in this worker.
 *
 * Opened once, in the configuration's order, before the worker serves; closed once, after the last
 * request and background task. The adapter fills in `state` and what follows it. */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <gale/plugin.h>
#include "base/buffer.h"
#include "base/list.h"
#include "http/http_counters.h"
#include "loop/task.h"

struct adapter;
struct app_config;
struct app_memory;
struct config;
struct router;
struct setting_pairs;

struct gale_app {
    const struct app_config *config; /* borrowed: outlives the app */
    const struct adapter *adapter;
    void *state;                      /* the adapter's */
    const struct setting_pairs *sets; /* borrowed; what gale_setting reads; NULL: nothing */
    const char *title, *version;      /* borrowed: what it serves with, for status; NULL: unknown */
    size_t stack_size;                /* of the tasks that run its code; 0: default */
    bool may_block;                   /* its code holds up the loop (GALE_BLOCKING) */
    void *exception_globals;          /* of its runtime, see task.h; NULL: none */
    struct router *router;            /* borrowed: who serves it, set by router_init */
    struct gale_app *authorizer;      /* who is asked before it serves; NULL: nobody */
    int granted, refused, failed;     /* counters of how that went */
    bool is_open;
    bool is_draining;
    struct http_counters counters;
    struct task_group background; /* its gale_spawn tasks */
    struct list starting;         /* those of open, until every app is open */
    /* private */
    pthread_mutex_t lock;      /* for what threads may ask for, too */
    struct app_memory *memory; /* owned: paths and gale_shared */
    struct buffer said;        /* what gale_log got while it opened */
};

/* Opens the apps of a configuration in its order, in this worker. On failure closes those that were
 * opened and returns the -errno; the adapter has logged why, and apps_failure says it again.
 * Returns owned, `count` apps. */
int apps_open(const struct config *config, struct gale_app **out_apps);
/* Why apps_open failed last, in one sentence for whoever started or reloaded; "" if it did not. */
const char *apps_failure(void);
/* From now on app_fail logs nothing: whoever asks for apps_failure says it. */
void apps_fail_quietly(void);
/* From now on an app that does not open keeps no other from being opened: it answers 503. */
void apps_may_stay_closed(void);
/* The name of an app that does so, or NULL. */
const char *apps_find_closed(const struct gale_app *apps, size_t count);
/* Calls each app's drain and cancels its background tasks. */
void apps_drain(struct gale_app *apps, size_t count);
/* Once no request and no background task runs any more. */
void apps_close(struct gale_app *apps, size_t count);
/* The largest stack that one of them asks for; 0: the default will do. */
size_t apps_stack_size(const struct gale_app *apps, size_t count);

/* Whether this process serves one request at a time on its main stack (process mode): then apps may
 * block. Said before they are opened. */
void apps_set_on_main_stack(bool are);
bool apps_are_on_main_stack(void);

/* ---- for adapters ---- */

/* Logs why the app cannot be opened and keeps it for apps_failure. Returns error. */
int app_fail(struct gale_app *app, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* What gale_log was told while the app opened, as one line; valid until it is open. */
const char *app_said(struct gale_app *app);

/* How gale_shared gets its memory: the worker sets it to ask the master. Returns a mapping or NULL
 * with errno; without one, gale_shared is private memory of this process. */
typedef void *app_shared_fn(const char *app, const char *name, size_t size);
void app_set_shared(app_shared_fn *fn);

/* ---- within container/app ---- */

/* Keeps what gale_log was told while the app opens. */
void app_note(struct gale_app *app, struct gale_str text);
/* Frees what gale_setting_path and gale_shared made. */
void app_forget_memory(struct gale_app *app);
/* Starts the background tasks that open asked for; drops them instead if it failed. */
void background_start(struct gale_app *app);
void background_drop(struct gale_app *app);
