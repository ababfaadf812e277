/* link.c: blocks there and back, and every block that is none. link_server.c and link_front.c are
 * tested with the other end of the link, in tests/unit/adapters/link. */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"
#include "fastcgi/link.h"
#include "http/test_front.h"

/* ---- requests ---- */

static void compare(const struct gale_request *a, const struct gale_request *b)
{
    ck_assert(str_equals(a->head.method, b->head.method));
    ck_assert(str_equals(a->head.target, b->head.target));
    ck_assert(str_equals(a->head.host, b->head.host));
    ck_assert(str_equals(a->target.path, b->target.path));
    ck_assert(str_equals(a->target.authority, b->target.authority));
    ck_assert(str_equals(gale_request_host(a), gale_request_host(b)));
    ck_assert_str_eq(a->id, b->id);
    ck_assert_uint_eq(a->outer, b->outer);
    ck_assert_uint_eq(a->head.content_length, b->head.content_length);
    ck_assert_uint_eq(a->head.header_count, b->head.header_count);
    for (size_t i = 0; i < a->head.header_count; i++) {
        ck_assert_str_eq(a->head.headers[i].name.at, b->head.headers[i].name.at);
        ck_assert_str_eq(a->head.headers[i].value.at, b->head.headers[i].value.at);
    }
    ck_assert_str_eq(gale_request_variable(b, "REMOTE_USER", "-"), "me");
    ck_assert(a->has_body == b->has_body && a->is_https == b->is_https &&
              a->head.has_length == b->head.has_length);
}

/* Decodes a copy that ends where the block does: a sanitizer watches what lies behind. */
static int decode(const char *block, size_t len, struct exchange *into, char **out_copy)
{
    struct link_local local;
    *out_copy = malloc(len);
    memcpy(*out_copy, block, len);
    into->req = (struct gale_request){0};
    int r = link_request_decode((struct gale_str){*out_copy, len}, into, &local);
    ck_assert(r < 0 || local.address.at[local.address.len] == 0);
    return r;
}

static int there_and_back(void *data, struct gale_request *req, struct gale_response *res)
{
    static const struct http_header variables[] = {{STR("REMOTE_USER"), STR("me")}};
    struct exchange *exchange = exchange_of_request(req);
    struct exchange other = {.arena = exchange->arena};
    char *copy;
    (void)data;
    (void)res;
    request_add_variables(req, exchange->arena, variables, 1);
    req->own_count = 1;
    req->is_https = true;
    struct gale_str block = link_request_encode(exchange);
    ck_assert_int_eq(decode(block.at, block.len, &other, &copy), 0);
    compare(req, &other.req);
    free(copy);
    for (size_t len = sizeof(uint32_t); len < block.len; len++) {
        ck_assert_int_eq(decode(block.at, len, &other, &copy), -EPROTO);
        free(copy);
    }
    return 0;
}

START_TEST(requests_arrive_as_they_were)
{
    static const char *const targets[] = {"/", "/a%20b/%2e/c%2Fd?x=1", "http://Other.Example:8/x?"};
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        struct test_front front;
        test_front_init(&front, "POST", targets[i]);
        test_front_header(&front, "Cookie", "a=b");
        test_front_header(&front, "X-Empty", "");
        test_front_body(&front, "body", 4, 0);
        ck_assert_int_eq(test_front_serve(&front, there_and_back, NULL), 0);
        test_front_finish(&front);
    }
}
END_TEST

/* Whatever bytes a block holds, decoding ends, and within it. */
static int with_noise(void *data, struct gale_request *req, struct gale_response *res)
{
    struct exchange *exchange = exchange_of_request(req);
    struct exchange other = {.arena = exchange->arena};
    unsigned seed = 1;
    char *copy;
    (void)data;
    (void)res;
    struct gale_str block = link_request_encode(exchange);
    for (int i = 0; i < 20000; i++) {
        seed = seed * 1103515245 + 12345;
        char *at = (char *)block.at + 4 + (seed >> 8) % (block.len - 4), was = *at;
        *at = (char)(seed >> 3);
        (void)decode(block.at, block.len, &other, &copy);
        free(copy);
        *at = was;
    }
    return 0;
}

START_TEST(noise_does_no_harm)
{
    struct test_front front;
    test_front_init(&front, "GET", "/x");
    test_front_header(&front, "Cookie", "a=b");
    ck_assert_int_eq(test_front_serve(&front, with_noise, NULL), 0);
    test_front_finish(&front);
}
END_TEST

/* ---- answers ---- */

static int answer(void *data, struct gale_request *req, struct gale_response *res)
{
    struct exchange *exchange = exchange_of_request(req);
    const struct link_answer said = {.value = -4711, .detail = INT64_MAX, .reason = STR("So")};
    struct link_answer got;
    (void)data;
    gale_response_header(res, "X-One", "1");
    gale_response_header_add(res, STR("Set-Cookie"), STR("a"));
    gale_response_header_add(res, STR("Set-Cookie"), STR("b"));
    struct gale_str block = link_answer_encode(&said, exchange);
    gale_response_header(res, "X-Other", "stays");
    ck_assert_int_eq(link_answer_decode(block, res, &got), 0);
    ck_assert(got.value == said.value && got.detail == said.detail);
    ck_assert_str_eq(got.reason.at, "So");
    for (size_t len = sizeof(uint32_t); len < block.len; len++)
        ck_assert_int_eq(link_answer_decode((struct gale_str){block.at, len}, res, &got), -EPROTO);
    ck_assert_int_eq(link_answer_decode(block, res, &got), 0);
    /* what no app could set, no worker can say */
    char *name = memmem(block.at, block.len, "X-One", 5);
    memcpy(name, "X\r\nOn", 5);
    ck_assert_int_eq(link_answer_decode(block, res, &got), -EPROTO);
    memcpy(name, "X-One", 5);
    ck_assert_int_eq(link_answer_decode(block, res, &got), 0);
    return 0;
}

START_TEST(fields_arrive_once)
{
    struct test_front front;
    test_front_init(&front, "GET", "/");
    ck_assert_int_eq(test_front_serve(&front, answer, NULL), 0);
    ck_assert_str_eq(front.head.at, "X-Other: stays\nX-One: 1\nSet-Cookie: a\nSet-Cookie: b\n"
                                    "Content-Length: 0\n");
    test_front_finish(&front);
}
END_TEST

UNIT_MAIN(requests_arrive_as_they_were, noise_does_no_harm, fields_arrive_once)
