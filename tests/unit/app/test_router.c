/* Who serves: hosts, mounts, the file's order, and what a declining app may have done. */
#include "unit.h"

#include <errno.h>
#include "app/router.h"
#include "base/arena.h"
#include "base/board.h"
#include "http/client_limits.h"
#include "http/exchange.h"
#include "loop/ioloop.h"
#include "loop/task.h"
#include "made_up.h"

static const char conf[] = "[app root]\nmount = /\nmade = 1\nmax_body = 5\n"
                           "[app hello]\nmount = /hello\nmade = 1\ndeadline = 20s\n"
                           "[app hello2]\nmount = /hello/\nmade = 1\nform_memory = 7\n"
                           "[app deep]\nmount = /hello/deep\nmade = 1\n"
                           "[app host]\nmount = example.org/\nmade = 1\n"
                           "[app hosthello]\nmount = example.org/hello\nmade = 1\n"
                           "[app ip6]\nmount = [::1]/\nmade = 1\n";

static char order[256];                        /* "hello hello2 " */
static const char *decliners = "";             /* names of apps that decline */
static int (*does)(struct exchange *exchange); /* what each app does before that */

static int usual = 201; /* what they return else */

static bool is_decliner(const char *name)
{
    size_t len = strlen(name);
    for (const char *at = decliners; (at = strstr(at, name)) != NULL; at += len)
        if ((at == decliners || at[-1] == ' ') && (!at[len] || at[len] == ' '))
            return true;
    return false;
}

static int serve(struct gale_app *app, struct gale_request *req, struct gale_response *res)
{
    struct exchange *exchange = exchange_of_request(req);
    ck_assert_ptr_eq(&exchange->res, res);
    ck_assert_ptr_eq(exchange->app, app);
    ck_assert_ptr_eq(exchange->counters, &app->counters);
    ck_assert_int_eq(board_mine->values[app->counters.running], 1);
    strcat(strcat(order, app->config->name), " ");
    int verdict = does ? does(exchange) : usual;
    return is_decliner(app->config->name) ? GALE_DECLINE : verdict;
}

struct stage {
    struct made_up made;
    struct gale_app *apps;
    struct router router;
    struct exchange exchange;
    struct http_counters server_counters;
    struct arena arena;
};

static void open_stage(struct stage *stage)
{
    *stage = (struct stage){0};
    arena_init(&stage->arena, NULL, 0);
    made_up_serves = serve;
    made_up_parse(&stage->made, conf);
    ck_assert_str_eq(stage->made.text, "");
    ck_assert_int_eq(apps_open(stage->made.config, &stage->apps), 0);
    router_init(&stage->router, stage->apps, stage->made.config->app_count);
}

static void close_stage(struct stage *stage)
{
    router_finish(&stage->router);
    apps_close(stage->apps, stage->made.config->app_count);
    made_up_finish(&stage->made);
    arena_finish(&stage->arena);
}

static const char *client = ""; /* who asks */

static int ask(struct stage *stage, const char *host, const char *path)
{
    order[0] = 0;
    stage->exchange = (struct exchange){
        .counters = &stage->server_counters, .arena = &stage->arena, .res.status = 200};
    struct gale_request *req = &stage->exchange.req;
    req->host = str_of(host);
    req->head.target = req->target.raw_path = req->target.path = str_of(path);
    req->peer = str_of(client);
    strcpy(req->id, "0123456789abcdef");
    stage->exchange.label = (struct task_label){.request = path, .request_id = req->id};
    return router_serve(&stage->router, req, &stage->exchange.res);
}

START_TEST(finds_the_best_app)
{
    static const struct {
        const char *host, *path, *app;
    } rows[] = {
        {"", "/", "root "},
        {"", "/x", "root "},
        {"", "/helloworld", "root "},
        {"", "/hello", "hello "},
        {"", "/hello/x", "hello "},
        {"", "/hello/deeper", "hello "},
        {"", "/hello/deep/x", "deep "},
        {"", "/hello%2Fdeep", "root "},
        {"example.org", "/", "host "},
        {"example.org", "/hello/deep", "hosthello "}, /* hosts before longer mounts */
        {"www.example.org", "/hello", "hello "},
        {"[::1]", "/hello/deep", "ip6 "},
    };
    struct stage stage;
    open_stage(&stage);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ck_assert_int_eq(ask(&stage, rows[i].host, rows[i].path), 201);
        ck_assert_str_eq(order, rows[i].app);
    }
    close_stage(&stage);
}
END_TEST

START_TEST(goes_down_the_chain)
{
    static const struct {
        const char *host, *path, *decline, *order;
        int verdict;
    } rows[] = {
        {"", "/hello/deep", "deep", "deep hello ", 201},
        {"", "/hello/deep", "deep hello ", "deep hello hello2 ", 201},
        {"", "/hello/deep", "deep hello hello2", "deep hello hello2 root ", 201},
        {"", "/hello", "hello hello2 root", "hello hello2 root ", 404},
        {"example.org", "/hello", "hosthello", "hosthello host ", 201},
        {"example.org", "/hello", "hosthello host ", "hosthello host hello ", 201},
        {"[::1]", "/x", "ip6 root", "ip6 root ", 404},
    };
    struct stage stage;
    open_stage(&stage);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        decliners = rows[i].decline;
        ck_assert_msg(ask(&stage, rows[i].host, rows[i].path) == rows[i].verdict, "row %zu: %s", i,
                      order);
        ck_assert_str_eq(order, rows[i].order);
        bool is_found = rows[i].verdict != 404;
        ck_assert(is_found == (stage.exchange.app != NULL));
        ck_assert(is_found == (stage.exchange.counters != &stage.server_counters));
    }
    close_stage(&stage);
}
END_TEST

static int show_place(struct exchange *exchange)
{
    static char text[128];
    snprintf(text, sizeof(text), "%s|%s", exchange->req.mount.at, exchange->req.below.at);
    ck_assert_uint_eq(strlen(exchange->req.below.at), exchange->req.below.len);
    ck_assert(exchange->req.below.at >= exchange->req.target.path.at);
    strcpy(order, text);
    return GALE_OK;
}

START_TEST(tells_the_app_its_place_and_limits)
{
    static const char *const rows[][2] = {
        {"/", "|/"},
        {"/a b", "|/a b"},
        {"/hello", "/hello|"},
        {"/hello/", "/hello|/"},
        {"/hello/x", "/hello|/x"},
    };
    struct stage stage;
    open_stage(&stage);
    does = show_place;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ck_assert_int_eq(ask(&stage, "", rows[i][0]), GALE_OK);
        ck_assert_str_eq(order, rows[i][1]);
    }
    does = NULL;
    ask(&stage, "", "/");
    ck_assert_uint_eq(stage.exchange.max_body, 5);
    ck_assert_uint_eq(stage.exchange.form_memory, 65536);
    ask(&stage, "", "/hello");
    ck_assert_uint_eq(stage.exchange.max_body, 16 << 20);
    ck_assert_int_eq(stage.exchange.body_timeout_ms, 60000);
    ck_assert_int_eq(stage.exchange.write_timeout_ms, 60000);
    close_stage(&stage);
}
END_TEST

static int read_body(struct exchange *exchange)
{
    exchange->req.is_body_touched = true;
    return 201;
}

static int write_some(struct exchange *exchange)
{
    exchange->res.body_sent = 1;
    return 201;
}

static int send_head(struct exchange *exchange)
{
    exchange->res.state = RESPONSE_STARTED;
    return 201;
}

static int set_header(struct exchange *exchange)
{
    if (strcmp(exchange->app->config->name, "hello") == 0)
        exchange->res.header_count = 1;
    return 201;
}

START_TEST(a_late_decline_is_the_apps_fault)
{
    int (*const late[])(struct exchange *) = {read_body, write_some, send_head};
    struct stage stage;
    open_stage(&stage);
    decliners = "hello";
    for (size_t i = 0; i < ARRAY_LEN(late); i++) {
        does = late[i];
        ck_assert_int_eq(ask(&stage, "", "/hello"), 500);
        ck_assert_str_eq(order, "hello ");
        ck_assert_ptr_nonnull(stage.exchange.app); /* its counters get the 500 */
    }
    does = set_header;
    decliners = "hello";
    ck_assert_int_eq(ask(&stage, "", "/hello"), 201);
    ck_assert_uint_eq(stage.exchange.res.header_count, 0); /* forgotten with the decline */
    close_stage(&stage);
}
END_TEST

START_TEST(passes_every_verdict)
{
    static const int verdicts[] = {0, 2, 404, 503, -EIO, -ECANCELED, 7, 1000};
    struct stage stage;
    open_stage(&stage);
    for (size_t i = 0; i < ARRAY_LEN(verdicts); i++) {
        usual = verdicts[i];
        ck_assert_int_eq(ask(&stage, "", "/x"), verdicts[i]);
    }
    close_stage(&stage);
}
END_TEST

START_TEST(answers_for_the_server_and_for_nobody)
{
    struct stage stage;
    open_stage(&stage);
    ck_assert_int_eq(ask(&stage, "", "*"), 404); /* no mount has it */
    stage.exchange.req.target.is_asterisk = true;
    ck_assert_int_eq(router_serve(&stage.router, &stage.exchange.req, &stage.exchange.res),
                     GALE_OK);
    ck_assert_int_eq(stage.exchange.res.status, 204);
    ck_assert_ptr_nonnull(response_find(&stage.exchange.res, STR("Allow")));
    ck_assert_str_eq(order, "");
    struct router empty;
    router_init(&empty, NULL, 0);
    stage.exchange.req.target.is_asterisk = false;
    ck_assert_int_eq(router_serve(&empty, &stage.exchange.req, &stage.exchange.res), 404);
    router_finish(&empty);
    close_stage(&stage);
}
END_TEST

/* ---- on a task ---- */

static struct ioloop *loop;

static int be_late(struct exchange *exchange)
{
    ck_assert_str_eq(board_mine->app, "hello");
    ck_assert_str_eq(board_mine->request, "/hello");
    ck_assert_str_eq(board_mine->request_id, exchange->req.id);
    return task_sleep(60000);
}

static void ask_on_task(void *data)
{
    int r = ask(data, "", "/hello");
    ck_assert_int_eq(r, -ETIMEDOUT);
    ck_assert_str_eq(board_mine->app, "hello"); /* until whoever served the exchange ends it */
    task_set_label(task_current(), NULL);
    ck_assert_str_eq(board_mine->app, "");
    ioloop_stop(loop);
}

START_TEST(names_the_task_and_limits_its_time)
{
    struct stage stage;
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    open_stage(&stage);
    ((struct app_config *)stage.apps[1].config)->limits.deadline_ms = 20;
    does = be_late;
    decliners = "";
    ck_assert_int_eq(task_spawn(loop, ask_on_task, &stage, 0, NULL), 0);
    ioloop_run(loop);
    close_stage(&stage);
    ioloop_destroy(loop);
}
END_TEST

static const struct rate_limit *limit_of(struct stage *stage, size_t app, int64_t interval_ns,
                                         uint64_t scope)
{
    struct rate_limit *rate = &((struct app_config *)stage->apps[app].config)->limits.rate;
    *rate = (struct rate_limit){interval_ns, 2 * interval_ns, scope};
    return rate;
}

/* root and hello2 share the server's bucket, hello has its own, deep has none. */
START_TEST(clients_that_ask_too_fast_are_refused)
{
    static const struct {
        const char *client, *path, *decline, *order;
        int verdict;
    } rows[] = {
        {"192.0.2.1", "/hello", "", "hello ", 201},
        {"192.0.2.1", "/hello", "", "hello ", 201},
        {"192.0.2.1", "/hello", "", "", 429},
        {"192.0.2.1", "/hello/deep", "", "deep ", 201},
        {"192.0.2.1", "/hello/deep", "", "deep ", 201},
        {"192.0.2.1", "/hello/deep", "", "deep ", 201},
        {"192.0.2.1", "/", "", "root ", 201},
        {"192.0.2.1", "/", "", "root ", 201},
        {"192.0.2.1", "/", "", "", 429},
        {"192.0.2.1", "/hello/deep", "deep", "deep ", 429},     /* hello's, which is empty */
        {"192.0.2.2", "/hello", "hello", "hello hello2 ", 201}, /* one of hello's, one of root's */
        {"192.0.2.2", "/hello", "hello hello2 root", "hello hello2 root ", 404},
        {"192.0.2.2", "/", "", "", 429}, /* each was charged once */
        {"192.0.2.3", "/", "root", "root ", 404},
        {"192.0.2.3", "/", "root", "root ", 404},
        {"192.0.2.3", "/", "root", "", 429},
        {"192.0.2.4", "/", "", "root ", 201},
        {"unix", "/", "", "root ", 201},
        {"unix", "/", "", "root ", 201},
        {"unix", "/", "", "root ", 201},
    };
    const int64_t hour_ns = INT64_C(3600000000000);
    struct client_limits limits = {0};
    struct stage stage;
    open_stage(&stage);
    does = NULL;
    usual = 201;
    ck_assert_int_eq(client_limits_open(&limits, -1, 0), 0);
    stage.router.limits = &limits;
    stage.router.rate = limit_of(&stage, 0, hour_ns, 0);
    (void)limit_of(&stage, 1, hour_ns, 1);
    (void)limit_of(&stage, 2, hour_ns, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        client = rows[i].client;
        decliners = rows[i].decline;
        int verdict = ask(&stage, "", rows[i].path);
        ck_assert_msg(verdict == rows[i].verdict, "row %zu: %d", i, verdict);
        ck_assert_str_eq(order, rows[i].order);
        const struct gale_str *after = response_find(&stage.exchange.res, STR("Retry-After"));
        ck_assert_str_eq(after ? after->at : "", verdict == 429 ? "3600" : "");
    }
    client_limits_close(&limits);
    close_stage(&stage);
}
END_TEST

UNIT_MAIN(clients_that_ask_too_fast_are_refused, finds_the_best_app, goes_down_the_chain,
          tells_the_app_its_place_and_limits, a_late_decline_is_the_apps_fault,
          passes_every_verdict, answers_for_the_server_and_for_nobody,
          names_the_task_and_limits_its_time)
