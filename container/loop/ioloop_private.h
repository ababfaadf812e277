/* ioloop_private.h - the loop's inside, for the three files that it is made of.
 *
 *   ioloop.c         the turn: deferred calls, timers, hooks; making and unmaking a loop
 *   ioloop_watch.c   descriptors: the table of handlers, interest, delivery
 *   ioloop_wake.c    what comes from outside: other threads and signals */
#pragma once
#include <assert.h>
#include <signal.h>
#include <stdatomic.h>
#include "base/list.h"
#include "loop/ioloop.h"
#include "loop/poller.h"
#include "loop/timer.h"

enum { IOLOOP_HANDLERS = 3 };

struct ioloop_handler {
    ioloop_io_fn *fn;
    void *data;
};

/* A descriptor. `interest` may exceed `wanted`: taking a handler away tells the kernel nothing
 * until an event comes that nobody wanted. */
struct ioloop_slot {
    struct ioloop_handler handlers[IOLOOP_HANDLERS]; /* of bit 1 << i */
    uint32_t tag;                                    /* another for each owner of the number */
    uint8_t wanted;                                  /* the bits that have a handler */
    uint8_t interest; /* the bits the kernel was asked for, IOLOOP_EXCLUSIVE among them */
};
static_assert(sizeof(struct ioloop_slot) <= 64, "an idle connection has to stay small");

struct ioloop_post {
    struct ioloop_post *next;
    ioloop_call_fn *fn;
    void *data;
};

struct ioloop_signal {
    ioloop_call_fn *fn;
    void *data;
};

/* Who ran the longest in this turn. */
struct ioloop_blame {
    int64_t ms; /* 0: nobody for long */
    char app[64], request[128], request_id[24];
};

struct ioloop {
    const struct poller_kind *kind;
    struct poller *poller;     /* owned */
    struct ioloop_slot *slots; /* owned; by descriptor */
    size_t slots_len;
    bool has_forgotten; /* since the last poll: events of this turn may carry old tags */
    struct timer_heap timers;
    struct list deferred;
    struct list turn_end;
    int64_t now_ms;
    int64_t warn_ms;
    uint64_t turn;
    struct ioloop_blame blame;
    unsigned forks; /* of this process's ancestors when the loop was made */
    bool is_running;
    atomic_bool is_stopping;
    _Atomic(struct ioloop_post *) posts; /* the newest first */
    int wake_fd;
    int signal_fd; /* -1 until a signal is asked for */
    sigset_t signal_set;
    struct ioloop_signal signals[_NSIG];
};

/* Aborts with a message in a forked child: it shares the kernel's set with its parent, and what it
 * did would change its parent's interest. */
void ioloop_check_process(const struct ioloop *loop);

/* Calls the handlers that wanted the event when it came, unless its descriptor was forgotten. */
void ioloop_deliver(struct ioloop *loop, const struct poller_event *event);

/* Makes the loop wakeable. Returns 0 or -errno; ioloop_close_wake takes what was made so far. */
int ioloop_open_wake(struct ioloop *loop);
/* Runs the posts that were accepted; further ones are refused. */
void ioloop_refuse_posts(struct ioloop *loop);
void ioloop_close_wake(struct ioloop *loop);
