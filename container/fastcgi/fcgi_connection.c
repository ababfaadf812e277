/* fcgi_connection.c - the life of a connection; serve_one is one request from BEGIN to END. */
#include "fastcgi/fcgi_front.h"

#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include <gale/plugin.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "fastcgi/fcgi_request.h"
#include "fastcgi/fcgi_server.h"
#include "http/front.h"
#include "http/http_server.h"
#include "loop/task.h"
#include "loop/ticks.h"
#include "net/transport.h"

enum {
    ARENA_FIRST = 8 * 1024,
    TURN_REQUESTS = 16,    /* requests that had come already, answered in one turn of the loop */
    LINGER_MS = 2000,      /* how long a web server may take to read the end */
    HALF_CLOSED_MS = 1000, /* one that ended its side is waited for */
    DRAIN_IDLE_MS = 1000,  /* an idle connection's last chance while draining */
    PARAMS_SLACK = 32768,  /* what a web server says beyond the head itself */
};

static void on_idle_readable(void *data, unsigned events);

static struct http_server *http_of(const struct fcgi_connection *connection)
{
    return connection->server->http;
}

static struct ioloop *loop_of(const struct fcgi_connection *connection)
{
    return http_of(connection)->loop;
}

/* ---- timers and the web server's leaving ---- */

static void half_closed_expired(struct fcgi_connection *connection)
{
    if (connection->stream.is_sending) /* it still takes what is sent */
        timer_start(loop_of(connection), &connection->timer, HALF_CLOSED_MS);
    else
        task_cancel(connection->task, -ECANCELED);
}

static int64_t idle_limit_ms(const struct fcgi_connection *connection)
{
    int64_t limit_ms = http_of(connection)->settings->idle_timeout_ms;
    bool is_last =
        http_of(connection)->is_draining && http_of(connection)->idle == HTTP_IDLE_CLOSES;
    return is_last && limit_ms > DRAIN_IDLE_MS ? DRAIN_IDLE_MS : limit_ms;
}

static void idle_expired(struct fcgi_connection *connection)
{
    int64_t left_ms =
        connection->idle_since_ms + idle_limit_ms(connection) - ioloop_now_ms(loop_of(connection));
    if (left_ms > 0)
        timer_start(loop_of(connection), &connection->timer, left_ms);
    else
        fcgi_connection_close(connection);
}

static void on_timer(void *data)
{
    struct fcgi_connection *connection = data;
    if (connection->state == FCGI_STATE_LINGER)
        fcgi_connection_close(connection);
    else if (connection->state == FCGI_STATE_IDLE)
        idle_expired(connection);
    else if (connection->is_half_closed)
        half_closed_expired(connection);
    else
        timer_start(loop_of(connection), &connection->timer, idle_limit_ms(connection));
}

static void stop_watching(struct fcgi_connection *connection)
{
    iostream_on_readable(&connection->stream, NULL, NULL);
    iostream_on_hangup(&connection->stream, NULL, NULL);
}

static void peer_left(struct fcgi_connection *connection)
{
    stop_watching(connection);
    int state = iostream_peer_state(&connection->stream);
    if (state < 0)
        task_cancel(connection->task, -ECANCELED);
    else if (state == 1 && !connection->is_half_closed) {
        connection->is_half_closed = true;
        timer_start(loop_of(connection), &connection->timer, HALF_CLOSED_MS);
    }
}

static void on_hangup(void *data, unsigned events)
{
    (void)events;
    peer_left(data);
}

/* Something came while the request is being served and nobody reads. */
static void on_readable(void *data, unsigned events)
{
    struct fcgi_connection *connection = data;
    (void)events;
    ssize_t n = iostream_fill(&connection->stream, IOBUF_SIZE);
    if (n == 0 || (n < 0 && n != -EAGAIN && n != -EMSGSIZE))
        peer_left(connection);
    else if (!fcgi_look(connection))
        iostream_on_readable(&connection->stream, NULL, NULL);
}

/* The task is about to wait: what was answered so far leaves, and what comes is looked at. */
static void before_park(void *data)
{
    struct fcgi_connection *connection = data;
    struct fcgi_exchange *x = connection->current;
    if (x && !connection->is_half_closed)
        iostream_on_hangup(&connection->stream, on_hangup, connection);
    if (x && !connection->is_reading && !connection->is_half_closed && fcgi_look(connection))
        iostream_on_readable(&connection->stream, on_readable, connection);
    if (connection->stream.is_sending) /* it is that write which waits */
        return;
    if (x)
        response_push(&x->exchange.res);
    (void)iostream_push(&connection->stream); /* an error sticks in the stream */
}

/* ---- one request ---- */

/* Reads the whole stream of PARAMS. What is beyond the limit is dropped, so that it can be
 * answered: *out_over. Returns 1, 0 when the request was aborted before it began, or -errno. */
static int read_params(struct fcgi_exchange *x, struct buffer *params, bool *out_over)
{
    struct fcgi_connection *connection = x->connection;
    const struct http_settings *settings = http_of(connection)->settings;
    size_t limit = 2 * settings->limits.max_head + PARAMS_SLACK;
    struct gale_str piece;
    for (;;) {
        int r = fcgi_next_record(connection, x, settings->head_timeout_ms);
        if (r <= 0)
            return r < 0 ? r : -ENODATA;
        const struct fcgi_record *record = &connection->reader.record;
        if (record->type == FCGI_ABORT_REQUEST)
            return 0;
        if (record->type != FCGI_PARAMS || !record->length)
            return record->type == FCGI_PARAMS ? 1 : -EPROTO;
        while ((r = fcgi_read_piece(&connection->reader, settings->head_timeout_ms, &piece)) > 0) {
            *out_over |= params->len + piece.len > limit;
            if (!*out_over)
                buffer_add_str(params, piece);
        }
        if (r < 0)
            return r;
    }
}

/* What cannot be served as it is: answered, so that the web server has something to say. */
static int refuse(struct fcgi_exchange *x, const struct http_refusal *refusal)
{
    struct gale_request *req = &x->exchange.req;
    if (!req->head.method.at)
        req->head = (struct http_request_head){
            .method = STR("-"), .target = STR("-"), .host = STR(""), .minor = 1};
    if (!req->peer.at)
        req->from = &x->connection->peer;
    req->is_body_done = true;
    error_page_send(&x->exchange, refusal->status, refusal->why);
    return exchange_finish(&x->exchange, GALE_OK);
}

static int serve(struct fcgi_exchange *x)
{
    struct http_server *http = http_of(x->connection);
    http_server_label(&x->exchange);
    x->connection->current = x;
    task_set_label(x->connection->task, &x->exchange.label);
    int verdict = http->serve(http->data, &x->exchange.req, &x->exchange.res);
    int r = exchange_finish(&x->exchange, verdict);
    task_set_label(x->connection->task, NULL);
    x->connection->current = NULL;
    stop_watching(x->connection);
    return r;
}

static int answer(struct fcgi_exchange *x, struct gale_str params, bool is_over)
{
    struct http_server *http = http_of(x->connection);
    struct exchange *exchange = &x->exchange;
    struct http_refusal refusal = {0};
    struct fcgi_said said = {0};
    bool has_body = x->role == FCGI_RESPONDER;
    if (is_over)
        http_refuse(&refusal, 431, "the variables are larger than max_head allows");
    else
        (void)fcgi_request_make(params, has_body, &http->settings->limits, exchange->arena,
                                &exchange->req, &said, &refusal);
    if (refusal.status)
        return refuse(x, &refusal);
    x->local = said.server_addr;
    x->local_port = fcgi_request_port(said.server_port);
    if (http->trust)
        request_resolve_peer(&exchange->req, http->trust);
    return serve(x);
}

/* An aborted request of which nothing was answered ends in order; the connection may go on. */
static void end_aborted(struct fcgi_exchange *x)
{
    struct fcgi_connection *connection = x->connection;
    if (x->has_output || connection->stream.error)
        return;
    connection->is_cut = !fcgi_put_end(&connection->stream, x->id, FCGI_REQUEST_COMPLETE);
    connection->is_kept = x->is_kept && !connection->is_cut;
}

/* From PARAMS to the end. */
static void run(struct fcgi_exchange *x)
{
    struct fcgi_connection *connection = x->connection;
    struct buffer params = {0};
    bool is_over = false;
    uint64_t started = ticks_now();
    connection->is_reading = true;
    int r = read_params(x, &params, &is_over);
    connection->is_reading = false;
    if (r == 0) {
        (void)fcgi_put_end(&connection->stream, x->id, FCGI_REQUEST_COMPLETE);
    } else if (r > 0) {
        http_server_prepare(http_of(connection), &x->exchange);
        r = answer(x, buffer_str(&params), is_over);
        http_server_account(http_of(connection), &x->exchange, r, started);
        if (x->is_aborted)
            end_aborted(x);
    } else {
        connection->is_kept = false;
    }
    connection->is_unread = x->role == FCGI_RESPONDER && !x->is_input_ended;
    buffer_finish(&params);
}

/* Reads BEGIN_REQUEST: 1, 0 when there is none and nothing else to do either, or -errno. */
static int read_begin(struct fcgi_exchange *x)
{
    struct fcgi_connection *connection = x->connection;
    int64_t timeout_ms = http_of(connection)->settings->head_timeout_ms;
    FCGI_BeginRequestBody body;
    connection->is_reading = true;
    int r = fcgi_next_record(connection, NULL, timeout_ms);
    if (r > 0)
        r = fcgi_read_exactly(&connection->reader, &body, sizeof(body), timeout_ms);
    else if (r == 0 && connection->stream.is_ended)
        r = -ENODATA;
    else if (r == 0)
        return 0;
    connection->is_reading = false;
    if (r < 0)
        return r;
    x->id = connection->reader.record.id;
    x->role = (uint16_t)(body.roleB1 << 8 | body.roleB0);
    x->is_kept = connection->is_kept = body.flags & FCGI_KEEP_CONN;
    return 1;
}

/* Returns whether the connection goes on. */
static bool serve_one(struct fcgi_connection *connection)
{
    alignas(16) char first[ARENA_FIRST];
    struct arena arena;
    struct fcgi_exchange x = {.connection = connection};
    int r = read_begin(&x);
    connection->is_reading = false;
    if (r <= 0)
        return r == 0;
    if (x.role != FCGI_RESPONDER && x.role != FCGI_AUTHORIZER) {
        connection->is_unread = true;
        return fcgi_put_end(&connection->stream, x.id, FCGI_UNKNOWN_ROLE) && connection->is_kept;
    }
    arena_init(&arena, first, sizeof(first));
    exchange_init(&x.exchange, &fcgi_front, &arena);
    run(&x);
    arena_finish(&arena);
    return connection->is_kept && !connection->is_cut && !http_of(connection)->is_draining &&
           !connection->stream.error;
}

/* ---- between requests ---- */

static void become_idle(struct fcgi_connection *connection)
{
    connection->state = FCGI_STATE_IDLE;
    connection->task = NULL;
    connection->idle_since_ms = ioloop_now_ms(loop_of(connection));
    iostream_on_readable(&connection->stream, on_idle_readable, connection);
    if (!timer_is_running(&connection->timer) || connection->is_half_closed)
        timer_start(loop_of(connection), &connection->timer, idle_limit_ms(connection));
    connection->is_half_closed = false;
}

static void on_lingering(void *data, unsigned events)
{
    struct fcgi_connection *connection = data;
    (void)events;
    if (!iostream_discard(&connection->stream))
        fcgi_connection_close(connection);
}

/* Closing a socket with unread bytes resets it, and the answer may be lost: so the sending side
 * ends first, and what comes is thrown away for a while. */
static void linger(struct fcgi_connection *connection)
{
    connection->task = NULL;
    connection->state = FCGI_STATE_LINGER;
    iostream_consume(&connection->stream, iostream_buffered(&connection->stream).len);
    iostream_on_readable(&connection->stream, on_lingering, connection);
    timer_start(loop_of(connection), &connection->timer, LINGER_MS);
}

/* An answer without END_REQUEST is not whole, but nginx takes the end of a connection for the end
 * of an answer, unless it both buffers it and keeps connections. What is no record at all is an
 * error to every web server. */
static void spoil(struct fcgi_connection *connection)
{
    static const unsigned char no_record[FCGI_HEADER_SIZE]; /* of version 0 */
    if (!connection->is_torn)
        (void)iostream_put(&connection->stream, no_record, sizeof(no_record));
}

static void end_connection(struct fcgi_connection *connection)
{
    bool is_unread = connection->is_unread || iostream_buffered(&connection->stream).len;
    if (connection->is_cut) {
        spoil(connection);
        (void)iostream_push(&connection->stream);
        iostream_abort(&connection->stream);
    } else if (iostream_flush(&connection->stream) == 0 && is_unread &&
               iostream_end(&connection->stream) == 0) {
        linger(connection);
        return;
    }
    fcgi_connection_close(connection);
}

static void connection_task(void *data)
{
    struct fcgi_connection *connection = data;
    struct task *task = task_current();
    int served = 0;
    connection->task = task;
    task_set_park_hook(task, before_park, connection);
    while (serve_one(connection)) {
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
    end_connection(connection);
}

/* No task is left: whoever begins a request is told so without one. */
static void overloaded(struct fcgi_connection *connection)
{
    struct fcgi_record record;
    (void)iostream_fill(&connection->stream, IOBUF_SIZE);
    struct gale_str have = iostream_buffered(&connection->stream);
    if (have.len < FCGI_HEADER_SIZE ||
        fcgi_record_decode((const unsigned char *)have.at, &record) < 0 ||
        record.type != FCGI_BEGIN_REQUEST) {
        fcgi_connection_close(connection);
        return;
    }
    (void)fcgi_put_end(&connection->stream, record.id, FCGI_OVERLOADED);
    http_counters_count(&http_of(connection)->counters, 503, 0, 0, 0);
    /* So little never waits; what the socket does not take at once is lost with it. */
    (void)iostream_push(&connection->stream);
    (void)iostream_end(&connection->stream);
    linger(connection);
}

static void on_idle_readable(void *data, unsigned events)
{
    struct fcgi_connection *connection = data;
    (void)events;
    connection->state = FCGI_STATE_ACTIVE;
    iostream_on_readable(&connection->stream, NULL, NULL);
    if (http_server_spawn(http_of(connection), connection_task, connection) < 0)
        overloaded(connection);
}

/* ---- opening and closing ---- */

void fcgi_connection_open(struct fcgi_server *server, int fd, const struct peer *peer)
{
    struct fcgi_connection *connection = memory_zalloc(sizeof(*connection));
    connection->server = server;
    connection->peer = *peer;
    connection->timer = (struct timer){.fn = on_timer, .data = connection};
    iostream_init(&connection->stream, server->http->loop, fd, &transport_plain,
                  (int32_t)server->http->settings->write_timeout_ms);
    fcgi_reader_init(&connection->reader, &connection->stream);
    list_append(&server->connections, &connection->link);
    server->connection_count++;
    become_idle(connection);
}

void fcgi_connection_close(struct fcgi_connection *connection)
{
    struct fcgi_server *server = connection->server;
    timer_stop(server->http->loop, &connection->timer);
    iostream_close(&connection->stream);
    list_remove(&connection->link);
    server->connection_count--;
    tcp_server_release(&server->http->tcp);
    free(connection);
}

void fcgi_connection_drain(struct fcgi_connection *connection)
{
    if (connection->state == FCGI_STATE_IDLE)
        timer_start(loop_of(connection), &connection->timer, idle_limit_ms(connection));
}
