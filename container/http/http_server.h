/* http_server.h - a server of HTTP/1.1 connections: limits, who serves, and an orderly end.
 *
 * Owns its connections; each is a small struct while idle and borrows a task while there is work.
 * `serve` is the one way up: the router, or the control socket's handler, or a test. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/list.h"
#include "http/access_log.h"
#include "http/error_page.h"
#include "http/forwarded.h"
#include "http/http_counters.h"
#include "http/http_parse.h"
#include "loop/task.h"
#include "net/tcp_server.h"

struct client_limits;
struct exchange;
struct gale_request;
struct gale_response;

/* Answers a request; returns what a plugin's serve returns. On a task. */
typedef int http_serve_fn(void *data, struct gale_request *req, struct gale_response *res);

struct http_settings {
    int64_t idle_timeout_ms, head_timeout_ms, body_timeout_ms, write_timeout_ms;
    struct http_limits limits;
    uint64_t max_body;
    uint64_t form_memory;
    size_t stack_size; /* of the tasks; 0: default */
};

/* What becomes of idle connections while the server drains. */
enum http_idle {
    HTTP_IDLE_CLOSES, /* soon */
    HTTP_IDLE_STAYS,  /* until a request comes, which is its last, or the server is closed */
    HTTP_IDLE_PASSES, /* on to another process: answers keep the connection */
};

struct http_server {
    struct ioloop *loop;
    const struct http_settings *settings; /* borrowed */
    http_serve_fn *serve;
    void *data;
    struct tcp_server tcp;
    struct access_log *access_log;       /* borrowed; NULL: none */
    struct error_pages *errors;          /* borrowed; NULL: none */
    const struct forwarded_trust *trust; /* borrowed; NULL: nobody */
    struct client_limits *limits;        /* borrowed; NULL: none */
    struct http_counters counters;       /* of answers that no app gave */
    bool is_on_main_stack; /* requests run there, one after the other: see task_run_main */
    bool is_draining;
    enum http_idle idle;
    size_t connection_count;
    size_t refused_count; /* of those: told that their clients have enough, and about to end */
    uint64_t answered;    /* requests so far */
    struct list connections;
    struct task_group tasks; /* those serving connections */
};

/* Defaults that are safe on the open internet. */
void http_settings_init(struct http_settings *settings);

void http_server_init(struct http_server *server, struct ioloop *loop,
                      const struct http_settings *settings, http_serve_fn *serve, void *data);
/* For fronts: starts the task that serves a connection. 0, or -errno as task_spawn. */
int http_server_spawn(struct http_server *server, task_fn *fn, void *connection);
/* Takes a connected socket; what tcp_server calls. One too many of its client is told so. With
 * `local`, where it came to, it may be handed over some time; NULL: not. */
void http_server_accept(struct http_server *server, int fd, const struct peer *peer,
                        const struct endpoint *local);
/* For fronts: gives an exchange that was made ready the server's limits, pages, counters and a new
 * id; counts and logs it when it has ended as `result` of exchange_finish says, begun at `started`
 * of ticks_now. */
void http_server_prepare(struct http_server *server, struct exchange *exchange);
/* Gives its label what reports say of the request. */
void http_server_label(struct exchange *exchange);
void http_server_account(struct http_server *server, struct exchange *exchange, int result,
                         uint64_t started);
/* No new connections; those there are end after the answer they are at, idle ones as `idle` says,
 * which may be changed later. */
void http_server_drain(struct http_server *server);
void http_server_set_idle(struct http_server *server, enum http_idle idle);
/* Whether the answer that is being given is a connection's last. */
bool http_server_is_last(const struct http_server *server);
bool http_server_is_empty(const struct http_server *server);
/* Says which request is cut, if not too many were `before`. */
void http_server_log_cut(const struct task_label *label, size_t before);
/* Cancels what still runs and closes every connection; returns how many requests were cut. */
size_t http_server_close(struct http_server *server);
