/* "10/s burst 20" and what is none. */
#include "unit.h"

#include <string.h>
#include "base/macros.h"
#include "base/rate_table.h"
#include "base/setting_parse.h"

static const struct setting row = {.key = "limit", .type = SETTING_RATE};

static const char *parse(const char *text, struct rate_limit *rate)
{
    const struct setting_input input = {.key = "limit", .value = text};
    return setting_parse(&row, &input, rate, NULL);
}

START_TEST(reads_rates)
{
    static const struct {
        const char *text;
        int64_t interval_ns, burst;
    } rows[] = {
        {"off", 0, 0},
        {"10/s", 100000000, 10},
        {"10/s burst 30", 100000000, 30},
        {"10/s  burst  1", 100000000, 1},
        {"1/s", 1000000000, 1},
        {"60/m", 1000000000, 60},
        {"100/h burst 5", 36000000000, 5},
        {"1000000/s burst 1000000", 1000, 1000000},
        {"1/h burst 1000000", 3600000000000, 1000000},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rate_limit rate = {1, 1, 1};
        ck_assert_ptr_null(parse(rows[i].text, &rate));
        ck_assert_int_eq(rate.interval_ns, rows[i].interval_ns);
        ck_assert_int_eq(rate.depth_ns, rows[i].interval_ns * rows[i].burst);
        ck_assert_uint_eq(rate.scope, 0);
    }
}
END_TEST

START_TEST(refuses_what_is_none)
{
    static const char *const texts[] = {
        "",
        "10",
        "0/s",
        "-1/s",
        "10/",
        "/s",
        "10/d",
        "10/S",
        "1.5/s",
        "10/s 20",
        "10/s burst",
        "10/s burst=20",
        "10/s burst 0",
        "10/s burst -1",
        "10/s burst 2 3",
        "1000001/s",
        "yes",
        "10r/s",
        "10/s,burst 20",
        "10/s burst 20 nodelay",
        "10 /s",
        "10/s burst 1000001",
        "off burst 2",
        "10/s/s",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct rate_limit rate;
        const char *fault = parse(texts[i], &rate);
        ck_assert_msg(fault && strcmp(fault, "is not a rate") == 0, "%s", texts[i]);
    }
}
END_TEST

UNIT_MAIN(reads_rates, refuses_what_is_none)
