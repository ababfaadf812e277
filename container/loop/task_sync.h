/* task_sync.h - lock, event, semaphore and queue between tasks.
 *
 * All are first come, first served. A waiter that timed out or was cancelled leaves the line
 * without using up anything. Time-outs are in milliseconds, -1 waits for ever, 0 tries. On the
 * loop's thread only, but for task_event_set_from_thread. All embed: {init} then use; nothing to
 * free, but nobody may be waiting when the memory goes. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/list.h"
#include "base/macros.h"

struct task;
struct ioloop;

/* A line of waiting tasks, the base of the others. */
struct task_line {
    struct list waiters;
};
void task_line_init(struct task_line *line);
/* Waits to be woken. 0, -ETIMEDOUT (at once for 0) or -ECANCELED. */
SUSPENDS int task_line_wait(struct task_line *line, int64_t timeout_ms);
/* Wakes the first `n` waiters (SIZE_MAX: all); returns how many there were. */
size_t task_line_wake(struct task_line *line, size_t n);

struct task_lock {
    struct task *owner;
    struct task_line line;
};
void task_lock_init(struct task_lock *lock);
SUSPENDS int task_lock_acquire(struct task_lock *lock, int64_t timeout_ms); /* -EDEADLK if own */
int task_lock_release(struct task_lock *lock);                              /* -EPERM if not own */

struct task_event {
    bool is_set;
    struct task_line line;
};
void task_event_init(struct task_event *event);
SUSPENDS int task_event_wait(struct task_event *event, int64_t timeout_ms);
void task_event_set(
    struct task_event *event); /* wakes all who wait, even if cleared again at once */
void task_event_clear(struct task_event *event);
/* The same soon, on any thread; the event must live until then. False when the loop is going. */
bool task_event_set_from_thread(struct task_event *event, struct ioloop *loop);

struct task_semaphore {
    size_t count;
    struct task_line line;
};
void task_semaphore_init(struct task_semaphore *semaphore, size_t count);
SUSPENDS int task_semaphore_acquire(struct task_semaphore *semaphore, int64_t timeout_ms);
void task_semaphore_release(struct task_semaphore *semaphore);

/* A queue of pointers. */
struct task_queue {
    void **items; /* owned ring */
    size_t cap, slots, len, head;
    struct task_line readers, writers;
};
void task_queue_init(struct task_queue *queue, size_t cap); /* cap 0: grows without limit */
void task_queue_finish(struct task_queue *queue);
SUSPENDS int task_queue_put(struct task_queue *queue, void *item, int64_t timeout_ms);
SUSPENDS int task_queue_get(struct task_queue *queue, void **out_item, int64_t timeout_ms);
