/* server.c - a worker's serving part alone, for counting: its loop, HTTP server, router and plugins
 * without master, channel and pidfds, which valgrind does not know.
 *
 * It is set up as process/worker_open.c sets a worker up, with a board, an access log and what a
 * worker does at the end of each turn, so that a request takes the same path. Prints the port it
 * listens on; SIGTERM ends it. Usage: server CONF ACCESS_LOG */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/app.h"
#include "app/config.h"
#include "app/router.h"
#include "base/board.h"
#include "base/clock.h"
#include "base/ini.h"
#include "base/log.h"
#include "base/str.h"
#include "cli/adapters.h"
#include "http/http_server.h"
#include "loop/ioloop.h"
#include "net/endpoint.h"

static struct ioloop *loop;
static struct http_server http;
static struct access_log access_log;

static void on_turn_end(void *data)
{
    (void)data;
    atomic_store_explicit(&board_mine->heartbeat_ms, clock_mono_ms(), memory_order_relaxed);
    log_sink_flush(&access_log.sink);
    log_flush();
}

static void on_terminate(void *data)
{
    (void)data;
    ioloop_stop(loop);
}

static struct config *open_config(const char *path, struct arena *arena)
{
    struct setting_errors errors = {.arena = arena};
    size_t len = 0;
    char *text = ini_load(path, &len, &errors);
    struct config *config =
        text ? config_parse(path, (struct gale_str){text, len}, adapters, &errors) : NULL;
    if (errors.len) {
        fprintf(stderr, "%s\n", errors.items[0].text);
        exit(1);
    }
    free(text);
    return config;
}

static void open_board(void)
{
    struct board *board;
    int fd;
    if (board_create(&board, &fd) < 0 || board_attach(fd, 0, &board) < 0)
        exit(1);
}

static void listen_somewhere(void)
{
    struct endpoint endpoint;
    (void)endpoint_parse(STR("127.0.0.1:0"), &endpoint);
    int fd = tcp_listen(&endpoint, false, 0, 64);
    if (fd < 0)
        exit(1);
    char text[ENDPOINT_TEXT];
    struct tcp_listener *listener = tcp_server_add(&http.tcp, fd, true);
    printf("%s\n", endpoint_print(&listener->local, text));
    (void)fflush(stdout);
}

static void open_http(struct config *config, struct router *router, const char *log_path)
{
    int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    http_server_init(&http, loop, &config->server.http, router_serve, router);
    access_log_init(&access_log, log, ACCESS_COMBINED);
    http.access_log = &access_log;
    http.tcp.max_connections = 1000;
    http.tcp.gauge = board_metric(BOARD_GAUGE, "gale_connections", "", "Connections.");
    listen_somewhere();
}

int main(int argc, char **argv)
{
    static struct ioloop_call turn_end = {.fn = on_turn_end};
    static struct arena arena;
    struct gale_app *apps;
    struct router router;
    if (argc < 3)
        return 2;
    (void)signal(SIGPIPE, SIG_IGN);
    arena_init(&arena, NULL, 0);
    open_board();
    struct config *config = open_config(argv[1], &arena);
    if (ioloop_create(NULL, &loop) < 0 || apps_open(config, &apps) < 0)
        return 1;
    config->server.http.stack_size = apps_stack_size(apps, config->app_count);
    router_init(&router, apps, config->app_count);
    open_http(config, &router, argv[2]);
    log_gather();
    ioloop_on_turn_end(loop, &turn_end);
    (void)ioloop_on_signal(loop, SIGTERM, on_terminate, NULL);
    return ioloop_run(loop) < 0;
}
