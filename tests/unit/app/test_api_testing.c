/* Tests of plugins (api_testing.c): what they ask, what they get, what is said when it is wrong. */
#include "unit.h"

#include <errno.h>
#include <gale/testing.h>
#include <gale/wait.h>
#include "app/router.h"
#include "app/testing.h"
#include "base/arena.h"
#include "loop/on_waiters.h"
#include "made_up.h"

static struct ioloop *loop;
static struct gale_app *apps;
static struct router router;
static struct gale_test test;
static char *said;
static size_t said_len;

static int serve(struct gale_app *app, struct gale_request *req, struct gale_response *res)
{
    struct gale_str body, below = gale_request_below(req);
    (void)app;
    if (str_equals(below, STR("/none")))
        return GALE_DECLINE;
    if (str_equals(below, STR("/stream"))) {
        gale_response_puts(res, "one;");
        int r = gale_sleep(10);
        return r < 0 ? r : gale_response_puts(res, "two;");
    }
    if (str_equals(below, STR("/cut"))) {
        gale_response_puts(res, "half");
        gale_response_flush(res);
        return -EIO;
    }
    if (str_equals(below, STR("/wait")))
        return gale_sleep(60000);
    int r = gale_request_body(req, &body);
    gale_response_header(res, "X-Got", gale_request_header(req, "X-Sent", "nothing"));
    return r < 0 ? r
                 : gale_reply(res, 201, "text/plain", "%s %s %lld:%s", gale_request_method(req).at,
                              gale_request_mount(req).at, (long long)gale_request_length(req),
                              body.at);
}

static void run(task_fn *fn)
{
    struct arena arena;
    arena_init(&arena, NULL, 0);
    struct setting_errors errors = {.arena = &arena};
    struct config *config =
        config_parse("x.ini", STR("[app a]\nmount = /m\nmade = 1\n"), made_up_adapters, &errors);
    made_up_serves = serve;
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    ck_assert_int_eq(apps_open(config, &apps), 0);
    router_init(&router, apps, 1);
    FILE *out = open_memstream(&said, &said_len);
    testing_init(&test, &apps[0], &router, out);
    run_task(loop, fn, NULL);
    testing_finish(&test);
    fclose(out);
    router_finish(&router);
    apps_close(apps, 1);
    config_close(config);
    ioloop_destroy(loop);
    arena_finish(&arena);
}

static void ask(void *data)
{
    (void)data;
    const struct gale_answer *a =
        gale_fetch(&test, "POST", "/m/x", "X-Sent: yes\nX-Other:no\n", "12345");
    ck_assert_int_eq(a->status, 201);
    ck_assert(a->is_whole && !a->is_declined);
    ck_assert_str_eq(a->body.at, "POST /m 5:12345");
    ck_assert_str_eq(gale_answer_header(&test, a, "x-got", "-"), "yes");
    ck_assert_str_eq(gale_answer_header(&test, a, "X-Got2", "-"), "-");
    const struct gale_answer *b = gale_fetch(&test, "GET", "/m/none", NULL, NULL);
    ck_assert_int_eq(b->status, 404);
    ck_assert(b->is_declined);
    ck_assert(!gale_fetch(&test, "GET", "/m/x", NULL, NULL)->is_declined);
    ck_assert_int_eq(gale_fetch(&test, "G T", "/", NULL, NULL)->status, 400);
    ck_assert_int_eq(gale_fetch(&test, "HEAD", "/m/x", NULL, NULL)->body.len, 0);
    ck_assert_str_eq(a->body.at, "POST /m 5:12345"); /* as long as the test */
    struct gale_fetch fetch = {.method = "PUT",
                               .target = "/m/x",
                               .body = "abc",
                               .body_len = 3,
                               .piece = 1,
                               .is_chunked = 1};
    ck_assert_str_eq(gale_fetch_with(&test, &fetch)->body.at, "PUT /m -1:abc");
    ck_assert_ptr_eq(gale_test_app(&test), &apps[0]);
}

START_TEST(asks)
{
    run(ask);
    ck_assert_uint_eq(test.failures, 0);
    ck_assert_str_eq(said, "");
    free(said);
}
END_TEST

static int leave(void *data, const struct gale_answer *so_far)
{
    ck_assert_str_eq(so_far->body.at, "one;");
    return ++*(int *)data;
}

static void stream(void *data)
{
    int calls = 0;
    (void)data;
    const struct gale_answer *a = gale_fetch(&test, "GET", "/m/stream", NULL, NULL);
    ck_assert_str_eq(a->body.at, "one;two;");
    ck_assert_uint_eq(a->flushes, 1);
    ck_assert(a->is_whole);
    a = gale_fetch(&test, "GET", "/m/cut", NULL, NULL);
    ck_assert(!a->is_whole);
    ck_assert_int_eq(a->status, 200);
    struct gale_fetch leaving = {.target = "/m/stream", .on_output = leave, .data = &calls};
    a = gale_fetch_with(&test, &leaving);
    ck_assert_str_eq(a->body.at, "one;");
    ck_assert(!a->is_whole && calls == 1);
    struct gale_fetch later = {.target = "/m/wait", .leave_ms = 5};
    a = gale_fetch_with(&test, &later);
    ck_assert(!a->is_whole);
    ck_assert_int_eq(gale_sleep(1), 0); /* the request was cancelled, not the test */
}

START_TEST(streams_and_leaves)
{
    run(stream);
    free(said);
}
END_TEST

static void expect(void *data)
{
    (void)data;
    ck_assert(GALE_EXPECT(&test, 1 + 1 == 2));
    ck_assert(GALE_EXPECT_INT(&test, 2, 2) && GALE_EXPECT_TEXT(&test, "a", "a"));
    ck_assert(GALE_EXPECT_TEXT(&test, NULL, NULL) && GALE_EXPECT_CONTAINS(&test, "abc", "b"));
    ck_assert_uint_eq(test.failures, 0);
    gale_expect(&test, 0, "x > 1", "f.c", 1);
    gale_expect_int(&test, 1, -2, "a->status", "f.c", 2);
    gale_expect_text(&test, "a\"\n\1\xc3\xa9", NULL, "text", "f.c", 3);
    gale_expect_contains(&test, "abc", "x", "text", "f.c", 4);
    gale_expect_contains(&test, NULL, "x", "text", "f.c", 5);
    gale_fail(&test, "so %d", 7);
}

START_TEST(says_what_is_wrong)
{
    run(expect);
    ck_assert_uint_eq(test.failures, 6);
    ck_assert_str_eq(said, "f.c:1: x > 1 does not hold\n"
                           "f.c:2: a->status is 1, expected -2\n"
                           "f.c:3: text is \"a\\\"\\n\\x01\xc3\xa9\", expected NULL\n"
                           "f.c:4: text is \"abc\", which lacks \"x\"\n"
                           "f.c:5: text is NULL, which lacks \"x\"\n"
                           "so 7\n");
    free(said);
}
END_TEST

UNIT_MAIN_ON_WAITERS(asks, streams_and_leaves, says_what_is_wrong)
