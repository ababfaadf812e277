/* solo.c - open, run, drain, close. */
#include "process/solo.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "app/app.h"
#include "app/config.h"
#include "base/log.h"
#include "loop/ioloop.h"
#include "loop/offload.h"

static int open_pages(struct solo *solo)
{
    struct setting_errors errors = {.arena = &solo->config->arena};
    int r = error_pages_open(&solo->errors, &solo->config->server.error_pages, solo->config->base,
                             &errors);
    setting_errors_print(&errors, stderr);
    return r;
}

int solo_open(struct solo *solo, struct config *config)
{
    const struct server_settings *server = &config->server;
    *solo = (struct solo){.config = config};
    (void)signal(SIGPIPE, SIG_IGN);
    int r = ioloop_create(NULL, &solo->loop);
    if (r < 0)
        return r;
    http_server_init(&solo->http, solo->loop, &server->http, router_serve, &solo->router);
    solo->http.is_on_main_stack = true;
    offload_configure((unsigned)server->offload_threads, (unsigned)server->offload_queue);
    apps_set_on_main_stack(true);
    r = open_pages(solo);
    solo->http.errors = &solo->errors;
    if (r == 0)
        r = apps_open(config, &solo->apps);
    if (r == 0)
        router_init(&solo->router, solo->apps, config->app_count);
    return r;
}

/* ---- running ---- */

struct run {
    struct solo *solo;
    task_fn *fn;
    void *data;
    int64_t drain_ms;
};

static bool is_quiet(const struct solo *solo)
{
    for (size_t i = 0; solo->apps && i < solo->config->app_count; i++)
        if (!task_group_is_empty(&solo->apps[i].background))
            return false;
    return true;
}

static void run(void *data)
{
    const struct run *run = data;
    struct solo *solo = run->solo;
    run->fn(run->data);
    task_reset(task_current());
    if (solo->apps)
        apps_drain(solo->apps, solo->config->app_count);
    task_set_deadline(task_current(), run->drain_ms);
    for (size_t i = 0; solo->apps && i < solo->config->app_count; i++)
        (void)task_group_join(&solo->apps[i].background, -1);
    ioloop_stop(solo->loop);
}

void solo_run(struct solo *solo, task_fn *fn, void *data, int64_t drain_ms)
{
    struct run what = {solo, fn, data, drain_ms};
    (void)task_spawn_main(solo->loop, run, &what, NULL);
    (void)task_run_main(solo->loop);
}

/* ---- the end ---- */

/* Threads end before the code that they run, apps after everything that may call them. */
static void close_all(struct solo *solo)
{
    offload_stop();
    if (solo->apps) {
        apps_close(solo->apps, solo->config->app_count);
        router_finish(&solo->router);
    }
    (void)http_server_close(&solo->http);
    error_pages_close(&solo->errors);
    ioloop_destroy(solo->loop);
    config_close(solo->config);
}

void solo_exit(struct solo *solo, int status)
{
    extern void __lsan_do_leak_check(void) __attribute__((weak));
    bool is_closed = is_quiet(solo);
    if (is_closed)
        close_all(solo);
    log_flush();
    fflush(NULL);
    if (is_closed && __lsan_do_leak_check)
        __lsan_do_leak_check();
    _exit(status);
}
