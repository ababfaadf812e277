/* An exchange served again: what the next app sees, what the client's request is afterwards. */
#include "unit.h"

#include <errno.h>
#include <gale/plugin.h>
#include "app/router.h"
#include "base/log.h"
#include "http/test_front.h"
#include "made_up.h"

static const char conf[] = "[app from]\nmount = /from\nmade = 1\n"
                           "[app to]\nmount = /to\nmade = 1\n"
                           "[app shy]\nmount = /to/shy\nmade = 1\n";

static struct gale_app *apps;
static struct router router;
static const char *location;
static unsigned served, returned;
static bool reads_first;

/* "METHOD path query [name=value]... body" */
static int describe(struct gale_request *req, struct gale_response *res)
{
    struct gale_str name, value, body;
    gale_response_printf(res, "%s %s?%s", gale_request_method(req).at, gale_request_path(req).at,
                         gale_request_query_string(req).at);
    for (size_t i = 0; gale_request_header_at(req, i, &name, &value) == 0; i++)
        gale_response_printf(res, " %s=%s", name.at, value.at);
    ck_assert_int_eq(gale_request_body(req, &body), 0);
    ck_assert_uint_eq(body.len, 0);
    ck_assert_int_eq(gale_request_length(req), 0);
    gale_response_printf(res, " below=%s x=%s", gale_request_below(req).at,
                         gale_request_query(req, "x", "-"));
    return 0;
}

static int serve(struct gale_app *app, struct gale_request *req, struct gale_response *res)
{
    char byte;
    served++;
    if (strcmp(app->config->name, "to") == 0)
        return describe(req, res);
    if (strcmp(app->config->name, "shy") == 0)
        return GALE_DECLINE;
    ck_assert_str_eq(gale_request_query(req, "x", "-"), "1");
    if (reads_first)
        ck_assert_int_eq(gale_request_read(req, &byte, 1), 1);
    int verdict = router_redirect(req, res, str_of(location));
    returned++;
    ck_assert_str_eq(gale_request_path(req).at, "/from/a");
    ck_assert_str_eq(gale_request_query(req, "x", "-"), "1");
    return verdict;
}

static struct test_front front;

static void ask(const char *method, const char *to)
{
    location = to;
    served = returned = 0;
    test_front_init(&front, method, "/from/a?x=1");
    test_front_header(&front, "Accept", "all");
    test_front_header(&front, "Content-Type", "text/plain");
    if (strcmp(method, "POST") == 0)
        test_front_body(&front, "hello", 5, 2);
}

static int answer(void)
{
    ck_assert_int_eq(test_front_serve(&front, router_serve, &router), 0);
    return front.status;
}

static struct made_up made;

static void begin(void)
{
    log_set_level(LOG_LEVEL_ERROR);
    made_up_serves = serve;
    made_up_parse(&made, conf);
    ck_assert_str_eq(made.text, "");
    ck_assert_int_eq(apps_open(made.config, &apps), 0);
    router_init(&router, apps, made.config->app_count);
}

static void end(void)
{
    router_finish(&router);
    apps_close(apps, made.config->app_count);
    made_up_finish(&made);
}

START_TEST(asks_for_another_path)
{
    begin();
    ask("GET", "/to/b%20c?x=2&y");
    ck_assert_int_eq(answer(), 200);
    ck_assert_str_eq(front.body.at, "GET /to/b c?x=2&y Host=test Accept=all below=/b c x=2");
    ck_assert_str_eq(gale_app_name(front.exchange.app), "to");
    ck_assert_str_eq(front.exchange.req.head.target.at, "/from/a?x=1"); /* for the log */
    test_front_finish(&front);
    end();
}
END_TEST

START_TEST(drops_the_body)
{
    begin();
    for (int i = 0; i < 2; i++) {
        reads_first = i == 1;
        ask("POST", "/to");
        ck_assert_int_eq(answer(), 200);
        ck_assert_str_eq(front.body.at, "GET /to? Host=test Accept=all below= x=-");
        const struct gale_request *req = &front.exchange.req;
        ck_assert(req->has_body && !req->is_body_done); /* the front still has it to read */
        ck_assert_uint_eq(req->body_read, reads_first ? 1 : 0);
        ck_assert_str_eq(req->head.method.at, "POST");
        test_front_finish(&front);
    }
    reads_first = false;
    end();
}
END_TEST

START_TEST(keeps_head_as_it_is)
{
    begin();
    ask("HEAD", "/to");
    ck_assert_int_eq(answer(), 200);
    ck_assert_uint_eq(front.body.len, 0);
    ck_assert_uint_eq(served, 2);
    test_front_finish(&front);
    end();
}
END_TEST

START_TEST(goes_the_usual_way)
{
    begin();
    ask("POST", "/to/shy"); /* declines: the next shorter mount */
    reads_first = true;     /* by the first app: that rules nothing out for the second */
    ck_assert_int_eq(answer(), 200);
    ck_assert_uint_eq(served, 3);
    test_front_finish(&front);
    reads_first = false;
    ask("GET", "/nowhere");
    ck_assert_int_eq(answer(), 404);
    test_front_finish(&front);
    end();
}
END_TEST

START_TEST(does_not_go_round_for_ever)
{
    begin();
    ask("GET", "/from/a?x=1");
    ck_assert_int_eq(answer(), 508);
    ck_assert_uint_eq(served, ROUTER_REDIRECTS_MAX + 1);
    ck_assert_uint_eq(returned, ROUTER_REDIRECTS_MAX + 1);
    test_front_finish(&front);
    end();
}
END_TEST

START_TEST(refuses_what_is_no_path)
{
    static const char *const rows[] = {"", "to", "*", "http://a/b", "/%00", "/%zz", "/a b", "/#x"};
    begin();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ask("GET", rows[i]);
        ck_assert_int_eq(answer(), 502);
        ck_assert_uint_eq(served, 1);
        test_front_finish(&front);
    }
    end();
}
END_TEST

UNIT_MAIN(asks_for_another_path, drops_the_body, keeps_head_as_it_is, goes_the_usual_way,
          does_not_go_round_for_ever, refuses_what_is_no_path)
