/* http_server.c - the connections of one server, from the first accept to the last close. */
#include "http/http_server.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/board.h"
#include "base/log.h"
#include "http/client_limits.h"
#include "http/exchange.h"
#include "http/http1.h"
#include "loop/task.h"
#include "loop/ticks.h"

enum { LOGGED_CUTS = 20 };

void http_settings_init(struct http_settings *settings)
{
    *settings = (struct http_settings){
        .idle_timeout_ms = 75000,
        .head_timeout_ms = 10000,
        .body_timeout_ms = 60000,
        .write_timeout_ms = 60000,
        .limits = {.max_target = 8192, .max_head = 32768, .max_headers = 100},
        .max_body = 16 * 1024 * 1024,
        .form_memory = 64 * 1024,
    };
}

static void on_stream(void *data, int fd, const struct peer *peer, const struct endpoint *local)
{
    http_server_accept(data, fd, peer, local);
}

void http_server_init(struct http_server *server, struct ioloop *loop,
                      const struct http_settings *settings, http_serve_fn *serve, void *data)
{
    *server =
        (struct http_server){.loop = loop, .settings = settings, .serve = serve, .data = data};
    tcp_server_init(&server->tcp, loop, on_stream, server);
    http_counters_init(&server->counters, "");
    list_init(&server->connections);
    task_group_init(&server->tasks);
}

void http_server_accept(struct http_server *server, int fd, const struct peer *peer,
                        const struct endpoint *local)
{
    int held = server->limits ? client_limits_hold(server->limits, peer) : 0;
    struct http1_connection *connection = http1_open(server, fd, peer);
    connection->listener = local ? endpoint_key(local) : 0;
    if (held < 0)
        http1_refuse(connection);
    else
        connection->held = held;
}

int http_server_spawn(struct http_server *server, task_fn *fn, void *connection)
{
    if (server->is_on_main_stack)
        return task_spawn_main(server->loop, fn, connection, &server->tasks);
    return task_spawn(server->loop, fn, connection, server->settings->stack_size, &server->tasks);
}

void http_server_prepare(struct http_server *server, struct exchange *exchange)
{
    exchange->errors = server->errors;
    exchange->counters = &server->counters;
    exchange->max_body = server->settings->max_body;
    exchange->form_memory = server->settings->form_memory;
    exchange->body_timeout_ms = server->settings->body_timeout_ms;
    exchange->write_timeout_ms = server->settings->write_timeout_ms;
    request_make_id(&exchange->req);
}

/* "GET /path?query" for reports, as much as the board takes of it. */
static const char *request_line(const struct http_request_head *head, struct arena *arena)
{
    struct gale_str target = head->target;
    if (target.len > BOARD_TEXT)
        target.len = BOARD_TEXT;
    char *line = arena_alloc(arena, head->method.len + 1 + target.len + 1);
    char *to = mempcpy(line, head->method.at, head->method.len);
    *to++ = ' ';
    to = mempcpy(to, target.at, target.len);
    *to = 0;
    return line;
}

void http_server_label(struct exchange *exchange)
{
    const struct gale_request *req = &exchange->req;
    exchange->label = (struct task_label){.request = request_line(&req->head, exchange->arena),
                                          .request_id = req->id};
}

void http_server_account(struct http_server *server, struct exchange *exchange, int result,
                         uint64_t started)
{
    int status = result == 0 ? exchange->res.status : 0;
    int cancelled = task_current() ? task_cancelled(task_current()) : 0;
    server->answered++;
    int64_t duration = ticks_to_ns(ticks_now() - started);
    http_counters_count(exchange->counters, status, exchange->req.body_read,
                        exchange->res.body_sent, duration);
    if (server->access_log && !exchange->is_unlogged)
        access_log_write(server->access_log, exchange,
                         status ? status : error_status_of_cut(result, cancelled), duration);
}

void http_server_drain(struct http_server *server)
{
    server->is_draining = true;
    tcp_server_stop(&server->tcp);
    http_server_set_idle(server, server->idle);
}

void http_server_set_idle(struct http_server *server, enum http_idle idle)
{
    server->idle = idle;
    list_each (&server->connections, link)
        http1_drain(container_of(link, struct http1_connection, link));
}

bool http_server_is_last(const struct http_server *server)
{
    return server->is_draining && server->idle != HTTP_IDLE_PASSES;
}

bool http_server_is_empty(const struct http_server *server)
{
    return server->connection_count == 0 && task_group_is_empty(&server->tasks);
}

void http_server_log_cut(const struct task_label *label, size_t before)
{
    if (before >= LOGGED_CUTS)
        return;
    log_warn("a request is cut", LOG_TEXT("app", label->app ? label->app : "-"),
             LOG_TEXT("request", label->request ? label->request : "-"),
             LOG_TEXT("id", label->request_id ? label->request_id : "-"));
}

size_t http_server_close(struct http_server *server)
{
    size_t cut = 0;
    server->is_draining = true;
    tcp_server_stop(&server->tcp);
    list_each (&server->connections, link) {
        struct http1_connection *connection = container_of(link, struct http1_connection, link);
        if (connection->state != HTTP1_ACTIVE)
            http1_close(connection);
        else if (connection->current)
            http_server_log_cut(&connection->current->exchange.label, cut++);
    }
    task_group_cancel(&server->tasks);
    return cut;
}
