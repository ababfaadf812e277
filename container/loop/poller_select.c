/* poller_select.c - select: two sets of bits, for descriptors below FD_SETSIZE.
 *
 * It cannot tell a hang-up from data: interest in IOLOOP_HANGUP is accepted and never reported,
 * since asking for "readable" instead would spin on data that nobody wants to read yet. */
#include "loop/poller.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/select.h>

#include "base/memory.h"
#include "loop/ioloop.h"

struct poller {
    fd_set reads, writes;
    int end;  /* above every descriptor ever set */
    int next; /* where the next scan starts */
    uint32_t tags[FD_SETSIZE];
};

static int open_select(struct poller **out_poller)
{
    struct poller *poller = memory_zalloc(sizeof(*poller));
    FD_ZERO(&poller->reads);
    FD_ZERO(&poller->writes);
    *out_poller = poller;
    return 0;
}

static void close_select(struct poller *poller)
{
    free(poller);
}

static void put(fd_set *set, int fd, bool is_in)
{
    if (is_in)
        FD_SET(fd, set);
    else
        FD_CLR(fd, set);
}

static int set_select(struct poller *poller, int fd, uint32_t tag, unsigned had, unsigned want)
{
    if (fd < 0 || fd >= FD_SETSIZE)
        return fd < 0 ? -EBADF : -ERANGE;
    int r = had ? 0 : poller_check(fd);
    if (r < 0)
        return r;
    put(&poller->reads, fd, want & IOLOOP_READ);
    put(&poller->writes, fd, want & IOLOOP_WRITE);
    poller->tags[fd] = tag;
    if (poller->end <= fd)
        poller->end = fd + 1;
    return 0;
}

/* One closed descriptor fails the whole call; it becomes an error event of its own. */
static void find_closed(const struct poller *poller, fd_set *reads, fd_set *writes)
{
    FD_ZERO(reads);
    FD_ZERO(writes);
    for (int fd = 0; fd < poller->end; fd++)
        if ((FD_ISSET(fd, &poller->reads) || FD_ISSET(fd, &poller->writes)) &&
            fcntl(fd, F_GETFD) < 0) {
            FD_SET(fd, reads);
            FD_SET(fd, writes);
        }
}

static int collect(struct poller *poller, const fd_set *reads, const fd_set *writes,
                   struct poller_event *out_events, int cap)
{
    int n = 0;
    for (int i = 0; i < poller->end && n < cap; i++) {
        int fd = poller->next < poller->end ? poller->next : 0;
        unsigned events =
            (FD_ISSET(fd, reads) ? IOLOOP_READ : 0u) | (FD_ISSET(fd, writes) ? IOLOOP_WRITE : 0u);
        if (events)
            out_events[n++] =
                (struct poller_event){.fd = fd, .tag = poller->tags[fd], .events = events};
        poller->next = fd + 1;
    }
    return n;
}

static int wait_select(struct poller *poller, struct poller_event *out_events, int cap,
                       int timeout_ms)
{
    fd_set reads = poller->reads, writes = poller->writes;
    struct timeval time = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    int n = select(poller->end, &reads, &writes, NULL, timeout_ms < 0 ? NULL : &time);
    if (n < 0 && errno != EBADF)
        return errno == EINTR ? 0 : -errno;
    if (n == 0)
        return 0;
    if (n < 0)
        find_closed(poller, &reads, &writes);
    return collect(poller, &reads, &writes, out_events, cap);
}

const struct poller_kind poller_select = {
    .name = "select",
    .open = open_select,
    .close = close_select,
    .set = set_select,
    .wait = wait_select,
};
