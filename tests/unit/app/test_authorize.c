/* authorize.c: who is asked, when, and what becomes of the answer. */
#include "unit.h"

#include <errno.h>
#include <gale/plugin.h>
#include "app/authorize.h"
#include "app/router.h"
#include "base/board.h"
#include "base/log.h"
#include "http/test_front.h"
#include "made_up.h"

static const char conf[] = "[app door]\nmade = 1\n[app gate]\nmade = 1\n"
                           "[app first]\nmount = /\nmade = 1\nauthorize = door\n"
                           "[app second]\nmount = /\nmade = 1\nauthorize = door\n"
                           "[app third]\nmount = /\nmade = 1\nauthorize = gate\n"
                           "[app last]\nmount = /\nmade = 1\n"
                           "[app to]\nmount = /to\nmade = 1\nauthorize = door\n";

static struct adapter able;
static struct config *config;
static struct gale_app *apps;
static struct router router;
static struct arena arena;
static struct test_front front;
static char calls[256];             /* "door first gate " */
static const char *grants, *serves; /* who lets through; who does not decline */
static int refusal;                 /* what others return */
static bool writes_refusal;

static void note(const char *name)
{
    strcat(strcat(calls, name), " ");
}

static int authorize(struct gale_app *app, struct gale_request *req, struct gale_response *res,
                     bool *out_granted)
{
    struct exchange *exchange = exchange_of_request(req);
    struct http_header variable = {STR("WHO"), str_of(app->config->name)};
    note(app->config->name);
    *out_granted = strstr(grants, app->config->name);
    if (*out_granted)
        request_add_variables(req, exchange->arena, &variable, 1);
    else if (writes_refusal)
        return gale_reply(res, 403, "text/plain", "not you\n");
    return *out_granted ? 0 : refusal;
}

static int serve(struct gale_app *app, struct gale_request *req, struct gale_response *res)
{
    note(app->config->name);
    if (strcmp(app->config->name, serves) != 0)
        return strcmp(gale_request_path(req).at, "/go") == 0
                   ? router_redirect(req, res, STR("/to/x"))
                   : GALE_DECLINE;
    return gale_reply(res, 200, "text/plain", "%s %zu", gale_request_variable(req, "WHO", "-"),
                      req->variable_count);
}

static void begin(void)
{
    static const struct adapter *adapters[] = {&able, NULL};
    struct setting_errors errors = {.arena = &arena};
    arena_init(&arena, NULL, 0);
    log_set_fd(-1);
    able = made_up_adapter;
    able.authorize = authorize;
    made_up_serves = serve;
    config = config_parse("/nowhere/gale.ini", str_of(conf), adapters, &errors);
    ck_assert_uint_eq(errors.len, 0);
    ck_assert_int_eq(apps_open(config, &apps), 0);
    router_init(&router, apps, config->app_count);
}

static void end(void)
{
    router_finish(&router);
    apps_close(apps, config->app_count);
    config_close(config);
    arena_finish(&arena);
}

/* What was called, and the answer's body. */
static void expect(const char *path, int status, const char *called, const char *body)
{
    calls[0] = 0;
    test_front_init(&front, "GET", path);
    ck_assert_int_eq(test_front_serve(&front, router_serve, &router), 0);
    ck_assert_int_eq(front.status, status);
    ck_assert_str_eq(calls, called);
    if (body)
        ck_assert_str_eq(front.body.at, body);
    test_front_finish(&front);
}

START_TEST(nobody_serves_what_was_not_granted)
{
    static const int rows[] = {502, 503, 504, 500, 401, -EINVAL};
    begin();
    grants = "";
    serves = "first";
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        refusal = rows[i];
        expect("/x", rows[i] < 0 ? 500 : rows[i], "door ", NULL);
    }
    writes_refusal = true;
    expect("/x", 403, "door ", "not you\n");
    expect("/door", 403, "door ", "not you\n"); /* one without a mount serves nothing */
    const struct gale_app *app = &apps[2];
    ck_assert_int_eq(board_mine->values[app->failed], 6);
    ck_assert_int_eq(board_mine->values[app->refused], 2);
    ck_assert_int_eq(board_mine->values[app->granted], 0);
    end();
}
END_TEST

START_TEST(what_was_granted_is_served)
{
    begin();
    grants = "door";
    serves = "first";
    expect("/x", 200, "door first ", "door 1");
    serves = "second"; /* asked once for both */
    expect("/x", 200, "door first second ", "door 1");
    ck_assert_int_eq(board_mine->values[apps[2].granted], 2);
    ck_assert_int_eq(board_mine->values[apps[3].granted], 0);
    end();
}
END_TEST

START_TEST(what_one_has_said_is_not_the_next_ones)
{
    begin();
    grants = "door gate";
    serves = "third";
    expect("/x", 200, "door first second gate third ", "gate 1");
    serves = "last";
    expect("/x", 200, "door first second gate third last ", "- 0");
    grants = "door";
    refusal = 502;
    expect("/x", 502, "door first second gate ", NULL);
    end();
}
END_TEST

START_TEST(another_path_is_another_request)
{
    begin();
    grants = "door";
    serves = "to";
    expect("/go", 200, "door first door to ", "door 1");
    end();
}
END_TEST

UNIT_MAIN(nobody_serves_what_was_not_granted, what_was_granted_is_served,
          what_one_has_said_is_not_the_next_ones, another_path_is_another_request)
