/* The tests of hello: `make test`, or gale test hello.so. */
#include <gale/testing.h>

static void greets_the_world(struct gale_test *t)
{
    const struct gale_answer *a = gale_fetch(t, "GET", "/", NULL, NULL);
    GALE_EXPECT_INT(t, a->status, 200);
    GALE_EXPECT_TEXT(t, gale_answer_header(t, a, "Content-Type", ""), "text/plain; charset=utf-8");
    GALE_EXPECT_TEXT(t, a->body.at, "hello, world\n");
}

static void greets_by_name(struct gale_test *t)
{
    const struct gale_answer *a = gale_fetch(t, "GET", "/?name=Ann+B", NULL, NULL);
    GALE_EXPECT_TEXT(t, a->body.at, "hello, Ann B\n");
}

static const struct gale_test_case cases[] = {
    GALE_TEST(greets_the_world),
    GALE_TEST(greets_by_name),
    GALE_TESTS_END,
};
GALE_TESTS(cases)
