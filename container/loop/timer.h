/* timer.h - timers in an intrusive heap: start and stop in O(log n), no allocation per timer.
 *
 * The caller embeds struct timer and keeps it in place while it runs. Timers that are due in the
 * same turn fire by deadline, then in the order of their start. A timer may stop or restart any
 * timer, itself included, from its callback; one stopped in the same turn does not fire. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ioloop;

typedef void timer_fn(void *data);

struct timer {
    timer_fn *fn;
    void *data;
    /* private */
    int64_t deadline_ms;
    uint64_t order;
    size_t index; /* place in the heap plus one; 0 while stopped */
};

/* Starts, or moves, the timer to fire delay_ms from the loop's now (0 or less: next turn). */
void timer_start(struct ioloop *loop, struct timer *timer, int64_t delay_ms);
void timer_stop(struct ioloop *loop, struct timer *timer);

static inline bool timer_is_running(const struct timer *timer)
{
    return timer->index != 0;
}

/* The heap itself, embedded in the loop. */
struct timer_heap {
    struct timer **at; /* owned array of borrowed timers */
    size_t len, cap;
    uint64_t next_order;
};

void timer_heap_finish(struct timer_heap *heap);
void timer_heap_put(struct timer_heap *heap, struct timer *timer, int64_t deadline_ms);
void timer_heap_remove(struct timer_heap *heap, struct timer *timer);
/* The next due timer taken out of the heap, or NULL. Stops at the first one that was not started
 * before `order_end`, so that a timer that restarts itself with no delay cannot hold the turn. */
struct timer *timer_heap_pop_due(struct timer_heap *heap, int64_t now_ms, uint64_t order_end);
/* Milliseconds until the first deadline (0 if due), or -1 when there is none. */
int64_t timer_heap_wait_ms(const struct timer_heap *heap, int64_t now_ms);

/* The heap of a loop (ioloop.c). */
struct timer_heap *ioloop_timers(struct ioloop *loop);
