/* The waiting calls as a plugin makes them. */
#include "unit.h"

#include <errno.h>
#include <gale/wait.h>
#include <pthread.h>
#include <unistd.h>
#include "base/macros.h"
#include "loop/ioloop.h"
#include "loop/offload.h"
#include "loop/on_waiters.h"
#include "loop/task.h"

static struct ioloop *loop;

static void run(task_fn *fn, void *data)
{
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    run_task(loop, fn, data);
    offload_stop();
    ioloop_destroy(loop);
}

START_TEST(is_refused_off_a_task)
{
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    struct gale_lock *lock = gale_lock_create();
    struct gale_queue *queue = gale_queue_create(1);
    void *item;
    ck_assert_int_eq(gale_sleep(1), -EPERM);
    ck_assert_int_eq(gale_yield(), -EPERM);
    ck_assert_int_eq(gale_wait_fd(0, GALE_READABLE, 0), -EPERM);
    ck_assert_int_eq(gale_offload(NULL, NULL), -EPERM);
    ck_assert_int_eq(gale_cleanup(1), -EPERM);
    ck_assert_int_eq(gale_cancelled(), 0);
    ck_assert_int_eq(gale_lock_acquire(lock, 0), -EPERM);
    ck_assert_int_eq(gale_queue_put(queue, NULL, 0), -EPERM);
    ck_assert_int_eq(gale_queue_get(queue, &item, 0), -EPERM);
    gale_lock_destroy(lock);
    gale_queue_destroy(queue);
    gale_queue_destroy(NULL);
    gale_event_destroy(NULL);
    gale_semaphore_destroy(NULL);
    ioloop_destroy(loop);
}
END_TEST

static void wait_for_things(void *data)
{
    (void)data;
    int pair[2];
    ck_assert_int_eq(pipe(pair), 0);
    int64_t before = gale_now();
    ck_assert_int_eq(gale_sleep(-5), 0);
    ck_assert_int_eq(gale_sleep(5), 0);
    ck_assert_int_ge(gale_now() - before, 5);
    ck_assert_int_eq(gale_yield(), 0);
    ck_assert_int_eq(gale_wait_fd(pair[0], 0, 0), -EINVAL);
    ck_assert_int_eq(gale_wait_fd(pair[0], 4, 0), -EINVAL);
    ck_assert_int_eq(gale_wait_fd(pair[0], GALE_READABLE, 1), -ETIMEDOUT);
    ck_assert_int_eq(gale_wait_fd(pair[1], GALE_WRITABLE, -1), GALE_WRITABLE);
    ck_assert_int_eq(write(pair[1], "x", 1), 1);
    ck_assert_int_eq(gale_wait_fd(pair[0], GALE_READABLE, -1), GALE_READABLE);
    ioloop_forget(loop, pair[0]);
    ioloop_forget(loop, pair[1]);
    close(pair[0]);
    close(pair[1]);
}

START_TEST(waits)
{
    run(wait_for_things, NULL);
}
END_TEST

static void note_thread(void *data)
{
    *(pthread_t *)data = pthread_self();
}

static void be_cancelled(void *data)
{
    (void)data;
    pthread_t thread = pthread_self();
    ck_assert_int_eq(gale_offload(note_thread, &thread), 0);
    ck_assert(!pthread_equal(thread, pthread_self()));
    ck_assert_int_eq(gale_cancelled(), 0);
    task_cancel(task_current(), -ECANCELED);
    ck_assert_int_eq(gale_cancelled(), -ECANCELED);
    ck_assert_int_eq(gale_sleep(60000), -ECANCELED);
    ck_assert_int_eq(gale_yield(), -ECANCELED);
    ck_assert_int_eq(gale_offload(note_thread, &thread), -ECANCELED);
    ck_assert_int_eq(gale_cleanup(1000), 0);
    ck_assert_int_eq(gale_sleep(1), 0);
    ck_assert_int_lt(gale_cleanup(1000), 0); /* once */
}

START_TEST(offloads_and_is_cancelled)
{
    run(be_cancelled, NULL);
}
END_TEST

/* ---- between tasks ---- */

static struct gale_lock *lock;
static struct gale_queue *queue;
static struct gale_semaphore *semaphore;

static void other(void *data)
{
    (void)data;
    void *item = NULL;
    ck_assert_int_eq(gale_lock_acquire(lock, 0), -ETIMEDOUT);
    ck_assert_int_eq(gale_lock_release(lock), -EPERM);
    ck_assert_int_eq(gale_queue_get(queue, &item, -1), 0);
    ck_assert_ptr_eq(item, &lock);
    gale_semaphore_release(semaphore);
}

static void use_all(void *data)
{
    (void)data;
    lock = gale_lock_create();
    queue = gale_queue_create(1);
    semaphore = gale_semaphore_create(1);
    ck_assert_int_eq(gale_lock_acquire(lock, -1), 0);
    ck_assert_int_eq(gale_lock_acquire(lock, -1), -EDEADLK);
    ck_assert_int_eq(gale_semaphore_acquire(semaphore, 0), 0);
    ck_assert_int_eq(gale_semaphore_acquire(semaphore, 0), -ETIMEDOUT);
    ck_assert_int_eq(gale_queue_put(queue, &lock, 0), 0);
    ck_assert_int_eq(gale_queue_put(queue, &lock, 0), -ETIMEDOUT);
    ck_assert_int_eq(task_spawn(loop, other, NULL, 0, NULL), 0);
    ck_assert_int_eq(gale_semaphore_acquire(semaphore, -1), 0);
    ck_assert_int_eq(gale_lock_release(lock), 0);
    gale_lock_destroy(lock);
    gale_queue_destroy(queue);
    gale_semaphore_destroy(semaphore);
}

START_TEST(has_lock_queue_and_semaphore)
{
    run(use_all, NULL);
}
END_TEST

static void *set_later(void *data)
{
    usleep(2000);
    gale_event_set(data);
    return NULL;
}

static void wait_for_thread(void *data)
{
    (void)data;
    struct gale_event *event = gale_event_create();
    pthread_t thread;
    ck_assert_int_eq(gale_event_wait(event, 0), -ETIMEDOUT);
    ck_assert_int_eq(pthread_create(&thread, NULL, set_later, event), 0);
    ck_assert_int_eq(gale_event_wait(event, 10000), 0);
    pthread_join(thread, NULL);
    gale_event_clear(event);
    ck_assert_int_eq(gale_event_wait(event, 0), -ETIMEDOUT);
    gale_event_set(event);
    ck_assert_int_eq(gale_event_wait(event, 0), 0);
    gale_event_destroy(event);
}

START_TEST(an_event_is_set_by_a_thread)
{
    run(wait_for_thread, NULL);
}
END_TEST

static void *set_many(void *data)
{
    for (int i = 0; i < 100; i++) {
        gale_event_set(data);
        gale_event_clear(data);
    }
    return NULL;
}

/* The posts of a thread may outlive the event's owner. */
static void destroy_early(void *data)
{
    (void)data;
    struct gale_event *event = gale_event_create();
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, set_many, event), 0);
    pthread_join(thread, NULL);
    gale_event_destroy(event);
    ck_assert_int_eq(gale_yield(), 0);
    ck_assert_int_eq(gale_sleep(1), 0);
}

START_TEST(an_event_outlives_its_posts)
{
    run(destroy_early, NULL);
}
END_TEST

UNIT_MAIN_ON_WAITERS(is_refused_off_a_task, waits, offloads_and_is_cancelled,
                     has_lock_queue_and_semaphore, an_event_is_set_by_a_thread,
                     an_event_outlives_its_posts)
