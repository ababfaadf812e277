/* request_variables.c: what others have said of a request, and that no client can. */
#include "unit.h"

#include <errno.h>
#include "base/macros.h"
#include "base/str.h"
#include "http/test_front.h"

static int serve(void *data, struct gale_request *req, struct gale_response *res)
{
    static const struct http_header first = {STR("REMOTE_USER"), STR("ann")};
    static const struct http_header more[] = {{STR("REMOTE_USER"), STR("bob")},
                                              {STR("EMPTY"), STR("")}};
    struct gale_str name, value;
    (void)data;
    ck_assert_str_eq(gale_request_variable(req, "REMOTE_USER", "-"), "-");
    ck_assert_int_eq(gale_request_variable_at(req, 0, &name, &value), -ENOENT);
    request_add_variables(req, exchange_of_request(req)->arena, &first, 1);
    request_add_variables(req, exchange_of_request(req)->arena, NULL, 0);
    ck_assert_str_eq(gale_request_variable(req, "REMOTE_USER", "-"), "ann");
    request_add_variables(req, exchange_of_request(req)->arena, more, ARRAY_LEN(more));
    ck_assert_str_eq(gale_request_variable(req, "REMOTE_USER", "-"), "bob");
    ck_assert_str_eq(gale_request_variable(req, "EMPTY", "-"), "");
    ck_assert_str_eq(gale_request_variable(req, "remote_user", "-"), "-");
    ck_assert_int_eq(gale_request_variable_at(req, 2, &name, &value), 0);
    ck_assert(str_equals(name, STR("EMPTY")) && !value.len);
    ck_assert_int_eq(gale_request_variable_at(req, 3, &name, &value), -ENOENT);
    return gale_response_status(res, 204);
}

START_TEST(the_last_one_counts)
{
    struct test_front front;
    test_front_init(&front, "GET", "/");
    test_front_header(&front, "REMOTE_USER", "evil");
    ck_assert_int_eq(test_front_serve(&front, serve, NULL), 0);
    ck_assert_int_eq(front.status, 204);
    test_front_finish(&front);
}
END_TEST

UNIT_MAIN(the_last_one_counts)
