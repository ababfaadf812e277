/* A test in a process of its own: how it ended, what it said, what is left. */
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <gale/testing.h>
#include <gale/wait.h>
#include "app/made_up.h"
#include "base/log.h"
#include "process/case_process.h"

static struct config *config;

static void open_config(void)
{
    static struct arena arena;
    arena_init(&arena, NULL, 0);
    struct setting_errors errors = {.arena = &arena};
    config =
        config_parse("x.ini", STR("[app a]\nmount = /\nmade = 1\n"), made_up_adapters, &errors);
    arena_finish(&arena);
}

static struct case_result run(void (*fn)(struct gale_test *t), int64_t timeout_ms)
{
    const struct gale_test_case row = {"name", fn, NULL, NULL};
    struct case_result result;
    open_config();
    ck_assert_int_eq(case_process_run(&row, config, timeout_ms, &result), 0);
    config_close(config);
    return result;
}

static void pass(struct gale_test *t)
{
    printf("printed\n");
    GALE_EXPECT(t, gale_sleep(1) == 0);
}

static void complain(struct gale_test *t)
{
    fprintf(stderr, "before\n");
    gale_fail(t, "no");
}

static void crash(struct gale_test *t)
{
    gale_fail(t, "about to");
    raise(SIGKILL);
}

static void leave(struct gale_test *t)
{
    (void)t;
    _exit(77);
}

static void hang(struct gale_test *t)
{
    (void)t;
    if (fork() == 0) /* goes with it */
        pause();
    (void)gale_sleep(60000);
}

START_TEST(ends_in_many_ways)
{
    static const struct {
        void (*fn)(struct gale_test *t);
        enum case_end end;
        const char *how, *said;
    } rows[] = {
        {pass, CASE_PASSED, "exited with code 0", "printed\n"},
        {complain, CASE_FAILED, "exited with code 41", "before\nno\n"},
        {crash, CASE_CRASHED, "was killed by SIGKILL", "about to\n"},
        {leave, CASE_CRASHED, "exited with code 77", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct case_result result = run(rows[i].fn, 20000);
        ck_assert_int_eq(result.end, rows[i].end);
        ck_assert_str_eq(result.how, rows[i].how);
        ck_assert_str_eq(result.said, rows[i].said);
        ck_assert_int_gt(result.took_us, 0);
        free(result.said);
    }
    struct case_result late = run(hang, 50);
    ck_assert_int_eq(late.end, CASE_LATE);
    free(late.said);
}
END_TEST

static int refuse(struct gale_app *app)
{
    return app_fail(app, -5, "it does not open");
}

START_TEST(an_app_may_not_open)
{
    made_up_opens = refuse;
    struct case_result result = run(pass, 20000);
    ck_assert_int_eq(result.end, CASE_CLOSED);
    ck_assert_ptr_nonnull(strstr(result.said, "it does not open"));
    free(result.said);
}
END_TEST

UNIT_MAIN(ends_in_many_ways, an_app_may_not_open)
