/* response.c and response_header.c without a wire: bodies, lengths, fields, when output leaves. */
#include "unit.h"

#include <errno.h>
#include <string.h>
#include "base/log.h"
#include <gale/plugin.h>
#include "base/macros.h"
#include "base/str.h"
#include "http/test_front.h"
#include "http/front.h"

typedef int reply_fn(struct gale_request *req, struct gale_response *res);

static int call(void *data, struct gale_request *req, struct gale_response *res)
{
    return (*(reply_fn **)data)(req, res);
}

static void run(struct test_front *front, const char *method, reply_fn *reply)
{
    test_front_init(front, method, "/");
    ck_assert_int_eq(test_front_serve(front, call, &reply), 0);
}

static int small(struct gale_request *req, struct gale_response *res)
{
    (void)req;
    return gale_reply(res, 201, "text/plain", "hello, %s", "world");
}

START_TEST(small_answer_gets_its_length)
{
    struct test_front front;
    run(&front, "GET", small);
    ck_assert_int_eq(front.status, 201);
    ck_assert_int_eq(front.announced, 12);
    ck_assert_str_eq(front.body.at, "hello, world");
    ck_assert_str_eq(test_front_find(&front, "content-type"), "text/plain");
    ck_assert(front.is_finished && !front.is_cut);
    ck_assert_uint_eq(front.flushes, 0);
    test_front_finish(&front);
}
END_TEST

static int in_other_words(struct gale_request *req, struct gale_response *res)
{
    (void)req;
    ck_assert_str_eq(response_reason(res).at, "OK");
    gale_response_status(res, 404);
    ck_assert_str_eq(response_reason(res).at, "Not Found");
    response_say_reason(res, STR("Nope"));
    ck_assert_str_eq(response_reason(res).at, "Nope");
    response_say_reason(res, STR("a\r\nSet-Cookie: b"));
    ck_assert_str_eq(response_reason(res).at, "Nope");
    response_say_reason(res, STR(""));
    ck_assert_str_eq(response_reason(res).at, "Not Found");
    response_say_reason(res, STR("Nope"));
    gale_response_status(res, 599);
    ck_assert_str_eq(response_reason(res).at, "Status");
    response_say_reason(res, STR("Nope"));
    ck_assert(response_reset(res));
    ck_assert_str_eq(response_reason(res).at, "OK");
    return 0;
}

START_TEST(says_its_status_in_other_words)
{
    struct test_front front;
    run(&front, "GET", in_other_words);
    test_front_finish(&front);
}
END_TEST

START_TEST(head_counts_what_it_does_not_send)
{
    struct test_front front;
    run(&front, "HEAD", small);
    ck_assert_int_eq(front.announced, 12);
    ck_assert_uint_eq(front.body.len, 0);
    ck_assert(front.is_finished);
    test_front_finish(&front);
}
END_TEST

static int large(struct gale_request *req, struct gale_response *res)
{
    char block[1000];
    (void)req;
    memset(block, 'x', sizeof(block));
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(gale_response_write(res, block, sizeof(block)), 0);
    return GALE_OK;
}

START_TEST(large_answer_streams)
{
    struct test_front front;
    run(&front, "GET", large);
    ck_assert_int_eq(front.announced, -1);
    ck_assert_uint_eq(front.body.len, 100000);
    test_front_finish(&front);
    run(&front, "HEAD", large);
    ck_assert_int_eq(front.announced, 100000);
    ck_assert_uint_eq(front.body.len, 0);
    test_front_finish(&front);
}
END_TEST

static int no_content(struct gale_request *req, struct gale_response *res)
{
    (void)req;
    gale_response_status(res, 204);
    return gale_response_puts(res, "nothing of this");
}

static int reset_content(struct gale_request *req, struct gale_response *res)
{
    gale_response_status(res, 205);
    gale_response_header(res, "Content-Length", "15");
    (void)req;
    return gale_response_puts(res, "nothing of this");
}

static int empty(struct gale_request *req, struct gale_response *res)
{
    (void)req;
    (void)res;
    return GALE_OK;
}

START_TEST(bodies_that_may_not_be)
{
    struct test_front front;
    run(&front, "GET", no_content);
    ck_assert_int_eq(front.status, 204);
    ck_assert_uint_eq(front.body.len, 0);
    test_front_finish(&front);
    run(&front, "GET", reset_content);
    ck_assert_int_eq(front.status, 205);
    ck_assert_int_eq(front.announced, 0);
    ck_assert_uint_eq(front.body.len, 0);
    ck_assert(front.is_finished);
    test_front_finish(&front);
    run(&front, "GET", empty);
    ck_assert_int_eq(front.status, 200);
    ck_assert_int_eq(front.announced, 0);
    test_front_finish(&front);
}
END_TEST

static int too_short(struct gale_request *req, struct gale_response *res)
{
    (void)req;
    ck_assert_int_eq(gale_response_header(res, "Content-Length", "10"), 0);
    return gale_response_puts(res, "12345");
}

static int too_long(struct gale_request *req, struct gale_response *res)
{
    (void)req;
    ck_assert_int_eq(gale_response_header(res, "Content-Length", "3"), 0);
    ck_assert_int_eq(gale_response_puts(res, "12345"), -EMSGSIZE);
    return GALE_OK;
}

START_TEST(wrong_lengths_are_cut)
{
    struct test_front front;
    log_set_fd(-1);
    run(&front, "GET", too_short);
    ck_assert(front.is_cut && !front.is_finished);
    ck_assert_int_eq(front.announced, 10);
    ck_assert_str_eq(front.body.at, "12345");
    test_front_finish(&front);
    run(&front, "GET", too_long);
    ck_assert(front.is_cut && !front.is_finished);
    ck_assert_uint_lt(front.body.len, 3);
    test_front_finish(&front);
    run(&front, "HEAD", too_short);
    ck_assert(front.is_cut);
    test_front_finish(&front);
}
END_TEST

static int bad_fields(struct gale_request *req, struct gale_response *res)
{
    (void)req;
    static const struct {
        const char *name, *value;
        int result;
    } rows[] = {
        {"X-A", "fine\t\xC3\xA9", 0},
        {"X-A", "", 0},
        {"X-B", "a\r\nInjected: yes", -EINVAL},
        {"X-B", "a\nb", -EINVAL},
        {"X-B", "a\rb", -EINVAL},
        {"X-B", "a\x7F", -EINVAL},
        {"X-B", "a\x01", -EINVAL},
        {"X B", "a", -EINVAL},
        {"", "a", -EINVAL},
        {"X-B:", "a", -EINVAL},
        {"Transfer-Encoding", "chunked", -EPERM},
        {"connection", "close", -EPERM},
        {"Content-Length", "+3", -EINVAL},
        {"Content-Length", "3 4", -EINVAL},
        {"Content-Length", "99999999999999999999", -EINVAL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ck_assert_int_eq(gale_response_header(res, rows[i].name, rows[i].value), rows[i].result);
    struct gale_str zero = {"a\0b", 3};
    ck_assert_int_eq(gale_response_header_str(res, STR("X-B"), zero), -EINVAL);
    ck_assert_int_eq(gale_response_status(res, 99), -EINVAL);
    ck_assert_int_eq(gale_response_status(res, 101), -EINVAL);
    ck_assert_int_eq(gale_response_status(res, 600), -EINVAL);
    ck_assert_int_eq(gale_redirect(res, 200, "/x"), -EINVAL);
    return GALE_OK;
}

START_TEST(fields_cannot_smuggle)
{
    struct test_front front;
    run(&front, "GET", bad_fields);
    ck_assert_str_eq(front.head.at, "X-A: \nContent-Length: 0\n");
    test_front_finish(&front);
}
END_TEST

static int fields(struct gale_request *req, struct gale_response *res)
{
    (void)req;
    gale_response_header(res, "x-one", "1");
    gale_response_header(res, "X-ONE", "2");
    gale_response_header_add(res, STR("X-Two"), STR("a"));
    gale_response_header_add(res, STR("X-Two"), STR("b"));
    gale_response_header(res, "X-Gone", "soon");
    gale_response_header(res, "x-gone", NULL);
    for (int i = 0; i < 40; i++)
        gale_response_header_add(res, STR("X-Many"), STR("m"));
    gale_response_header(res, "X-Many", NULL);
    return GALE_OK;
}

START_TEST(fields_replace_and_add)
{
    struct test_front front;
    run(&front, "GET", fields);
    ck_assert_str_eq(front.head.at, "X-ONE: 2\nX-Two: a\nX-Two: b\nContent-Length: 0\n");
    test_front_finish(&front);
}
END_TEST

static int cookies(struct gale_request *req, struct gale_response *res)
{
    (void)req;
    struct gale_cookie cookie = {
        .name = "id", .value = "7", .max_age = 10, .secure = 1, .http_only = 1, .same_site = "lax"};
    struct gale_cookie bad = {.name = "i d", .value = "7"};
    struct gale_cookie site = {.name = "id", .value = "7", .same_site = "maybe"};
    struct gale_cookie gone = {.name = "old", .max_age = -1};
    ck_assert_int_eq(gale_response_cookie(res, &cookie), 0);
    ck_assert_int_eq(gale_response_cookie(res, &bad), -EINVAL);
    ck_assert_int_eq(gale_response_cookie(res, &site), -EINVAL);
    ck_assert_int_eq(gale_response_cookie(res, &gone), 0);
    return GALE_OK;
}

START_TEST(sets_cookies)
{
    struct test_front front;
    run(&front, "GET", cookies);
    ck_assert_ptr_nonnull(strstr(front.head.at, "Set-Cookie: id=7; "));
    ck_assert_ptr_nonnull(strstr(front.head.at, "SameSite=Lax"));
    ck_assert_ptr_nonnull(strstr(front.head.at, "Max-Age=10"));
    ck_assert_ptr_nonnull(strstr(front.head.at, "Set-Cookie: old=; "));
    test_front_finish(&front);
}
END_TEST

static int flushes(struct gale_request *req, struct gale_response *res)
{
    (void)req;
    ck_assert_int_eq(gale_response_is_started(res), 0);
    ck_assert_int_eq(gale_response_flush(res), 0);
    ck_assert_int_eq(gale_response_is_started(res), 1);
    ck_assert_int_eq(gale_response_status(res, 404), -EALREADY);
    ck_assert_int_eq(gale_response_header(res, "X", "late"), -EALREADY);
    ck_assert_int_eq(gale_response_puts(res, "a"), 0);
    ck_assert_int_eq(gale_response_flush(res), 0);
    return gale_response_printf(res, "%s", "b");
}

START_TEST(flush_settles_the_head)
{
    struct test_front front;
    run(&front, "GET", flushes);
    ck_assert_int_eq(front.announced, -1);
    ck_assert_str_eq(front.body.at, "ab");
    ck_assert_uint_eq(front.flushes, 2);
    test_front_finish(&front);
}
END_TEST

static int file_fd;

static int sends_file(struct gale_request *req, struct gale_response *res)
{
    (void)req;
    ck_assert_int_eq(gale_response_puts(res, "<"), 0);
    ck_assert_int_eq(gale_response_sendfile(res, file_fd, 2, 3), 0);
    ck_assert_int_eq(gale_response_sendfile(res, file_fd, 8, -1), 0);
    return gale_response_puts(res, ">");
}

START_TEST(files_go_in_order)
{
    struct test_front front;
    char name[] = "/tmp/gale-test-XXXXXX";
    file_fd = mkstemp(name);
    ck_assert_int_eq(write(file_fd, "0123456789", 10), 10);
    run(&front, "GET", sends_file);
    ck_assert_str_eq(front.body.at, "<23489>");
    test_front_finish(&front);
    run(&front, "HEAD", sends_file);
    ck_assert_int_eq(front.announced, 7);
    ck_assert_uint_eq(front.body.len, 0);
    test_front_finish(&front);
    close(file_fd);
    unlink(name);
}
END_TEST

static int long_text(struct gale_request *req, struct gale_response *res)
{
    (void)req;
    int r = gale_response_printf(res, "%s", "a");
    return r < 0 ? r : gale_response_printf(res, "%040000d", 7);
}

START_TEST(formats_more_than_the_buffer)
{
    struct test_front front;
    run(&front, "GET", long_text);
    ck_assert_uint_eq(front.body.len, 40001);
    ck_assert_int_eq(front.body.at[0], 'a');
    ck_assert_int_eq(front.body.at[40000], '7');
    test_front_finish(&front);
}
END_TEST

UNIT_MAIN(small_answer_gets_its_length, says_its_status_in_other_words,
          head_counts_what_it_does_not_send, large_answer_streams, bodies_that_may_not_be,
          wrong_lengths_are_cut, fields_cannot_smuggle, fields_replace_and_add, sets_cookies,
          flush_settles_the_head, files_go_in_order, formats_more_than_the_buffer)
