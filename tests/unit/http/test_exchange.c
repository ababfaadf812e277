/* From what serve returned to what the client gets. */
#include "unit.h"

#include <errno.h>
#include <string.h>
#include "base/log.h"
#include <gale/plugin.h>
#include "base/macros.h"
#include "base/str.h"
#include "http/test_front.h"

struct script {
    int verdict;
    const char *before; /* written before returning */
    bool flush;
    bool read; /* reads the body first */
};

static int play(void *data, struct gale_request *req, struct gale_response *res)
{
    const struct script *script = data;
    struct gale_str body;
    if (script->read) {
        int r = gale_request_body(req, &body);
        if (r < 0)
            return script->verdict ? script->verdict : r;
    }
    if (script->before)
        ck_assert_int_eq(gale_response_puts(res, script->before), 0);
    if (script->flush)
        ck_assert_int_eq(gale_response_flush(res), 0);
    return script->verdict;
}

START_TEST(verdicts_become_statuses)
{
    static const struct {
        int verdict, status;
    } rows[] = {
        {GALE_OK, 200},    {GALE_DECLINE, 404}, {404, 404},     {418, 418},     {503, 503},
        {-EIO, 500},       {-EMSGSIZE, 500},    {2, 500},       {3, 500},       {399, 500},
        {600, 500},        {12345, 500},        {-ENOENT, 500}, {-EAGAIN, 503}, {-EMFILE, 503},
        {-ETIMEDOUT, 504}, {-EBADMSG, 500},
    };
    log_set_fd(-1);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct test_front front;
        struct script script = {.verdict = rows[i].verdict};
        test_front_init(&front, "GET", "/x");
        ck_assert_int_eq(test_front_serve(&front, play, &script), 0);
        ck_assert_msg(front.status == rows[i].status, "%d gave %d", rows[i].verdict, front.status);
        ck_assert(front.is_finished);
        if (front.status >= 400)
            ck_assert_ptr_nonnull(strstr(front.body.at, front.exchange.req.id));
        test_front_finish(&front);
    }
}
END_TEST

START_TEST(buffered_output_gives_way_to_the_error)
{
    struct test_front front;
    struct script script = {.verdict = 403, .before = "half a page"};
    test_front_init(&front, "GET", "/x");
    test_front_serve(&front, play, &script);
    ck_assert_int_eq(front.status, 403);
    ck_assert_ptr_null(strstr(front.body.at, "half"));
    test_front_finish(&front);
}
END_TEST

START_TEST(started_output_is_cut)
{
    struct test_front front;
    struct script script = {.verdict = 500, .before = "half a page", .flush = true};
    log_set_fd(-1);
    test_front_init(&front, "GET", "/x");
    test_front_serve(&front, play, &script);
    ck_assert_int_eq(front.status, 200);
    ck_assert(front.is_cut && !front.is_finished);
    ck_assert_int_lt(front.result, 0);
    test_front_finish(&front);
}
END_TEST

START_TEST(body_errors_win_over_the_verdict)
{
    static const struct {
        int input_error, verdict, status;
    } rows[] = {{-EBADMSG, 0, 400}, {-ETIMEDOUT, 0, 408}, {-EBADMSG, -EIO, 400}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct test_front front;
        struct script script = {.verdict = rows[i].verdict, .read = true};
        test_front_init(&front, "POST", "/x");
        test_front_chunked(&front, "abc", 3, 1);
        front.input_error = rows[i].input_error;
        test_front_serve(&front, play, &script);
        ck_assert_int_eq(front.status, rows[i].status);
        test_front_finish(&front);
    }
}
END_TEST

START_TEST(too_large_a_body_is_413)
{
    struct script script = {.read = true};
    for (int chunked = 0; chunked < 2; chunked++) {
        struct test_front front;
        test_front_init(&front, "POST", "/x");
        front.exchange.max_body = 4;
        (chunked ? test_front_chunked : test_front_body)(&front, "12345", 5, 2);
        test_front_serve(&front, play, &script);
        ck_assert_int_eq(front.status, 413);
        test_front_finish(&front);
    }
}
END_TEST

START_TEST(a_client_that_left_gets_nothing)
{
    struct test_front front;
    struct script script = {.verdict = -ECANCELED};
    test_front_init(&front, "GET", "/x");
    test_front_serve(&front, play, &script);
    ck_assert_int_eq(front.status, 0);
    ck_assert(front.is_cut);
    test_front_finish(&front);
}
END_TEST

START_TEST(error_pages_suit_the_client)
{
    static const struct {
        const char *accept, *type;
    } rows[] = {
        {"text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8"},
        {"application/json", "application/json"},
        {"*/*", "text/plain; charset=utf-8"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct test_front front;
        struct script script = {.verdict = 404};
        test_front_init(&front, "GET", "/x");
        test_front_header(&front, "Accept", rows[i].accept);
        test_front_serve(&front, play, &script);
        ck_assert_str_eq(test_front_find(&front, "Content-Type"), rows[i].type);
        test_front_finish(&front);
    }
}
END_TEST

static int refuse(void *data, struct gale_request *req, struct gale_response *res)
{
    (void)data;
    (void)req;
    gale_response_header(res, "Allow", "GET");
    gale_response_header(res, "ETag", "\"x\"");
    gale_response_header(res, "Content-Type", "image/png");
    gale_response_header(res, "Content-Language", "de");
    gale_response_header(res, "Content-Range", "bytes */9");
    return 405;
}

START_TEST(error_pages_keep_what_is_not_about_content)
{
    struct test_front front;
    test_front_init(&front, "POST", "/x");
    test_front_serve(&front, refuse, NULL);
    ck_assert_int_eq(front.status, 405);
    ck_assert_str_eq(test_front_find(&front, "Allow"), "GET");
    ck_assert_str_eq(test_front_find(&front, "Content-Range"), "bytes */9");
    ck_assert_str_eq(test_front_find(&front, "Content-Type"), "text/plain; charset=utf-8");
    ck_assert_ptr_null(test_front_find(&front, "ETag"));
    ck_assert_ptr_null(test_front_find(&front, "Content-Language"));
    test_front_finish(&front);
}
END_TEST

UNIT_MAIN(error_pages_keep_what_is_not_about_content, verdicts_become_statuses,
          buffered_output_gives_way_to_the_error, started_output_is_cut,
          body_errors_win_over_the_verdict, too_large_a_body_is_413,
          a_client_that_left_gets_nothing, error_pages_suit_the_client)
