/* ioloop.h - the event loop: descriptors, timers, deferred calls, signals, posts.
 *
 * One loop a process, on one thread. A turn: run what was deferred before it, poll (sleeping at
 * most until the next timer), call the handlers of ready descriptors, run due timers, then the
 * turn-end hooks. Readiness is level-triggered: an event that a handler does not use comes again.
 *
 * A descriptor has up to three handlers: for reading, for writing, for the peer's hang-up. Each can
 * be set, replaced and taken away at any time, also from inside a handler. The kernel's interest
 * follows lazily: it grows when a handler is set that needs it, and shrinks only when an event
 * came that nobody wanted, so a kept connection costs no epoll_ctl at all.
 *
 * Only ioloop_post and ioloop_stop may be called on other threads. Using a loop in a forked child
 * aborts with a message. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/list.h"

struct ioloop;

enum {
    IOLOOP_READ = 1,
    IOLOOP_WRITE = 2,
    IOLOOP_HANGUP = 4,    /* the peer closed its sending side or the connection is dead; with the
                             select poller only as a read event */
    IOLOOP_EXCLUSIVE = 8, /* with IOLOOP_READ, and for nothing else of the descriptor: of the loops
                             of several processes that wait for it, one at least is woken, not all
                             of them; epoll only, else without effect */
};

/* `events` holds the IOLOOP_ bits that came, of those that have a handler; an error condition
 * counts as all of them, so that the I/O call finds the error. */
typedef void ioloop_io_fn(void *data, unsigned events);
typedef void ioloop_call_fn(void *data);

/* A call of the caller's memory, queued at most once; set fn and data, zero the rest. */
struct ioloop_call {
    ioloop_call_fn *fn;
    void *data;
    /* private */
    struct list link;
    bool is_queued;
};

struct ioloop_settings {
    const char *poller; /* "epoll" (NULL), "poll" or "select" */
    int64_t warn_ms;    /* a turn longer than this is logged; 0: never */
};

/* Makes a loop and makes it ioloop_current of this thread. `settings` may be NULL. Returns 0,
 * -EINVAL for an unknown poller, or -errno. */
int ioloop_create(const struct ioloop_settings *settings, struct ioloop **out_loop);
void ioloop_destroy(struct ioloop *loop); /* takes NULL */
/* This thread's loop, or NULL. */
struct ioloop *ioloop_current(void);
const char *ioloop_poller_name(const struct ioloop *loop);

/* Runs turns until ioloop_stop; a stop before the run makes it return at once. A loop that is
 * running already: -EBUSY. */
int ioloop_run(struct ioloop *loop);
/* One turn that sleeps at most max_wait_ms (-1: until something happens). For tests. */
int ioloop_turn(struct ioloop *loop, int64_t max_wait_ms);
void ioloop_stop(struct ioloop *loop); /* any thread, any callback */
/* A stop was asked for that no run has taken yet. */
bool ioloop_is_stopping(const struct ioloop *loop);

/* CLOCK_MONOTONIC as read at the start of this turn's callbacks. */
int64_t ioloop_now_ms(const struct ioloop *loop);
/* Counts turns; two equal values mean the same turn. */
uint64_t ioloop_turn_number(const struct ioloop *loop);

/* Sets the handler of `fd` for exactly one IOLOOP_ bit, replacing the one before; IOLOOP_EXCLUSIVE
 * may come on top, and is to be ended by ioloop_forget, so that the kernel wakes others. Returns 0;
 * -EPERM for a descriptor that is always ready (a regular file); -ERANGE when the poller cannot
 * hold it (select: FD_SETSIZE); or -errno. */
int ioloop_watch(struct ioloop *loop, int fd, unsigned event, ioloop_io_fn *fn, void *data);
/* Takes the handlers for these bits away; no error if there are none. */
void ioloop_unwatch(struct ioloop *loop, int fd, unsigned events);
/* Takes everything about fd away, in the kernel too; events of this turn still pending for it
 * are not delivered to whoever opens the same number next. Before a descriptor is closed or
 * handed to another process; and by the new owner of a descriptor that foreign code opened, since
 * it may have closed the number's last one behind the loop's back. */
void ioloop_forget(struct ioloop *loop, int fd);
/* ioloop_forget and close(fd) in one, which saves a system call where the kernel forgets by
 * itself. Not for a descriptor that has duplicates. */
void ioloop_close(struct ioloop *loop, int fd);

/* Queues the call for the next turn, never this one; a call that is queued stays where it is. */
void ioloop_defer(struct ioloop *loop, struct ioloop_call *call);
void ioloop_undefer(struct ioloop *loop, struct ioloop_call *call);
/* Calls the hook at the end of every turn, before the loop sleeps, until ioloop_undefer. Hooks
 * run in the order they were added. */
void ioloop_on_turn_end(struct ioloop *loop, struct ioloop_call *hook);

/* Runs fn(data) on the loop's thread, soon; any thread. False when the loop is being destroyed:
 * then fn is not called. The calling thread must know that the loop still exists. */
bool ioloop_post(struct ioloop *loop, ioloop_call_fn *fn, void *data);

/* Calls fn(data) on the loop for each delivery of the signal (signalfd; the signal is blocked in
 * this thread from now on). fn NULL takes the handler away. Returns 0 or -errno. */
int ioloop_on_signal(struct ioloop *loop, int signal_number, ioloop_call_fn *fn, void *data);

/* Who has run for so long without a break, for the warning about this turn: whoever did so the
 * longest is named there. The texts are copied; NULL: unknown. */
void ioloop_blame(struct ioloop *loop, int64_t ms, const char *app, const char *request,
                  const char *request_id);
