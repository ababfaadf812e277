/* worker.c - the worker's life: ready, go, serve, drain, exit. */
#include "process/worker.h"

#include <errno.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "app/app.h"
#include "app/config.h"
#include "app/dev.h"
#include "base/board.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/str.h"
#include "process/channel.h"
#include "process/orphan.h"
#include "process/worker_memory.h"
#include "process/worker_private.h"

/* One process, one worker: some of what calls back here carries no data. */
static struct worker worker;

/* ---- what the master says ---- */

static void beat(void)
{
    atomic_store_explicit(&board_mine->heartbeat_ms, clock_mono_ms(), memory_order_relaxed);
}

static void go(void)
{
    if (worker.is_draining)
        return;
    beat();
    atomic_store_explicit(&board_mine->state, BOARD_SERVING, memory_order_relaxed);
    coverage_start(&worker.coverage);
}

static void change_log(int *fd, int fresh)
{
    if (*fd > STDERR_FILENO)
        close(*fd);
    *fd = fresh;
}

static void use_logs(struct channel_message *message)
{
    struct worker_arguments *arguments = &worker.arguments;
    if (message->fd_count > 0) {
        log_flush();
        log_set_fd(message->fds[0]);
        change_log(&arguments->error_log, steal_fd(&message->fds[0]));
    }
    if (message->fd_count > 1 && worker.apps) {
        log_sink_set_fd(&worker.access_log.sink, message->fds[1]);
        change_log(&arguments->access_log, steal_fd(&message->fds[1]));
    }
}

/* Who drains takes nothing: that the descriptor is closed says so. */
static void take_from(struct channel_message *message)
{
    if (worker.apps && !worker.is_draining && message->fd_count > 0)
        taker_open(&worker.taker, steal_fd(&message->fds[0]));
}

static void give_to(struct channel_message *message)
{
    if (worker.apps && !worker.cut_ms && message->fd_count > 0)
        giver_open(&worker.giver, steal_fd(&message->fds[0]));
}

static void handle(struct channel_message *message)
{
    if (message->kind == CHANNEL_GO)
        go();
    else if (message->kind == CHANNEL_LOGS)
        use_logs(message);
    else if (message->kind == CHANNEL_RETIRE)
        coverage_retire(&worker.coverage, (unsigned)message->value);
    else if (message->kind == CHANNEL_TAKE)
        take_from(message);
    else if (message->kind == CHANNEL_GIVE)
        give_to(message);
    else if (message->kind == CHANNEL_DEV && worker.dev && message->fd_count)
        (void)dev_update(worker.dev, message->fds[0]);
    else if (message->kind == CHANNEL_DRAIN)
        worker_drain(&worker, message->value, message->flags);
    channel_message_finish(message);
}

static void on_master_gone(void)
{
    ioloop_close(worker.loop, steal_fd(&worker.arguments.channel));
    if (!worker.is_draining)
        log_error("the master is gone: this worker ends its requests and then itself");
    worker_drain(&worker, worker.config->server.drain_timeout_ms, CHANNEL_SWEEP);
}

static void on_channel(void *data, unsigned events)
{
    struct channel_message message;
    int r = 0;
    (void)data;
    (void)events;
    while (worker.arguments.channel >= 0 &&
           (r = channel_receive(worker.arguments.channel, &message)) == 0)
        handle(&message);
    if (r < 0 && r != -EAGAIN)
        on_master_gone();
}

/* SIGTERM to a worker replaces it; a second one does not wait for its successor. */
static void on_terminate(void *data)
{
    (void)data;
    if (worker.is_leaving)
        worker_drain(&worker, worker.config->server.drain_timeout_ms, 0);
    else
        worker_leave(&worker, "got SIGTERM");
}

/* ---- tasks that do not end ---- */

static struct gale_str known(const char *text)
{
    return str_of(text ? text : "-");
}

/* Nothing can end it but the end of its process. */
static void on_stuck(void *data, const struct task_stuck *stuck)
{
    static const struct task_label none;
    const struct task_label *label = stuck->label ? stuck->label : &none;
    (void)data;
    log_error("a task did not end although it was cancelled; its worker is replaced",
              LOG_STR("app", known(label->app)), LOG_STR("request", known(label->request)),
              LOG_STR("id", known(label->request_id)), LOG_ERRNO(stuck->reason),
              LOG_TEXT("stack", stuck->stack));
    worker_leave(&worker, "has a task that does not end");
}

/* ---- what it says ---- */

/* From "msg=" on: the reader of a reload's answer knows the time and the process. */
static void tell_error(const char *line, size_t len)
{
    const char *message = memmem(line, len, "msg=", 4);
    if (message)
        (void)channel_tell(worker.arguments.channel, CHANNEL_ERROR,
                           (struct gale_str){message, len - (size_t)(message - line)});
}

/* Each worker has the same: one tells. */
static void tell_apps(void)
{
    for (size_t i = 0; i < worker.config->app_count && worker.arguments.place == 0; i++) {
        const struct gale_app *app = &worker.apps[i];
        struct channel_message message;
        channel_message_init(&message, CHANNEL_APP, (int64_t)(worker.app_index + i));
        int len = snprintf(message.text, sizeof(message.text), "%.400s%c%.400s",
                           app->title ? app->title : "", 0, app->version ? app->version : "");
        message.text_len = (size_t)len;
        (void)channel_send(worker.arguments.channel, &message);
    }
}

static void on_turn_end(void *data)
{
    (void)data;
    beat();
    worker_recycle_count(&worker.recycle);
    access_log_flush(&worker.access_log);
    log_flush();
}

/* ---- life ---- */

/* It is somebody's process with a place, in ps, and its log lines say so. */
static void introduce(void)
{
    static char place[64], name[16];
    const char *group = worker.arguments.group;
    snprintf(place, sizeof(place), "%s%s%u", group ? group : "", group ? "/" : "",
             worker.arguments.place);
    snprintf(name, sizeof(name), "gale-%.7s-%u", group ? group : "worker", worker.arguments.place);
    (void)prctl(PR_SET_NAME, name);
    if (worker.arguments.error_log >= 0)
        log_set_fd(worker.arguments.error_log);
    log_set_origin("worker", place);
    log_on_error(tell_error);
}

/* These come by the loop. They are blocked before any app opens, and so in the threads that apps
 * start there: the kernel would else choose such a thread, and end the process. */
static const int caught[] = {SIGTERM, SIGHUP, SIGINT, SIGUSR1};

static void block_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_LEN(caught); i++)
        sigaddset(&set, caught[i]);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
}

static int begin(int argc, char **argv)
{
    arena_init(&worker.arena, NULL, 0);
    worker.arguments.channel = -1;
    if (worker_arguments_parse(argc, argv, &worker.arena, &worker.arguments) < 0) {
        fprintf(stderr, "gale: `gale worker` is for gale itself; try `gale run`\n");
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* as a full disk: -EFBIG */
    block_signals();
    worker_follow_master(&worker);
    /* Inherited on purpose; the programs that apps start shall not inherit them. */
    (void)close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    introduce();
    worker_memory_init(worker.arguments.channel, handle);
    app_set_shared(worker_memory_get);
    return 0;
}

/* All but SIGTERM are the master's; whoever sends them to every process called gale means no harm.
 */
static void on_masters_signal(void *data)
{
    (void)data;
}

static int watch(void)
{
    int r = ioloop_watch(worker.loop, worker.arguments.channel, IOLOOP_READ, on_channel, NULL);
    for (size_t i = 0; i < ARRAY_LEN(caught) && r == 0; i++)
        r = ioloop_on_signal(worker.loop, caught[i],
                             caught[i] == SIGTERM ? on_terminate : on_masters_signal, NULL);
    if (r < 0)
        log_error("the worker cannot watch its master", LOG_ERRNO(r));
    task_on_stuck(TASK_STUCK_MS, on_stuck, NULL);
    return r;
}

static int serve(void)
{
    struct channel_message ready;
    bool is_on_main_stack = worker.http.is_on_main_stack;
    log_on_error(NULL);
    if (!is_on_main_stack) /* there may be no turn for long: what is logged leaves at once */
        log_gather();
    worker_recycle_start(&worker.recycle, &worker);
    worker.turn_end.fn = on_turn_end;
    ioloop_on_turn_end(worker.loop, &worker.turn_end);
    /* From here on the end of the channel tells that the master has died; this is for who is stuck
     * then. */
    int r = orphan_watch(worker.config->server.drain_timeout_ms + WORKER_KILL_AFTER_MS);
    if (r < 0)
        log_warn("if the master is killed, this worker cannot be sure to end", LOG_ERRNO(r));
    atomic_store_explicit(&board_mine->state, BOARD_READY, memory_order_relaxed);
    tell_apps();
    channel_message_init(&ready, CHANNEL_READY, 0);
    r = channel_send(worker.arguments.channel, &ready);
    if (r < 0 && r != -EPIPE)
        return r;
    if (worker.is_draining) /* told so while the apps opened */
        return 0;
    return is_on_main_stack ? task_run_main(worker.loop) : ioloop_run(worker.loop);
}

/* Handlers that plugins left with atexit are not run: they expect a main that returns. What was not
 * closed has not leaked. */
static void leave(int status, bool is_closed)
{
    extern void __lsan_do_leak_check(void) __attribute__((weak));
    log_flush();
    if (is_closed && __lsan_do_leak_check)
        __lsan_do_leak_check();
    _exit(status);
}

int worker_main(int argc, char **argv, const struct adapter *const *adapters)
{
    worker.adapters = adapters;
    int r = begin(argc, argv);
    if (r != 0)
        return r;
    r = worker_open(&worker);
    if (r == 0)
        r = watch();
    if (r == 0)
        r = serve();
    bool is_closed = worker_close(&worker);
    leave(r < 0 ? 1 : 0, is_closed);
    return 1;
}
