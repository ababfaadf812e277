/* stage.h - a folder of CGI programs, a configuration with them, and requests to it.
 *
 * A test runs its body on a task: stage_run(body). There, ask(...) serves one request through
 * router and adapter over a front without a socket. */
#pragma once
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapters/cgi/cgi.h"
#include "app/app.h"
#include "app/config.h"
#include "app/router.h"
#include "base/board.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/str.h"
#include "http/test_front.h"
#include "loop/ioloop.h"
#include "loop/offload.h"
#include "loop/task.h"

static char top[] = "/tmp/gale-test-XXXXXX"; /* programs are in top/bin */
static struct ioloop *loop;
static struct config *config;
static struct gale_app *apps;
static struct router router;
static struct test_front front;

static inline const char *in_top(const char *name)
{
    static char paths[4][400];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", top, name);
    return path;
}

static inline void put_file(const char *name, int mode, const char *text)
{
    int fd = open(in_top(name), O_CREAT | O_WRONLY | O_TRUNC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    ck_assert_int_eq(fchmod(fd, (mode_t)mode), 0);
    close(fd);
}

/* An executable shell script. */
static inline void put_script(const char *name, const char *text)
{
    char path[64], script[4096];
    snprintf(path, sizeof(path), "bin/%s", name);
    snprintf(script, sizeof(script), "#!/bin/sh\n%s\n", text);
    put_file(path, 0755, script);
}

static inline void stage_folder(void)
{
    ck_assert_ptr_nonnull(mkdtemp(top));
    ck_assert_int_eq(chmod(top, 0755), 0);
    ck_assert_int_eq(mkdir(in_top("bin"), 0755), 0);
}

static inline void stage_remove_folder(void)
{
    char command[64];
    snprintf(command, sizeof(command), "rm -r %s", top);
    ck_assert_int_eq(system(command), 0);
    strcpy(top, "/tmp/gale-test-XXXXXX");
}

static const struct adapter *const stage_adapters[] = {&cgi_adapter, NULL};

/* Parses `keys` as the section of an app on /c; what is wrong goes to `errors`. */
static inline struct config *stage_parse(const char *keys, struct setting_errors *errors)
{
    char text[2048];
    snprintf(text, sizeof(text), "[app tools]\nmount = /c\n%s\n", keys);
    return config_parse(in_top("gale.ini"), str_of(text), stage_adapters, errors);
}

static inline void stage_open(const char *keys)
{
    struct arena arena;
    struct setting_errors errors = {.arena = &arena};
    arena_init(&arena, NULL, 0);
    signal(SIGPIPE, SIG_IGN);
    log_set_level(LOG_LEVEL_ERROR);
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    config = stage_parse(keys, &errors);
    ck_assert_msg(!errors.len, "%s", errors.len ? errors.items[0].text : "");
    ck_assert_msg(apps_open(config, &apps) == 0, "%s", apps_failure());
    router_init(&router, apps, config->app_count);
    arena_finish(&arena);
}

/* Nothing may be left: no task, no process, no holding. */
static inline void stage_close(void)
{
    ck_assert_uint_eq(task_count(), 0);
    router_finish(&router);
    apps_close(apps, config->app_count);
    config_close(config);
    offload_stop();
    ioloop_destroy(loop);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    ck_assert_int_eq(errno, ECHILD);
    int held = board_metric(BOARD_GAUGE, "gale_cgi_processes", "app=\"tools\"", "");
    ck_assert_int_eq(board_sum(held), 0);
}

/* Runs fn on a task to its end. */
static inline void stage_run(task_fn *fn, void *data)
{
    int64_t until = clock_mono_ms() + 50000;
    ck_assert_int_eq(task_spawn(loop, fn, data, 0, NULL), 0);
    while (task_count()) {
        ck_assert_int_eq(ioloop_turn(loop, 100), 0);
        ck_assert_msg(clock_mono_ms() < until, "the task is stuck");
    }
}

static inline void ask_begin(const char *method, const char *target)
{
    test_front_init(&front, method, target);
}

static inline int ask_end(void)
{
    ck_assert_int_eq(test_front_serve(&front, router_serve, &router), 0);
    return front.status;
}

/* A request without a body; the answer is in `front` until test_front_finish. */
static inline int ask(const char *target)
{
    ask_begin("GET", target);
    return ask_end();
}

static inline const char *body(void)
{
    return front.body.at ? front.body.at : "";
}
