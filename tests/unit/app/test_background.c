/* Background tasks: when they start, when they end. */
#include "unit.h"

#include <errno.h>
#include <gale/wait.h>
#include "loop/ioloop.h"
#include "made_up.h"

static const char one[] = "[app a]\nmount = /\nmade = 1\n";
static struct ioloop *loop;
static int started, ended, is_refused;

static void work(void *data)
{
    struct gale_app *app = data;
    started++;
    ck_assert(app->is_open); /* never beside a half-opened app */
    ended = gale_sleep(60000);
}

static int spawn_in_open(struct gale_app *app)
{
    ck_assert_int_eq(gale_spawn(app, work, app), 0);
    ck_assert_int_eq(started, 0);
    return is_refused ? -EIO : 0;
}

START_TEST(starts_when_every_app_is_open)
{
    struct made_up made;
    struct gale_app *apps;
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    made_up_opens = spawn_in_open;
    made_up_parse(&made, one);
    ck_assert_int_eq(apps_open(made.config, &apps), 0);
    for (int i = 0; i < 3 && !started; i++)
        ioloop_turn(loop, 0);
    ck_assert_int_eq(started, 1);
    ck_assert_uint_eq(apps->background.count, 1);
    apps_drain(apps, 1);
    ck_assert_int_eq(gale_spawn(apps, work, apps), -ECANCELED);
    for (int i = 0; i < 5 && apps->background.count; i++)
        ioloop_turn(loop, 0);
    ck_assert_int_eq(ended, -ECANCELED);
    ck_assert_uint_eq(apps->background.count, 0);
    apps_close(apps, 1);
    made_up_finish(&made);
    ioloop_destroy(loop);
}
END_TEST

START_TEST(never_starts_for_an_app_that_failed)
{
    struct made_up made;
    struct gale_app *apps;
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    made_up_opens = spawn_in_open;
    is_refused = 1;
    made_up_parse(&made, one);
    ck_assert_int_eq(apps_open(made.config, &apps), -EIO);
    ioloop_turn(loop, 0);
    ck_assert_int_eq(started, 0);
    made_up_finish(&made);
    ioloop_destroy(loop);
}
END_TEST

START_TEST(has_a_limit)
{
    struct made_up made;
    struct gale_app *apps;
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    made_up_parse(&made, one);
    ck_assert_int_eq(apps_open(made.config, &apps), 0);
    task_set_max(2);
    ck_assert_int_eq(gale_spawn(apps, work, apps), 0);
    ck_assert_int_eq(gale_spawn(apps, work, apps), 0);
    ck_assert_int_eq(gale_spawn(apps, work, apps), -EAGAIN);
    apps_drain(apps, 1);
    for (int i = 0; i < 5 && apps->background.count; i++)
        ioloop_turn(loop, 0);
    ck_assert_int_eq(started, 2);
    apps_close(apps, 1);
    made_up_finish(&made);
    ioloop_destroy(loop);
}
END_TEST

UNIT_MAIN(starts_when_every_app_is_open, never_starts_for_an_app_that_failed, has_a_limit)
