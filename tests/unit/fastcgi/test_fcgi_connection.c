/* A link whose requests run on the main stack (fcgi_connection.c, http_server.c): one at a time,
 * cancelled as others are, with the loop turning meanwhile. */
#include "unit.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <gale/request.h>
#include <gale/response.h>
#include "base/buffer.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/str.h"
#include "fastcgi/fcgi_front.h"
#include "fastcgi/fcgi_server.h"
#include "http/http_server.h"
#include "loop/task.h"

static struct ioloop *loop;
static struct http_settings settings;
static struct http_server http;
static struct fcgi_server server;
static int clients[2], running, most_running, cancelled, ended;

static int app(void *data, struct gale_request *req, struct gale_response *res)
{
    struct gale_str body;
    char stack[1024 * 1024]; /* more than a task's own stack has */
    (void)data;
    memset(stack, 'x', sizeof(stack));
    running++;
    most_running = running > most_running ? running : most_running;
    int r = gale_request_body(req, &body);
    if (r == 0)
        r = task_sleep(str_equals(gale_request_path(req), STR("/long")) ? 60000 : 10);
    running--;
    cancelled += r == -ECANCELED;
    return r < 0 ? r : gale_reply(res, 200, "text/plain", "%c%s", stack[999], body.at);
}

static int open_client(void)
{
    int pair[2];
    struct peer peer = {.family = AF_UNIX};
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    fcgi_server_accept(&server, pair[0], &peer);
    return pair[1];
}

static void open_server(void)
{
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    http_settings_init(&settings);
    http_server_init(&http, loop, &settings, app, NULL);
    http.is_on_main_stack = true;
    fcgi_server_init(&server, &http);
    for (int i = 0; i < 2; i++)
        clients[i] = open_client();
    log_set_fd(-1);
}

/* ---- a client, on a task beside ---- */

static void record(struct buffer *to, int type, const void *content, size_t len)
{
    unsigned char header[FCGI_HEADER_SIZE];
    uint8_t padding;
    fcgi_record_encode(header, (uint8_t)type, 1, len, true, &padding);
    buffer_add(to, (char *)header, sizeof(header));
    buffer_add(to, content, len);
    buffer_add(to, "\0\0\0\0\0\0\0\0", padding);
}

static void param(struct buffer *to, const char *name, const char *value)
{
    size_t size = fcgi_pair_size(strlen(name), strlen(value));
    fcgi_pair_encode((unsigned char *)buffer_reserve(to, size), str_of(name), str_of(value));
    to->len += size;
}

static void begin(int client, const char *uri)
{
    static const unsigned char keep[8] = {0, FCGI_RESPONDER, FCGI_KEEP_CONN};
    struct buffer said = {0}, pairs = {0};
    param(&pairs, "REQUEST_METHOD", "POST");
    param(&pairs, "REQUEST_URI", uri);
    param(&pairs, "HTTP_HOST", "h");
    param(&pairs, "CONTENT_LENGTH", "5");
    record(&said, FCGI_BEGIN_REQUEST, keep, sizeof(keep));
    record(&said, FCGI_PARAMS, pairs.at, pairs.len);
    record(&said, FCGI_PARAMS, "", 0);
    ck_assert_int_eq(write(client, said.at, said.len), (ssize_t)said.len);
    buffer_finish(&said);
    buffer_finish(&pairs);
}

static void end_input(int client)
{
    struct buffer said = {0};
    record(&said, FCGI_STDIN, "hello", 5);
    record(&said, FCGI_STDIN, "", 0);
    ck_assert_int_eq(write(client, said.at, said.len), (ssize_t)said.len);
    buffer_finish(&said);
}

/* Until the answer has come. */
static void hear(int client, const char *what)
{
    char heard[4096];
    size_t len = 0;
    do {
        ck_assert_int_eq(task_wait_fd(client, IOLOOP_READ, 20000), IOLOOP_READ);
        ssize_t n = read(client, heard + len, sizeof(heard) - len);
        ck_assert_int_gt(n, 0);
        len += (size_t)n;
    } while (!memmem(heard, len, what, strlen(what)));
}

/* The last one ends the server, whose connections need the main stack for their end, too. */
static void end_client(int *client)
{
    ioloop_close(loop, *client);
    if (++ended < 2)
        return;
    http_server_close(&http);
    while (!fcgi_server_is_empty(&server) || !http_server_is_empty(&http)) {
        fcgi_server_close(&server);
        ck_assert_int_eq(task_sleep(1), 0);
    }
    ioloop_stop(loop);
}

static void ask_twice(void *data)
{
    int *client = data;
    for (int i = 0; i < 2; i++) {
        begin(*client, "/short");
        ck_assert_int_eq(task_sleep(5), 0); /* the body is waited for */
        end_input(*client);
        hear(*client, "xhello");
    }
    end_client(client);
}

static void run_clients(task_fn *first, task_fn *second)
{
    open_server();
    ck_assert_int_eq(task_spawn(loop, first, &clients[0], 0, NULL), 0);
    ck_assert_int_eq(task_spawn(loop, second, &clients[1], 0, NULL), 0);
    ck_assert_int_eq(task_run_main(loop), 0);
    ck_assert_int_eq(ioloop_turn(loop, 0), 0);
    ck_assert_uint_eq(task_count(), 0);
    ioloop_destroy(loop);
}

START_TEST(serves_one_at_a_time)
{
    run_clients(ask_twice, ask_twice);
    ck_assert_int_eq(most_running, 1);
    ck_assert_int_eq(cancelled, 0);
}
END_TEST

static void abort_one(void *data)
{
    int *client = data;
    struct buffer said = {0};
    begin(*client, "/long");
    end_input(*client);
    ck_assert_int_eq(task_sleep(10), 0);
    record(&said, FCGI_ABORT_REQUEST, "", 0);
    ck_assert_int_eq(write(*client, said.at, said.len), (ssize_t)said.len);
    buffer_finish(&said);
    hear(*client, "\1\3\0\1"); /* END_REQUEST of 1 */
    end_client(client);
}

START_TEST(is_cancelled_where_it_waits)
{
    run_clients(abort_one, ask_twice);
    ck_assert_int_eq(cancelled, 1);
    ck_assert_int_eq(most_running, 1);
}
END_TEST

UNIT_MAIN(serves_one_at_a_time, is_cancelled_where_it_waits)
