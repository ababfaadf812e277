/* http1_connection.c - the life of a connection; serve_one is one request from head to log line. */
#include "http/http1.h"

#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include <gale/plugin.h>

#include "base/arena.h"
#include "base/board.h"
#include "base/log.h"
#include "base/memory.h"
#include "http/client_limits.h"
#include "http/front.h"
#include "http/http_server.h"
#include "loop/task.h"
#include "loop/ticks.h"
#include "net/transport.h"

enum {
    ARENA_FIRST = 8 * 1024,
    TURN_REQUESTS = 16,    /* pipelined requests answered in one turn of the loop */
    LINGER_MS = 2000,      /* how long a client may take to read an error */
    HALF_CLOSED_MS = 1000, /* a client that ended its side is waited for */
    DRAIN_IDLE_MS = 1000,  /* an idle connection's last chance while draining */
    REFUSED_MAX = 64,      /* refused ones that may take their time to read it */
};

static void on_readable(void *data, unsigned events);

/* ---- timers and the client's leaving ---- */

static struct http1_connection *of_timer(void *data)
{
    return data;
}

static int64_t idle_limit_ms(const struct http1_connection *connection)
{
    const struct http_settings *settings = connection->server->settings;
    bool is_last = connection->server->is_draining && connection->server->idle == HTTP_IDLE_CLOSES;
    if (is_last && settings->idle_timeout_ms > DRAIN_IDLE_MS)
        return DRAIN_IDLE_MS;
    return settings->idle_timeout_ms;
}

/* The timer is not moved with each request: it fires at its old time and looks what is due. */
static void idle_expired(struct http1_connection *connection)
{
    struct ioloop *loop = connection->server->loop;
    int64_t left = connection->idle_since_ms + idle_limit_ms(connection) - ioloop_now_ms(loop);
    /* An answer of which the client still takes the last bytes is a matter of write_timeout. */
    if (left <= 0 && iostream_unsent(&connection->stream))
        left = idle_limit_ms(connection);
    if (left > 0)
        timer_start(loop, &connection->timer, left);
    else
        http1_close(connection);
}

static void half_closed_expired(struct http1_connection *connection)
{
    /* A client that ended its side may still be reading: `printf | nc` does. */
    if (connection->stream.is_sending)
        timer_start(connection->server->loop, &connection->timer, HALF_CLOSED_MS);
    else
        task_cancel(connection->task, -ECANCELED);
}

static void on_timer(void *data)
{
    struct http1_connection *connection = of_timer(data);
    if (connection->state == HTTP1_LINGER)
        http1_close(connection);
    else if (connection->state == HTTP1_IDLE)
        idle_expired(connection);
    else if (connection->is_half_closed)
        half_closed_expired(connection);
    else
        timer_start(connection->server->loop, &connection->timer, idle_limit_ms(connection));
}

/* The client hung up while its request is being served and nobody reads. */
static void on_hangup(void *data, unsigned events)
{
    struct http1_connection *connection = data;
    (void)events;
    iostream_on_hangup(&connection->stream, NULL, NULL);
    int state = iostream_peer_state(&connection->stream);
    if (state < 0)
        task_cancel(connection->task, -ECANCELED);
    else if (state == 1 && !connection->is_half_closed) {
        connection->is_half_closed = true;
        timer_start(connection->server->loop, &connection->timer, HALF_CLOSED_MS);
    }
}

/* The task is about to wait: what was answered so far leaves, and a client that leaves is seen. */
static void before_park(void *data)
{
    struct http1_connection *connection = data;
    if (connection->current && !connection->is_half_closed)
        iostream_on_hangup(&connection->stream, on_hangup, connection);
    if (connection->stream.is_sending) /* it is that write which waits */
        return;
    if (connection->current)
        response_push(&connection->current->exchange.res);
    (void)iostream_push(&connection->stream); /* an error sticks in the stream */
}

/* ---- one request ---- */

static void exchange_setup(struct http1_exchange *x, struct arena *arena)
{
    struct http_server *server = x->connection->server;
    struct exchange *exchange = &x->exchange;
    exchange_init(exchange, &http1_front, arena);
    http_server_prepare(server, exchange);
    exchange->req.from = &x->connection->peer;
}

struct head_framer {
    struct http_scan scan;
    const struct http_limits *limits;
    struct http_refusal *refusal;
};

static long frame_head(void *data, const char *at, size_t len)
{
    struct head_framer *framer = data;
    long r = http_scan(&framer->scan, at, len, framer->limits, framer->refusal);
    return r < 0 ? -EPROTO : r;
}

/* Reads a head: its length and place, 0 when the client left before one began, or -errno with the
 * refusal to answer with, if any. */
static long read_head(struct http1_connection *connection, struct head_framer *framer,
                      char **out_data)
{
    const struct http_settings *settings = connection->server->settings;
    struct gale_str have = iostream_buffered(&connection->stream);
    /* A next request that came along is answered before the earlier answers leave. */
    long r = have.len ? frame_head(framer, have.at, have.len) : 0;
    if (r != 0) {
        *out_data = (char *)have.at;
        return r;
    }
    r = iostream_push(&connection->stream);
    if (r < 0)
        return r;
    /* max_head counts from the request line; the empty lines before it come on top. */
    r = iostream_read_frame(&connection->stream, frame_head, framer, framer->limits->max_head + 4,
                            settings->head_timeout_ms, out_data);
    if (r == -ETIMEDOUT && iostream_buffered(&connection->stream).len)
        *framer->refusal = (struct http_refusal){408, "the request's head did not come in time"};
    else if (r == -EMSGSIZE)
        *framer->refusal = (struct http_refusal){431, "the request's head is too large"};
    return r;
}

static void start_body(struct http1_exchange *x)
{
    struct gale_request *req = &x->exchange.req;
    x->body_left = req->head.content_length;
    x->expects_continue = req->head.expects_continue && req->has_body;
    chunked_init(&x->chunked);
}

/* A request that is none: answered for what it could be read as, and the connection ends. */
static int refuse(struct http1_exchange *x, const struct http_refusal *refusal)
{
    struct gale_request *req = &x->exchange.req;
    x->connection->is_keep_alive = false;
    x->connection->is_unread = true;
    if (!req->head.method.at)
        req->head = (struct http_request_head){
            .method = STR("-"), .target = STR("-"), .host = STR(""), .minor = 1};
    req->is_body_done = true;
    error_page_send(&x->exchange, refusal->status, refusal->why);
    return exchange_finish(&x->exchange, GALE_OK);
}

static int serve(struct http1_exchange *x)
{
    struct http_server *server = x->connection->server;
    struct gale_request *req = &x->exchange.req;
    http_server_label(&x->exchange);
    x->connection->current = x;
    task_set_label(x->connection->task, &x->exchange.label);
    int verdict = server->serve(server->data, req, &x->exchange.res);
    int r = exchange_finish(&x->exchange, verdict);
    task_set_label(x->connection->task, NULL);
    x->connection->current = NULL;
    return r;
}

/* What the client still sends of this request must not be taken for the next one. */
static void after_body(struct http1_exchange *x)
{
    struct gale_request *req = &x->exchange.req;
    if (req->is_body_done)
        return;
    if (x->connection->is_keep_alive && iostream_push(&x->connection->stream) == 0 &&
        request_drain(req, HTTP1_DRAIN_MAX) == 0)
        return;
    x->connection->is_keep_alive = false;
    x->connection->is_unread = true;
}

static bool serve_one(struct http1_connection *connection)
{
    alignas(16) char first[ARENA_FIRST];
    struct arena arena;
    struct http1_exchange x = {.connection = connection};
    struct http_refusal refusal = {0};
    struct head_framer framer = {.limits = &connection->server->settings->limits,
                                 .refusal = &refusal};
    char *data;
    long len = read_head(connection, &framer, &data);
    if (len <= 0 && !refusal.status)
        return false;
    arena_init(&arena, first, sizeof(first));
    exchange_setup(&x, &arena);
    uint64_t started = ticks_now();
    int r;
    connection->is_keep_alive = true;
    if (len > 0) {
        struct gale_str head =
            arena_copy(&arena, data + framer.scan.start, (size_t)len - framer.scan.start);
        iostream_consume(&connection->stream, (size_t)len);
        (void)request_parse(&x.exchange.req, (char *)head.at, head.len,
                            &connection->server->settings->limits, &arena, &refusal);
    }
    if (refusal.status) {
        r = refuse(&x, &refusal);
    } else {
        start_body(&x);
        if (connection->server->trust)
            request_resolve_peer(&x.exchange.req, connection->server->trust);
        r = serve(&x);
        after_body(&x);
    }
    http_server_account(connection->server, &x.exchange, r, started);
    arena_finish(&arena);
    return r == 0 && connection->is_keep_alive && !connection->stream.error;
}

/* ---- between requests ---- */

static void become_idle(struct http1_connection *connection)
{
    connection->state = HTTP1_IDLE;
    connection->task = NULL;
    connection->idle_since_ms = ioloop_now_ms(connection->server->loop);
    iostream_on_readable(&connection->stream, on_readable, connection);
    if (!timer_is_running(&connection->timer) || connection->is_half_closed)
        timer_start(connection->server->loop, &connection->timer, idle_limit_ms(connection));
    connection->is_half_closed = false;
}

static void on_lingering(void *data, unsigned events)
{
    struct http1_connection *connection = data;
    (void)events;
    if (!iostream_discard(&connection->stream))
        http1_close(connection);
}

/* Closing a socket with unread bytes resets it, and the client may never read its answer: so the
 * sending side ends first, and what comes is thrown away for a while (RFC 9112 9.6). */
static void linger(struct http1_connection *connection)
{
    connection->task = NULL;
    connection->state = HTTP1_LINGER;
    iostream_consume(&connection->stream, iostream_buffered(&connection->stream).len);
    iostream_on_readable(&connection->stream, on_lingering, connection);
    timer_start(connection->server->loop, &connection->timer, LINGER_MS);
}

static void end_connection(struct http1_connection *connection)
{
    struct iostream *stream = &connection->stream;
    bool is_unread = connection->is_unread || iostream_buffered(stream).len;
    /* A deadline was the app's, and the app is done: the client takes its answer as it can. */
    if (task_cancelled(connection->task) != -ECANCELED)
        task_reset(connection->task);
    if (iostream_flush(stream) < 0 || connection->must_reset) {
        iostream_abort(stream); /* what is not whole must not look as if it were */
    } else if (is_unread && iostream_end(stream) == 0) {
        linger(connection);
        return;
    }
    http1_close(connection);
}

static void connection_task(void *data)
{
    struct http1_connection *connection = data;
    struct task *task = task_current();
    int served = 0;
    connection->task = task;
    task_set_park_hook(task, before_park, connection);
    while (serve_one(connection)) {
        iostream_on_hangup(&connection->stream, NULL, NULL);
        if (!iostream_buffered(&connection->stream).len) {
            if (iostream_push(&connection->stream) < 0)
                break;
            task_set_park_hook(task, NULL, NULL);
            become_idle(connection);
            return;
        }
        task_reset(task);
        if (++served % TURN_REQUESTS == 0 && task_yield() < 0)
            break;
    }
    task_set_park_hook(task, NULL, NULL);
    iostream_on_hangup(&connection->stream, NULL, NULL);
    end_connection(connection);
}

/* Answers without a task. Nothing may wait here: behind the rest of an earlier answer the text
 * leaves as that does, and the end comes when lingering is over. */
static void answer_at_once(struct http1_connection *connection, struct gale_str text)
{
    char *to = iostream_reserve(&connection->stream, text.len);
    if (to) {
        memcpy(to, text.at, text.len);
        iostream_commit(&connection->stream, text.len);
    }
    if (iostream_push(&connection->stream) == 0 && !iostream_unsent(&connection->stream))
        (void)iostream_end(&connection->stream);
    linger(connection);
}

/* No task is left for this connection. */
static void overloaded(struct http1_connection *connection)
{
    http_counters_count(&connection->server->counters, 503, 0, 0, 0);
    answer_at_once(connection, STR("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
                                   "Content-Length: 0\r\nConnection: close\r\n\r\n"));
}

/* Whoever floods must not fill the server with connections that are on their way out. */
void http1_refuse(struct http1_connection *connection)
{
    struct http_server *server = connection->server;
    connection->is_one_too_many = true;
    server->refused_count++;
    answer_at_once(connection, STR("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\n"
                                   "Content-Length: 0\r\nConnection: close\r\n\r\n"));
    if (server->refused_count > REFUSED_MAX)
        http1_close(connection);
}

static void on_readable(void *data, unsigned events)
{
    struct http1_connection *connection = data;
    (void)events;
    connection->state = HTTP1_ACTIVE;
    iostream_on_readable(&connection->stream, NULL, NULL);
    if (http_server_spawn(connection->server, connection_task, connection) < 0)
        overloaded(connection);
}

/* ---- opening and closing ---- */

struct http1_connection *http1_open(struct http_server *server, int fd, const struct peer *peer)
{
    struct http1_connection *connection = memory_zalloc(sizeof(*connection));
    connection->server = server;
    connection->peer = *peer;
    connection->timer = (struct timer){.fn = on_timer, .data = connection};
    iostream_init(&connection->stream, server->loop, fd, &transport_plain,
                  (int32_t)server->settings->write_timeout_ms);
    list_append(&server->connections, &connection->link);
    server->connection_count++;
    become_idle(connection);
    return connection;
}

/* No more the client's here. */
static void release(struct http1_connection *connection)
{
    if (connection->held)
        client_limits_release(connection->server->limits, connection->held);
    connection->held = 0;
}

void http1_close(struct http1_connection *connection)
{
    struct http_server *server = connection->server;
    release(connection);
    server->refused_count -= connection->is_one_too_many;
    timer_stop(server->loop, &connection->timer);
    iostream_close(&connection->stream);
    list_remove(&connection->link);
    server->connection_count--;
    tcp_server_release(&server->tcp);
    free(connection);
}

void http1_drain(struct http1_connection *connection)
{
    struct ioloop *loop = connection->server->loop;
    int64_t limit_ms = idle_limit_ms(connection);
    int64_t left_ms = connection->idle_since_ms + connection->server->settings->idle_timeout_ms -
                      ioloop_now_ms(loop);
    if (connection->state == HTTP1_IDLE)
        timer_start(loop, &connection->timer, left_ms < limit_ms ? left_ms : limit_ms);
}

void http1_pack(struct http1_connection *connection)
{
    connection->state = HTTP1_PACKED;
    release(connection); /* whoever takes it counts it, and it must not count twice */
    timer_stop(connection->server->loop, &connection->timer);
    /* Before somebody else gets a duplicate: the kernel goes on to tell us of it until the last of
     * them is closed. */
    ioloop_forget(connection->server->loop, connection->stream.fd);
}

void http1_unpack(struct http1_connection *connection)
{
    connection->state = HTTP1_IDLE;
    if (connection->server->limits)
        connection->held = client_limits_keep(connection->server->limits, &connection->peer);
    iostream_on_readable(&connection->stream, on_readable, connection);
    http1_drain(connection);
}
