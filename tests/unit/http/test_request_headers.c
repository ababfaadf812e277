/* request_conditional.c, request_forwarded.c, request_html.c, request_parse.c: what fields mean to
 * whoever serves. The test front (test_front.c) carries them. */
#include "unit.h"

#include <string.h>
#include "base/macros.h"
#include "base/str.h"
#include "http/forwarded.h"
#include "http/test_front.h"

static int status, accepts;
static int64_t from, len;

static int look(void *data, struct gale_request *req, struct gale_response *res)
{
    (void)data;
    (void)res;
    status = gale_request_check(req, "\"a\"", 1000000000);
    if (status == 0)
        status = gale_request_range(req, "\"a\"", 1000000000, 26, &from, &len);
    accepts = gale_request_accepts_coding(req, "br");
    return 0;
}

struct row {
    const char *name, *value;
    int status;
    int64_t from, len;
};

static void check_row(const struct row *row)
{
    struct test_front front;
    test_front_init(&front, "GET", "/");
    if (row->name)
        test_front_header(&front, row->name, row->value);
    ck_assert_int_eq(test_front_serve(&front, look, NULL), 0);
    ck_assert_msg(status == row->status, "%s: %s gave %d", row->name, row->value, status);
    if (status == 206) {
        ck_assert_int_eq(from, row->from);
        ck_assert_int_eq(len, row->len);
    }
    test_front_finish(&front);
}

START_TEST(conditions_and_ranges)
{
    static const struct row rows[] = {
        {NULL, NULL, 200, 0, 0},
        {"If-None-Match", "\"a\"", 304, 0, 0},
        {"If-None-Match", "\"b\"", 200, 0, 0},
        {"If-Match", "\"b\"", 412, 0, 0},
        {"If-Modified-Since", "Sun, 09 Sep 2001 01:46:40 GMT", 304, 0, 0},
        {"If-Modified-Since", "Sun, 09 Sep 2001 01:46:39 GMT", 200, 0, 0},
        {"If-Unmodified-Since", "Sun, 09 Sep 2001 01:46:39 GMT", 412, 0, 0},
        {"Range", "bytes=0-9", 206, 0, 10},
        {"Range", "bytes=-4", 206, 22, 4},
        {"Range", "bytes=26-", 416, 0, 0},
        {"Range", "bytes=0-", 200, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_row(&rows[i]);
}
END_TEST

START_TEST(if_range_decides_about_ranges)
{
    static const struct {
        const char *tag;
        int status;
    } rows[] = {{"\"a\"", 206}, {"\"b\"", 200}, {"W/\"a\"", 200}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct test_front front;
        test_front_init(&front, "GET", "/");
        test_front_header(&front, "Range", "bytes=1-2");
        test_front_header(&front, "If-Range", rows[i].tag);
        test_front_serve(&front, look, NULL);
        ck_assert_int_eq(status, rows[i].status);
        test_front_finish(&front);
    }
}
END_TEST

START_TEST(codings_of_several_fields)
{
    struct test_front front;
    test_front_init(&front, "GET", "/");
    test_front_header(&front, "Accept-Encoding", "gzip");
    test_front_header(&front, "Accept-Encoding", "br;q=0.5");
    test_front_serve(&front, look, NULL);
    ck_assert_int_eq(accepts, 1);
    test_front_finish(&front);
    test_front_init(&front, "GET", "/");
    test_front_header(&front, "Accept-Encoding", "br;q=0, *");
    test_front_serve(&front, look, NULL);
    ck_assert_int_eq(accepts, 0);
    test_front_finish(&front);
}
END_TEST

static struct forwarded_trust trust;

static int behind_proxy(void *data, struct gale_request *req, struct gale_response *res)
{
    (void)data;
    (void)res;
    request_resolve_peer(req, &trust);
    ck_assert_str_eq(gale_request_peer(req).at, "9.9.9.9");
    ck_assert_str_eq(gale_request_scheme(req).at, "https");
    ck_assert_uint_eq(gale_request_peer_port(req), 0);
    return 0;
}

static int not_trusted(void *data, struct gale_request *req, struct gale_response *res)
{
    (void)data;
    (void)res;
    request_resolve_peer(req, &(struct forwarded_trust){0});
    ck_assert_str_eq(gale_request_peer(req).at, "127.0.0.1");
    ck_assert_str_eq(gale_request_scheme(req).at, "http");
    return 0;
}

START_TEST(clients_behind_proxies)
{
    static http_serve_fn *const serves[] = {behind_proxy, not_trusted};
    struct forwarded_network networks[2];
    ck_assert_int_eq(forwarded_network_parse(STR("127.0.0.0/8"), &networks[0]), 0);
    ck_assert_int_eq(forwarded_network_parse(STR("10.0.0.0/8"), &networks[1]), 0);
    trust = (struct forwarded_trust){networks, 2};
    for (size_t i = 0; i < ARRAY_LEN(serves); i++) {
        struct test_front front;
        test_front_init(&front, "GET", "/");
        test_front_header(&front, "X-Forwarded-For", "6.6.6.6, 9.9.9.9");
        test_front_header(&front, "X-Forwarded-For", "10.0.0.7");
        test_front_header(&front, "X-Forwarded-Proto", "http, https");
        ck_assert_int_eq(test_front_serve(&front, serves[i], NULL), 0);
        test_front_finish(&front);
    }
}
END_TEST

static int absolute(void *data, struct gale_request *req, struct gale_response *res)
{
    (void)data;
    (void)res;
    ck_assert_str_eq(gale_request_host(req).at, "other.example");
    ck_assert_str_eq(gale_request_path(req).at, "/p");
    ck_assert_str_eq(gale_request_escape(req, "<&>"), "&lt;&amp;&gt;");
    return 0;
}

START_TEST(the_authority_of_a_target_counts)
{
    struct test_front front;
    test_front_init(&front, "GET", "http://Other.Example:81/p");
    ck_assert_int_eq(test_front_serve(&front, absolute, NULL), 0);
    test_front_finish(&front);
}
END_TEST

UNIT_MAIN(conditions_and_ranges, if_range_decides_about_ranges, codings_of_several_fields,
          clients_behind_proxies, the_authority_of_a_target_counts)
