/* Opening, draining and closing apps; failures told once and kept for whoever asked. */
#include "unit.h"

#include <errno.h>
#include "base/log.h"
#include "made_up.h"

static const char three[] = "[app a]\nmount = /\nmade = 1\n[app b]\nmount = /\nmade = 2\n"
                            "[app c]\nmount = /\nmade = 3\n";

START_TEST(opens_in_order_and_closes_backwards)
{
    struct made_up made;
    struct gale_app *apps;
    made_up_parse(&made, three);
    ck_assert_int_eq(apps_open(made.config, &apps), 0);
    ck_assert_str_eq(apps_failure(), "");
    ck_assert(apps[0].is_open && apps[2].is_open);
    ck_assert_ptr_eq(apps[1].config, &made.config->apps[1]);
    apps_drain(apps, 3);
    apps_drain(apps, 3); /* once is enough */
    apps_close(apps, 3);
    ck_assert_str_eq(made_up_calls,
                     "open:a open:b open:c drain:a drain:b drain:c close:c close:b close:a ");
    made_up_finish(&made);
}
END_TEST

static int fail_b(struct gale_app *app)
{
    if (strcmp(app->config->name, "b") != 0)
        return 0;
    gale_log(app, GALE_INFO, "looking for %s", "the key");
    gale_log(app, GALE_ERROR, "no key");
    ck_assert_str_eq(app_said(app), "looking for the key; no key");
    return app_fail(app, -ENOKEY, "it has no %s", "key");
}

START_TEST(a_failure_closes_the_others_and_is_kept)
{
    struct made_up made;
    struct gale_app *apps = NULL;
    made_up_opens = fail_b;
    made_up_parse(&made, three);
    ck_assert_int_eq(apps_open(made.config, &apps), -ENOKEY);
    ck_assert_ptr_null(apps);
    ck_assert_str_eq(made_up_calls, "open:a open:b close:a ");
    ck_assert_str_eq(apps_failure(), "/nowhere/gale.ini:4: [app b] it has no key");
    made_up_opens = NULL;
    ck_assert_int_eq(apps_open(made.config, &apps), 0);
    ck_assert_str_eq(apps_failure(), "");
    apps_close(apps, 3);
    made_up_finish(&made);
}
END_TEST

static int talk(struct gale_app *app)
{
    for (int i = 0; i < 1000; i++)
        gale_log(app, GALE_DEBUG, "a line that is written again and again");
    ck_assert_uint_lt(strlen(app_said(app)), 5000);
    app->stack_size = strcmp(app->config->name, "b") == 0 ? 1 << 20 : 0;
    return 0;
}

START_TEST(keeps_a_page_of_what_was_said_and_the_largest_stack)
{
    struct made_up made;
    struct gale_app *apps;
    log_set_level(LOG_LEVEL_ERROR);
    made_up_opens = talk;
    made_up_parse(&made, three);
    ck_assert_int_eq(apps_open(made.config, &apps), 0);
    gale_log(&apps[0], GALE_DEBUG, "nobody keeps this");
    ck_assert_str_eq(app_said(&apps[0]), "");
    ck_assert_uint_eq(apps_stack_size(apps, 3), 1 << 20);
    ck_assert_uint_eq(apps_stack_size(apps, 1), 0);
    apps_close(apps, 3);
    made_up_finish(&made);
}
END_TEST

UNIT_MAIN(opens_in_order_and_closes_backwards, a_failure_closes_the_others_and_is_kept,
          keeps_a_page_of_what_was_said_and_the_largest_stack)
