/* api_wait.c - gale/wait.h over the loop's tasks, locks and threads. */
#include <errno.h>
#include <stdatomic.h>
#include <gale/wait.h>

#include "base/clock.h"
#include "base/macros.h"
#include "base/memory.h"
#include "loop/ioloop.h"
#include "loop/offload.h"
#include "loop/task.h"
#include "loop/task_sync.h"

/* Only a task can wait: elsewhere (open, an offload thread) the call is refused instead. */
static int check_task(void)
{
    return task_current() ? 0 : -EPERM;
}

int64_t gale_now(void)
{
    return clock_mono_ms();
}

int gale_sleep(int64_t ms)
{
    int r = check_task();
    return r < 0 ? r : task_sleep(ms < 0 ? 0 : ms);
}

int gale_yield(void)
{
    int r = check_task();
    return r < 0 ? r : task_yield();
}

int gale_wait_fd(int fd, int events, int64_t timeout)
{
    if (!events || events & ~(GALE_READABLE | GALE_WRITABLE))
        return -EINVAL;
    int r = check_task();
    if (r < 0)
        return r;
    unsigned wanted =
        (events & GALE_READABLE ? IOLOOP_READ : 0) | (events & GALE_WRITABLE ? IOLOOP_WRITE : 0);
    r = task_wait_fd(fd, wanted, timeout);
    return r < 0 ? r
                 : (r & IOLOOP_READ ? GALE_READABLE : 0) | (r & IOLOOP_WRITE ? GALE_WRITABLE : 0);
}

int gale_offload(void (*fn)(void *data), void *data)
{
    int r = check_task();
    return r < 0 ? r : offload_run(fn, data);
}

int gale_cleanup(int64_t ms)
{
    int r = check_task();
    return r < 0 ? r : task_cleanup(ms);
}

int gale_cancelled(void)
{
    const struct task *task = task_current();
    return task ? task_cancelled(task) : 0;
}

/* ---- lock ---- */

struct gale_lock {
    struct task_lock lock;
};

struct gale_lock *gale_lock_create(void)
{
    struct gale_lock *lock = memory_zalloc(sizeof(*lock));
    task_lock_init(&lock->lock);
    return lock;
}

void gale_lock_destroy(struct gale_lock *lock)
{
    free(lock);
}

int gale_lock_acquire(struct gale_lock *lock, int64_t timeout)
{
    int r = check_task();
    return r < 0 ? r : task_lock_acquire(&lock->lock, timeout);
}

int gale_lock_release(struct gale_lock *lock)
{
    int r = check_task();
    return r < 0 ? r : task_lock_release(&lock->lock);
}

/* ---- event: other threads set and clear it by post, so it counts its posts and the last user
 * frees it: destroy, or the post that was still under way then ---- */

struct gale_event {
    struct task_event event;
    struct ioloop *loop;
    atomic_uint users; /* the creator, and each post under way */
};

static void drop_event(struct gale_event *event)
{
    if (atomic_fetch_sub(&event->users, 1) == 1)
        free(event);
}

struct gale_event *gale_event_create(void)
{
    struct gale_event *event = memory_zalloc(sizeof(*event));
    task_event_init(&event->event);
    event->loop = ioloop_current();
    atomic_init(&event->users, 1);
    return event;
}

void gale_event_destroy(struct gale_event *event)
{
    if (event)
        drop_event(event);
}

static void set_here(void *data)
{
    struct gale_event *event = data;
    task_event_set(&event->event);
    drop_event(event);
}

static void clear_here(void *data)
{
    struct gale_event *event = data;
    task_event_clear(&event->event);
    drop_event(event);
}

/* Calls fn on the event's own thread, at once if that is this one. */
static void call_home(struct gale_event *event, ioloop_call_fn *fn)
{
    atomic_fetch_add(&event->users, 1);
    if (ioloop_current() == event->loop)
        fn(event);
    else if (!ioloop_post(event->loop, fn, event))
        drop_event(event);
}

void gale_event_set(struct gale_event *event)
{
    call_home(event, set_here);
}

void gale_event_clear(struct gale_event *event)
{
    call_home(event, clear_here);
}

int gale_event_wait(struct gale_event *event, int64_t timeout)
{
    int r = check_task();
    return r < 0 ? r : task_event_wait(&event->event, timeout);
}

/* ---- semaphore ---- */

struct gale_semaphore {
    struct task_semaphore semaphore;
};

struct gale_semaphore *gale_semaphore_create(size_t count)
{
    struct gale_semaphore *semaphore = memory_zalloc(sizeof(*semaphore));
    task_semaphore_init(&semaphore->semaphore, count);
    return semaphore;
}

void gale_semaphore_destroy(struct gale_semaphore *semaphore)
{
    free(semaphore);
}

int gale_semaphore_acquire(struct gale_semaphore *semaphore, int64_t timeout)
{
    int r = check_task();
    return r < 0 ? r : task_semaphore_acquire(&semaphore->semaphore, timeout);
}

void gale_semaphore_release(struct gale_semaphore *semaphore)
{
    task_semaphore_release(&semaphore->semaphore);
}

/* ---- queue ---- */

struct gale_queue {
    struct task_queue queue;
};

struct gale_queue *gale_queue_create(size_t capacity)
{
    struct gale_queue *queue = memory_zalloc(sizeof(*queue));
    task_queue_init(&queue->queue, capacity);
    return queue;
}

void gale_queue_destroy(struct gale_queue *queue)
{
    if (!queue)
        return;
    task_queue_finish(&queue->queue);
    free(queue);
}

int gale_queue_put(struct gale_queue *queue, void *item, int64_t timeout)
{
    int r = check_task();
    return r < 0 ? r : task_queue_put(&queue->queue, item, timeout);
}

int gale_queue_get(struct gale_queue *queue, void **out_item, int64_t timeout)
{
    int r = check_task();
    return r < 0 ? r : task_queue_get(&queue->queue, out_item, timeout);
}
