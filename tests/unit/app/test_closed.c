/* An app that does not open where others shall be served: 503, and nobody is let through by it. */
#include "app/closed.h"

#include <errno.h>

#include "app/router.h"
#include "base/log.h"
#include "http/test_front.h"
#include "made_up.h"
#include "unit.h"

static const char conf[] = "[app a]\nmount = /a\nmade = 1\n[app b]\nmount = /b\nmade = 2\n"
                           "[app c]\nmount = /c\nmade = 3\nauthorize = b\n";

static struct adapter able;
static int served;

static int authorize(struct gale_app *app, struct gale_request *req, struct gale_response *res,
                     bool *out_granted)
{
    (void)app, (void)req, (void)res;
    *out_granted = true;
    return 0;
}

/* Leaves behind what an open that fails may have set. */
static int fail_b(struct gale_app *app)
{
    if (strcmp(app->config->name, "b") != 0)
        return 0;
    app->state = app;
    app->title = "half a title";
    app->stack_size = 1 << 20;
    return app_fail(app, -ENOKEY, "it has no key");
}

static int serve(struct gale_app *app, struct gale_request *req, struct gale_response *res)
{
    (void)req;
    served++;
    return gale_reply(res, 200, "text/plain", "%s", app->config->name);
}

static int ask(struct router *router, const char *path)
{
    struct test_front front;
    test_front_init(&front, "GET", path);
    ck_assert_int_eq(test_front_serve(&front, router_serve, router), 0);
    int status = front.status;
    if (status == 503)
        ck_assert_str_eq(test_front_find(&front, "Retry-After"), "1");
    test_front_finish(&front);
    return status;
}

START_TEST(others_are_served)
{
    static const struct adapter *adapters[] = {&able, NULL};
    struct arena arena;
    struct gale_app *apps = NULL;
    struct router router;
    arena_init(&arena, NULL, 0);
    struct setting_errors errors = {.arena = &arena};
    log_set_fd(-1);
    able = made_up_adapter;
    able.authorize = authorize;
    made_up_opens = fail_b;
    made_up_serves = serve;
    struct config *config = config_parse("/nowhere/gale.ini", str_of(conf), adapters, &errors);
    ck_assert_uint_eq(errors.len, 0);
    ck_assert_int_eq(apps_open(config, &apps), -ENOKEY);
    apps_may_stay_closed();
    made_up_calls[0] = 0;
    ck_assert_int_eq(apps_open(config, &apps), 0);
    ck_assert_str_eq(apps_find_closed(apps, 3), "b");
    ck_assert_ptr_null(apps_find_closed(apps, 1));
    ck_assert_uint_eq(apps_stack_size(apps, 3), 0);
    ck_assert_str_eq(apps[1].title, "nothing: it does not open");
    router_init(&router, apps, 3);
    ck_assert_int_eq(ask(&router, "/a"), 200);
    ck_assert_int_eq(ask(&router, "/b"), 503);
    ck_assert_int_eq(ask(&router, "/c"), 503);
    ck_assert_int_eq(served, 1);
    router_finish(&router);
    apps_drain(apps, 3);
    apps_close(apps, 3);
    ck_assert_str_eq(made_up_calls, "open:a open:b open:c drain:a drain:c close:c close:a ");
    config_close(config);
    arena_finish(&arena);
}
END_TEST

UNIT_MAIN(others_are_served)
