/* Plugins as apps: opened by a configuration, served, drained and closed. */
#include "unit.h"

#include <errno.h>
#include <gale/gale.h>
#include "adapters/plugin/plugin.h"
#include "app/app.h"
#include "app/config.h"
#include "base/arena.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/str.h"
#include "fixtures.h"
#include "http/exchange.h"
#include "loop/ioloop.h"
#include "loop/task.h"

/* The fixtures' functions of gale come out of this program: the linker must keep them. */
extern void *const kept[];
void *const kept[] = {(void *)gale_log, (void *)gale_setting, (void *)gale_app_name,
                      (void *)gale_sleep};

static const struct adapter *const adapters[] = {&plugin_adapter, NULL};

struct stage {
    struct arena arena;
    struct setting_errors errors;
    struct config *config;
    struct gale_app *apps;
    int result;
};

static void open_stage(struct stage *stage, const char *text)
{
    *stage = (struct stage){0};
    arena_init(&stage->arena, NULL, 0);
    stage->errors.arena = &stage->arena;
    log_set_level(LOG_LEVEL_ERROR);
    stage->config = config_parse(fixture("gale.ini"), str_of(text), adapters, &stage->errors);
    if (!stage->errors.len)
        stage->result = apps_open(stage->config, &stage->apps);
}

static void close_stage(struct stage *stage)
{
    if (stage->apps) {
        apps_drain(stage->apps, stage->config->app_count);
        apps_close(stage->apps, stage->config->app_count);
    }
    config_close(stage->config);
    arena_finish(&stage->arena);
}

static int serve(struct stage *stage, size_t app)
{
    struct exchange exchange = {.app = &stage->apps[app]};
    return plugin_adapter.serve(&stage->apps[app], &exchange.req, &exchange.res);
}

START_TEST(two_apps_of_one_file_have_a_state_each)
{
    struct stage stage;
    open_stage(&stage, "[app a]\nmount = /a\nplugin = ok.so\nset verdict = 410\n"
                       "[app b]\nmount = /b\nplugin = ok.so\n"
                       "[app c]\nmount = /c\nplugin = ./smallest.so\n");
    ck_assert_msg(stage.errors.len == 0, "%s", stage.errors.items[0].text);
    ck_assert_msg(stage.result == 0, "%s", apps_failure());
    ck_assert_int_eq(serve(&stage, 0), 410);
    ck_assert_int_eq(serve(&stage, 0), 411);
    ck_assert_int_eq(serve(&stage, 1), 400);
    ck_assert_int_eq(serve(&stage, 0), 412);
    ck_assert_int_eq(serve(&stage, 2), 418);
    ck_assert_uint_eq(apps_stack_size(stage.apps, 3), 512 * 1024);
    ck_assert_uint_eq(stage.apps[2].stack_size, 0);
    close_stage(&stage);
}
END_TEST

/* What apps_failure says behind "FILE:LINE: [app a] ". */
static const char *failure(void)
{
    const char *text = strstr(apps_failure(), "[app a] ");
    return text ? text + 8 : apps_failure();
}

/* Only a process that serves one request at a time may be held up. */
START_TEST(may_block_on_the_main_stack_only)
{
    struct stage stage;
    open_stage(&stage, "[app a]\nmount = /\nplugin = blocking.so\n");
    ck_assert_int_eq(stage.result, -EPROTO);
    ck_assert_ptr_nonnull(strstr(apps_failure(), "blocks while it serves (GALE_BLOCKING)"));
    close_stage(&stage);
    apps_set_on_main_stack(true);
    open_stage(&stage, "[app a]\nmount = /\nplugin = blocking.so\n");
    ck_assert_msg(stage.result == 0, "%s", apps_failure());
    ck_assert(stage.apps[0].may_block);
    close_stage(&stage);
}
END_TEST

START_TEST(says_why_it_does_not_open)
{
    static const struct {
        const char *text;
        int result;
        const char *says;
    } rows[] = {
        {"[app a]\nmount = /\nplugin = open_fails.so\n", -ENOENT,
         "the plugin did not open: ENOENT; it said: the database is not there"},
        {"[app a]\nmount = /\nplugin = open_fails.so\nset result = 3\n", -EINVAL,
         "the plugin did not open: it returned 3, which is no negative errno; it said: the "
         "database is not there"},
        {"[app a]\nmount = /\nplugin = ok.so\nset greting = x\n", -EINVAL,
         "'set greting' on line 4 is not a setting of this plugin; did you mean 'set greeting'?"},
        {"[app a]\nmount = /\nplugin = ok.so\nset elephant = x\nset gretings = 5\n", -EINVAL,
         "'set elephant' on line 4 is not a setting of this plugin; its settings are verdict, "
         "greeting; 'set gretings' on line 5 is not a setting of this plugin; did you mean 'set "
         "greeting'?"},
        {"[app a]\nmount = /\nplugin = smallest.so\nset x = y\n", -EINVAL,
         "'set x' on line 4 is not a setting of this plugin, which has none"},
        {"[app a]\nmount = /\nplugin = throws.so\nset what = open\n", -EINVAL,
         "the plugin did not open: EINVAL; it said: open: exception: nothing works today"},
        {"[app a]\nmount = /\nplugin = throws.so\nset what = open code\n", -EACCES,
         "the plugin did not open: EACCES"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct stage stage;
        open_stage(&stage, rows[i].text);
        ck_assert_uint_eq(stage.errors.len, 0);
        ck_assert_int_eq(stage.result, rows[i].result);
        ck_assert_str_eq(failure(), rows[i].says);
        close_stage(&stage);
    }
}
END_TEST

/* `gale check` and the master look at files without running them. */
START_TEST(the_configuration_looks_at_the_file)
{
    struct stage stage;
    char text[PATH_MAX + 256];
    open_stage(&stage, "[app a]\nmount = /\nplugin = missing.so\n");
    ck_assert_uint_eq(stage.errors.len, 1);
    snprintf(text, sizeof(text),
             "[app a] %s does not exist; build the plugin first, or correct the key plugin "
             "(relative paths start at the key base)",
             fixture("missing.so"));
    ck_assert_str_eq(stage.errors.items[0].text, text);
    ck_assert_uint_eq(stage.errors.items[0].line, 1);
    close_stage(&stage);
}
END_TEST

START_TEST(folders_that_are_served)
{
    static const struct {
        const char *text, *folder;
    } rows[] = {
        {"[app a]\nmount = /\nplugin = files\nset root = site\n", "/srv/site"},
        {"[app a]\nmount = /\nplugin = x/files.so\nset index = a\nset root = /x\n", "/x"},
        {"[app a]\nmount = /\nplugin = files\n", NULL},
        {"[app a]\nmount = /\nplugin = my_files\nset root = site\n", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[512], path[PATH_MAX];
        struct arena arena;
        arena_init(&arena, NULL, 0);
        struct setting_errors errors = {.arena = &arena};
        snprintf(text, sizeof(text), "[server]\nbase = /srv\n%s", rows[i].text);
        struct config *config = config_parse("x", str_of(text), adapters, &errors);
        int r = plugin_adapter.folder(&config->apps[0], path);
        ck_assert_int_eq(r, rows[i].folder ? 0 : -ENOENT);
        if (rows[i].folder)
            ck_assert_str_eq(path, rows[i].folder);
        config_close(config);
        arena_finish(&arena);
    }
}
END_TEST

/* ---- C++ ---- */

START_TEST(exceptions_end_in_the_log)
{
    static const struct {
        const char *what;
        int verdict;
    } rows[] = {
        {"nothing", 0},  {"std", 500},     {"int", 500},
        {"memory", 500}, {"failure", 402}, {"code", -EPIPE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct stage stage;
        char text[128];
        snprintf(text, sizeof(text), "[app a]\nmount = /\nplugin = throws.so\nset what = %s\n",
                 rows[i].what);
        open_stage(&stage, text);
        ck_assert_int_eq(stage.result, 0);
        ck_assert_ptr_nonnull(stage.apps[0].exception_globals);
        ck_assert_int_eq(serve(&stage, 0), rows[i].verdict);
        close_stage(&stage);
    }
}
END_TEST

static struct ioloop *loop;
static int verdicts[3], ended;

struct call {
    struct stage *stage;
    int index;
};

static void serve_on_task(void *data)
{
    const struct call *call = data;
    verdicts[call->index] = serve(call->stage, 0);
    if (++ended == 3)
        ioloop_stop(loop);
}

START_TEST(tasks_keep_their_own_exceptions)
{
    struct stage stage;
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    open_stage(&stage, "[app a]\nmount = /\nplugin = throws.so\nset what = wait\n");
    ck_assert_int_eq(stage.result, 0);
    struct call calls[3];
    for (int i = 0; i < 3; i++) {
        calls[i] = (struct call){&stage, i};
        ck_assert_int_eq(task_spawn(loop, serve_on_task, &calls[i], 0, NULL), 0);
    }
    ioloop_run(loop);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(verdicts[i], 410 + i);
    close_stage(&stage);
    ioloop_destroy(loop);
}
END_TEST

UNIT_MAIN(may_block_on_the_main_stack_only, two_apps_of_one_file_have_a_state_each,
          says_why_it_does_not_open, the_configuration_looks_at_the_file, folders_that_are_served,
          exceptions_end_in_the_log, tasks_keep_their_own_exceptions)
