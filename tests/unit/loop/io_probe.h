/* io_probe.h - a handler that notes how it is called, and a poller that counts its calls. */
#pragma once
#include <errno.h>
#include "loop/ioloop_private.h"
#include "on_pollers.h"

enum { READ = IOLOOP_READ, WRITE = IOLOOP_WRITE, HANGUP = IOLOOP_HANGUP };

/* ---- a poller that counts, between the loop and the real one ---- */

static struct poller_kind counting;
static const struct poller_kind *real;
static int opens, opens_to_fail, sets, events_seen;

static inline int counted_open(struct poller **out_poller)
{
    opens++;
    if (opens_to_fail && opens_to_fail--)
        return -EMFILE;
    return real->open(out_poller);
}

static inline int counted_set(struct poller *p, int fd, uint32_t tag, unsigned had, unsigned want)
{
    sets++;
    return real->set(p, fd, tag, had, want);
}

static inline int counted_wait(struct poller *p, struct poller_event *out_events, int cap,
                               int timeout_ms)
{
    int n = real->wait(p, out_events, cap, timeout_ms);
    events_seen += n;
    return n;
}

static inline void count_calls(void)
{
    real = loop->kind;
    counting = *real;
    counting.open = counted_open;
    counting.set = counted_set;
    counting.wait = counted_wait;
    loop->kind = &counting;
    opens = sets = events_seen = 0;
}

/* ---- a handler that notes its calls and may do one thing ---- */

struct probe {
    int fd, calls;
    unsigned events; /* of the last call */
    bool takes;      /* reads one byte a call */
    ioloop_call_fn *act;
    void *data;
    uint64_t turn;
};

static inline void on_event(void *data, unsigned events)
{
    struct probe *probe = data;
    char byte;
    probe->calls++;
    probe->events = events;
    probe->turn = ioloop_turn_number(loop);
    if (probe->takes)
        ck_assert_int_eq(read(probe->fd, &byte, 1), 1);
    if (probe->act)
        probe->act(probe->data);
}

static inline void watch(struct probe *probe, int fd, unsigned event)
{
    probe->fd = fd;
    ck_assert_int_eq(ioloop_watch(loop, fd, event, on_event, probe), 0);
}
