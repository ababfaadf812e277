/* gale/wait.h - waiting, without holding anybody up.
 *
 * A waiting call parks the task that made it; meanwhile the worker serves others. All times are in
 * milliseconds; a time-out of -1 waits for ever, 0 only tries. All waiting calls: task; they
 * return -ETIMEDOUT when their time-out passes, and -ECANCELED at once when the task is
 * cancelled: the client has gone (a reset at once, a half-closed connection after one second), the
 * worker is ending, or (-ETIMEDOUT) the request's deadline has passed. Cancellation stays: every
 * later waiting call returns at once, too, but for those under one gale_cleanup. A task that is
 * still there 5 s later is reported with its stack and its worker is replaced. Where there is no
 * task to park, they return -EPERM.
 *
 * Never block in any other way on a task: the whole worker stands still. Blocking work belongs in
 * gale_offload. */
#pragma once
#include <gale/macros.h>
#include <stddef.h>
#include <stdint.h>

GALE_BEGIN

struct gale_app;

GALE_API int gale_sleep(int64_t ms);
/* Lets others run: 0, or -ECANCELED. In long computations, every few milliseconds. */
GALE_API int gale_yield(void);

/* Waits until the descriptor is ready. Returns the GALE_READABLE and GALE_WRITABLE bits that hold.
 * For libraries that hand out their sockets (libpq, hiredis, curl). */
enum { GALE_READABLE = 1, GALE_WRITABLE = 2 };
GALE_API int gale_wait_fd(int fd, int events, int64_t timeout);

/* Runs fn(data) on a thread and waits for its end, even if the task is cancelled meanwhile. 0, or
 * an error before fn ran: -EAGAIN when too much is waiting already, -ECANCELED. */
GALE_API int gale_offload(void (*fn)(void *data), void *data);

/* Lets a cancelled task wait again, for `ms` in all and once, to leave things in order. */
GALE_API int gale_cleanup(int64_t ms);
/* 0, or -ECANCELED or -ETIMEDOUT when this task was cancelled. */
GALE_API int gale_cancelled(void);

/* Starts fn(data) as a background task of the app; it is cancelled when the worker drains. Those of
 * open start when every app is open. 0, -EAGAIN when there are too many tasks, or -ECANCELED when
 * the worker drains already. open, task. */
GALE_API int gale_spawn(struct gale_app *app, void (*fn)(void *data), void *data);

/* Milliseconds of a clock that never jumps. thread */
GALE_API int64_t gale_now(void);

/* ---- between tasks of one worker: first come, first served. create and destroy: open, task.
 * destroy only when nobody waits. The others: task, unless said. ---- */

struct gale_lock;
GALE_API struct gale_lock *gale_lock_create(void);
GALE_API void gale_lock_destroy(struct gale_lock *lock);
GALE_API int gale_lock_acquire(struct gale_lock *lock, int64_t timeout); /* -EDEADLK: has it */
GALE_API int gale_lock_release(struct gale_lock *lock);                  /* -EPERM: has it not */

struct gale_event;
GALE_API struct gale_event *gale_event_create(void);
GALE_API void gale_event_destroy(struct gale_event *event);
GALE_API void gale_event_set(struct gale_event *event);   /* wakes all who wait. thread */
GALE_API void gale_event_clear(struct gale_event *event); /* thread */
GALE_API int gale_event_wait(struct gale_event *event, int64_t timeout);

struct gale_semaphore;
GALE_API struct gale_semaphore *gale_semaphore_create(size_t count);
GALE_API void gale_semaphore_destroy(struct gale_semaphore *semaphore);
GALE_API int gale_semaphore_acquire(struct gale_semaphore *semaphore, int64_t timeout);
GALE_API void gale_semaphore_release(struct gale_semaphore *semaphore);

/* A queue of pointers; capacity 0 has no limit. */
struct gale_queue;
GALE_API struct gale_queue *gale_queue_create(size_t capacity);
GALE_API void gale_queue_destroy(struct gale_queue *queue);
GALE_API int gale_queue_put(struct gale_queue *queue, void *item, int64_t timeout);
GALE_API int gale_queue_get(struct gale_queue *queue, void **out_item, int64_t timeout);

GALE_END
