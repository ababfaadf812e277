/* cgi_run.c - pipes, handlers, time.
 *
 * While its task waits, stdout has a handler that wakes it; stderr and the program's end always
 * have theirs. One timer is for the whole run. A run that was released is freed by its program's
 * end. */
#include "adapters/cgi/cgi_run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapters/cgi/cgi_settings.h"
#include "base/board.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "loop/ioloop.h"
#include "loop/task.h"

enum {
    END_WAIT_MS = 250, /* for the end of a program whose output has ended */
    ERR_PIECE = 16 * 1024,
};

/* ---- the program's end, and everybody's ---- */

static void close_fd(struct cgi_run *run, int *fd)
{
    if (*fd >= 0)
        ioloop_close(run->loop, *fd);
    *fd = -1;
}

/* One piece of stderr. False when there is none now, or never again. */
static bool read_err(struct cgi_run *run)
{
    char piece[ERR_PIECE];
    if (run->err < 0)
        return false;
    ssize_t n = read(run->err, piece, sizeof(piece));
    if (n > 0)
        program_lines_take(&run->lines, piece, (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        close_fd(run, &run->err);
    return n > 0;
}

void cgi_run_destroy(struct cgi_run *run)
{
    child_process_close(&run->child);
    /* What a pipe can hold is the last that it said. */
    for (int i = 0; i < 64 * 1024 / ERR_PIECE && read_err(run); i++)
        ;
    program_lines_end(&run->lines);
    timer_stop(run->loop, &run->timer);
    close_fd(run, &run->in);
    close_fd(run, &run->out);
    close_fd(run, &run->err);
    list_remove(&run->link);
    governor_leave(&run->cgi->governor);
    free(run);
}

static void tell_reader(struct cgi_run *run)
{
    if (run->reader)
        task_wake(run->reader, false);
}

static void on_end(void *data)
{
    struct cgi_run *run = data;
    if (run->reader)
        tell_reader(run);
    else
        cgi_run_destroy(run);
}

static void on_expired(void *data)
{
    struct cgi_run *run = data;
    run->is_expired = true;
    if (!run->reader)
        log_warn("program ran for too long and is ended", LOG_TEXT("app", run->cgi->app),
                 LOG_TEXT("program", run->path), LOG_TEXT("id", run->id));
    child_process_end(&run->child, run->cgi->settings->grace_ms);
    tell_reader(run);
}

static void on_err(void *data, unsigned events)
{
    (void)events;
    (void)read_err(data);
}

/* ---- start ---- */

struct pipes {
    int ours[3], theirs[3];
};

static void close_all(const int fds[3])
{
    for (int i = 0; i < 3; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

/* Our ends do not block, theirs do: programs know no better. */
static int open_pipe(struct pipes *pipes, int i)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    pipes->ours[i] = fds[i == 0];
    pipes->theirs[i] = fds[i != 0];
    return fcntl(pipes->ours[i], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int open_pipes(struct pipes *pipes, bool has_input)
{
    memset(pipes, -1, sizeof(*pipes));
    int r = has_input ? open_pipe(pipes, 0) : 0;
    if (r == 0)
        r = open_pipe(pipes, 1);
    return r == 0 ? open_pipe(pipes, 2) : r;
}

static int spawn(const struct cgi *cgi, const struct cgi_start *start, const struct pipes *pipes,
                 struct child_process *child)
{
    const struct cgi_settings *settings = cgi->settings;
    const struct child_options options = {
        .program = start->program,
        .argv = start->argv,
        .envp = start->envp,
        .folder = start->folder,
        .in = pipes->theirs[0],
        .out = pipes->theirs[1],
        .err = pipes->theirs[2],
        .limits = {(settings->cpu_ms + 999) / 1000, (int64_t)settings->memory, settings->files,
                   settings->max_processes},
        .has_user = cgi->has_user,
        .uid = cgi->uid,
        .gid = cgi->gid,
    };
    return child_process_spawn(child, &options);
}

static void set_up(struct cgi_run *run, struct cgi *cgi, const struct cgi_start *start,
                   const struct pipes *pipes)
{
    run->cgi = cgi;
    run->loop = task_loop(task_current());
    run->reader = task_current();
    run->in = pipes->ours[0];
    run->out = pipes->ours[1];
    run->err = pipes->ours[2];
    run->timer = (struct timer){.fn = on_expired, .data = run};
    memcpy(run->id, start->id.at, start->id.len);
    strcpy(run->path, start->path);
    run->lines =
        (struct program_lines){.log = &cgi->log, .program = run->path, .id = str_of(run->id)};
    list_append(&cgi->runs, &run->link);
    child_process_watch(&run->child, run->loop, on_end, run);
    (void)ioloop_watch(run->loop, run->err, IOLOOP_READ, on_err, run);
    timer_start(run->loop, &run->timer, cgi->settings->run_timeout_ms);
}

int cgi_run_start(struct cgi *cgi, const struct cgi_start *start, struct cgi_run **out_run)
{
    struct pipes pipes;
    struct cgi_run *run = memory_zalloc(sizeof(*run) + strlen(start->path) + 1);
    int r = open_pipes(&pipes, start->has_input);
    if (r == 0)
        r = spawn(cgi, start, &pipes, &run->child);
    close_all(pipes.theirs);
    if (r < 0) {
        close_all(pipes.ours);
        free(run);
        return r;
    }
    set_up(run, cgi, start, &pipes);
    board_add(cgi->started, 1);
    *out_run = run;
    return 0;
}

/* ---- its output ---- */

ssize_t cgi_run_read(struct cgi_run *run, void *to, size_t len)
{
    ssize_t n;
    do
        n = read(run->out, to, len);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    if (n == 0)
        close_fd(run, &run->out);
    return n;
}

static void on_output(void *data, unsigned events)
{
    struct cgi_run *run = data;
    (void)events;
    ioloop_unwatch(run->loop, run->out, IOLOOP_READ);
    task_wake(run->reader, true);
}

/* How long the task may wait now for a run that has been silent since `since_ms`. */
static int64_t patience_ms(const struct cgi_run *run, int64_t since_ms)
{
    const struct cgi_settings *settings = run->cgi->settings;
    int64_t limit_ms = settings->read_timeout_ms;
    if (run->child.has_ended && settings->grace_ms < limit_ms)
        limit_ms = settings->grace_ms;
    else if (run->is_client_turn) /* the client has a time-out of its own: look again later */
        return limit_ms;
    if (run->progress_ms > since_ms)
        since_ms = run->progress_ms;
    return since_ms + limit_ms - ioloop_now_ms(run->loop);
}

static int park(struct cgi_run *run, int64_t timeout_ms)
{
    int r = ioloop_watch(run->loop, run->out, IOLOOP_READ, on_output, run);
    if (r < 0)
        return r;
    r = task_park(timeout_ms);
    ioloop_unwatch(run->loop, run->out, IOLOOP_READ);
    int reason = task_may_wait(task_current());
    return reason < 0 ? reason : r;
}

int cgi_run_wait(struct cgi_run *run)
{
    int64_t since_ms = ioloop_now_ms(run->loop);
    for (;;) {
        int64_t left_ms = patience_ms(run, since_ms);
        if (run->is_expired || (left_ms <= 0 && !run->child.has_ended))
            return -ETIME;
        if (left_ms <= 0)
            return -ENODATA;
        int r = park(run, left_ms);
        /* -ETIMEDOUT of the task itself is for good, that of the wait is looked into. */
        if (r != -ETIMEDOUT || task_may_wait(task_current()) < 0)
            return r;
    }
}

int cgi_run_linger(struct cgi_run *run, int64_t ms)
{
    int r = run->is_expired ? -ETIME : park(run, ms);
    return r == -ETIMEDOUT && task_may_wait(task_current()) == 0 ? 0 : r;
}

int cgi_run_wait_end(struct cgi_run *run)
{
    int64_t until_ms = ioloop_now_ms(run->loop) + END_WAIT_MS;
    int r = 0;
    while (!run->child.has_ended && !run->is_expired && ioloop_now_ms(run->loop) < until_ms) {
        r = task_park(until_ms - ioloop_now_ms(run->loop));
        if (r < 0 && r != -ETIMEDOUT)
            return r;
    }
    return task_may_wait(task_current());
}

/* ---- release ---- */

void cgi_run_release(struct cgi_run *run, bool end)
{
    run->reader = NULL;
    close_fd(run, &run->in);
    close_fd(run, &run->out);
    if (end)
        child_process_end(&run->child, run->cgi->settings->grace_ms);
    if (run->child.has_ended)
        cgi_run_destroy(run);
}
