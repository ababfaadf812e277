/* Which bucket an app's requests are taken from. */
#include "unit.h"

#include "made_up.h"

#define APP "[app a]\nmount = /\nmade = x\n"

START_TEST(apps_have_the_servers_or_their_own)
{
    struct made_up made;
    made_up_parse(&made, "[server]\nlimit_rate = 10/s\n" APP
                         "[app b]\nmount = /b\nmade = x\nlimit_rate = 10/s\n"
                         "[app c]\nmount = /c\nmade = x\nlimit_rate = off\n"
                         "[app d]\nmount = /d\nmade = x\nlimit_rate = 1/m\n");
    ck_assert_str_eq(made.text, "");
    const struct app_config *apps = made.config->apps;
    ck_assert_int_eq(apps[0].limits.rate.interval_ns, 100000000);
    ck_assert_uint_eq(apps[0].limits.rate.scope, 0);
    ck_assert_int_eq(apps[1].limits.rate.interval_ns, 100000000);
    ck_assert_uint_ne(apps[1].limits.rate.scope, 0);
    ck_assert_int_eq(apps[2].limits.rate.interval_ns, 0);
    ck_assert_int_eq(apps[3].limits.rate.interval_ns, 60000000000);
    ck_assert_uint_ne(apps[3].limits.rate.scope, apps[1].limits.rate.scope);
    made_up_finish(&made);
}
END_TEST

START_TEST(knows_whether_anything_is_limited)
{
    static const struct {
        const char *server, *app;
        bool limits;
    } rows[] = {
        {"", "", false},
        {"limit_except = 10.0.0.0/8\n", "limit_rate = off\n", false},
        {"limit_connections = 1\n", "", true},
        {"", "limit_rate = 1/s\n", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct made_up made;
        char text[256];
        snprintf(text, sizeof(text), "[server]\n%s" APP "%s", rows[i].server, rows[i].app);
        made_up_parse(&made, text);
        ck_assert_str_eq(made.text, "");
        ck_assert_int_eq(config_limits_clients(made.config), rows[i].limits);
        made_up_finish(&made);
    }
}
END_TEST

START_TEST(mistakes_are_told)
{
    static const struct made_up_row rows[] = {
        {"[server]\nlimit_rate = 10\n" APP,
         "2: limit_rate: '10' is not a rate; expected off, or requests by time such as 10/s, 10/s "
         "burst 30 or 100/m\n"},
        {"[server]\nlimit_connections = 65536\n" APP,
         "2: limit_connections: '65536' is too large; expected a whole number, from 0 to 65535\n"},
        {"[server]\nlimit_except = 10.0.0.0/8 nobody\n" APP,
         "2: limit_except: 'nobody' is no network; expected addresses such as 10.0.0.0/8, ::1 or "
         "unix\n"},
        {APP "limit_connections = 3\n",
         "4: 'limit_connections' is not a key of [app a]; it belongs in [server]\n"},
    };
    made_up_check_rows(rows, ARRAY_LEN(rows));
}
END_TEST

UNIT_MAIN(apps_have_the_servers_or_their_own, knows_whether_anything_is_limited, mistakes_are_told)
