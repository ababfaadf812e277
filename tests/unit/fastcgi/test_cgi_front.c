/* A request from the environment to standard output (cgi_front.c, cgi_head.c): what the app sees,
 * what is written, and how it ends. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <gale/plugin.h>
#include <gale/request.h>
#include <gale/response.h>
#include "base/log.h"
#include "base/macros.h"
#include "base/str.h"
#include "fastcgi/cgi_front.h"
#include "http/http_server.h"
#include "loop/task.h"

static struct ioloop *loop;
static struct http_settings settings;
static struct http_server http;
static char *environment[32];
static int input[2], output[2], slept;
static enum cgi_end end;
static char heard[64 * 1024];
static const char *page, *later; /* NULL: all of the body is there at once */

static int echo(struct gale_request *req, struct gale_response *res)
{
    char piece[16384];
    ssize_t n;
    while ((n = gale_request_read(req, piece, sizeof(piece))) > 0)
        gale_response_write(res, piece, (size_t)n);
    return (int)n;
}

static int app(void *data, struct gale_request *req, struct gale_response *res)
{
    struct gale_str path = gale_request_path(req), body;
    (void)data;
    if (str_ends_with(path, STR("/body"))) {
        int r = gale_request_body(req, &body);
        return r < 0 ? r : gale_reply(res, 200, "text/plain", "%zu:%s", body.len, body.at);
    }
    if (str_ends_with(path, STR("/echo")))
        return echo(req, res);
    if (str_ends_with(path, STR("/cut"))) {
        gale_response_puts(res, "half");
        gale_response_flush(res);
        return -EIO;
    }
    if (str_ends_with(path, STR("/sleep"))) {
        gale_response_puts(res, "before;");
        slept = task_sleep(60000);
        return slept;
    }
    if (str_ends_with(path, STR("/large"))) {
        static char block[40000];
        memset(block, 'L', sizeof(block));
        return gale_response_write(res, block, sizeof(block));
    }
    if (str_ends_with(path, STR("/decline")))
        return GALE_DECLINE;
    if (str_ends_with(path, STR("/none")))
        return gale_response_status(res, 304);
    gale_response_header(res, "X-Mine", "yes");
    return gale_reply(res, 200, "text/plain", "%s %s path=%s outer=%zu host=%s peer=%s https=%d",
                      gale_request_method(req).at, gale_request_target(req).at, path.at, req->outer,
                      gale_request_host(req).at, gale_request_peer(req).at,
                      str_equals(gale_request_scheme(req), STR("https")));
}

/* "NAME=value;NAME=value" */
static void set_environment(const char *text)
{
    static char copy[4096];
    char *rest = copy;
    size_t count = 0;
    snprintf(copy, sizeof(copy), "%s", text);
    while (rest)
        environment[count++] = strsep(&rest, ";");
    environment[count] = NULL;
}

static void serve(void *data)
{
    (void)data;
    end = cgi_serve(&http, environment, steal_fd(&input[0]), steal_fd(&output[1]), 500, page);
    ioloop_stop(loop);
}

/* Listens on a task of its own, so that an answer may be as long as it likes. */
static void listen_to_it(void *data)
{
    size_t len = strlen(heard);
    ssize_t n;
    (void)data;
    while (task_wait_fd(output[0], IOLOOP_READ, 20000) > 0 &&
           (n = read(output[0], heard + len, sizeof(heard) - 1 - len)) > 0)
        len += (size_t)n;
    heard[len] = 0;
}

static void leave_early(void *data)
{
    (void)data;
    ck_assert_int_eq(task_sleep(10), 0);
    ck_assert_int_gt(read(output[0], heard, sizeof(heard) - 1), 0);
    ioloop_close(loop, steal_fd(&output[0]));
}

static void send_later(void *data)
{
    (void)data;
    ck_assert_int_eq(task_sleep(later ? 10 : 0), 0);
    if (later)
        ck_assert_int_eq(write(input[1], later, strlen(later)), (ssize_t)strlen(later));
    close(steal_fd(&input[1]));
}

static void run(const char *variables, const char *body, task_fn *listener)
{
    memset(heard, 0, sizeof(heard));
    (void)signal(SIGPIPE, SIG_IGN);
    log_set_fd(-1);
    set_environment(variables);
    ck_assert_int_eq(pipe2(input, O_CLOEXEC), 0);
    ck_assert_int_eq(pipe2(output, O_CLOEXEC), 0);
    ck_assert_int_eq(write(input[1], body, strlen(body)), (ssize_t)strlen(body));
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    http_settings_init(&settings);
    http_server_init(&http, loop, &settings, app, NULL);
    ck_assert_int_eq(task_spawn(loop, send_later, NULL, 0, NULL), 0);
    ck_assert_int_eq(task_spawn(loop, listener, NULL, 0, NULL), 0);
    ck_assert_int_eq(task_spawn_main(loop, serve, NULL, NULL), 0);
    ck_assert_int_eq(task_run_main(loop), 0);
    while (task_count())
        ck_assert_int_eq(ioloop_turn(loop, 100), 0);
    if (output[0] >= 0)
        ioloop_close(loop, output[0]);
    http_server_close(&http);
    ioloop_destroy(loop);
}

#define CGI "REQUEST_METHOD=GET;SERVER_PROTOCOL=HTTP/1.1;HTTP_HOST=h.example;"

START_TEST(variables_become_a_request)
{
    static const struct {
        const char *variables, *says;
    } rows[] = {
        {CGI "SCRIPT_NAME=/cgi-bin/p;PATH_INFO=/a b;REQUEST_URI=/cgi-bin/p/a%20b?q",
         "GET /cgi-bin/p/a%20b?q path=/cgi-bin/p/a b outer=10 host=h.example"},
        {CGI "SCRIPT_NAME=/cgi-bin/p;PATH_INFO=;REQUEST_URI=/cgi-bin/p",
         "GET /cgi-bin/p path=/cgi-bin/p outer=10"},
        /* rewritten on the way: what the program is told counts */
        {CGI "SCRIPT_NAME=/cgi-bin/p;PATH_INFO=/nice;QUERY_STRING=x=1;REQUEST_URI=/nice?x=1",
         "GET /cgi-bin/p/nice?x=1 path=/cgi-bin/p/nice outer=10"},
        {CGI "SCRIPT_NAME=/cgi-bin/p;PATH_INFO=/a b%;QUERY_STRING=",
         "GET /cgi-bin/p/a%20b%25 path=/cgi-bin/p/a b% outer=10"},
        {CGI "SCRIPT_NAME=/cgi-bin/p;PATH_INFO=/c/d;REQUEST_URI=/cgi-bin/p/c%2Fd",
         "GET /cgi-bin/p/c%2Fd path=/cgi-bin/p/c%2Fd outer=10"},
        {CGI "SCRIPT_NAME=/cgi-bin/p;PATH_INFO=/x;REQUEST_URI=/cgi-bin/../cgi-bin/p/./x",
         "path=/cgi-bin/p/x outer=10"},
        {CGI "SCRIPT_NAME=/cgi-bin/p;PATH_INFO=/x;REQUEST_URI=not a target",
         "GET /cgi-bin/p/x path=/cgi-bin/p/x outer=10"},
        {CGI "SCRIPT_NAME=/;PATH_INFO=/x;REQUEST_URI=/x", "GET /x path=/x outer=0"},
        {CGI "PATH_INFO=/x", "GET /x path=/x outer=0"},
        {"REQUEST_METHOD=PUT", "PUT / path=/ outer=0 host= peer=unix https=0"},
        {CGI "REMOTE_ADDR=::1;HTTPS=on", "peer=::1 https=1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        run(rows[i].variables, "", listen_to_it);
        ck_assert_int_eq(end, CGI_WHOLE);
        ck_assert_msg(strstr(heard, rows[i].says), "row %zu: %s", i, heard);
    }
}
END_TEST

START_TEST(answers_have_a_head)
{
    run(CGI "PATH_INFO=/x", "", listen_to_it);
    ck_assert_str_eq(heard, "Status: 200 OK\r\nX-Mine: yes\r\nContent-Type: text/plain\r\n"
                            "Content-Length: 55\r\n\r\n"
                            "GET /x path=/x outer=0 host=h.example peer=unix https=0");
}
END_TEST

START_TEST(some_answers_have_no_body)
{
    run("REQUEST_METHOD=HEAD;PATH_INFO=/x", "", listen_to_it);
    ck_assert_ptr_nonnull(strstr(heard, "\r\nContent-Length: "));
    ck_assert_str_eq(strstr(heard, "\r\n\r\n"), "\r\n\r\n");
    run(CGI "PATH_INFO=/none", "", listen_to_it);
    ck_assert_str_eq(heard, "Status: 304 Not Modified\r\n\r\n");
}
END_TEST

START_TEST(long_answers_pass)
{
    run(CGI "PATH_INFO=/large", "", listen_to_it);
    ck_assert_int_eq(end, CGI_WHOLE);
    ck_assert_uint_eq(strlen(strstr(heard, "\r\n\r\n") + 4), 40000);
    ck_assert_ptr_null(strstr(heard, "Transfer-Encoding"));
}
END_TEST

#define POST "REQUEST_METHOD=POST;SERVER_PROTOCOL=HTTP/1.1;HTTP_HOST=h;PATH_INFO=/body;"

START_TEST(bodies_are_read_to_their_length)
{
    static const struct {
        const char *variables, *body, *says;
    } rows[] = {
        {POST "CONTENT_LENGTH=5", "hello", "5:hello"},
        {POST "CONTENT_LENGTH=3", "hello", "3:hel"},
        {POST "CONTENT_LENGTH=9", "hello", "Status: 400 "},
        {POST "CONTENT_LENGTH=x", "hello", "Status: 400 "},
        {POST "CONTENT_LENGTH=99999999999", "hello", "Status: 413 "},
        {POST "CONTENT_LENGTH=", "hello", "0:"},
        {POST "HTTP_TRANSFER_ENCODING=chunked", "hello", "5:hello"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        run(rows[i].variables, rows[i].body, listen_to_it);
        ck_assert_msg(strstr(heard, rows[i].says), "row %zu: %s", i, heard);
        ck_assert_int_eq(end, CGI_WHOLE);
    }
}
END_TEST

/* What the app has written leaves before it waits for more, and may then have the rest read. */
START_TEST(a_body_that_comes_slowly)
{
    static char first[8193], rest[12001];
    memset(first, 'f', sizeof(first) - 1);
    memset(rest, 'r', sizeof(rest) - 1);
    later = rest;
    run("REQUEST_METHOD=POST;SERVER_PROTOCOL=HTTP/1.1;HTTP_HOST=h;PATH_INFO=/echo;"
        "CONTENT_LENGTH=20192",
        first, listen_to_it);
    const char *body = strstr(heard, "\r\n\r\n");
    ck_assert_ptr_nonnull(body);
    ck_assert_uint_eq(strlen(body), 4 + 20192);
    ck_assert_int_eq(end, CGI_WHOLE);
}
END_TEST

START_TEST(errors_are_pages)
{
    run(CGI "PATH_INFO=/decline", "", listen_to_it);
    ck_assert_ptr_nonnull(strstr(heard, "Status: 404 Not Found\r\n"));
    page = "it did not open";
    run(CGI "PATH_INFO=/x", "", listen_to_it);
    ck_assert_ptr_nonnull(strstr(heard, "Status: 500 Internal Server Error\r\n"));
    ck_assert_ptr_nonnull(strstr(heard, "it did not open"));
    run("REQUEST_METHOD=G T;PATH_INFO=/x", "", listen_to_it);
    ck_assert_ptr_nonnull(strstr(heard, "Status: 400 Bad Request\r\n"));
}
END_TEST

START_TEST(what_is_not_whole_is_told)
{
    run(CGI "PATH_INFO=/cut", "", listen_to_it);
    ck_assert_int_eq(end, CGI_CUT);
    ck_assert_ptr_nonnull(strstr(heard, "\r\n\r\nhalf"));
}
END_TEST

START_TEST(a_web_server_that_goes_cancels)
{
    run(CGI "PATH_INFO=/sleep", "", leave_early);
    ck_assert_int_eq(slept, -ECANCELED);
    ck_assert_int_eq(end, CGI_GONE);
    ck_assert_ptr_nonnull(strstr(heard, "before;"));
}
END_TEST

START_TEST(knows_who_starts_it)
{
    set_environment("PATH=/bin;REQUEST_METHOD=GET");
    ck_assert(cgi_is_asked(environment));
    set_environment("PATH=/bin;XREQUEST_METHOD=GET;REQUEST_METHODS=x");
    ck_assert(!cgi_is_asked(environment));
}
END_TEST

UNIT_MAIN(variables_become_a_request, answers_have_a_head, some_answers_have_no_body,
          long_answers_pass, bodies_are_read_to_their_length, a_body_that_comes_slowly,
          errors_are_pages, what_is_not_whole_is_told, a_web_server_that_goes_cancels,
          knows_who_starts_it)
