/* task_sync.c - lines of waiting tasks, and the lock, event, semaphore and queue made of them.
 *
 * Whoever wakes a waiter hands it what it waits for: the lock, the permit, the item. So nobody
 * can come in between, and what was handed over is never lost: a waiter that was woken succeeds,
 * even if it is cancelled before it runs. One that ended its wait otherwise, but has not run yet,
 * is passed over. */
#include "loop/task_sync.h"

#include <assert.h>
#include <errno.h>
#include "base/memory.h"
#include "loop/task.h"

/* On the stack of the task that waits. */
struct waiter {
    struct list link;
    struct task *task;
    void *item; /* that a writer brings or a reader got */
    bool is_woken;
};

/* ---- the line ---- */

static int may_wait(int64_t timeout_ms)
{
    return timeout_ms == 0 ? 0 : task_ask();
}

static int64_t remaining_ms(const struct task *task, int64_t timeout_ms, int64_t began_ms)
{
    int64_t passed_ms = ioloop_now_ms(task_loop(task)) - began_ms;
    if (timeout_ms < 0)
        return -1;
    return passed_ms < timeout_ms ? timeout_ms - passed_ms : 0;
}

static int line_up(struct task_line *line, struct waiter *waiter, int64_t timeout_ms)
{
    if (timeout_ms == 0)
        return -ETIMEDOUT;
    struct task *task = waiter->task = task_current();
    int64_t began_ms = ioloop_now_ms(task_loop(task));
    int r;
    list_append(&line->waiters, &waiter->link);
    do
        r = task_park(remaining_ms(task, timeout_ms, began_ms));
    while (r == 0 && !waiter->is_woken);
    list_remove(&waiter->link);
    return waiter->is_woken ? 0 : r;
}

/* Wakes the first in the line that still waits; NULL when there is none. The waiter stays valid
 * until its task runs. */
static struct waiter *wake_first(struct task_line *line)
{
    struct list *link;
    while ((link = list_pop(&line->waiters))) {
        struct waiter *waiter = container_of(link, struct waiter, link);
        waiter->is_woken = task_wake(waiter->task, false);
        if (waiter->is_woken)
            return waiter;
    }
    return NULL;
}

void task_line_init(struct task_line *line)
{
    list_init(&line->waiters);
}

int task_line_wait(struct task_line *line, int64_t timeout_ms)
{
    struct waiter waiter = {0};
    return line_up(line, &waiter, timeout_ms);
}

size_t task_line_wake(struct task_line *line, size_t n)
{
    size_t woken = 0;
    while (woken < n && wake_first(line))
        woken++;
    return woken;
}

/* ---- lock ---- */

void task_lock_init(struct task_lock *lock)
{
    lock->owner = NULL;
    task_line_init(&lock->line);
}

int task_lock_acquire(struct task_lock *lock, int64_t timeout_ms)
{
    assert(task_current());
    if (lock->owner == task_current())
        return -EDEADLK;
    int r = may_wait(timeout_ms);
    if (r < 0)
        return r;
    if (lock->owner)
        return task_line_wait(&lock->line, timeout_ms);
    lock->owner = task_current();
    return 0;
}

int task_lock_release(struct task_lock *lock)
{
    if (!lock->owner || lock->owner != task_current())
        return -EPERM;
    const struct waiter *next = wake_first(&lock->line);
    lock->owner = next ? next->task : NULL;
    return 0;
}

/* ---- event ---- */

void task_event_init(struct task_event *event)
{
    event->is_set = false;
    task_line_init(&event->line);
}

int task_event_wait(struct task_event *event, int64_t timeout_ms)
{
    int r = may_wait(timeout_ms);
    if (r < 0 || event->is_set)
        return r;
    return task_line_wait(&event->line, timeout_ms);
}

void task_event_set(struct task_event *event)
{
    event->is_set = true;
    task_line_wake(&event->line, SIZE_MAX);
}

void task_event_clear(struct task_event *event)
{
    event->is_set = false;
}

static void set_posted(void *data)
{
    task_event_set(data);
}

bool task_event_set_from_thread(struct task_event *event, struct ioloop *loop)
{
    return ioloop_post(loop, set_posted, event);
}

/* ---- semaphore ---- */

void task_semaphore_init(struct task_semaphore *semaphore, size_t count)
{
    semaphore->count = count;
    task_line_init(&semaphore->line);
}

int task_semaphore_acquire(struct task_semaphore *semaphore, int64_t timeout_ms)
{
    int r = may_wait(timeout_ms);
    if (r < 0)
        return r;
    if (semaphore->count == 0)
        return task_line_wait(&semaphore->line, timeout_ms);
    semaphore->count--;
    return 0;
}

void task_semaphore_release(struct task_semaphore *semaphore)
{
    if (!wake_first(&semaphore->line))
        semaphore->count++;
}

/* ---- queue ---- */

void task_queue_init(struct task_queue *queue, size_t cap)
{
    *queue = (struct task_queue){.cap = cap};
    task_line_init(&queue->readers);
    task_line_init(&queue->writers);
}

void task_queue_finish(struct task_queue *queue)
{
    free(queue->items);
    queue->items = NULL;
    queue->slots = queue->len = queue->head = 0;
}

/* Twice as many slots; those in front of the head move behind the old end. */
static void grow(struct task_queue *queue)
{
    size_t old = queue->slots, slots = old ? 2 * old : 8;
    queue->items = memory_realloc(queue->items, slots * sizeof(*queue->items));
    for (size_t i = 0; i < queue->head; i++)
        queue->items[old + i] = queue->items[i];
    queue->slots = slots;
}

static void push(struct task_queue *queue, void *item)
{
    if (queue->len == queue->slots)
        grow(queue);
    queue->items[(queue->head + queue->len++) % queue->slots] = item;
}

static void *pop(struct task_queue *queue)
{
    void *item = queue->items[queue->head];
    queue->head = (queue->head + 1) % queue->slots;
    queue->len--;
    return item;
}

int task_queue_put(struct task_queue *queue, void *item, int64_t timeout_ms)
{
    struct waiter writer = {.item = item};
    int r = may_wait(timeout_ms);
    if (r < 0)
        return r;
    if (queue->cap && queue->len == queue->cap)
        return line_up(&queue->writers, &writer, timeout_ms);
    struct waiter *reader = wake_first(&queue->readers);
    if (reader)
        reader->item = item;
    else
        push(queue, item);
    return 0;
}

static int get_later(struct task_queue *queue, void **out_item, int64_t timeout_ms)
{
    struct waiter reader = {0};
    int r = line_up(&queue->readers, &reader, timeout_ms);
    if (r == 0)
        *out_item = reader.item;
    return r;
}

int task_queue_get(struct task_queue *queue, void **out_item, int64_t timeout_ms)
{
    int r = may_wait(timeout_ms);
    if (r < 0)
        return r;
    if (queue->len == 0)
        return get_later(queue, out_item, timeout_ms);
    *out_item = pop(queue);
    const struct waiter *writer = wake_first(&queue->writers);
    if (writer)
        push(queue, writer->item);
    return 0;
}
