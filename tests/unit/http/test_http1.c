/* HTTP/1.1 over a real socket pair (http1_connection.c, http1_front.c, http1_head.c,
 * http_server.c): raw bytes in, raw bytes out, connections kept and closed. */
#include "unit.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <gale/plugin.h>
#include <gale/wait.h>
#include "base/board.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/str.h"
#include "http/exchange.h"
#include "http/http1.h"
#include "http/http_server.h"
#include "loop/task.h"

static struct ioloop *loop;
static struct http_settings settings;
static struct http_server server;
static int served, cancelled;
static int64_t idle_timeout_ms; /* 0: the default */

static int app(void *data, struct gale_request *req, struct gale_response *res)
{
    (void)data;
    struct gale_str path = gale_request_path(req), body;
    served++;
    if (str_equals(path, STR("/body"))) {
        int r = gale_request_body(req, &body);
        return r < 0 ? r : gale_reply_str(res, 200, "text/plain", body);
    }
    if (str_equals(path, STR("/board")))
        return gale_reply(res, 200, "text/plain", "[%s]", board_mine->request);
    if (str_equals(path, STR("/stream"))) {
        gale_response_puts(res, "a");
        gale_response_flush(res);
        return gale_response_puts(res, "bc");
    }
    if (str_equals(path, STR("/short"))) {
        gale_response_header(res, "Content-Length", "10");
        return gale_response_puts(res, "12345");
    }
    if (str_equals(path, STR("/fail-late"))) {
        gale_response_puts(res, "a");
        gale_response_flush(res);
        return 500;
    }
    if (str_equals(path, STR("/park"))) {
        gale_response_puts(res, "before;");
        int r = task_sleep(20);
        cancelled += r == -ECANCELED;
        return gale_response_puts(res, "after");
    }
    if (str_equals(path, STR("/wait"))) {
        int r = task_sleep(60000);
        cancelled += r == -ECANCELED;
        return r;
    }
    if (str_equals(path, STR("/large"))) {
        static char block[100000];
        memset(block, 'L', sizeof(block));
        for (int i = 0; i < 50; i++) {
            int r = gale_response_write(res, block, sizeof(block));
            if (r < 0)
                return r;
        }
        return GALE_OK;
    }
    return gale_reply(res, 200, "text/plain", "%s", path.at);
}

static int client;

static void open_server(void)
{
    int pair[2];
    struct peer peer = {.family = AF_UNIX};
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    http_settings_init(&settings);
    if (idle_timeout_ms)
        settings.idle_timeout_ms = idle_timeout_ms;
    http_server_init(&server, loop, &settings, app, NULL);
    http_server_accept(&server, pair[0], &peer, NULL);
    client = pair[1];
    log_set_fd(-1);
}

static void turn(int times)
{
    for (int i = 0; i < times; i++)
        ioloop_turn(loop, 5);
}

static void close_server(void)
{
    http_server_close(&server);
    for (int i = 0; i < 200 && !http_server_is_empty(&server); i++)
        turn(1);
    ck_assert(http_server_is_empty(&server));
    if (client >= 0)
        close(client);
    ioloop_destroy(loop);
}

static void say(const char *text)
{
    size_t len = strlen(text);
    ck_assert_int_eq(send(client, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

static char heard[1 << 20];
static size_t heard_len;
static bool heard_end;

/* Collects what the server says until nothing new comes for some turns, or it closes. */
static const char *hear(void)
{
    heard_len = 0;
    heard_end = false;
    for (int idle = 0; idle < 8;) {
        turn(1);
        ssize_t n = recv(client, heard + heard_len, sizeof(heard) - 1 - heard_len, 0);
        if (n == 0 || (n < 0 && errno == ECONNRESET)) {
            heard_end = true;
            break;
        }
        idle = n > 0 ? 0 : idle + 1;
        heard_len += n > 0 ? (size_t)n : 0;
    }
    heard[heard_len] = 0;
    return heard;
}

static int count(const char *text, const char *word)
{
    int n = 0;
    for (; (text = strstr(text, word)); text++)
        n++;
    return n;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

START_TEST(keeps_the_connection)
{
    open_server();
    for (int i = 0; i < 3; i++) {
        say(GET("/x"));
        hear();
        ck_assert_int_eq(strncmp(heard, "HTTP/1.1 200 OK\r\n", 17), 0);
        ck_assert_ptr_nonnull(strstr(heard, "Content-Length: 2\r\n"));
        ck_assert_ptr_nonnull(strstr(heard, "\r\n\r\n/x"));
        ck_assert_ptr_nonnull(strstr(heard, "\r\nDate: "));
        ck_assert_ptr_null(strstr(heard, "Connection:"));
        ck_assert(!heard_end);
    }
    close_server();
}
END_TEST

START_TEST(the_board_has_the_request_line)
{
    char longest[1024], part[200];
    open_server();
    say("PATCH /board?a=%20b HTTP/1.1\r\nHost: h\r\n\r\n");
    ck_assert_ptr_nonnull(strstr(hear(), "\r\n\r\n[PATCH /board?a=%20b]"));
    snprintf(longest, sizeof(longest), "GET /board?%0900d HTTP/1.1\r\nHost: h\r\n\r\n", 0);
    say(longest);
    snprintf(part, sizeof(part), "[GET /board?%0*d]", BOARD_TEXT - 1 - 11, 0);
    ck_assert_ptr_nonnull(strstr(hear(), part));
    close_server();
}
END_TEST

START_TEST(closes_when_asked)
{
    static const char *const requests[] = {
        "GET /x HTTP/1.1\r\nHost: h\r\nConnection: foo, Close\r\n\r\n",
        "GET /x HTTP/1.0\r\n\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        open_server();
        say(requests[i]);
        hear();
        ck_assert_ptr_nonnull(strstr(heard, "Connection: close\r\n"));
        ck_assert(heard_end);
        close_server();
    }
    open_server();
    say("GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    hear();
    ck_assert_ptr_nonnull(strstr(heard, "Connection: keep-alive\r\n"));
    ck_assert(!heard_end);
    close_server();
}
END_TEST

START_TEST(answers_pipelined_requests_in_order)
{
    char all[4096] = "";
    open_server();
    for (int i = 0; i < 40; i++)
        sprintf(all + strlen(all), "GET /n%d. HTTP/1.1\r\nHost: h\r\n\r\n", i);
    say(all);
    hear();
    ck_assert_int_eq(count(heard, "HTTP/1.1 200"), 40);
    const char *at = heard;
    for (int i = 0; i < 40; i++) {
        char body[32];
        sprintf(body, "\r\n\r\n/n%d.", i);
        at = strstr(at, body);
        ck_assert_msg(at != NULL, "answer %d is missing or out of order", i);
    }
    close_server();
}
END_TEST

START_TEST(same_at_every_split)
{
    static const char text[] =
        "POST /body HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: t\r\n\r\n"
        "POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nxyz"
        "GET /end HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    for (size_t cut = 1; cut < sizeof(text) - 1; cut++) {
        open_server();
        ck_assert_int_eq(send(client, text, cut, 0), (ssize_t)cut);
        turn(2);
        say(text + cut);
        hear();
        ck_assert_msg(count(heard, "HTTP/1.1 200") == 3, "split at %zu: %s", cut, heard);
        ck_assert_ptr_nonnull(strstr(heard, "\r\n\r\nabcde"));
        ck_assert_ptr_nonnull(strstr(heard, "\r\n\r\nxyz"));
        ck_assert_ptr_nonnull(strstr(heard, "\r\n\r\n/end"));
        ck_assert(heard_end);
        close_server();
    }
}
END_TEST

START_TEST(streams_chunked_or_to_the_end)
{
    open_server();
    say(GET("/stream"));
    hear();
    ck_assert_ptr_nonnull(strstr(heard, "Transfer-Encoding: chunked\r\n"));
    ck_assert_ptr_nonnull(strstr(heard, "\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"));
    ck_assert(!heard_end);
    say("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    hear();
    ck_assert_ptr_null(strstr(heard, "Transfer-Encoding"));
    ck_assert_ptr_nonnull(strstr(heard, "\r\n\r\nabc"));
    ck_assert(heard_end);
    close_server();
}
END_TEST

START_TEST(head_has_no_body)
{
    open_server();
    say("HEAD /xyz HTTP/1.1\r\nHost: h\r\n\r\n" GET("/next"));
    hear();
    ck_assert_ptr_nonnull(strstr(heard, "Content-Length: 4\r\n"));
    ck_assert_ptr_null(strstr(heard, "/xyz"));
    ck_assert_ptr_nonnull(strstr(heard, "\r\n\r\n/next"));
    say("HEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n" GET("/next"));
    hear();
    ck_assert_int_eq(count(heard, "HTTP/1.1 200"), 2);
    ck_assert_ptr_null(strstr(heard, "\r\n0\r\n"));
    close_server();
}
END_TEST

START_TEST(refuses_and_closes)
{
    static const struct {
        const char *request;
        int status;
    } rows[] = {
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"FROB / HTTP/1.1\r\nHost: h\r\n\r\n", 501},
        {"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
        {"\x16\x03\x01", 400},
        {"GET /\n", 400},
        {"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
         400},
        {"GET / HTTP/1.1\r\nHost: h\r\nExpect: 200-fine\r\n\r\n", 417},
        {"GET /%00 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        {"POST /body HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n-3\r\n", 400},
        {"POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\nx", 413},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char expected[32];
        sprintf(expected, "HTTP/1.1 %d ", rows[i].status);
        open_server();
        say(rows[i].request);
        hear();
        ck_assert_msg(strncmp(heard, expected, 13) == 0, "row %zu: %s", i, heard);
        ck_assert_ptr_nonnull(strstr(heard, "Connection: close\r\n"));
        ck_assert_int_eq(count(heard, "HTTP/1.1"), 1);
        close_server();
    }
}
END_TEST

START_TEST(continues_when_the_body_is_read)
{
    open_server();
    say("POST /body HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    ck_assert_str_eq(hear(), "HTTP/1.1 100 Continue\r\n\r\n");
    say("ok");
    ck_assert_ptr_nonnull(strstr(hear(), "\r\n\r\nok"));
    ck_assert(!heard_end);
    /* Nobody reads this one: no 100, and what the client sends next is no request. */
    say("POST /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    hear();
    ck_assert_int_eq(strncmp(heard, "HTTP/1.1 200", 12), 0);
    ck_assert_ptr_nonnull(strstr(heard, "Connection: close"));
    close_server();
}
END_TEST

START_TEST(unread_bodies_are_no_requests)
{
    open_server();
    say("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 31\r\n\r\n" GET("/smug") GET("/next"));
    hear();
    ck_assert_int_eq(count(heard, "HTTP/1.1 200"), 2);
    ck_assert_ptr_null(strstr(heard, "/smug"));
    close_server();
}
END_TEST

START_TEST(wrong_lengths_cut_the_connection)
{
    open_server();
    say(GET("/short") GET("/next"));
    hear();
    ck_assert_ptr_nonnull(strstr(heard, "Content-Length: 10\r\n"));
    ck_assert_int_eq(count(heard, "HTTP/1.1"), 1);
    ck_assert(heard_end);
    close_server();
    open_server();
    say(GET("/fail-late"));
    hear();
    ck_assert_ptr_null(strstr(heard, "\r\n0\r\n\r\n"));
    ck_assert(heard_end);
    close_server();
}
END_TEST

START_TEST(output_leaves_before_the_task_parks)
{
    open_server();
    say(GET("/x") GET("/park"));
    turn(1);
    ssize_t n = recv(client, heard, sizeof(heard), 0);
    ck_assert_int_gt(n, 0);
    heard[n] = 0;
    ck_assert_ptr_nonnull(strstr(heard, "/x"));
    ck_assert_ptr_nonnull(strstr(heard, "7\r\nbefore;\r\n"));
    ck_assert_ptr_nonnull(strstr(hear(), "5\r\nafter\r\n0\r\n\r\n"));
    close_server();
}
END_TEST

START_TEST(a_client_that_leaves_cancels)
{
    cancelled = 0;
    open_server();
    say(GET("/wait"));
    turn(2);
    close(client);
    client = -1;
    turn(4);
    ck_assert_int_eq(cancelled, 1);
    close_server();
}
END_TEST

START_TEST(a_half_closed_client_gets_its_answer)
{
    open_server();
    say(GET("/park"));
    shutdown(client, SHUT_WR);
    hear();
    ck_assert_ptr_nonnull(strstr(heard, "after"));
    ck_assert(heard_end);
    close_server();
}
END_TEST

START_TEST(an_idle_connection_is_small)
{
    ck_assert_uint_le(sizeof(struct http1_connection), 448);
    open_server();
    say(GET("/x"));
    hear();
    ck_assert_uint_eq(task_count(), 0);
    ck_assert_uint_eq(server.connection_count, 1);
    close_server();
}
END_TEST

START_TEST(slow_heads_time_out)
{
    open_server();
    settings.head_timeout_ms = 30;
    say("GET / HT");
    for (int i = 0; i < 20; i++)
        turn(1);
    hear();
    ck_assert_int_eq(strncmp(heard, "HTTP/1.1 408 ", 13), 0);
    close_server();
}
END_TEST

START_TEST(idle_connections_are_closed)
{
    idle_timeout_ms = 20;
    open_server();
    say(GET("/x"));
    ck_assert_int_eq(strncmp(hear(), "HTTP/1.1 200", 12), 0);
    for (int i = 0; i < 100 && server.connection_count; i++)
        turn(1);
    ck_assert_uint_eq(server.connection_count, 0);
    close_server();
}
END_TEST

START_TEST(drains)
{
    open_server();
    say(GET("/park"));
    turn(2);
    http_server_drain(&server);
    ck_assert(!http_server_is_empty(&server));
    hear();
    ck_assert_ptr_nonnull(strstr(heard, "after"));
    close_server();
}
END_TEST

START_TEST(large_answers_wait_for_the_reader)
{
    size_t total = 0;
    open_server();
    say("GET /large HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    turn(20);
    ck_assert_uint_eq(task_count(), 1); /* waits */
    for (int idle = 0; idle < 50;) {
        ssize_t n = recv(client, heard, sizeof(heard), 0);
        if (n == 0)
            break;
        idle = n > 0 ? 0 : idle + 1;
        total += n > 0 ? (size_t)n : 0;
        turn(1);
    }
    ck_assert_uint_gt(total, 5000000);
    close_server();
}
END_TEST

START_TEST(too_many_tasks_are_503)
{
    open_server();
    task_set_max(1);
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    http_server_accept(&server, pair[0], &(struct peer){.family = AF_UNIX}, NULL);
    say(GET("/wait"));
    turn(2);
    int first = client;
    client = pair[1];
    say(GET("/x"));
    hear();
    ck_assert_int_eq(strncmp(heard, "HTTP/1.1 503 ", 13), 0);
    ck_assert_ptr_nonnull(strstr(heard, "Retry-After: "));
    close(first);
    close_server();
}
END_TEST

UNIT_MAIN(keeps_the_connection, the_board_has_the_request_line, closes_when_asked,
          answers_pipelined_requests_in_order, same_at_every_split, streams_chunked_or_to_the_end,
          head_has_no_body, refuses_and_closes, continues_when_the_body_is_read,
          unread_bodies_are_no_requests, wrong_lengths_cut_the_connection,
          output_leaves_before_the_task_parks, a_client_that_leaves_cancels,
          a_half_closed_client_gets_its_answer, an_idle_connection_is_small, slow_heads_time_out,
          idle_connections_are_closed, drains, large_answers_wait_for_the_reader,
          too_many_tasks_are_503)
