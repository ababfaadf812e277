/* timer.c - the heap of timers: each entry has four children and knows its own place.
 *
 *   at[0] fires next; the children of at[i] are at[4i+1] ... at[4i+4], none before its parent.
 *
 * Four instead of two halve the depth; most timers are moved towards the end (an idle connection
 * starts anew) and settle after a level or two. */
#include "loop/timer.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "loop/ioloop.h"

enum { CHILDREN = 4 };

static bool is_before(const struct timer *a, const struct timer *b)
{
    return a->deadline_ms != b->deadline_ms ? a->deadline_ms < b->deadline_ms : a->order < b->order;
}

static void place(struct timer_heap *heap, struct timer *timer, size_t i)
{
    heap->at[i] = timer;
    timer->index = i + 1;
}

/* Moves the hole at i up to where `timer` belongs; returns the hole's new place. */
static size_t rise(struct timer_heap *heap, const struct timer *timer, size_t i)
{
    while (i > 0 && is_before(timer, heap->at[(i - 1) / CHILDREN])) {
        place(heap, heap->at[(i - 1) / CHILDREN], i);
        i = (i - 1) / CHILDREN;
    }
    return i;
}

static size_t first_child(const struct timer_heap *heap, size_t i)
{
    size_t first = i * CHILDREN + 1, best = first;
    for (size_t c = first + 1; c < first + CHILDREN && c < heap->len; c++)
        if (is_before(heap->at[c], heap->at[best]))
            best = c;
    return best;
}

static size_t sink(struct timer_heap *heap, const struct timer *timer, size_t i)
{
    while (i * CHILDREN + 1 < heap->len) {
        size_t child = first_child(heap, i);
        if (!is_before(heap->at[child], timer))
            break;
        place(heap, heap->at[child], i);
        i = child;
    }
    return i;
}

static void settle(struct timer_heap *heap, struct timer *timer, size_t i)
{
    place(heap, timer, sink(heap, timer, rise(heap, timer, i)));
}

void timer_heap_finish(struct timer_heap *heap)
{
    for (size_t i = 0; i < heap->len; i++)
        heap->at[i]->index = 0;
    free(heap->at);
    *heap = (struct timer_heap){0};
}

void timer_heap_put(struct timer_heap *heap, struct timer *timer, int64_t deadline_ms)
{
    if (heap->len == heap->cap) {
        heap->cap = heap->cap ? 2 * heap->cap : 64;
        heap->at = memory_realloc(heap->at, heap->cap * sizeof(*heap->at));
    }
    timer->deadline_ms = deadline_ms;
    timer->order = heap->next_order++;
    settle(heap, timer, timer->index ? timer->index - 1 : heap->len++);
}

void timer_heap_remove(struct timer_heap *heap, struct timer *timer)
{
    if (!timer->index)
        return;
    size_t hole = timer->index - 1;
    assert(hole < heap->len && heap->at[hole] == timer);
    struct timer *last = heap->at[--heap->len];
    timer->index = 0;
    if (last != timer)
        settle(heap, last, hole);
}

struct timer *timer_heap_pop_due(struct timer_heap *heap, int64_t now_ms, uint64_t order_end)
{
    if (!heap->len || heap->at[0]->deadline_ms > now_ms || heap->at[0]->order >= order_end)
        return NULL;
    struct timer *timer = heap->at[0];
    timer_heap_remove(heap, timer);
    return timer;
}

int64_t timer_heap_wait_ms(const struct timer_heap *heap, int64_t now_ms)
{
    if (!heap->len)
        return -1;
    int64_t deadline_ms = heap->at[0]->deadline_ms;
    return deadline_ms > now_ms ? deadline_ms - now_ms : 0;
}

void timer_start(struct ioloop *loop, struct timer *timer, int64_t delay_ms)
{
    int64_t deadline_ms;
    if (__builtin_add_overflow(ioloop_now_ms(loop), delay_ms > 0 ? delay_ms : 0, &deadline_ms))
        deadline_ms = INT64_MAX;
    timer_heap_put(ioloop_timers(loop), timer, deadline_ms);
}

void timer_stop(struct ioloop *loop, struct timer *timer)
{
    timer_heap_remove(ioloop_timers(loop), timer);
}
