/* http_counters.c: one ended exchange, counted where it belongs. */
#include "unit.h"

#include "base/board.h"
#include "http/http_counters.h"

START_TEST(counts_by_class_and_duration)
{
    struct http_counters shop, site;
    http_counters_init(&shop, "shop");
    http_counters_init(&site, "site");
    ck_assert_int_ne(shop.requests[2], site.requests[2]);
    http_counters_count(&shop, 200, 10, 20, 500 * 1000);
    http_counters_count(&shop, 299, 0, 0, 1000 * 1000); /* 1 ms: still the first bucket */
    http_counters_count(&shop, 404, 0, 5, 1001 * 1000); /* the second */
    http_counters_count(&shop, 503, 0, 0, 20000000000); /* 20 s: the last */
    http_counters_count(&shop, 0, 0, 0, 0);             /* cut */
    ck_assert_int_eq(board_sum(shop.requests[2]), 2);
    ck_assert_int_eq(board_sum(shop.requests[4]), 1);
    ck_assert_int_eq(board_sum(shop.requests[5]), 1);
    ck_assert_int_eq(board_sum(shop.requests[0]), 1);
    ck_assert_int_eq(board_sum(shop.bytes_in), 10);
    ck_assert_int_eq(board_sum(shop.bytes_out), 25);
    ck_assert_int_eq(board_sum(shop.durations[0]), 3);
    ck_assert_int_eq(board_sum(shop.durations[1]), 1);
    ck_assert_int_eq(board_sum(shop.durations[HTTP_DURATION_BUCKETS - 1]), 1);
    ck_assert_int_eq(board_sum(shop.duration_sum), 500 + 1000 + 1001 + 20000000);
    ck_assert_int_eq(board_sum(site.requests[2]), 0);
}
END_TEST

UNIT_MAIN(counts_by_class_and_duration)
