/* cgi_feed.c - from body to pipe. */
#include "adapters/cgi/cgi_feed.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "adapters/cgi/cgi_run.h"
#include "base/memory.h"
#include "loop/ioloop.h"
#include "loop/task.h"

enum { SPOOL_MEMORY = 64 * 1024 };

int cgi_feed_begin(struct cgi_feed *feed, struct gale_request *req)
{
    *feed = (struct cgi_feed){0};
    int r = gateway_body_begin(&feed->body, req, SPOOL_MEMORY);
    if (r < 0 || !feed->body.left)
        return r;
    feed->block = memory_alloc(CGI_FEED_BLOCK);
    while (feed->body.left && feed->len < CGI_FEED_BLOCK) {
        ssize_t n =
            gateway_body_read(&feed->body, feed->block + feed->len, CGI_FEED_BLOCK - feed->len);
        if (n <= 0)
            return n < 0 ? (int)n : -ECONNRESET;
        feed->len += (size_t)n;
    }
    return 0;
}

void cgi_feed_finish(struct cgi_feed *feed)
{
    gateway_body_finish(&feed->body);
    free(feed->block);
    feed->block = NULL;
}

/* ---- writing ---- */

/* The program sees the end of its input. */
static void end_input(struct cgi_feed *feed)
{
    ioloop_close(task_loop(task_current()), feed->run->in);
    feed->run->in = -1;
}

/* Writes what is in the block, as far as the pipe takes it: 1 when all of it went, 0 when the pipe
 * is full, -EPIPE when the program does not want it. */
static int write_block(struct cgi_feed *feed)
{
    while (feed->at < feed->len) {
        ssize_t n = write(feed->run->in, feed->block + feed->at, feed->len - feed->at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? 0 : -errno;
        feed->at += (size_t)n;
        feed->run->progress_ms = ioloop_now_ms(task_loop(task_current()));
    }
    return 1;
}

/* Reads the next block. The number of bytes, 0 at the end, or what reading failed with. */
static ssize_t refill(struct cgi_feed *feed)
{
    struct cgi_run *run = feed->run;
    run->is_client_turn = !feed->body.is_spooled;
    ssize_t n = gateway_body_read(&feed->body, feed->block, CGI_FEED_BLOCK);
    run->is_client_turn = false;
    run->progress_ms = ioloop_now_ms(task_loop(task_current()));
    feed->at = 0;
    feed->len = n > 0 ? (size_t)n : 0;
    return n;
}

/* Everything up to the end, or until the program has had enough. Returns 0, or why the client's
 * body cannot be had. */
static int feed_all(struct cgi_feed *feed)
{
    for (;;) {
        int r = write_block(feed);
        if (r == 0)
            r = task_wait_fd(feed->run->in, IOLOOP_WRITE, -1);
        else if (r > 0)
            r = task_spend(feed->len);
        if (r < 0)
            return 0; /* the program does not read, or this task was cancelled by its owner */
        if (feed->at < feed->len)
            continue;
        ssize_t n = refill(feed);
        if (n <= 0)
            return (int)n;
    }
}

static void feed_task(void *data)
{
    struct cgi_feed *feed = data;
    int r = feed_all(feed);
    end_input(feed);
    feed->error = r;
    feed->has_failed = r < 0 && !task_cancelled(task_current());
    if (feed->run->reader)
        task_wake(feed->run->reader, false);
}

int cgi_feed_start(struct cgi_feed *feed, struct cgi_run *run, const struct task_label *label)
{
    feed->run = run;
    if (run->in < 0)
        return 0;
    int r = write_block(feed);
    if (r < 0 || (r > 0 && !feed->body.left)) {
        end_input(feed);
        return 0;
    }
    return subtask_start(&feed->subtask, feed_task, feed, label);
}

void cgi_feed_stop(struct cgi_feed *feed)
{
    subtask_stop(&feed->subtask);
}
