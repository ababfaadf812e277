/* poller_epoll.c - epoll, level-triggered: the poller for everything but tests of the others.
 *
 * Number and tag travel through the kernel in the event's 64 bits. EPOLLERR and EPOLLHUP come
 * whatever was asked for, so a descriptor without interest is taken out of the set. */
#include "loop/poller.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/memory.h"
#include "loop/ioloop.h"

enum { EVENTS_MAX = 256 };

struct poller {
    int fd;
    struct epoll_event events[EVENTS_MAX];
};

static int open_epoll(struct poller **out_poller)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0)
        return -errno;
    struct poller *poller = memory_zalloc(sizeof(*poller));
    poller->fd = fd;
    *out_poller = poller;
    return 0;
}

static void close_epoll(struct poller *poller)
{
    close(poller->fd);
    free(poller);
}

static uint32_t mask_of(unsigned events)
{
    return (events & IOLOOP_READ ? EPOLLIN : 0) | (events & IOLOOP_WRITE ? EPOLLOUT : 0) |
           (events & IOLOOP_HANGUP ? EPOLLRDHUP : 0) |
           (events & IOLOOP_EXCLUSIVE ? (uint32_t)EPOLLEXCLUSIVE : 0);
}

static unsigned events_of(uint32_t mask)
{
    if (mask & (EPOLLERR | EPOLLHUP))
        return IOLOOP_READ | IOLOOP_WRITE | IOLOOP_HANGUP;
    return (mask & EPOLLIN ? IOLOOP_READ : 0) | (mask & EPOLLOUT ? IOLOOP_WRITE : 0) |
           (mask & EPOLLRDHUP ? IOLOOP_HANGUP : 0);
}

static int set_epoll(struct poller *poller, int fd, uint32_t tag, unsigned had, unsigned want)
{
    struct epoll_event event = {.events = mask_of(want),
                                .data.u64 = (uint64_t)tag << 32 | (uint32_t)fd};
    /* What is exclusive cannot be changed, only be given up. */
    if (had && want && (had | want) & IOLOOP_EXCLUSIVE) {
        (void)epoll_ctl(poller->fd, EPOLL_CTL_DEL, fd, NULL);
        had = 0;
    }
    int op = !want ? EPOLL_CTL_DEL : had ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    int r = epoll_ctl(poller->fd, op, fd, &event);
    /* Somebody closed the descriptor behind the loop's back, and this is the number's new owner. */
    if (r < 0 && errno == ENOENT && had && want & ~had)
        r = epoll_ctl(poller->fd, EPOLL_CTL_ADD, fd, &event);
    return r < 0 ? -errno : 0;
}

static int wait_epoll(struct poller *poller, struct poller_event *out_events, int cap,
                      int timeout_ms)
{
    int n = epoll_wait(poller->fd, poller->events, cap < EVENTS_MAX ? cap : EVENTS_MAX, timeout_ms);
    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < n; i++) {
        uint64_t data = poller->events[i].data.u64;
        out_events[i] = (struct poller_event){.fd = (int)(uint32_t)data,
                                              .tag = (uint32_t)(data >> 32),
                                              .events = events_of(poller->events[i].events)};
    }
    return n;
}

const struct poller_kind poller_epoll = {
    .name = "epoll",
    .forgets_closed = true,
    .open = open_epoll,
    .close = close_epoll,
    .set = set_epoll,
    .wait = wait_epoll,
};
