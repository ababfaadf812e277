/* tcp_server.c - the accept loop, and when not to accept.
 *
 * A listener is watched while somebody wants it to be and the server is not pausing. It pauses when
 * a connection more cannot be had: at max_connections until one has gone (at the latest after
 * PAUSE_MS, since it may have gone from another process), without descriptors or memory for
 * PAUSE_MS. Meanwhile clients wait in the backlog. If there is still no descriptor after that, the
 * reserve is spent on telling some of them: accepted and closed, they can try elsewhere. */
#include "net/tcp_server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/board.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/memory.h"

enum { ACCEPTS_A_TURN = 16, PAUSE_MS = 100, WARNING_MS = 10 * 1000 };

/* ---- what is watched ---- */

static void on_acceptable(void *data, unsigned events);

static bool is_pausing(const struct tcp_server *server)
{
    return timer_is_running(&server->pause) || server->is_suspended;
}

/* The kernel is told at once not to wake this process: it might wake no other one for the same
 * client (EPOLLEXCLUSIVE). */
static void apply(struct tcp_listener *listener)
{
    struct ioloop *loop = listener->server->loop;
    if (!listener->is_watched || is_pausing(listener->server)) {
        ioloop_forget(loop, listener->fd);
        return;
    }
    unsigned event = IOLOOP_READ | (listener->is_shared ? IOLOOP_EXCLUSIVE : 0);
    int r = ioloop_watch(loop, listener->fd, event, on_acceptable, listener);
    if (r < 0)
        log_error("cannot watch a listener", LOG_ERRNO(r));
}

static void apply_all(struct tcp_server *server)
{
    list_each (&server->listeners, link)
        apply(container_of(link, struct tcp_listener, link));
}

static void pause_accepting(struct tcp_server *server)
{
    timer_start(server->loop, &server->pause, PAUSE_MS);
    apply_all(server);
}

static void resume_accepting(struct tcp_server *server)
{
    timer_stop(server->loop, &server->pause);
    server->is_full = false;
    apply_all(server);
}

/* ---- running out ---- */

static void open_reserve(struct tcp_server *server)
{
    if (server->reserve_fd < 0)
        server->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void on_pause_end(void *data)
{
    open_reserve(data);
    resume_accepting(data);
}

static bool may_warn(struct tcp_server *server)
{
    int64_t now_ms = ioloop_now_ms(server->loop);
    if (server->last_warning_ms && now_ms - server->last_warning_ms < WARNING_MS)
        return false;
    server->last_warning_ms = now_ms;
    return true;
}

static void warn_exhausted(struct tcp_server *server, int r)
{
    struct rlimit limit = {0};
    if (!may_warn(server))
        return;
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    const char *hint = "memory or sockets of the system ran out";
    if (r == -EMFILE)
        hint = "raise `descriptors`, or what the system allows (ulimit -n, LimitNOFILE=)";
    else if (r == -ENFILE)
        hint = "raise the system's limit of files (sysctl fs.file-max)";
    log_warn("new connections have to wait", LOG_ERRNO(r),
             LOG_NUMBER("descriptors", (int64_t)limit.rlim_cur), LOG_TEXT("hint", hint));
}

static void warn_full(struct tcp_server *server)
{
    if (may_warn(server))
        log_warn("new connections have to wait",
                 LOG_NUMBER("max_connections", (int64_t)server->max_connections));
}

static void turn_away(int listener)
{
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        close(fd);
    }
}

/* Tells some of those who wait that there is no room: with the one descriptor of the reserve,
 * accepted and closed one by one. */
static void shed(struct tcp_server *server)
{
    if (server->reserve_fd < 0)
        return;
    close(steal_fd(&server->reserve_fd));
    list_each (&server->listeners, link) {
        struct tcp_listener *listener = container_of(link, struct tcp_listener, link);
        if (listener->is_watched)
            turn_away(listener->fd);
    }
    open_reserve(server);
}

static bool is_exhausted(int r)
{
    return r == -EMFILE || r == -ENFILE || r == -ENOBUFS || r == -ENOMEM;
}

/* The first time clients may wait a little; if that did not help, some are turned away. */
static void on_exhausted(struct tcp_server *server, int r)
{
    int64_t now_ms = ioloop_now_ms(server->loop);
    bool is_again = server->exhausted_ms && now_ms - server->exhausted_ms <= 2 * PAUSE_MS;
    server->exhausted_ms = now_ms;
    warn_exhausted(server, r);
    if (is_again)
        shed(server);
    pause_accepting(server);
}

/* ---- accepting ---- */

/* Failures of one connection, not of the listener: accept(2) hands out what befell it on the way.
 */
static bool is_passing(int r)
{
    switch (-r) {
    case ECONNABORTED:
    case EINTR:
    case EPROTO:
    case EPERM:
    case ETIMEDOUT:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
        return true;
    default:
        return false;
    }
}

static bool hold_one(struct tcp_server *server)
{
    if (server->gauge < 0)
        return true;
    return board_hold(server->gauge,
                      server->max_connections ? server->max_connections : UINT64_MAX);
}

static void on_failure(struct tcp_listener *listener, int r)
{
    if (r == -EAGAIN)
        return;
    if (is_exhausted(r)) {
        on_exhausted(listener->server, r);
        return;
    }
    log_error("a listener failed", LOG_ERRNO(r));
    tcp_listener_watch(listener, false);
}

/* Accepts one connection and hands it over. False when this listener has to stop for this turn. */
static bool accept_one(struct tcp_listener *listener)
{
    struct tcp_server *server = listener->server;
    struct endpoint from = {.len = sizeof(from.addr)};
    struct peer peer;
    if (!hold_one(server)) {
        server->is_full = true;
        warn_full(server);
        pause_accepting(server);
        return false;
    }
    int fd = accept4(listener->fd, &from.addr.any, &from.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        int r = -errno;
        board_release(server->gauge);
        if (!is_passing(r))
            on_failure(listener, r);
        return is_passing(r);
    }
    peer_set(&peer, &from);
    server->on_stream(server->data, fd, &peer, &listener->local);
    return true;
}

/* on_stream may stop the listener or the whole server, which then frees the listener. */
static void on_acceptable(void *data, unsigned events)
{
    (void)events;
    struct tcp_listener *listener = data;
    struct tcp_server *server = listener->server;
    server->accepting = listener;
    for (int i = 0; i < ACCEPTS_A_TURN; i++)
        if (!accept_one(listener) || server->accepting != listener || !listener->is_watched ||
            server->is_suspended)
            break;
    server->accepting = NULL;
}

/* ---- life cycle ---- */

void tcp_server_init(struct tcp_server *server, struct ioloop *loop,
                     tcp_server_stream_fn *on_stream, void *data)
{
    *server = (struct tcp_server){
        .loop = loop,
        .on_stream = on_stream,
        .data = data,
        .gauge = -1,
        .pause = {.fn = on_pause_end, .data = server},
        .reserve_fd = -1,
    };
    list_init(&server->listeners);
    open_reserve(server);
}

static void set_options(int fd, sa_family_t family)
{
    int on = 1, flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && !(flags & O_NONBLOCK)) /* an inherited one may block */
        (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    /* On Linux what is accepted has it from the listener, which saves a call for each. */
    if (family != AF_UNIX)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

struct tcp_listener *tcp_server_add(struct tcp_server *server, int fd, bool watched)
{
    struct tcp_listener *listener = memory_zalloc(sizeof(*listener));
    *listener = (struct tcp_listener){.server = server, .fd = fd};
    listener->local.len = sizeof(listener->local.addr);
    if (getsockname(fd, &listener->local.addr.any, &listener->local.len) < 0)
        listener->local = (struct endpoint){0};
    listener->key = endpoint_key(&listener->local);
    set_options(fd, listener->local.addr.any.sa_family);
    list_append(&server->listeners, &listener->link);
    tcp_listener_watch(listener, watched);
    return listener;
}

void tcp_listener_watch(struct tcp_listener *listener, bool watched)
{
    listener->is_watched = watched;
    apply(listener);
}

/* Watched anew, it is looked at at once. */
void tcp_listener_look(struct tcp_listener *listener)
{
    ioloop_forget(listener->server->loop, listener->fd);
    apply(listener);
}

const struct tcp_listener *tcp_server_find(const struct tcp_server *server, uint32_t key)
{
    list_each (&server->listeners, link) {
        const struct tcp_listener *listener = container_of(link, struct tcp_listener, link);
        if (listener->key == key)
            return listener;
    }
    return NULL;
}

void tcp_server_hold(struct tcp_server *server)
{
    if (server->gauge >= 0)
        (void)board_hold(server->gauge, UINT64_MAX);
}

void tcp_server_suspend(struct tcp_server *server, bool suspended)
{
    server->is_suspended = suspended;
    apply_all(server);
}

void tcp_server_release(struct tcp_server *server)
{
    board_release(server->gauge);
    if (server->is_full)
        resume_accepting(server);
}

/* A listener may have duplicates in other processes, so the kernel must be told to forget it. */
void tcp_listener_close(struct tcp_listener *listener)
{
    if (listener->server->accepting == listener)
        listener->server->accepting = NULL;
    list_remove(&listener->link);
    ioloop_forget(listener->server->loop, listener->fd);
    close(listener->fd);
    free(listener);
}

void tcp_server_stop(struct tcp_server *server)
{
    list_each (&server->listeners, link)
        tcp_listener_close(container_of(link, struct tcp_listener, link));
    timer_stop(server->loop, &server->pause);
    server->is_full = false;
    server->accepting = NULL;
    if (server->reserve_fd >= 0)
        close(steal_fd(&server->reserve_fd));
}
