/* Requests without a wire: views, lookups, bodies. */
#include "unit.h"

#include <errno.h>
#include <string.h>
#include <gale/plugin.h>
#include "base/macros.h"
#include "base/str.h"
#include "http/test_front.h"

static int looks(void *data, struct gale_request *req, struct gale_response *res)
{
    struct gale_str name, value;
    (void)data;
    (void)res;
    ck_assert_str_eq(gale_request_method(req).at, "POST");
    ck_assert_str_eq(gale_request_target(req).at, "/a%20b/%2e/c%2Fd?x=1&x=2+3&y");
    ck_assert_str_eq(gale_request_path(req).at, "/a b/c%2Fd");
    ck_assert_str_eq(gale_request_query_string(req).at, "x=1&x=2+3&y");
    ck_assert_str_eq(gale_request_query(req, "x", "-"), "1");
    ck_assert_int_eq(gale_request_query_nth(req, STR("x"), 1, &value), 0);
    ck_assert_str_eq(value.at, "2 3");
    ck_assert_int_eq(gale_request_query_nth(req, STR("x"), 2, &value), -ENOENT);
    ck_assert_str_eq(gale_request_query(req, "y", "-"), "");
    ck_assert_str_eq(gale_request_query(req, "z", "-"), "-");
    ck_assert_int_eq(gale_request_query_at(req, 2, &name, &value), 0);
    ck_assert_str_eq(name.at, "y");
    ck_assert_int_eq(gale_request_query_at(req, 3, &name, &value), -ENOENT);
    ck_assert_str_eq(gale_request_header(req, "x-THING", "-"), "one");
    ck_assert_int_eq(gale_request_header_nth(req, STR("X-Thing"), 1, &value), 0);
    ck_assert_str_eq(value.at, "two");
    ck_assert_int_eq(gale_request_header_at(req, 0, &name, &value), 0);
    ck_assert_str_eq(name.at, "Host");
    ck_assert_int_eq(gale_request_header_at(req, 99, &name, &value), -ENOENT);
    ck_assert_str_eq(gale_request_cookie(req, "a", "-"), "2");
    ck_assert_str_eq(gale_request_cookie(req, "none", "-"), "-");
    ck_assert_str_eq(gale_request_host(req).at, "test");
    ck_assert_str_eq(gale_request_scheme(req).at, "http");
    ck_assert_str_eq(gale_request_peer(req).at, "127.0.0.1");
    ck_assert_str_eq(gale_request_local(req).at, "127.0.0.1");
    ck_assert_uint_eq(gale_request_local_port(req), 80);
    ck_assert_uint_eq(gale_request_id(req).len, 16);
    return 0;
}

START_TEST(views_and_lookups)
{
    struct test_front front;
    test_front_init(&front, "POST", "/a%20b/%2e/c%2Fd?x=1&x=2+3&y");
    test_front_header(&front, "X-Thing", "one");
    test_front_header(&front, "x-thing", "two");
    test_front_header(&front, "Cookie", "a=1; a=2; b=\"3\"");
    ck_assert_int_eq(test_front_serve(&front, looks, NULL), 0);
    test_front_finish(&front);
}
END_TEST

static int whole(void *data, struct gale_request *req, struct gale_response *res)
{
    struct gale_str body;
    (void)data;
    ck_assert_int_eq(gale_request_body(req, &body), 0);
    ck_assert_uint_eq(strlen(body.at), body.len);
    return gale_reply_str(res, 200, "text/plain", body);
}

static int pieces(void *data, struct gale_request *req, struct gale_response *res)
{
    char piece[3];
    ssize_t n;
    (void)data;
    while ((n = gale_request_read(req, piece, sizeof(piece))) > 0)
        ck_assert_int_eq(gale_response_write(res, piece, (size_t)n), 0);
    ck_assert_int_eq(gale_request_read(req, piece, sizeof(piece)), 0); /* and stays at its end */
    return (int)n;
}

START_TEST(bodies_come_whole_or_in_pieces)
{
    static http_serve_fn *const ways[] = {whole, pieces};
    static char text[20001];
    memset(text, 'b', 20000);
    static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 20000};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
        for (size_t way = 0; way < 2; way++)
            for (int chunked = 0; chunked < 2; chunked++)
                for (size_t piece = 0; piece < 2; piece++) {
                    struct test_front front;
                    test_front_init(&front, "PUT", "/");
                    (chunked ? test_front_chunked : test_front_body)(&front, text, sizes[i],
                                                                     piece * 7);
                    ck_assert_int_eq(test_front_serve(&front, ways[way], NULL), 0);
                    ck_assert_uint_eq(front.body.len, sizes[i]);
                    ck_assert(front.is_finished);
                    test_front_finish(&front);
                }
}
END_TEST

static int escapes(void *data, struct gale_request *req, struct gale_response *res)
{
    (void)data;
    (void)res;
    ck_assert_str_eq(gale_request_escape(req, "<a href=\"x\">&'</a>"),
                     "&lt;a href=&quot;x&quot;&gt;&amp;&#39;&lt;/a&gt;");
    ck_assert_str_eq(gale_request_escape(req, ""), "");
    ck_assert_str_eq(gale_request_printf(req, "%d", 7), "7");
    return 0;
}

START_TEST(makes_html_safe)
{
    struct test_front front;
    test_front_init(&front, "GET", "/");
    test_front_serve(&front, escapes, NULL);
    test_front_finish(&front);
}
END_TEST

START_TEST(refuses_what_is_no_request)
{
    struct test_front front;
    test_front_init(&front, "GET", "/%00");
    ck_assert_int_eq(test_front_serve(&front, escapes, NULL), 400);
    test_front_finish(&front);
    test_front_init(&front, "FROB", "/");
    ck_assert_int_eq(test_front_serve(&front, escapes, NULL), 501);
    test_front_finish(&front);
}
END_TEST

START_TEST(ids_differ)
{
    struct gale_request a, b;
    request_make_id(&a);
    request_make_id(&b);
    ck_assert_str_ne(a.id, b.id);
    ck_assert_uint_eq(strlen(a.id), REQUEST_ID_LEN);
}
END_TEST

UNIT_MAIN(views_and_lookups, bodies_come_whole_or_in_pieces, makes_html_safe,
          refuses_what_is_no_request, ids_differ)
