/* task.c - a task's life, the one place that resumes it, and what it carries.
 *
 * Everything that belongs to the running task alone is put in place when it goes on and taken away
 * when it waits: the board's text, the C++ exceptions, the budget of the turn, the counting of its
 * time. */
#include "loop/task.h"

#include <errno.h>
#include <string.h>
#include "base/board.h"
#include "loop/task_private.h"
#include "loop/ticks.h"

enum { MAX_DEFAULT = 10000 };

_Thread_local struct task *task_running;

static size_t count, max = MAX_DEFAULT;

void task_set_max(size_t new_max)
{
    max = new_max;
}

size_t task_count(void)
{
    return count;
}

struct task *task_current(void)
{
    return task_running;
}

struct ioloop *task_loop(const struct task *task)
{
    return task->loop;
}

/* ---- the board ---- */

/* Whose text the board holds. Between two runs of a task the text stays there with its first
 * bytes taken away, so that a task that goes on costs two stores and not three copies. */
static struct {
    const struct task *task;
    const struct task *left; /* what it has ended in this run is still there, too */
    char app, request;
} shown;

static void copy_text(char *out, size_t size, const char *text)
{
    size_t len = text ? strnlen(text, size - 1) : 0;
    if (len)
        memcpy(out, text, len);
    out[len] = 0;
}

static void copy_label(const struct task_label *label)
{
    struct board_slot *slot = board_mine;
    shown.left = NULL;
    copy_text(slot->app, sizeof(slot->app), label->app);
    copy_text(slot->request, sizeof(slot->request), label->request);
    copy_text(slot->request_id, sizeof(slot->request_id), label->request_id);
}

static void show_label(const struct task *task)
{
    if (!task->label)
        return;
    if (shown.task == task) {
        board_mine->app[0] = shown.app;
        board_mine->request[0] = shown.request;
        return;
    }
    copy_label(task->label);
    shown.task = task;
}

static void hide_label(const struct task *task)
{
    if (shown.task != task)
        return;
    shown.app = board_mine->app[0];
    shown.request = board_mine->request[0];
    board_mine->app[0] = board_mine->request[0] = 0;
}

void task_set_label(struct task *task, const struct task_label *label)
{
    if (label && task->label == label && task == task_running && shown.task == task) {
        copy_text(board_mine->app, sizeof(board_mine->app), label->app);
        return;
    }
    if (task == task_running)
        hide_label(task);
    if (shown.task == task) {
        shown.task = NULL;
        shown.left = task;
    }
    task->label = label;
    if (task == task_running)
        show_label(task);
}

/* ---- C++ exceptions ---- */

/* A runtime keeps the exceptions that are being handled in two words of the thread: a stack of
 * those caught, and a count of those thrown and not yet caught. A task takes its own along. */
static void put_globals(struct task *task)
{
    if (task->globals)
        memcpy(task->globals, task->kept_globals, sizeof(task->kept_globals));
}

static void keep_globals(struct task *task)
{
    if (!task->globals)
        return;
    memcpy(task->kept_globals, task->globals, sizeof(task->kept_globals));
    memset(task->globals, 0, sizeof(task->kept_globals));
}

void task_set_exception_globals(struct task *task, void *globals)
{
    memset(task->kept_globals, 0, sizeof(task->kept_globals));
    task->globals = globals;
}

/* ---- life ---- */

static void run(void *data)
{
    struct task *task = task_running;
    (void)data;
    task->fn(task->data);
}

void task_begin(struct task *task)
{
    count++;
    if (task->group)
        task_group_add(task->group, task);
}

void task_end(struct task *task)
{
    if (shown.task == task)
        shown.task = NULL;
    count--;
    task_stuck_stop(task);
    if (task->group)
        task_group_remove(task->group, task);
}

bool task_is_room(void)
{
    return count < max;
}

void task_enter(struct task *task)
{
    assert(!task_running);
    task_running = task;
    task->state = TASK_RUNNING;
    task->budget = TASK_TURN_BYTES;
    put_globals(task);
    show_label(task);
    task->resumed_ticks = ticks_now();
}

/* So few are a few milliseconds on the slowest counter, and microseconds on others. */
enum { SHORT_TICKS = 100000 };

/* By what the board holds, since the request may have ended meanwhile. */
static void blame(const struct task *task, uint64_t ticks)
{
    struct task_label label = {"", "", ""};
    char app[sizeof(board_mine->app)], request[sizeof(board_mine->request)];
    if (shown.task == task || shown.left == task) {
        memcpy(app, board_mine->app, sizeof(app));
        memcpy(request, board_mine->request, sizeof(request));
        app[0] = shown.app;
        request[0] = shown.request;
        label = (struct task_label){app, request, board_mine->request_id};
    }
    ioloop_blame(task->loop, ticks_to_ns(ticks) / 1000000, label.app, label.request,
                 label.request_id);
}

void task_exit(struct task *task)
{
    uint64_t ticks = ticks_now() - task->resumed_ticks;
    task->ran_ticks += ticks;
    hide_label(task);
    if (ticks > SHORT_TICKS)
        blame(task, ticks);
    shown.left = NULL;
    keep_globals(task);
    task_running = NULL;
}

void task_resume(struct task *task)
{
    if (!task->coroutine) {
        task_main_go_on(task);
        return;
    }
    task_enter(task);
    bool goes_on = coroutine_resume(task->coroutine);
    task_exit(task);
    if (goes_on)
        return;
    task_end(task);
    coroutine_destroy(task->coroutine);
}

static void resume_called(void *data)
{
    task_resume(data);
}

void task_resume_soon(struct task *task)
{
    task->state = TASK_READY;
    task->call.fn = resume_called;
    task->call.data = task;
    ioloop_defer(task->loop, &task->call);
}

int task_spawn(struct ioloop *loop, task_fn *fn, void *data, size_t stack_size,
               struct task_group *group)
{
    if (!task_is_room())
        return -EAGAIN;
    struct coroutine *coroutine = coroutine_create(run, NULL, stack_size);
    if (!coroutine)
        return -errno;
    struct task *task = coroutine_room(coroutine);
    *task = (struct task){.coroutine = coroutine,
                          .loop = loop,
                          .fn = fn,
                          .data = data,
                          .deadline_ms = TASK_NEVER,
                          .group = group};
    task_begin(task);
    if (task_running)
        task_resume_soon(task);
    else
        task_resume(task);
    return 0;
}

int64_t task_run_ns(const struct task *task)
{
    uint64_t ticks = task->ran_ticks;
    if (task == task_running)
        ticks += ticks_now() - task->resumed_ticks;
    return ticks_to_ns(ticks);
}
