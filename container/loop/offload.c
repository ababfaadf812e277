/* offload.c - the threads, their queue, and the way back to the loop.
 *
 * A job lies on the stack of the task that waits for it. It is in the queue, then with a thread,
 * then posted to the task's loop; the task goes on only after that, so nothing of it is touched
 * by another thread any more when it returns. */
#include "loop/offload.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include "base/list.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/signal_stack.h"
#include "loop/ioloop.h"
#include "loop/task.h"

struct job {
    offload_fn *fn;
    void *data;
    struct task *task;
    struct ioloop *loop;
    struct list link;
    bool is_done; /* the loop's thread only */
};

static _Thread_local const struct task *volatile served;

static size_t max_threads = 8, max_waiting = 1024;

static struct {
    pthread_mutex_t lock; /* for `jobs` and `is_stopping`; the rest is the loop's thread's */
    pthread_cond_t work;
    struct list jobs; /* not yet with a thread */
    bool is_stopping;
    pthread_t *threads; /* owned */
    size_t started;
    size_t pending; /* calls of offload_run that wait */
} pool = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .work = PTHREAD_COND_INITIALIZER,
    .jobs = {&pool.jobs, &pool.jobs},
};

void offload_configure(unsigned threads, unsigned queue)
{
    max_threads = threads ? threads : 1;
    max_waiting = queue;
}

/* ---- on a thread ---- */

static struct job *next_job(void)
{
    struct list *link;
    pthread_mutex_lock(&pool.lock);
    while (!(link = list_pop(&pool.jobs)) && !pool.is_stopping)
        pthread_cond_wait(&pool.work, &pool.lock);
    pthread_mutex_unlock(&pool.lock);
    return link ? container_of(link, struct job, link) : NULL;
}

static void go_on(void *data)
{
    struct job *job = data;
    job->is_done = true;
    task_wake(job->task, true);
}

const struct task *offload_task(void)
{
    return served;
}

static void *work(void *data)
{
    struct job *job;
    char signal_stack[SIGNAL_STACK];
    (void)data;
    signal_stack_use(signal_stack);
    pthread_setname_np(pthread_self(), "gale-offload");
    while ((job = next_job())) {
        served = job->task;
        job->fn(job->data);
        served = NULL;
        /* Refused only while the loop is destroyed: then no task will run again either. */
        (void)ioloop_post(job->loop, go_on, job);
    }
    signal_stack_leave(signal_stack);
    return NULL;
}

/* ---- on the loop's thread ---- */

/* Signals are the loop's: a thread takes none but those that tell of its own faults. */
static int start_thread(void)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS};
    sigset_t most, before;
    sigfillset(&most);
    for (size_t i = 0; i < ARRAY_LEN(faults); i++)
        sigdelset(&most, faults[i]);
    pthread_sigmask(SIG_SETMASK, &most, &before);
    int error = pthread_create(&pool.threads[pool.started], NULL, work, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error)
        return -error;
    pool.started++;
    return 0;
}

/* Grows the pool when all its threads have something to do. Returns 0, or -EAGAIN without any. */
static int need_thread(void)
{
    if (!pool.threads)
        pool.threads = memory_alloc(max_threads * sizeof(*pool.threads));
    if (pool.pending < pool.started || pool.started == max_threads)
        return 0;
    int r = start_thread();
    if (r < 0)
        log_warn("no thread for offloaded work", LOG_ERRNO(r));
    return pool.started ? 0 : -EAGAIN;
}

static void enqueue(struct job *job)
{
    pthread_mutex_lock(&pool.lock);
    list_append(&pool.jobs, &job->link);
    pthread_cond_signal(&pool.work);
    pthread_mutex_unlock(&pool.lock);
}

int offload_run(offload_fn *fn, void *data)
{
    struct task *task = task_current();
    struct job job = {.fn = fn, .data = data, .task = task, .loop = task_loop(task)};
    int r = task_ask();
    if (r < 0)
        return r;
    if (pool.pending >= max_threads + max_waiting)
        return -EAGAIN;
    r = need_thread();
    if (r < 0)
        return r;
    pool.pending++;
    enqueue(&job);
    while (!job.is_done)
        task_park_firmly();
    pool.pending--;
    return 0;
}

void offload_stop(void)
{
    pthread_mutex_lock(&pool.lock);
    pool.is_stopping = true;
    pthread_cond_broadcast(&pool.work);
    pthread_mutex_unlock(&pool.lock);
    for (size_t i = 0; i < pool.started; i++)
        pthread_join(pool.threads[i], NULL);
    free(pool.threads);
    pool.threads = NULL;
    pool.started = 0;
    pool.is_stopping = false;
}
