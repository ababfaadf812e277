/* poller_poll.c - poll: an array handed to the kernel each time.
 *
 *   places[fd]  -> place + 1 in the array, 0: not in it
 *   fds[place]     what the kernel reads and writes; tags[place] beside it
 *
 * The array has no holes: the last entry takes the place of one that goes. When more are ready
 * than asked for, the next scan starts where this one ended, so that none is passed over. */
#include "loop/poller.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "loop/ioloop.h"

struct poller {
    struct pollfd *fds; /* owned, as are tags and places */
    uint32_t *tags;
    size_t len, cap;
    size_t *places;
    size_t places_len;
    size_t next; /* where the next scan starts */
};

static int open_poll(struct poller **out_poller)
{
    *out_poller = memory_zalloc(sizeof(**out_poller));
    return 0;
}

static void close_poll(struct poller *poller)
{
    free(poller->fds);
    free(poller->tags);
    free(poller->places);
    free(poller);
}

static short mask_of(unsigned events)
{
    return (short)((events & IOLOOP_READ ? POLLIN : 0) | (events & IOLOOP_WRITE ? POLLOUT : 0) |
                   (events & IOLOOP_HANGUP ? POLLRDHUP : 0));
}

static unsigned events_of(short mask)
{
    if (mask & (POLLERR | POLLHUP | POLLNVAL))
        return IOLOOP_READ | IOLOOP_WRITE | IOLOOP_HANGUP;
    return (mask & POLLIN ? IOLOOP_READ : 0) | (mask & POLLOUT ? IOLOOP_WRITE : 0) |
           (mask & POLLRDHUP ? IOLOOP_HANGUP : 0);
}

static void reserve_entry(struct poller *poller)
{
    if (poller->len < poller->cap)
        return;
    poller->cap = poller->cap ? 2 * poller->cap : 64;
    poller->fds = memory_realloc(poller->fds, poller->cap * sizeof(*poller->fds));
    poller->tags = memory_realloc(poller->tags, poller->cap * sizeof(*poller->tags));
}

static void reserve_place(struct poller *poller, size_t fd)
{
    if (fd < poller->places_len)
        return;
    size_t len = fd + fd / 2 + 64;
    poller->places = memory_realloc(poller->places, len * sizeof(*poller->places));
    memset(poller->places + poller->places_len, 0,
           (len - poller->places_len) * sizeof(*poller->places));
    poller->places_len = len;
}

static int add(struct poller *poller, int fd)
{
    int r = poller_check(fd);
    if (r < 0)
        return r;
    reserve_entry(poller);
    reserve_place(poller, (size_t)fd);
    poller->fds[poller->len] = (struct pollfd){.fd = fd};
    poller->places[fd] = ++poller->len;
    return 0;
}

static void drop(struct poller *poller, int fd)
{
    size_t hole = poller->places[fd] - 1, last = --poller->len;
    poller->places[poller->fds[last].fd] = hole + 1;
    poller->fds[hole] = poller->fds[last];
    poller->tags[hole] = poller->tags[last];
    poller->places[fd] = 0;
}

static int set_poll(struct poller *poller, int fd, uint32_t tag, unsigned had, unsigned want)
{
    if (!had) {
        int r = add(poller, fd);
        if (r < 0)
            return r;
    }
    if (!want) {
        drop(poller, fd);
        return 0;
    }
    size_t place = poller->places[fd] - 1;
    poller->fds[place].events = mask_of(want);
    poller->tags[place] = tag;
    return 0;
}

static int collect(struct poller *poller, struct poller_event *out_events, int max)
{
    int n = 0;
    size_t place = poller->next < poller->len ? poller->next : 0;
    for (size_t i = 0; i < poller->len && n < max; i++) {
        const struct pollfd *entry = &poller->fds[place];
        if (entry->revents)
            out_events[n++] = (struct poller_event){
                .fd = entry->fd, .tag = poller->tags[place], .events = events_of(entry->revents)};
        place = place + 1 < poller->len ? place + 1 : 0;
    }
    poller->next = place;
    return n;
}

static int wait_poll(struct poller *poller, struct poller_event *out_events, int cap,
                     int timeout_ms)
{
    int n = poll(poller->fds, poller->len, timeout_ms);
    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    return collect(poller, out_events, n < cap ? n : cap);
}

const struct poller_kind poller_poll = {
    .name = "poll",
    .open = open_poll,
    .close = close_poll,
    .set = set_poll,
    .wait = wait_poll,
};
