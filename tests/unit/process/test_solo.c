/* Apps without a worker: opened, run on the main stack, drained, closed. */
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <gale/wait.h>
#include "app/app.h"
#include "app/config.h"
#include "app/made_up.h"
#include "base/log.h"
#include "process/solo.h"

static struct solo solo;

static struct config *read_config(const char *text)
{
    static struct arena arena;
    arena_init(&arena, NULL, 0);
    struct setting_errors errors = {.arena = &arena};
    struct config *config = config_parse("x.ini", str_of(text), made_up_adapters, &errors);
    ck_assert_uint_eq(errors.len, 0);
    arena_finish(&arena);
    return config;
}

static void wait_forever(void *data)
{
    *(int *)data = gale_sleep(60000);
}

static void *ignore_all(void)
{
    static int result;
    return &result;
}

static void never_end(void *data)
{
    (void)data;
    for (;;)
        (void)gale_sleep(1);
}

static int open_with_task(struct gale_app *app)
{
    return gale_spawn(app, strcmp(app->config->name, "stuck") ? wait_forever : never_end,
                      ignore_all());
}

static void note_run(void *data)
{
    (void)gale_sleep(1);
    strcat(made_up_calls, data);
}

/* The end of the process is the end of the apps. */
static int exit_code(void)
{
    int status;
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        made_up_opens = open_with_task;
        if (solo_open(&solo, read_config("[app a]\nmount = /\nmade = x\n")) < 0)
            _exit(9);
        solo_run(&solo, note_run, "run ", 1000);
        if (strcmp(made_up_calls, "open:a run drain:a ") != 0)
            _exit(8);
        solo_exit(&solo, 7);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(runs_drains_and_ends)
{
    ck_assert_int_eq(exit_code(), 7);
}
END_TEST

START_TEST(does_not_wait_for_what_never_ends)
{
    log_set_fd(-1);
    made_up_opens = open_with_task;
    ck_assert_int_eq(solo_open(&solo, read_config("[app stuck]\nmount = /\nmade = x\n")), 0);
    solo_run(&solo, note_run, "run ", 20);
    ck_assert_str_eq(made_up_calls, "open:stuck run drain:stuck ");
    ck_assert_uint_eq(solo.apps[0].background.count, 1);
    _exit(0);
}
END_TEST

UNIT_MAIN(runs_drains_and_ends, does_not_wait_for_what_never_ends)
