/* Requests through router, plugins and back, over a front without a socket. */
#include "unit.h"

#include <errno.h>
#include <gale/gale.h>
#include "adapters/plugin/plugin.h"
#include "app/app.h"
#include "app/config.h"
#include "app/router.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/str.h"
#include "fixtures.h"
#include "http/test_front.h"

/* The fixtures' functions of gale come out of this program: the linker must keep them. */
extern void *const kept[];
void *const kept[] = {(void *)gale_log,           (void *)gale_app_name,
                      (void *)gale_request_read,  (void *)gale_response_write,
                      (void *)gale_response_puts, (void *)gale_response_flush,
                      (void *)gale_reply,         (void *)gale_reply_str,
                      (void *)gale_request_query, (void *)gale_response_header};

static const struct adapter *const adapters[] = {&plugin_adapter, NULL};
static const char text[] = "[app tour]\nmount = /t\nplugin = tour.so\nmax_body = 10\n"
                           "[app words]\nmount = words.example/\nplugin = guarded.so\n"
                           "[app rest]\nmount = /\nplugin = smallest.so\n";

struct stage {
    struct arena arena;
    struct config *config;
    struct gale_app *apps;
    struct router router;
};

static void open_stage(struct stage *stage)
{
    struct setting_errors errors = {.arena = &stage->arena};
    arena_init(&stage->arena, NULL, 0);
    log_set_level(LOG_LEVEL_ERROR);
    stage->config = config_parse(fixture("gale.ini"), str_of(text), adapters, &errors);
    ck_assert_msg(!errors.len, "%s", errors.len ? errors.items[0].text : "");
    ck_assert_msg(apps_open(stage->config, &stage->apps) == 0, "%s", apps_failure());
    router_init(&stage->router, stage->apps, stage->config->app_count);
}

static void close_stage(struct stage *stage)
{
    router_finish(&stage->router);
    apps_close(stage->apps, stage->config->app_count);
    config_close(stage->config);
    arena_finish(&stage->arena);
}

static const char *app_of(const struct test_front *front)
{
    const struct gale_app *app = front->exchange.app;
    return app ? gale_app_name((struct gale_app *)app) : "";
}

START_TEST(answers_as_the_app_says)
{
    static const struct {
        const char *target, *input;
        int status;
        const char *body, *app; /* body NULL: an error page */
    } rows[] = {
        {"/t", NULL, 203, "GET|/t||-", "tour"},
        {"/t/a%20b?q=x+y", NULL, 203, "GET|/t|/a b|x y", "tour"},
        {"/t/nothing", NULL, 200, "", "tour"},
        {"/t/echo", "0123456789", 200, "0123456789", "tour"},
        {"/t/echo", "0123456789+", 413, NULL, "tour"},
        {"/t/decline", NULL, 418, NULL, "rest"},
        {"/t/decline", "a body", 418, NULL, "rest"},
        {"/t/decline-late", "a body", 500, NULL, "tour"},
        {"/t/return/404", NULL, 404, NULL, "tour"},
        {"/t/return/599", NULL, 599, NULL, "tour"},
        {"/t/return/-5", NULL, 500, NULL, "tour"},
        {"/t/return/2", NULL, 500, NULL, "tour"},
        {"/t/return/200", NULL, 500, NULL, "tour"},
        {"/tx", NULL, 418, NULL, "rest"},
    };
    struct stage stage;
    open_stage(&stage);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct test_front front;
        test_front_init(&front, "GET", rows[i].target);
        if (rows[i].input)
            test_front_body(&front, rows[i].input, strlen(rows[i].input), 3);
        ck_assert_int_eq(test_front_serve(&front, router_serve, &stage.router), 0);
        ck_assert_msg(front.status == rows[i].status, "row %zu: %d", i, front.status);
        if (rows[i].body)
            ck_assert_str_eq(front.body.at ? front.body.at : "", rows[i].body);
        ck_assert_str_eq(app_of(&front), rows[i].app);
        ck_assert_ptr_null(test_front_find(&front, "X-Declined"));
        ck_assert(front.is_finished && !front.is_cut);
        test_front_finish(&front);
    }
    close_stage(&stage);
}
END_TEST

START_TEST(cuts_what_cannot_become_whole)
{
    struct stage stage;
    struct test_front front;
    open_stage(&stage);
    test_front_init(&front, "GET", "/t/cut");
    ck_assert_int_eq(test_front_serve(&front, router_serve, &stage.router), 0);
    ck_assert_int_eq(front.status, 200);
    ck_assert_str_eq(front.body.at, "half");
    ck_assert(front.is_cut && !front.is_finished);
    test_front_finish(&front);
    close_stage(&stage);
}
END_TEST

START_TEST(guards_functions_in_cxx)
{
    static const struct {
        const char *target;
        int status;
    } rows[] = {{"/?q=hi", 200}, {"/?q=throw", 500}, {"/?q=pay", 402}};
    struct stage stage;
    open_stage(&stage);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct test_front front;
        char target[64];
        snprintf(target, sizeof(target), "http://words.example%s", rows[i].target);
        test_front_init(&front, "GET", target);
        ck_assert_int_eq(test_front_serve(&front, router_serve, &stage.router), 0);
        ck_assert_int_eq(front.status, rows[i].status);
        ck_assert_str_eq(app_of(&front), "words");
        test_front_finish(&front);
    }
    close_stage(&stage);
}
END_TEST

UNIT_MAIN(answers_as_the_app_says, cuts_what_cannot_become_whole, guards_functions_in_cxx)
