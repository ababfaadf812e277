/* link.c, link_line.c and link_answer.c against a real link_server on the same loop: what an app
 * does over a link, compared with what the same app does when the front calls it itself. */
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <gale/gale.h>
#include "adapters/link/link.h"
#include "app/adapter.h"
#include "app/app.h"
#include "app/config.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/str.h"
#include "fastcgi/link_server.h"
#include "http/test_front.h"
#include "loop/task.h"
#include "net/hidden_socket.h"

static struct ioloop *loop;
static struct http_settings settings;
static struct http_server http;
static struct link_server server;
static struct hidden_socket hidden;
static struct link_settings link_settings;
static struct app_config config;
static struct gale_app app;
static int accepted, cancelled, served, dies;

/* ---- the app ---- */

static int describe(struct gale_request *req, struct gale_response *res)
{
    struct gale_str name, value;
    gale_response_header(res, "Content-Type", "text/plain");
    gale_response_header_add(res, STR("X-Two"), STR("1"));
    gale_response_header_add(res, STR("X-Two"), STR("2"));
    gale_response_printf(res, "%s %s %s %s %s %s:%u %s:%u %s [%lld]\n", gale_request_method(req).at,
                         gale_request_target(req).at, gale_request_path(req).at,
                         gale_request_host(req).at, gale_request_scheme(req).at,
                         gale_request_peer(req).at, gale_request_peer_port(req),
                         gale_request_local(req).at, gale_request_local_port(req),
                         gale_request_protocol(req).at, (long long)gale_request_length(req));
    for (size_t i = 0; gale_request_header_at(req, i, &name, &value) == 0; i++)
        gale_response_printf(res, "%s=%s\n", name.at, value.at);
    return gale_response_printf(res, "x=%s c=%s v=%s\n", gale_request_query(req, "x", "-"),
                                gale_request_cookie(req, "c", "-"),
                                gale_request_variable(req, "REMOTE_USER", "-"));
}

static int echo(struct gale_request *req, struct gale_response *res)
{
    char block[5000];
    ssize_t n;
    while ((n = gale_request_read(req, block, sizeof(block))) > 0)
        gale_response_write(res, block, (size_t)n);
    return (int)n;
}

static int send_file(struct gale_response *res)
{
    scoped_close int fd = memfd_create("test", MFD_CLOEXEC);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(write(fd, "0123456789", 10), 10);
    gale_response_puts(res, "<");
    int r = gale_response_sendfile(res, fd, 5, 9000);
    ck_assert_int_eq(ftruncate(fd, 0), 0); /* it has been sent */
    gale_response_puts(res, ">");
    return r;
}

static int much(struct gale_response *res)
{
    static char block[50000];
    memset(block, 'x', sizeof(block));
    for (int i = 0; i < 40; i++)
        if (gale_response_write(res, block, sizeof(block)) < 0)
            return -EPIPE;
    return 0;
}

static int begin_and_fail(struct gale_response *res)
{
    gale_response_puts(res, "begun");
    gale_response_flush(res);
    return 500;
}

static int refuse(struct gale_response *res)
{
    gale_response_header(res, "WWW-Authenticate", "Basic");
    gale_response_puts(res, "never seen");
    return 401;
}

/* As a crash does: the session is gone, and nothing was said. */
static int die(struct gale_response *res)
{
    struct exchange *exchange = exchange_of_response(res);
    if (exchange->front == &link_front && dies-- > 0) {
        struct link_exchange *x = container_of(exchange, struct link_exchange, exchange);
        iostream_break(&x->session->stream, -EIO);
        res->error = -EIO;
        return -ECANCELED;
    }
    return gale_reply(res, 200, "text/plain", "alive");
}

static int serve(void *data, struct gale_request *req, struct gale_response *res)
{
    (void)data;
    const char *path = gale_request_path(req).at;
    served++;
    if (strcmp(path, "/echo") == 0)
        return echo(req, res);
    if (strcmp(path, "/file") == 0)
        return send_file(res);
    if (strcmp(path, "/much") == 0)
        return much(res);
    if (strcmp(path, "/begin") == 0)
        return begin_and_fail(res);
    if (strcmp(path, "/refuse") == 0)
        return refuse(res);
    if (strcmp(path, "/decline") == 0)
        return GALE_DECLINE;
    if (strcmp(path, "/die") == 0)
        return die(res);
    if (strcmp(path, "/204") == 0)
        return gale_response_status(res, 204);
    if (strcmp(path, "/nonsense") == 0)
        return 4711;
    if (strcmp(path, "/short") == 0) {
        gale_response_header(res, "Content-Length", "10");
        return gale_response_puts(res, "short");
    }
    if (strcmp(path, "/wait") == 0) {
        int r = task_sleep(60000);
        cancelled += r == -ECANCELED;
        return r;
    }
    return describe(req, res);
}

/* ---- both ends ---- */

static void on_stream(void *data, int fd, const struct peer *peer, const struct endpoint *local)
{
    (void)data;
    (void)peer;
    (void)local;
    accepted++;
    link_server_accept(&server, fd);
}

static void open_both(void)
{
    static char address[HIDDEN_SOCKET_TEXT];
    signal(SIGPIPE, SIG_IGN);
    log_set_fd(-1);
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    ck_assert_int_eq(hidden_socket_open(16, &hidden), 0);
    http_settings_init(&settings);
    http_server_init(&http, loop, &settings, serve, NULL);
    http.tcp.on_stream = on_stream;
    link_server_init(&server, &http);
    tcp_server_add(&http.tcp, dup(hidden.listen_fd), true);
    link_settings = (struct link_settings){
        .address = hidden_socket_address(hidden.path_fd, address), .queue_timeout_ms = 1000};
    config = (struct app_config){
        .name = "x", .file = "x", .adapter = &link_adapter, .settings = &link_settings};
    app = (struct gale_app){.config = &config, .adapter = &link_adapter};
    ck_assert_int_eq(link_adapter.open(&app), 0);
    accepted = cancelled = served = dies = 0;
}

#define turn_until(condition)                                                                      \
    for (int turns_ = 0; !(condition); turns_++) {                                                 \
        ck_assert_msg(turns_ < 4000, "waited in vain for %s", #condition);                         \
        ioloop_turn(loop, 5);                                                                      \
    }

static void close_both(void)
{
    app.is_draining = true;
    link_adapter.drain(&app);
    link_adapter.close(&app);
    http_server_drain(&http);
    link_server_drain(&server);
    turn_until(link_server_is_empty(&server) && task_count() == 0);
    hidden_socket_close(&hidden);
    ioloop_destroy(loop);
}

/* ---- requests ---- */

static int serve_over_link(void *data, struct gale_request *req, struct gale_response *res)
{
    (void)data;
    exchange_of_request(req)->max_body = 1 << 20;
    exchange_of_request(req)->app = &app;
    int r = link_adapter.serve(&app, req, res);
    return r == GALE_DECLINE ? 404 : r;
}

static int serve_directly(void *data, struct gale_request *req, struct gale_response *res)
{
    exchange_of_request(req)->max_body = 1 << 20;
    exchange_of_request(req)->app = &app;
    int r = serve(data, req, res);
    return r == GALE_DECLINE ? 404 : r;
}

struct asking {
    struct test_front *front;
    http_serve_fn *serve;
    struct task *task;
    bool is_done;
};

static void ask_task(void *data)
{
    struct asking *asking = data;
    asking->task = task_current();
    ck_assert_int_eq(test_front_serve(asking->front, asking->serve, NULL), 0);
    asking->is_done = true;
}

static void ask(struct test_front *front, http_serve_fn *fn)
{
    struct asking asking = {.front = front, .serve = fn};
    ck_assert_int_eq(task_spawn(loop, ask_task, &asking, 0, NULL), 0);
    turn_until(asking.is_done);
}

struct probe {
    const char *method, *target;
    const char *header, *value;
    const char *body;
    size_t piece;
    bool is_chunked;
};

static void make(struct test_front *front, const struct probe *probe)
{
    test_front_init(front, probe->method, probe->target);
    if (probe->header)
        test_front_header(front, probe->header, probe->value);
    if (probe->body && probe->is_chunked)
        test_front_chunked(front, probe->body, strlen(probe->body), probe->piece);
    else if (probe->body)
        test_front_body(front, probe->body, strlen(probe->body), probe->piece);
}

/* Ids differ from request to request. */
static void hide_id(struct buffer *text)
{
    char *at = text->at ? memmem(text->at, text->len, "request ", 8) : NULL;
    if (at && at + 24 <= text->at + text->len)
        memset(at + 8, '0', 16);
}

static bool is_same(struct buffer *a, struct buffer *b)
{
    hide_id(a);
    hide_id(b);
    return a->len == b->len && (!a->len || memcmp(a->at, b->at, a->len) == 0);
}

static char long_value[30000];

START_TEST(a_link_changes_nothing)
{
    static const struct probe probes[] = {
        {"GET", "/a%20b/%2e%2e/c%2Fd?x=1&x=2", "Cookie", "c=3", NULL, 0, false},
        {"HEAD", "/x", "X-Name", "", NULL, 0, false},
        {"GET", "http://Other.Example:81/abs?x=%00", NULL, NULL, NULL, 0, false},
        {"GET", "/long", "X-Long", long_value, NULL, 0, false},
        {"POST", "/echo", NULL, NULL, "hello", 2, false},
        {"POST", "/echo", NULL, NULL, "hello chunked", 3, true},
        {"POST", "/echo", NULL, NULL, "", 0, true},
        {"POST", "/not-read", NULL, NULL, "nobody reads this", 5, false},
        {"GET", "/204", NULL, NULL, NULL, 0, false},
        {"GET", "/file", NULL, NULL, NULL, 0, false},
        {"HEAD", "/file", NULL, NULL, NULL, 0, false},
        {"GET", "/much", NULL, NULL, NULL, 0, false},
        {"GET", "/refuse", NULL, NULL, NULL, 0, false},
        {"GET", "/decline", NULL, NULL, NULL, 0, false},
        {"GET", "/nonsense", NULL, NULL, NULL, 0, false},
        {"GET", "/short", NULL, NULL, NULL, 0, false},
        {"GET", "/begin", NULL, NULL, NULL, 0, false},
    };
    memset(long_value, 'v', sizeof(long_value) - 1);
    open_both();
    for (size_t i = 0; i < ARRAY_LEN(probes); i++) {
        struct test_front here, there;
        make(&here, &probes[i]);
        make(&there, &probes[i]);
        ask(&here, serve_directly);
        ask(&there, serve_over_link);
        ck_assert_msg(here.status == there.status, "%s: %d, %d", probes[i].target, here.status,
                      there.status);
        ck_assert_msg(is_same(&here.body, &there.body), "%s:\n%s\n%s", probes[i].target,
                      here.body.at, there.body.at);
        ck_assert_msg(is_same(&here.head, &there.head), "%s:\n%s\n%s", probes[i].target,
                      here.head.at, there.head.at);
        ck_assert_msg(here.is_finished == there.is_finished && here.is_cut == there.is_cut,
                      "%s: finished %d %d, cut %d %d", probes[i].target, here.is_finished,
                      there.is_finished, here.is_cut, there.is_cut);
        test_front_finish(&here);
        test_front_finish(&there);
    }
    close_both();
}
END_TEST

static int get(const char *method, const char *target)
{
    struct test_front front;
    test_front_init(&front, method, target);
    ask(&front, serve_over_link);
    int status = front.is_cut ? -1 : front.status;
    test_front_finish(&front);
    return status;
}

START_TEST(lines_are_kept)
{
    open_both();
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(get("GET", "/"), 200);
    ck_assert_int_eq(accepted, 1);
    link_server_drain(&server); /* that one is told to go; the next one is new */
    turn_until(link_server_is_empty(&server));
    ck_assert_int_eq(get("GET", "/"), 200);
    ck_assert_int_eq(accepted, 2);
    close_both();
}
END_TEST

START_TEST(a_death_before_the_answer_is_one_chance_more)
{
    static const struct {
        const char *method;
        int deaths, status, served;
    } rows[] = {
        {"GET", 1, 200, 2},  {"GET", 2, 502, 2}, {"HEAD", 1, 200, 2},  {"PUT", 1, 200, 2},
        {"POST", 1, 502, 1}, {"GET", 0, 200, 1}, {"PATCH", 1, 502, 1}, {"DELETE", 1, 200, 2},
    };
    open_both();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        served = 0;
        dies = rows[i].deaths;
        ck_assert_msg(get(rows[i].method, "/die") == rows[i].status, "row %zu", i);
        ck_assert_msg(served == rows[i].served, "row %zu: %d", i, served);
        dies = 0;
    }
    close_both();
}
END_TEST

START_TEST(whoever_stops_waiting_cancels)
{
    struct test_front front;
    open_both();
    test_front_init(&front, "GET", "/wait");
    struct asking asking = {.front = &front, .serve = serve_over_link};
    ck_assert_int_eq(task_spawn(loop, ask_task, &asking, 0, NULL), 0);
    turn_until(served == 1);
    task_cancel(asking.task, -ECANCELED);
    turn_until(asking.is_done && cancelled == 1);
    test_front_finish(&front);
    ck_assert_int_eq(get("GET", "/"), 200);
    close_both();
}
END_TEST

START_TEST(too_many_are_told_to_come_again)
{
    struct test_front front, other;
    open_both();
    link_adapter.close(&app);
    link_settings.limit = 1;
    ck_assert_int_eq(link_adapter.open(&app), 0);
    test_front_init(&front, "GET", "/wait");
    struct asking asking = {.front = &front, .serve = serve_over_link};
    ck_assert_int_eq(task_spawn(loop, ask_task, &asking, 0, NULL), 0);
    turn_until(served == 1);
    test_front_init(&other, "GET", "/");
    ask(&other, serve_over_link);
    ck_assert_int_eq(other.status, 503);
    ck_assert_str_eq(test_front_find(&other, "Retry-After"), "1");
    test_front_finish(&other);
    task_cancel(asking.task, -ECANCELED);
    turn_until(asking.is_done);
    test_front_finish(&front);
    close_both();
}
END_TEST

/* A client whose body breaks is the app's to hear of, with the same errno. */
START_TEST(a_broken_body_is_broken_alike)
{
    static const int errors[] = {-ECONNRESET, -EBADMSG, -ETIMEDOUT};
    open_both();
    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        struct test_front here, there;
        test_front_init(&here, "POST", "/echo");
        test_front_init(&there, "POST", "/echo");
        test_front_chunked(&here, "abc", 3, 0);
        test_front_chunked(&there, "abc", 3, 0);
        here.input_error = there.input_error = errors[i];
        ask(&here, serve_directly);
        ask(&there, serve_over_link);
        ck_assert_int_eq(here.status, there.status);
        ck_assert_int_eq(here.is_cut, there.is_cut);
        test_front_finish(&here);
        test_front_finish(&there);
    }
    close_both();
}
END_TEST

UNIT_MAIN(a_link_changes_nothing, lines_are_kept, a_death_before_the_answer_is_one_chance_more,
          whoever_stops_waiting_cancels, too_many_are_told_to_come_again,
          a_broken_body_is_broken_alike)
