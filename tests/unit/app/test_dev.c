/* A worker of gale dev: apps that are live, broken, refused or not there yet, and what browsers are
 * told (dev.c, dev_answer.c, dev_browser.c). */
#include "unit.h"

#include <errno.h>
#include <sys/mman.h>

#include "app/dev.h"
#include "app/dev_state.h"
#include "app/router.h"
#include "base/log.h"
#include "http/access_log.h"
#include "http/error_page.h"
#include "http/test_front.h"
#include "loop/ioloop.h"
#include "loop/task.h"
#include "made_up.h"

static const char conf[] = "[app hello]\nmount = /\nmade = 1\n"
                           "[app shop]\nmount = /shop\nmade = 1\n"
                           "[app site]\nmount = /site\nmade = 1\n";

static struct dev_app apps[] = {
    {"hello", DEV_LIVE, false, true, 0, 120, "/nowhere", "cc hello.c", "", {0}},
    {"shop", DEV_LIVE, false, true, 0, 3, "/nowhere", "make", "", {0}},
};
static struct dev_state state = {.build = 7, .apps = apps, .count = 2};

static int state_fd(void)
{
    struct arena arena;
    arena_init(&arena, NULL, 0);
    struct gale_str text = dev_state_encode(&state, &arena);
    int fd = memfd_create("state", MFD_CLOEXEC);
    ck_assert_int_eq(write(fd, text.at, text.len), (ssize_t)text.len);
    arena_finish(&arena);
    return fd;
}

struct stage {
    struct made_up made;
    struct gale_app *apps;
    struct router router;
    struct error_pages errors;
    struct dev *dev;
};

static int verdict;

static int serve(struct gale_app *app, struct gale_request *req, struct gale_response *res)
{
    (void)req;
    if (verdict)
        return verdict;
    return gale_reply(res, 200, "text/html", "<h1>%s</h1>", app->config->name);
}

static void open_stage(struct stage *stage)
{
    *stage = (struct stage){0};
    log_set_fd(-1);
    made_up_calls[0] = 0;
    made_up_serves = serve;
    verdict = 0;
    int fd = state_fd();
    ck_assert_int_eq(dev_open(fd, &stage->dev), 0);
    close(fd);
    made_up_parse(&stage->made, conf);
    dev_override(stage->made.config);
    dev_prepare(stage->dev, stage->made.config);
    ck_assert_int_eq(apps_open(stage->made.config, &stage->apps), 0);
    router_init(&stage->router, stage->apps, stage->made.config->app_count);
    dev_attach(stage->dev, stage->apps, stage->made.config->app_count, &stage->errors,
               &stage->router);
}

static void update(struct stage *stage)
{
    int fd = state_fd();
    ck_assert_int_eq(dev_update(stage->dev, fd), 0);
    close(fd);
}

static void close_stage(struct stage *stage)
{
    router_finish(&stage->router);
    apps_close(stage->apps, stage->made.config->app_count);
    made_up_finish(&stage->made);
    dev_close(stage->dev);
}

static void ask(struct stage *stage, const char *target, const char *accept,
                struct test_front *front)
{
    test_front_init(front, "GET", target);
    test_front_header(front, "Accept", accept);
    front->exchange.errors = &stage->errors;
    ck_assert_int_eq(test_front_serve(front, dev_serve, stage->dev), 0);
}

static void answers(struct stage *stage, const char *target, const char *accept, int status,
                    const char *part)
{
    struct test_front front;
    ask(stage, target, accept, &front);
    ck_assert_int_eq(front.status, status);
    ck_assert_msg(strstr(front.body.at, part), "%s has no %s", front.body.at, part);
    test_front_finish(&front);
}

START_TEST(changes_the_configuration)
{
    struct stage stage;
    open_stage(&stage);
    const struct server_settings *server = &stage.made.config->server;
    ck_assert_int_eq(server->workers, 1);
    ck_assert_int_eq(server->access_log_format, ACCESS_SHORT);
    ck_assert_int_le(server->drain_timeout_ms, 3000);
    close_stage(&stage);
}
END_TEST

START_TEST(live_apps_serve)
{
    struct stage stage;
    open_stage(&stage);
    answers(&stage, "/", "text/html", 200,
            "<h1>hello</h1><script src=\"/.gale/dev.js?app=hello&amp;at=7.0\">");
    answers(&stage, "/", "*/*", 200, "<h1>hello</h1>");
    answers(&stage, "/site", "text/html", 200, "app=site&amp;at=7.0");
    close_stage(&stage);
}
END_TEST

START_TEST(broken_ones_say_so_and_others_go_on)
{
    struct stage stage;
    open_stage(&stage);
    apps[1].stage = DEV_BROKEN;
    apps[1].trouble = 3;
    apps[1].text = "shop.c:1:2: error: oh <no>\n";
    update(&stage);
    answers(&stage, "/shop", "text/html", 500, "<h2>oh &lt;no&gt;</h2>");
    answers(&stage, "/shop", "text/html", 500, "app=shop&amp;at=7.3");
    answers(&stage, "/shop", "application/json", 500,
            "shop does not build\n\nshop.c:1:2: error: oh <no>");
    answers(&stage, "/", "text/html", 200, "at=7.0");
    apps[1].stage = DEV_REFUSED;
    update(&stage);
    answers(&stage, "/shop", "text/html", 500, "shop does not start");
    apps[1].stage = DEV_LIVE;
    apps[1].trouble = 0;
    state.build++;
    update(&stage);
    answers(&stage, "/shop", "text/html", 200, "at=8.0");
    close_stage(&stage);
}
END_TEST

START_TEST(a_refused_configuration_is_for_pages)
{
    struct stage stage;
    open_stage(&stage);
    state.conf = (struct dev_conf_state){5, "gale.ini", "/nowhere", "gale.ini:3: oh <no>\n"};
    update(&stage);
    answers(&stage, "/shop", "text/html", 500, "<h1>gale.ini is refused</h1>");
    answers(&stage, "/shop", "text/html", 500, "<h2>oh &lt;no&gt;</h2>");
    answers(&stage, "/", "text/html", 500, "at=7.5");
    answers(&stage, "/", "application/json", 200, "");
    state.conf = (struct dev_conf_state){0};
    update(&stage);
    answers(&stage, "/", "text/html", 200, "at=7.0");
    close_stage(&stage);
}
END_TEST

START_TEST(what_was_never_built_is_not_opened)
{
    struct stage stage;
    apps[1].is_openable = false;
    apps[1].stage = DEV_FIRST;
    open_stage(&stage);
    ck_assert_str_eq(made_up_calls, "open:hello open:site ");
    close_stage(&stage);
}
END_TEST

/* ---- requests that wait for a build ---- */

static struct stage waiting;
static struct test_front answer;
static bool is_answered;

static void wait_for_answer(void *data)
{
    ask(&waiting, data, "text/html", &answer);
    is_answered = true;
}

static struct ioloop *begin_waiting(enum dev_stage stage)
{
    struct ioloop *loop;
    apps[1].stage = stage;
    apps[1].is_building = stage != DEV_FIRST;
    is_answered = false;
    open_stage(&waiting);
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    ck_assert_int_eq(task_spawn(loop, wait_for_answer, "/shop", 0, NULL), 0);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(ioloop_turn(loop, 0), 0);
    return loop;
}

static void end_waiting(struct ioloop *loop, int status, const char *part)
{
    while (!is_answered)
        ck_assert_int_eq(ioloop_turn(loop, 100), 0);
    ck_assert_int_eq(answer.status, status);
    ck_assert_msg(strstr(answer.body.at, part), "%s has no %s", answer.body.at, part);
    test_front_finish(&answer);
    ioloop_destroy(loop);
    close_stage(&waiting);
}

START_TEST(a_request_waits_for_its_build)
{
    static const enum dev_stage stages[] = {DEV_FIRST, DEV_LIVE, DEV_BROKEN, DEV_REFUSED};
    for (size_t i = 0; i < ARRAY_LEN(stages); i++) {
        struct ioloop *loop = begin_waiting(stages[i]);
        ck_assert(!is_answered);
        update(&waiting); /* another app's */
        ck_assert(!is_answered);
        apps[1].stage = DEV_LIVE;
        apps[1].is_building = false;
        update(&waiting);
        end_waiting(loop, 200, "<h1>shop</h1>");
    }
}
END_TEST

START_TEST(but_not_for_ever)
{
    end_waiting(begin_waiting(DEV_FIRST), 503, "shop is being built");
    end_waiting(begin_waiting(DEV_LIVE), 200, "<h1>shop</h1>"); /* what there is */
    end_waiting(begin_waiting(DEV_BROKEN), 500, "shop does not build");
}
END_TEST

START_TEST(crashes_show_their_report)
{
    struct ioloop *loop = begin_waiting(DEV_LIVE);
    verdict = 502;
    apps[1].is_building = false;
    update(&waiting);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(ioloop_turn(loop, 0), 0);
    ck_assert(!is_answered);
    apps[1].crash = (struct dev_crash){answer.exchange.req.id, "SIGSEGV", "serve\t\t\n", "all"};
    update(&waiting);
    end_waiting(loop, 502, "<h1>shop crashed</h1>");
}
END_TEST

START_TEST(failures_show_their_log)
{
    struct stage stage;
    open_stage(&stage);
    verdict = 500;
    answers(&stage, "/", "text/html", 500, "hello answered 500");
    answers(&stage, "/", "*/*", 500, "500 Internal Server Error");
    verdict = 404;
    answers(&stage, "/", "text/html", 404, "Not Found");
    close_stage(&stage);
}
END_TEST

START_TEST(serves_its_script)
{
    struct stage stage;
    struct test_front front;
    open_stage(&stage);
    answers(&stage, "/.gale/dev.js", "*/*", 200, "new EventSource(");
    answers(&stage, "/.gale/other", "*/*", 404, "");
    test_front_init(&front, "POST", "/.gale/dev");
    ck_assert_int_eq(test_front_serve(&front, dev_serve, stage.dev), 0);
    ck_assert_int_eq(front.status, 405);
    test_front_finish(&front);
    close_stage(&stage);
}
END_TEST

/* ---- events ---- */

static struct stage streaming;
static struct test_front events;

static void stream(void *data)
{
    (void)data;
    ask(&streaming, "/.gale/dev?app=shop", "text/event-stream", &events);
}

static void turn(struct ioloop *loop)
{
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(ioloop_turn(loop, 0), 0);
}

START_TEST(tells_of_changes_until_it_drains)
{
    struct ioloop *loop;
    open_stage(&streaming);
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    ck_assert_int_eq(task_spawn(loop, stream, NULL, 0, NULL), 0);
    turn(loop);
    ck_assert_str_eq(events.body.at, "data: 7.0\n\n");
    update(&streaming); /* the same again */
    turn(loop);
    apps[1].trouble = 9;
    update(&streaming);
    turn(loop);
    apps[0].trouble = 10; /* another app's is nothing to this page */
    update(&streaming);
    turn(loop);
    ck_assert_str_eq(events.body.at, "data: 7.0\n\ndata: 7.9\n\n");
    dev_drain(streaming.dev);
    while (task_count())
        ck_assert_int_eq(ioloop_turn(loop, 100), 0);
    ck_assert_ptr_nonnull(strstr(events.body.at, "event: again\n"));
    ck_assert(events.is_finished);
    test_front_finish(&events);
    dev_drain(NULL);
    ioloop_destroy(loop);
    close_stage(&streaming);
}
END_TEST

START_TEST(wrong_states_are_refused)
{
    struct stage stage;
    struct dev *none = NULL;
    int fd = memfd_create("state", MFD_CLOEXEC);
    ck_assert_int_eq(dev_open(fd, &none), -EINVAL);
    ck_assert_ptr_null(none);
    ck_assert_int_eq(dev_open(-1, &none), -EBADF);
    open_stage(&stage);
    ck_assert_int_eq(dev_update(stage.dev, fd), -EINVAL);
    answers(&stage, "/", "text/html", 200, "at=7.0"); /* and the old one stays */
    close(fd);
    close_stage(&stage);
    dev_close(NULL);
}
END_TEST

UNIT_MAIN(changes_the_configuration, live_apps_serve, broken_ones_say_so_and_others_go_on,
          a_refused_configuration_is_for_pages, what_was_never_built_is_not_opened,
          a_request_waits_for_its_build, but_not_for_ever, crashes_show_their_report,
          failures_show_their_log, serves_its_script, tells_of_changes_until_it_drains,
          wrong_states_are_refused)
