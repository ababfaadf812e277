/* The figures of servers: the same for all who ask, and apart by app. */
#include "unit.h"

#include "app/servers_metric.h"
#include "base/board.h"

START_TEST(each_app_has_its_own)
{
    int all[2 * SERVERS_METRICS];
    for (int i = 0; i < 2 * SERVERS_METRICS; i++) {
        const char *app = i < SERVERS_METRICS ? "a" : "b";
        all[i] = servers_metric((enum servers_metric)(i % SERVERS_METRICS), app);
        ck_assert_int_ge(all[i], 0);
        ck_assert_int_eq(servers_metric((enum servers_metric)(i % SERVERS_METRICS), app), all[i]);
        for (int j = 0; j < i; j++)
            ck_assert_int_ne(all[i], all[j]);
    }
}
END_TEST

UNIT_MAIN(each_app_has_its_own)
