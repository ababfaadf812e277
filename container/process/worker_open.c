/* worker_open.c - the steps from an exec'd process to one that could serve, in their order:
 * unprivileged before any code of others is loaded, limits while there is still a right to. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/app.h"
#include "app/code.h"
#include "app/config.h"
#include "app/dev.h"
#include "app/dev_log.h"
#include "base/board.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/sealed.h"
#include "base/memory.h"
#include "base/str.h"
#include "loop/offload.h"
#include "loop/task.h"
#include "process/channel.h"
#include "process/code_list.h"
#include "process/crash_handler.h"
#include "process/identity.h"
#include "process/worker_private.h"

static void tell_failure(const struct worker *worker, const char *text)
{
    (void)channel_tell(worker->arguments.channel, CHANNEL_FAILED, str_of(text));
}

static int fail(const struct worker *worker, int r, const char *what)
{
    scoped_free char *text = memory_printf("%s: %s", what, strerror(-r));
    log_error(what, LOG_ERRNO(r));
    tell_failure(worker, text);
    return r;
}

static int fail_with(const struct worker *worker, const struct setting_errors *errors)
{
    scoped_free char *text = setting_errors_text(errors);
    log_error("the configuration is wrong", LOG_TEXT("why", text));
    tell_failure(worker, text);
    return -EINVAL;
}

/* ---- the configuration ---- */

/* The master counts apps as we do: it has read the same text. */
static void find_servers(struct worker *worker)
{
    for (size_t i = 0; i < worker->arguments.server_count; i++) {
        const struct worker_server *server = &worker->arguments.servers[i];
        if (server->app >= 0 && (size_t)server->app < worker->config->app_count)
            worker->config->apps[server->app].servers_fd = server->fd;
    }
}

/* Before the configuration, whose apps look at their files. */
static int open_code(struct worker *worker)
{
    struct code *codes;
    size_t count;
    if (worker->arguments.code < 0)
        return 0;
    int r = code_list_read(worker->arguments.code, &worker->arena, &codes, &count);
    if (r < 0)
        return fail(worker, r, "the list of copied plugins cannot be read");
    code_set(codes, count);
    return 0;
}

static int open_config(struct worker *worker)
{
    struct setting_errors errors = {.arena = &worker->arena};
    struct gale_str text;
    int r = sealed_read(worker->arguments.config, &text);
    if (r < 0)
        return fail(worker, r, "the configuration cannot be read");
    worker->config = config_parse_again(worker->arguments.path, text, worker->arguments.base,
                                        worker->adapters, &errors);
    free((char *)text.at);
    if (worker->dev)
        dev_override(worker->config);
    if (errors.len)
        return fail_with(worker, &errors);
    log_set_level((enum log_level)worker->config->server.log_level);
    find_servers(worker);
    r = worker_take_part(worker);
    return r < 0 ? fail(worker, r, "the master and this worker read different configurations") : 0;
}

static int open_dev(struct worker *worker)
{
    const struct worker_arguments *arguments = &worker->arguments;
    if (arguments->dev_state < 0)
        return 0;
    worker->adapters = dev_adapters(worker->adapters);
    int r = dev_open(arguments->dev_state, &worker->dev);
    if (r == 0)
        r = dev_log_attach(arguments->dev_log);
    return r < 0 ? fail(worker, r, "gale dev cannot be followed") : 0;
}

/* ---- rights and limits ---- */

static void set_descriptors(int64_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    rlim_t most = limit.rlim_max;
    limit.rlim_cur = wanted ? (rlim_t)wanted : most;
    if (limit.rlim_cur > most)
        limit.rlim_max = limit.rlim_cur;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
        return;
    log_warn("`descriptors` is more than this process may have; it takes what it gets",
             LOG_NUMBER("wanted", wanted), LOG_NUMBER("got", (int64_t)most));
    limit.rlim_cur = limit.rlim_max = most;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* A master that has died before it was asked to be followed is seen by the channel's end. */
void worker_follow_master(const struct worker *worker)
{
    struct pollfd channel = {.fd = worker->arguments.channel};
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (poll(&channel, 1, 0) > 0 && channel.revents & POLLHUP)
        _exit(1);
}

static int drop_rights(struct worker *worker)
{
    const char *user, *group;
    struct identity identity;
    scoped_free char *why = NULL;
    worker_find_user(worker, &user, &group);
    int r = identity_find(user, group, &identity, &why);
    if (r == 0)
        r = identity_assume(&identity);
    if (r < 0)
        return fail(worker, r, why ? why : "cannot become the configured user");
    /* Changing the user has cleared this; while apps open nobody reads the channel, and a master
     * that is gone would leave a worker in a plugin's endless open. */
    worker_follow_master(worker);
    r = worker_confine(worker);
    return r < 0 ? fail(worker, r, "the worker cannot be confined as its app wants it") : 0;
}

/* ---- the loop and what runs on it ---- */

static int open_loop(struct worker *worker)
{
    static const char *const pollers[] = {"epoll", "poll", "select"};
    const struct server_settings *server = &worker->config->server;
    const struct ioloop_settings settings = {pollers[server->poller], server->loop_warn_ms};
    int r = ioloop_create(&settings, &worker->loop);
    if (r < 0)
        return fail(worker, r, "the event loop cannot be made");
    task_set_max((size_t)server->max_tasks);
    crash_handler_install();
    offload_configure((unsigned)server->offload_threads, (unsigned)server->offload_queue);
    return 0;
}

static int open_apps(struct worker *worker)
{
    if (worker->arguments.is_first && worker->arguments.error_log == STDERR_FILENO)
        apps_fail_quietly();
    if (worker->dev && worker->app)
        dev_prepare(worker->dev, worker->config);
    if (worker->arguments.is_again && !worker->dev)
        apps_may_stay_closed();
    int r = apps_open(worker->config, &worker->apps);
    if (r < 0) {
        tell_failure(worker, apps_failure());
        return r;
    }
    worker->config->server.http.stack_size =
        apps_stack_size(worker->apps, worker->config->app_count);
    return 0;
}

/* config_parse has judged the texts. */
static struct forwarded_trust read_networks(struct worker *worker, const struct setting_list *list)
{
    struct forwarded_network *networks =
        arena_zalloc(&worker->arena, (list->len + 1) * sizeof(*networks));
    struct forwarded_trust trust = {.networks = networks};
    for (size_t i = 0; i < list->len; i++)
        if (forwarded_network_parse(str_of(list->items[i]), &networks[trust.count]) == 0)
            trust.count++;
    return trust;
}

/* Without limits nothing is mapped and nobody looks. */
static int open_limits(struct worker *worker)
{
    const struct server_settings *server = &worker->config->server;
    struct client_limits *limits = &worker->limits;
    if (worker->app || !config_limits_clients(worker->config))
        return 0;
    limits->connections = (uint64_t)server->limit_connections;
    limits->trust = worker->http.trust;
    limits->except = read_networks(worker, &server->limit_except);
    int r = client_limits_open(limits, worker->arguments.board, worker->arguments.slot);
    if (r < 0)
        return fail(worker, r, "the memory of clients' limits cannot be mapped");
    worker->http.limits = worker->router.limits = limits;
    worker->router.rate = &server->rate;
    return 0;
}

/* What a client speaks is settled by the address it came to. */
static bool is_fastcgi(const struct worker *worker, const struct endpoint *local)
{
    const struct setting_list *listen = &worker->config->server.listen;
    struct endpoint endpoint;
    for (size_t i = 0; i < listen->len; i++) {
        struct gale_str text = str_of(listen->items[i]);
        if (config_listen_is_fastcgi(&text) && endpoint_parse(text, &endpoint) == 0 &&
            endpoint_equals(&endpoint, local))
            return true;
    }
    return false;
}

static void on_stream(void *data, int fd, const struct peer *peer, const struct endpoint *local)
{
    struct worker *worker = data;
    if (is_fastcgi(worker, local))
        fcgi_server_accept(&worker->fcgi, fd, peer);
    else
        http_server_accept(&worker->http, fd, peer, local);
}

/* Of what another worker hands over: clients of an address that is served no more are not taken. */
static bool listens(void *data, uint32_t key)
{
    struct worker *worker = data;
    const struct tcp_listener *listener = tcp_server_find(&worker->http.tcp, key);
    return listener && !is_fastcgi(worker, &listener->local);
}

static int open_server(struct worker *worker)
{
    const struct server_settings *server = &worker->config->server;
    struct setting_errors errors = {.arena = &worker->arena};
    if (!worker->app)
        (void)error_pages_open(&worker->error_pages, &server->error_pages, worker->config->base,
                               &errors);
    for (size_t i = 0; i < errors.len; i++)
        log_warn("a configured error page has gone since; gale's own takes its place",
                 LOG_TEXT("why", errors.items[i].text));
    worker->trust = read_networks(worker, &server->trusted_proxies);
    access_log_init(&worker->access_log, worker->arguments.access_log,
                    (enum access_format)server->access_log_format);
    router_init(&worker->router, worker->apps, worker->config->app_count);
    http_server_init(&worker->http, worker->loop, &server->http, router_serve, &worker->router);
    fcgi_server_init(&worker->fcgi, &worker->http);
    link_server_init(&worker->link, &worker->http);
    if (worker->dev && !worker->app) {
        dev_attach(worker->dev, worker->apps, worker->config->app_count, &worker->error_pages,
                   &worker->router);
        worker->http.serve = dev_serve;
        worker->http.data = worker->dev;
    }
    worker->http.tcp.on_stream = on_stream;
    worker->http.tcp.data = worker;
    worker->http.access_log = &worker->access_log;
    worker->http.errors = &worker->error_pages;
    worker->http.trust = worker->trust.count ? &worker->trust : NULL;
    int r = open_limits(worker);
    if (r < 0)
        return r;
    worker->http.tcp.max_connections = (uint64_t)server->max_connections;
    worker->http.tcp.gauge = board_metric(BOARD_GAUGE, "gale_connections", "",
                                          "Connections of clients that are open now.");
    giver_init(&worker->giver, &worker->http);
    worker->giver.on_given = worker_given;
    worker->giver.data = worker;
    taker_init(&worker->taker, &worker->http, listens, worker);
    if (worker->app)
        worker_serve_link(worker);
    coverage_init(&worker->coverage, worker->board, &worker->http.tcp, worker->arguments.place,
                  worker->arguments.sockets, worker->arguments.socket_count);
    return 0;
}

int worker_open(struct worker *worker)
{
    int r = board_attach(worker->arguments.board, worker->arguments.slot, &worker->board);
    if (r < 0)
        return fail(worker, r, "the board cannot be attached");
    r = open_code(worker);
    if (r == 0)
        r = open_dev(worker);
    if (r == 0)
        r = open_config(worker);
    if (r < 0)
        return r;
    set_descriptors(worker->config->server.descriptors);
    r = drop_rights(worker);
    if (r == 0)
        r = open_loop(worker);
    if (r == 0)
        r = open_apps(worker);
    if (r == 0)
        r = open_server(worker);
    return r;
}

/* Threads end before the code that they run; apps after everything that may call them. */
bool worker_close(struct worker *worker)
{
    if (!worker_is_quiet(worker))
        return false;
    taker_close(&worker->taker);
    worker_recycle_stop(&worker->recycle);
    offload_stop();
    if (worker->apps)
        apps_close(worker->apps, worker->config->app_count);
    router_finish(&worker->router);
    error_pages_close(&worker->error_pages);
    access_log_finish(&worker->access_log);
    client_limits_close(&worker->limits);
    dev_close(worker->dev);
    ioloop_destroy(worker->loop);
    config_close(worker->config);
    arena_finish(&worker->arena);
    return true;
}
