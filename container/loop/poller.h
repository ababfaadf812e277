/* poller.h - the kernel's readiness interfaces as rows of one table, chosen at run time.
 *
 * A poller knows descriptors by number and generation and keeps no handlers. Interest is a set of
 * IOLOOP_ bits, of which only epoll knows IOLOOP_EXCLUSIVE; `tag` comes back with each event, so
 * that the loop can tell a stale one. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct poller;

struct poller_event {
    int fd;
    uint32_t tag;
    unsigned events; /* IOLOOP_ bits; an error condition is READ|WRITE|HANGUP */
};

struct poller_kind {
    const char *name;
    bool forgets_closed; /* a descriptor that is closed needs no set(..., 0) */
    int (*open)(struct poller **out_poller);
    void (*close)(struct poller *poller);
    /* Changes the interest in fd from `had` to `want`; had 0 adds, want 0 removes. Returns 0,
     * -EPERM (always ready), -ERANGE (cannot be held) or -errno. */
    int (*set)(struct poller *poller, int fd, uint32_t tag, unsigned had, unsigned want);
    /* Waits up to timeout_ms (-1: for ever). Returns how many events were stored, at most cap;
     * 0 also when a signal came. */
    int (*wait)(struct poller *poller, struct poller_event *out_events, int cap, int timeout_ms);
};

extern const struct poller_kind poller_epoll, poller_poll, poller_select;

/* For pollers whose kernel interface takes any descriptor: 0 if waiting for fd has a meaning, else
 * -EPERM (a file is always ready) or -EBADF. */
int poller_check(int fd);

/* The row of that name; NULL name: epoll. NULL when there is none. */
const struct poller_kind *poller_find(const char *name);
