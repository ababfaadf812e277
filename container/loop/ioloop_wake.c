/* ioloop_wake.c - what reaches the loop from outside: calls from other threads, and signals.
 *
 * Posts form a stack that threads push to without a lock; the loop takes all of it at once. Only a
 * push onto the empty stack writes the eventfd, so a burst of posts costs one system call. */
#include "loop/ioloop_private.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/memory.h"

static struct ioloop_post no_more_posts; /* stands in `posts` once the loop is being destroyed */

static void wake(struct ioloop *loop)
{
    const uint64_t one = 1;
    (void)!write(loop->wake_fd, &one, sizeof(one)); /* fails only when it is awake anyway */
}

bool ioloop_post(struct ioloop *loop, ioloop_call_fn *fn, void *data)
{
    ioloop_check_process(loop);
    struct ioloop_post *post = memory_alloc(sizeof(*post));
    *post = (struct ioloop_post){.fn = fn, .data = data};
    struct ioloop_post *newest = atomic_load(&loop->posts);
    do {
        if (newest == &no_more_posts) {
            free(post);
            return false;
        }
        post->next = newest;
    } while (!atomic_compare_exchange_weak(&loop->posts, &newest, post));
    if (!newest)
        wake(loop);
    return true;
}

/* Takes all posts, leaves `rest` in their place, and runs them oldest first. */
static void run_posts(struct ioloop *loop, struct ioloop_post *rest)
{
    struct ioloop_post *post = atomic_exchange(&loop->posts, rest), *oldest = NULL;
    while (post) {
        struct ioloop_post *next = post->next;
        post->next = oldest;
        oldest = post;
        post = next;
    }
    while (oldest) {
        struct ioloop_post *next = oldest->next;
        oldest->fn(oldest->data);
        free(oldest);
        oldest = next;
    }
}

static void on_wake(void *data, unsigned events)
{
    (void)events;
    struct ioloop *loop = data;
    uint64_t times;
    /* Emptied before the posts are taken: one that comes later wakes the loop anew. */
    (void)!read(loop->wake_fd, &times, sizeof(times));
    run_posts(loop, NULL);
}

void ioloop_stop(struct ioloop *loop)
{
    ioloop_check_process(loop);
    if (!atomic_exchange(&loop->is_stopping, true))
        wake(loop);
}

static void on_signals(void *data, unsigned events)
{
    (void)events;
    struct ioloop *loop = data;
    struct signalfd_siginfo infos[16];
    ssize_t n = read(loop->signal_fd, infos, sizeof(infos));
    for (ssize_t i = 0; i < n / (ssize_t)sizeof(*infos); i++) {
        struct ioloop_signal handler = loop->signals[infos[i].ssi_signo];
        if (handler.fn)
            handler.fn(handler.data);
    }
}

static int open_signals(struct ioloop *loop)
{
    int fd = signalfd(-1, &loop->signal_set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return -errno;
    int r = ioloop_watch(loop, fd, IOLOOP_READ, on_signals, loop);
    if (r < 0) {
        close(fd);
        return r;
    }
    loop->signal_fd = fd;
    return 0;
}

static int add_signal(struct ioloop *loop, int signal_number)
{
    sigset_t one;
    sigemptyset(&one);
    if (sigaddset(&one, signal_number) < 0)
        return -errno;
    int r = loop->signal_fd < 0 ? open_signals(loop) : 0;
    if (r < 0)
        return r;
    pthread_sigmask(SIG_BLOCK, &one, NULL);
    sigaddset(&loop->signal_set, signal_number);
    return signalfd(loop->signal_fd, &loop->signal_set, 0) < 0 ? -errno : 0;
}

int ioloop_on_signal(struct ioloop *loop, int signal_number, ioloop_call_fn *fn, void *data)
{
    ioloop_check_process(loop);
    bool can_be_caught = signal_number > 0 && signal_number < _NSIG && signal_number != SIGKILL &&
                         signal_number != SIGSTOP;
    if (!can_be_caught)
        return -EINVAL;
    int r = fn && !loop->signals[signal_number].fn ? add_signal(loop, signal_number) : 0;
    if (r < 0)
        return r;
    loop->signals[signal_number] = (struct ioloop_signal){.fn = fn, .data = data};
    return 0;
}

int ioloop_open_wake(struct ioloop *loop)
{
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->wake_fd < 0)
        return -errno;
    return ioloop_watch(loop, loop->wake_fd, IOLOOP_READ, on_wake, loop);
}

void ioloop_refuse_posts(struct ioloop *loop)
{
    run_posts(loop, &no_more_posts);
}

void ioloop_close_wake(struct ioloop *loop)
{
    if (loop->wake_fd >= 0)
        close(loop->wake_fd);
    if (loop->signal_fd >= 0)
        close(loop->signal_fd);
}
