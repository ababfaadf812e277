/* access_log.c: lines that no byte from the network can forge. */
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include "base/macros.h"
#include "base/str.h"
#include "http/access_log.h"
#include "http/test_front.h"

static int fds[2];
static struct access_log access_log;
static char line[8192];

static void open_log(enum access_format format)
{
    ck_assert_int_eq(pipe(fds), 0);
    access_log_init(&access_log, fds[1], format);
}

static void close_log(void)
{
    access_log_finish(&access_log);
    close(fds[0]);
    close(fds[1]);
}

static int answer(void *data, struct gale_request *req, struct gale_response *res)
{
    (void)data;
    (void)req;
    return gale_reply(res, 200, "text/plain", "hello");
}

static const char *user;

/* Serves one request and reads its line. */
static const char *log_of(const char *method, const char *target, const char *agent, int status)
{
    struct test_front front;
    test_front_init(&front, method, target);
    if (agent)
        test_front_header(&front, "User-Agent", agent);
    ck_assert_int_eq(test_front_serve(&front, answer, NULL), 0);
    if (user) {
        struct http_header variable = {STR("REMOTE_USER"), str_of(user)};
        request_add_variables(&front.exchange.req, &front.arena, &variable, 1);
    }
    access_log_write(&access_log, &front.exchange, status, 1234567);
    log_sink_flush(&access_log.sink);
    ssize_t n = read(fds[0], line, sizeof(line) - 1);
    ck_assert_int_gt(n, 0);
    line[n] = 0;
    ck_assert_ptr_eq(strchr(line, '\n'), line + n - 1); /* one line, whatever was asked */
    test_front_finish(&front);
    return line;
}

START_TEST(combined)
{
    open_log(ACCESS_COMBINED);
    log_of("GET", "/x?y=1", "curl/8", 200);
    ck_assert_int_eq(strncmp(line, "127.0.0.1 - - [", 15), 0);
    ck_assert_ptr_nonnull(strstr(line, "] \"GET /x?y=1 HTTP/1.1\" 200 5 \"-\" \"curl/8\" "));
    ck_assert_ptr_nonnull(strstr(line, " 0.001234\n"));
    ck_assert_ptr_nonnull(strstr(log_of("HEAD", "/", NULL, 200), "\"HEAD / HTTP/1.1\" 200 0 "));
    ck_assert_ptr_nonnull(strstr(log_of("GET", "/", NULL, 499), "HTTP/1.1\" 499 "));
    close_log();
}
END_TEST

START_TEST(json)
{
    open_log(ACCESS_JSON);
    log_of("GET", "/x", "a\"b\\c", 404);
    ck_assert_int_eq(strncmp(line, "{\"time\":\"20", 11), 0);
    ck_assert_ptr_nonnull(strstr(line,
                                 ",\"peer\":\"127.0.0.1\",\"method\":\"GET\",\"target\":\"/x\","
                                 "\"host\":\"test\",\"status\":404,\"bytes\":5,"));
    ck_assert_ptr_nonnull(strstr(line, "\"agent\":\"a\\u0022b\\u005cc\""));
    ck_assert_ptr_nonnull(strstr(line, "\"}\n"));
    close_log();
}
END_TEST

START_TEST(whoever_is_known_is_named)
{
    open_log(ACCESS_COMBINED);
    user = "a b\"\n";
    log_of("GET", "/x", NULL, 200);
    ck_assert_ptr_nonnull(strstr(line, "127.0.0.1 - a\\x20b\\x22\\x0a ["));
    user = "";
    ck_assert_int_eq(strncmp(log_of("GET", "/x", NULL, 200), "127.0.0.1 - - [", 15), 0);
    close_log();
    open_log(ACCESS_JSON);
    user = "ann";
    ck_assert_ptr_nonnull(strstr(log_of("GET", "/", NULL, 200), "\"127.0.0.1\",\"user\":\"ann\","));
    user = NULL;
    ck_assert_ptr_null(strstr(log_of("GET", "/", NULL, 200), "user"));
    close_log();
}
END_TEST

START_TEST(hostile_bytes_are_escaped)
{
    open_log(ACCESS_COMBINED);
    log_of("GET", "/\"\xFF", "a\t\" 200 \"\x80", 200);
    ck_assert_ptr_nonnull(strstr(line, "\"GET /\\x22\\xff HTTP/1.1\""));
    ck_assert_ptr_nonnull(strstr(line, "\"a\\x09\\x22 200 \\x22\\x80\""));
    close_log();
}
END_TEST

START_TEST(long_texts_are_cut)
{
    char agent[5000];
    memset(agent, 0x80, sizeof(agent) - 1);
    agent[sizeof(agent) - 1] = 0;
    open_log(ACCESS_COMBINED);
    ck_assert_uint_lt(strlen(log_of("GET", "/", agent, 200)), 5000);
    close_log();
}
END_TEST

START_TEST(short_ones_are_for_people)
{
    open_log(ACCESS_SHORT);
    ck_assert_str_eq(log_of("GET", "/a?b=1", NULL, 200), "  200  GET /a?b=1  1.2 ms\n");
    ck_assert_str_eq(log_of("GET", "/\"", NULL, 404), "  404  GET /\\x22  1.2 ms\n");
    close_log();
}
END_TEST

START_TEST(off_writes_nothing)
{
    struct exchange exchange = {0};
    access_log_init(&access_log, -1, ACCESS_COMBINED);
    access_log_write(&access_log, &exchange, 200, 0);
    access_log_finish(&access_log);
}
END_TEST

UNIT_MAIN(combined, json, whoever_is_known_is_named, hostile_bytes_are_escaped, long_texts_are_cut,
          off_writes_nothing, short_ones_are_for_people)
