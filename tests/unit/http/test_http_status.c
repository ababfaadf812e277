/* Reason phrases, and which statuses have no body. */
#include "unit.h"

#include "base/macros.h"
#include "base/str.h"
#include "http/http_status.h"

START_TEST(knows_the_phrases)
{
    static const struct {
        int status;
        const char *reason;
    } rows[] = {
        {100, "Continue"},
        {200, "OK"},
        {404, "Not Found"},
        {413, "Content Too Large"},
        {431, "Request Header Fields Too Large"},
        {503, "Service Unavailable"},
        {511, "Network Authentication Required"},
        {299, "Status"},
        {418, "Status"},
        {599, "Status"},
        {512, "Status"},
        {0, "Status"},
        {-1, "Status"},
        {1 << 30, "Status"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ck_assert_str_eq(http_status_reason(rows[i].status).at, rows[i].reason);
}
END_TEST

START_TEST(phrases_are_views_that_end_in_zero)
{
    for (int status = 0; status < 1000; status++) {
        struct gale_str reason = http_status_reason(status);
        ck_assert_uint_gt(reason.len, 0);
        ck_assert_uint_eq(strlen(reason.at), reason.len);
    }
}
END_TEST

START_TEST(knows_what_has_no_body)
{
    for (int status = 0; status < 1000; status++) {
        bool expected = (status >= 100 && status <= 199) || status == 204 || status == 304;
        ck_assert_int_eq(!!http_status_is_bodyless(status), expected);
    }
}
END_TEST

UNIT_MAIN(knows_the_phrases, phrases_are_views_that_end_in_zero, knows_what_has_no_body)
