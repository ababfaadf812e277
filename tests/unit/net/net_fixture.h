/* net_fixture.h - a loop, connected sockets and tasks, for the tests of net.
 *
 * Every test of streams runs on each setup: both kinds of sockets, each poller. */
#pragma once
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include "base/macros.h"
#include "base/str.h"
#include "loop/ioloop.h"
#include "loop/on_waiters.h"
#include "loop/task.h"
#include "net/iostream.h"
#include "net/transport.h"

struct setup {
    const char *poller;
    int family;
};

static const struct setup setups[] = {
    {"epoll", AF_INET}, {"epoll", AF_UNIX},  {"poll", AF_INET},
    {"poll", AF_UNIX},  {"select", AF_INET}, {"select", AF_UNIX},
};

/* Two ends of one connection. */
struct link {
    struct ioloop *loop;
    struct iostream a, b;
};

static inline void connect_pair(int family, int fds[2])
{
    if (family == AF_UNIX) {
        int r = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds);
        ck_assert_int_eq(r, 0);
        return;
    }
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&at, len), 0);
    ck_assert_int_eq(listen(listener, 8), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(fds[0], (struct sockaddr *)&at, len), 0);
    fds[1] = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    ck_assert_int_ge(fds[1], 0);
    close(listener);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
        ck_assert_int_eq(fcntl(fds[i], F_SETFL, O_NONBLOCK), 0);
    }
}

static inline struct ioloop *open_loop(const char *poller)
{
    struct ioloop *loop;
    struct ioloop_settings settings = {.poller = poller};
    signal(SIGPIPE, SIG_IGN);
    ck_assert_int_eq(ioloop_create(&settings, &loop), 0);
    return loop;
}

static inline void link_open(struct link *link, const struct setup *setup)
{
    int fds[2];
    link->loop = open_loop(setup->poller);
    connect_pair(setup->family, fds);
    iostream_init(&link->a, link->loop, fds[0], &transport_plain, 10000);
    iostream_init(&link->b, link->loop, fds[1], &transport_plain, 10000);
}

static inline void link_close(struct link *link)
{
    ck_assert_uint_eq(task_count(), 0);
    iostream_close(&link->a);
    iostream_close(&link->b);
    ioloop_destroy(link->loop);
}

static inline void spawn(struct ioloop *loop, task_fn *fn, void *data)
{
    ck_assert_int_eq(task_spawn(loop, fn, data, 0, NULL), 0);
}

/* Turns the loop until no task is left. */
static inline void run_tasks(struct ioloop *loop)
{
    int turns = 0, r = 0; /* asserted at the end: each assertion costs Check a system call */
    while (task_count() > 0 && turns++ < 2000000 && r == 0)
        r = ioloop_turn(loop, 1); /* the last one may end before the poll */
    ck_assert_int_eq(r, 0);
    ck_assert_msg(task_count() == 0, "tasks that never end");
}

struct both {
    task_fn *a, *b;
    void *data;
};

/* b begins when a waits, and may outlive it. */
static inline void run_on_main(void *data)
{
    const struct both *both = data;
    if (both->b)
        spawn(task_loop(task_current()), both->b, both->data);
    both->a(both->data);
    while (task_count() > 1)
        ck_assert_int_eq(task_sleep(1), 0);
}

/* Starts both and runs them to their end; where the program says so, `a` on the main stack. */
static inline void run_both(struct link *link, task_fn *a, task_fn *b, void *data)
{
    struct both both = {a, b, data};
    if (is_on_main) {
        run_task(link->loop, run_on_main, &both);
        return;
    }
    spawn(link->loop, a, data);
    if (b)
        spawn(link->loop, b, data);
    run_tasks(link->loop);
}

static inline void run_turns(struct ioloop *loop, int n)
{
    while (n-- > 0)
        ck_assert_int_eq(ioloop_turn(loop, 10), 0);
}

/* Small buffers in the kernel, so that a few KiB fill them. */
static inline void shrink_buffers(const struct link *link)
{
    int small = 4096;
    const int fds[2] = {link->a.fd, link->b.fd};
    for (int i = 0; i < 2; i++) {
        setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
        setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    }
}

static inline int write_bytes(struct iostream *stream, const void *at, size_t len)
{
    struct iovec iov = {(void *)(uintptr_t)at, len};
    return iostream_write(stream, &iov, 1);
}

static inline int write_text(struct iostream *stream, const char *text)
{
    return write_bytes(stream, text, strlen(text));
}

/* Straight into the kernel, past the stream. */
static inline void send_raw(int fd, const void *at, size_t len)
{
    ck_assert_int_eq(send(fd, at, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* Closes so that the peer is told of a reset (TCP) or of lost bytes (unix). */
static inline void reset(struct iostream *stream)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    iostream_close(stream);
}

/* A generator whose sequence is the same each time. */
static inline uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

static inline uint64_t hash_bytes(uint64_t hash, const char *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)at[i]) * 1099511628211u;
    return hash;
}
enum { HASH_START = 1469598103 };
