/* Dates: the three forms in, one form out. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/macros.h"
#include "base/str.h"
#include "http/http_date.h"

START_TEST(formats)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } rows[] = {
        {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
        {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"},
        {1359312200, "Sun, 27 Jan 2013 18:43:20 GMT"},
        {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
        {4107542399, "Sun, 28 Feb 2100 23:59:59 GMT"},
        {4107542400, "Mon, 01 Mar 2100 00:00:00 GMT"}, /* 2100 is no leap year */
        {253402300799, "Fri, 31 Dec 9999 23:59:59 GMT"},
        {253402300800, "Fri, 31 Dec 9999 23:59:59 GMT"},
        {INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT"},
        {-1, "Thu, 01 Jan 1970 00:00:00 GMT"},
        {INT64_MIN, "Thu, 01 Jan 1970 00:00:00 GMT"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char out[HTTP_DATE_LEN + 1];
        http_date_format(rows[i].seconds, out);
        ck_assert_str_eq(out, rows[i].text);
    }
}
END_TEST

START_TEST(parses)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } rows[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
        {"Sun Nov  6 08:49:37 1994", 784111777},
        {"Wed Nov 16 08:49:37 1994", 784975777},
        {"Mon, 06 Nov 1994 08:49:37 GMT", 784111777}, /* the day's name is not checked */
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Wed, 31 Dec 1969 23:59:59 GMT", -1},
        {"Tue, 29 Feb 2000 12:00:00 GMT", 951825600},
        {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800}, /* a leap second */
        {"Fri, 31 Dec 9999 23:59:59 GMT", 253402300799},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t seconds = 12345;
        ck_assert_msg(http_date_parse(str_of(rows[i].text), &seconds) == 0, "%s", rows[i].text);
        ck_assert_msg(seconds == rows[i].seconds, "%s: %lld", rows[i].text, (long long)seconds);
    }
}
END_TEST

START_TEST(refuses)
{
    static const char *const rows[] = {
        "",
        "0",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 gmt",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT; length=1",
        "sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, +6 Nov 1994 08:49:37 GMT",
        "Sun,06 Nov 1994 08:49:37 GMT",
        "Sun 06 Nov 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Tue, 30 Feb 2000 08:49:37 GMT",
        "Mon, 29 Feb 2100 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:00 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 1994 08-49-37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06 Nov 19940 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sunday, 06 Nov 1994 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov  16 08:49:37 1994",
        "Sun Nov  6 08:49:37 1994 GMT",
        "Foo, 06 Nov 1994 08:49:37 GMT",
        "784111777",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t seconds = 12345;
        ck_assert_msg(http_date_parse(str_of(rows[i]), &seconds) == -EINVAL, "%s", rows[i]);
        ck_assert_int_eq(seconds, 12345);
    }
}
END_TEST

/* No prefix of a good date is a date. */
START_TEST(refuses_every_prefix)
{
    static const char *const rows[] = {"Sun, 06 Nov 1994 08:49:37 GMT",
                                       "Sunday, 06-Nov-94 08:49:37 GMT",
                                       "Sun Nov  6 08:49:37 1994"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t seconds;
        for (size_t len = 0; len < strlen(rows[i]); len++)
            ck_assert_int_eq(http_date_parse((struct gale_str){rows[i], len}, &seconds), -EINVAL);
    }
}
END_TEST

START_TEST(round_trips)
{
    /* Steps of a prime near 11 days reach every month and leap day of 8,000 years. */
    for (int64_t seconds = 0; seconds <= 253402300799; seconds += 950009) {
        char out[HTTP_DATE_LEN + 1];
        int64_t back;
        http_date_format(seconds, out);
        ck_assert_int_eq(http_date_parse((struct gale_str){out, HTTP_DATE_LEN}, &back), 0);
        ck_assert_int_eq(back, seconds);
    }
}
END_TEST

/* RFC 9110 5.6.7: two digits never mean more than 50 years ahead. */
START_TEST(years_of_two_digits_follow_the_century)
{
    time_t now = time(NULL);
    struct tm today;
    gmtime_r(&now, &today);
    for (int yy = 0; yy < 100; yy++) {
        char text[64];
        int64_t seconds;
        snprintf(text, sizeof(text), "Monday, 15-Jun-%02d 12:00:00 GMT", yy);
        ck_assert_int_eq(http_date_parse(str_of(text), &seconds), 0);
        time_t at = (time_t)seconds;
        struct tm tm;
        gmtime_r(&at, &tm);
        ck_assert_int_eq(tm.tm_year % 100, yy);
        ck_assert_int_le(tm.tm_year, today.tm_year + 50);
        ck_assert_int_ge(tm.tm_year, today.tm_year - 100);
    }
}
END_TEST

UNIT_MAIN(formats, parses, refuses, refuses_every_prefix, round_trips,
          years_of_two_digits_follow_the_century)
