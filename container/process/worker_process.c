/* worker_process.c - a process's life: started, watched, told, reaped. */
#include "process/worker_process.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/config.h"
#include "base/arena.h"
#include "base/board.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/memory.h"
#include "net/message_socket.h"
#include "process/channel.h"
#include "process/generation.h"
#include "process/group.h"
#include "process/isolation.h"
#include "process/master_private.h"
#include "process/dev_master.h"
#include "process/worker.h"
#include "process/worker_arguments.h"
#include "process/worker_end.h"
#include "process/worker_spawn.h"

/* How much longer than it was told a worker may take to end, and how much of what it says before
 * it is ready is kept. */
enum { WHY_BYTES = 4096, MESSAGES_A_TURN = 64 };
/* What a worker gets to write down where it is, and then for its core. */
enum { STRIKE_MS = 1000, CORE_MS = 60 * 1000 };

static struct master *master_of(const struct worker_process *worker)
{
    return worker->generation->master;
}

static void on_timer(void *data);

void worker_process_init(struct worker_process *worker, struct generation *generation,
                         unsigned place)
{
    *worker = (struct worker_process){
        .generation = generation, .place = place, .pidfd = -1, .channel = -1, .slot = -1};
    worker->timer = (struct timer){.fn = on_timer, .data = worker};
}

const char *worker_state_name(enum worker_state state)
{
    static const char *const names[] = {"empty", "waiting", "starting",
                                        "ready", "serving", "draining"};
    return names[state];
}

/* ---- the end ---- */

void worker_process_close(struct worker_process *worker)
{
    struct master *master = master_of(worker);
    timer_stop(master->loop, &worker->timer);
    if (worker->channel >= 0)
        ioloop_close(master->loop, steal_fd(&worker->channel));
    if (worker->pidfd >= 0)
        ioloop_close(master->loop, steal_fd(&worker->pidfd));
    if (worker->slot >= 0)
        board_retire(master->board, (unsigned)worker->slot);
    worker->slot = -1;
    worker->pid = 0;
}

static void hear(struct worker_process *worker);

static void on_end(void *data, unsigned events)
{
    struct worker_process *worker = data;
    siginfo_t info = {0};
    (void)events;
    if (waitid(P_PIDFD, (id_t)worker->pidfd, &info, WEXITED | WNOHANG) < 0 || !info.si_pid)
        return;
    hear(worker); /* what it said last */
    worker_end(worker, &info);
}

/* ---- what it says ---- */

static void keep_error(struct worker_process *worker, const struct channel_message *message)
{
    size_t len = worker->why ? strlen(worker->why) : 0;
    if (worker->state != WORKER_STARTING || len + message->text_len > WHY_BYTES)
        return;
    char *why = len ? memory_printf("%s\n%s", worker->why, message->text)
                    : memory_copy(message->text, message->text_len);
    free(worker->why);
    worker->why = why;
}

/* What it says of itself is better than what it logged. */
static void keep_failure(struct worker_process *worker, const struct channel_message *message)
{
    free(worker->why);
    worker->why = NULL;
    keep_error(worker, message);
    worker->gave_up = worker->why != NULL;
}

/* The text is the app's name, a zero, and the region's name. */
static void give_memory(struct worker_process *worker, const struct channel_message *request)
{
    struct channel_message reply;
    const char *app = request->text;
    size_t app_len = strlen(app);
    int fd = -EINVAL;
    if (app_len < request->text_len && request->value > 0)
        fd = shared_regions_find(&master_of(worker)->shared, app, app + app_len + 1,
                                 (size_t)request->value);
    channel_message_init(&reply, CHANNEL_MEMORY, fd < 0 ? fd : 0);
    if (fd >= 0)
        reply.fds[reply.fd_count++] = fd;
    worker_process_tell(worker, &reply);
}

/* The text is the title, a zero, and the version. */
static void keep_title(struct worker_process *worker, const struct channel_message *message)
{
    size_t len = strlen(message->text);
    generation_app_opened(worker->generation, (size_t)message->value, message->text,
                          len < message->text_len ? message->text + len + 1 : "");
}

static void become_ready(struct worker_process *worker)
{
    if (worker->state != WORKER_STARTING)
        return;
    worker->state = WORKER_READY;
    timer_stop(master_of(worker)->loop, &worker->timer);
    free(worker->why);
    worker->why = NULL;
    generation_worker_ready(worker->generation, worker);
}

static void become_passed(struct worker_process *worker)
{
    worker->has_passed = true;
    reload_look(master_of(worker));
}

static void handle(struct worker_process *worker, const struct channel_message *message)
{
    if (message->kind == CHANNEL_ERROR)
        keep_error(worker, message);
    else if (message->kind == CHANNEL_FAILED)
        keep_failure(worker, message);
    else if (message->kind == CHANNEL_SHARED)
        give_memory(worker, message);
    else if (message->kind == CHANNEL_APP)
        keep_title(worker, message);
    else if (message->kind == CHANNEL_READY)
        become_ready(worker);
    else if (message->kind == CHANNEL_PASSED)
        become_passed(worker);
    else if (message->kind == CHANNEL_LEAVE && !worker->leaves)
        worker->leaves = memory_copy(message->text, message->text_len);
}

static void hear(struct worker_process *worker)
{
    struct channel_message message;
    int r = 0;
    for (int i = 0; i < MESSAGES_A_TURN && worker->channel >= 0; i++) {
        if ((r = channel_receive(worker->channel, &message)) < 0)
            break;
        handle(worker, &message);
        channel_message_finish(&message);
    }
    /* An ended channel stays readable; the process's own end comes through its pidfd. */
    if (r < 0 && r != -EAGAIN && worker->channel >= 0)
        ioloop_close(master_of(worker)->loop, steal_fd(&worker->channel));
}

static void on_channel(void *data, unsigned events)
{
    struct worker_process *worker = data;
    (void)events;
    hear(worker);
    if (!worker->leaves)
        return;
    scoped_free char *why = worker->leaves;
    worker->leaves = NULL;
    generation_worker_leaves(worker->generation, worker, why);
}

void worker_process_hurry(struct worker_process *worker, int64_t ms)
{
    if (worker->state == WORKER_STARTING)
        timer_start(master_of(worker)->loop, &worker->timer, ms);
}

void worker_process_tell(struct worker_process *worker, const struct channel_message *message)
{
    if (worker->channel < 0)
        return;
    int r = channel_send(worker->channel, message);
    if (r < 0 && r != -EPIPE)
        log_warn("a worker does not listen to the master", LOG_NUMBER("worker", worker->pid),
                 LOG_ERRNO(r));
}

/* ---- the beginning ---- */

struct socket_list {
    struct worker_socket *at; /* owned */
    size_t len;
};

static void add_socket(void *data, int fd, int place)
{
    struct socket_list *list = data;
    list->at = memory_realloc(list->at, (list->len + 1) * sizeof(*list->at));
    list->at[list->len++] = (struct worker_socket){fd, place};
}

static void fill_slot(const struct worker_process *worker)
{
    struct board_slot *slot = board_slot(master_of(worker)->board, (unsigned)worker->slot);
    snprintf(slot->group, sizeof(slot->group), "%s", worker->generation->group->name);
    slot->place = worker->place;
    slot->pid = worker->pid;
    slot->generation = worker->generation->number;
    slot->started_ms = clock_mono_ms();
}

static int spawn(struct worker_process *worker, int their_end)
{
    const struct generation *generation = worker->generation;
    struct master *master = generation->master;
    struct socket_list sockets = {0};
    size_t server_count;
    struct worker_server *servers = servers_of(&master->servers, generation->config, &server_count);
    struct arena arena;
    arena_init(&arena, NULL, 0);
    isolation_each_socket(generation, add_socket, &sockets);
    struct worker_arguments arguments = {
        .place = worker->place,
        .slot = (unsigned)worker->slot,
        .generation = generation->number,
        .channel = their_end,
        .config = generation->config_fd,
        .board = master->board_fd,
        .code = generation->code_fd,
        .code_fds = generation->code_fds,
        .code_fd_count = generation->code_fd_count,
        .error_log = generation->logs.error_fd,
        .access_log = generation->logs.access_fd,
        .is_first = !master->front->live,
        .is_again = generation->state == GENERATION_LIVE,
        .dev_state = master->dev ? dev_master_state_fd(master->dev) : -1,
        .dev_log = master->dev ? dev_master_log_fd(master->dev) : -1,
        .path = generation->config->path,
        .base = generation->config->base,
        .sockets = sockets.at,
        .socket_count = sockets.len,
        .servers = servers,
        .server_count = server_count,
    };
    isolation_add_arguments(generation, &arena, &arguments);
    worker->pidfd = worker_spawn(&arguments, &worker->pid);
    arena_finish(&arena);
    free(sockets.at);
    free(servers);
    return worker->pidfd < 0 ? worker->pidfd : 0;
}

static int open_process(struct worker_process *worker)
{
    struct master *master = master_of(worker);
    int pair[2];
    worker->slot = board_claim(master->board);
    if (worker->slot < 0)
        return worker->slot;
    int r = message_socket_pair(pair);
    if (r < 0)
        return r;
    worker->channel = pair[0];
    r = spawn(worker, pair[1]);
    close(pair[1]);
    if (r == 0)
        r = ioloop_watch(master->loop, worker->channel, IOLOOP_READ, on_channel, worker);
    if (r == 0)
        r = ioloop_watch(master->loop, worker->pidfd, IOLOOP_READ, on_end, worker);
    return r;
}

/* A process that cannot be watched must not run. */
static void abandon(struct worker_process *worker)
{
    siginfo_t info;
    worker_process_kill(worker);
    if (worker->pidfd >= 0)
        (void)waitid(P_PIDFD, (id_t)worker->pidfd, &info, WEXITED);
    worker_process_close(worker);
}

const char *worker_process_trouble(int error)
{
    switch (-error) {
    case EAGAIN:
        return "there may be no more processes: raise the limit (ulimit -u, TasksMax=)";
    case ENOMEM:
        return "there is no memory left";
    case EMFILE:
        return "the master has no descriptor left: raise the limit (ulimit -n, LimitNOFILE=)";
    case ENFILE:
        return "the system has no file left: raise its limit (sysctl fs.file-max)";
    case ENOSPC:
        return "the board has no slot left: wait until earlier generations have ended, or take "
               "fewer `workers`";
    default:
        return strerror(-error);
    }
}

int worker_process_start(struct worker_process *worker)
{
    assert(!worker->pid);
    int r = open_process(worker);
    if (r < 0) {
        log_error("a worker cannot start", LOG_NUMBER("place", worker->place), LOG_ERRNO(r),
                  LOG_TEXT("why", worker_process_trouble(r)));
        abandon(worker);
        return r;
    }
    fill_slot(worker);
    free(worker->why);
    worker->why = NULL;
    worker->gave_up = worker->has_passed = worker->is_killed = worker->has_core_time = false;
    worker->by = CRASH_BY_ITSELF;
    worker->view = (struct watchdog_view){0};
    worker->is_stopped = false;
    worker->state = WORKER_STARTING;
    timer_start(master_of(worker)->loop, &worker->timer,
                worker->generation->config->server.start_timeout_ms);
    return 0;
}

/* ---- going on as another program ---- */

static void resume_timer(struct worker_process *worker)
{
    struct ioloop *loop = master_of(worker)->loop;
    if (worker->state == WORKER_WAITING)
        timer_start(loop, &worker->timer, 0);
    else if (worker->state == WORKER_STARTING)
        timer_start(loop, &worker->timer, worker->generation->config->server.start_timeout_ms);
    else if (worker->state == WORKER_ENDING)
        timer_start(loop, &worker->timer, worker->cut_ms - clock_mono_ms() + WORKER_KILL_AFTER_MS);
}

int worker_process_resume(struct worker_process *worker, const struct worker_process *as)
{
    struct master *master = master_of(as);
    struct list link = worker->link;
    *worker = *as;
    worker->timer = (struct timer){.fn = on_timer, .data = worker};
    if (worker->is_leaving) { /* in the generation's list */
        worker->link = link;
        worker->link.prev->next = worker->link.next->prev = &worker->link;
    }
    if (worker->pid && master->has_new_board) {
        worker->slot = board_claim(master->board);
        fill_slot(worker);
    }
    resume_timer(worker);
    int r = 0;
    if (worker->channel >= 0)
        r = ioloop_watch(master->loop, worker->channel, IOLOOP_READ, on_channel, worker);
    if (r == 0 && worker->pidfd >= 0)
        r = ioloop_watch(master->loop, worker->pidfd, IOLOOP_READ, on_end, worker);
    return r;
}

/* ---- leaving ---- */

/* Its channel and its end are watched already; only for whom changes, which cannot fail. */
struct worker_process *worker_process_move_out(struct worker_process *worker)
{
    struct master *master = master_of(worker);
    struct worker_process *moved = memory_alloc(sizeof(*moved));
    assert(worker->pid && !timer_is_running(&worker->timer));
    *moved = *worker;
    moved->is_leaving = true;
    moved->timer = (struct timer){.fn = on_timer, .data = moved};
    list_init(&moved->link);
    if (moved->channel >= 0)
        (void)ioloop_watch(master->loop, moved->channel, IOLOOP_READ, on_channel, moved);
    (void)ioloop_watch(master->loop, moved->pidfd, IOLOOP_READ, on_end, moved);
    worker->state = WORKER_EMPTY;
    worker->pid = 0;
    worker->pidfd = worker->channel = worker->slot = -1;
    worker->why = worker->leaves = NULL;
    return moved;
}

void worker_process_finish(struct worker_process *worker)
{
    free(worker->why);
    free(worker->leaves);
}

void worker_process_free(struct worker_process *worker)
{
    list_remove(&worker->link);
    worker_process_finish(worker);
    free(worker);
}

/* ---- orders ---- */

void worker_process_go(struct worker_process *worker)
{
    struct channel_message go;
    channel_message_init(&go, CHANNEL_GO, 0);
    worker_process_tell(worker, &go);
    worker->state = WORKER_SERVING;
    worker->serving_ms = clock_mono_ms();
}

void worker_process_drain(struct worker_process *worker, int64_t ms, unsigned flags)
{
    struct channel_message drain;
    struct master *master = master_of(worker);
    if (!worker->pid) {
        timer_stop(master->loop, &worker->timer);
        worker->state = WORKER_EMPTY;
        return;
    }
    channel_message_init(&drain, CHANNEL_DRAIN, ms);
    drain.flags = flags;
    worker_process_tell(worker, &drain);
    int64_t cut_ms = clock_mono_ms() + ms;
    if (worker->state != WORKER_ENDING || cut_ms < worker->cut_ms)
        worker->cut_ms = cut_ms;
    worker->state = WORKER_ENDING;
    timer_start(master->loop, &worker->timer, ms + WORKER_KILL_AFTER_MS);
}

void worker_process_kill(struct worker_process *worker)
{
    worker->is_killed = true;
    if (worker->pid)
        (void)kill(worker->pid, SIGKILL);
}

/* SIGABRT makes it write its record; to the thread of its loop, where it is about. */
void worker_process_strike(struct worker_process *worker, enum crash_by by)
{
    if (!worker->pid || worker->by != CRASH_BY_ITSELF)
        return;
    worker->by = by;
    (void)tgkill(worker->pid, worker->pid, SIGABRT);
    timer_start(master_of(worker)->loop, &worker->timer, STRIKE_MS);
}

/* A record that is whole means that the system writes its core. */
static void on_struck(struct worker_process *worker)
{
    const struct board_slot *slot = board_slot(master_of(worker)->board, (unsigned)worker->slot);
    if (slot->crash.stage == CRASH_WRITTEN && !worker->has_core_time) {
        worker->has_core_time = true;
        timer_start(master_of(worker)->loop, &worker->timer, CORE_MS);
    } else {
        worker_process_kill(worker);
    }
}

static void on_timer(void *data)
{
    struct worker_process *worker = data;
    if (worker->state == WORKER_WAITING)
        generation_worker_again(worker->generation, worker);
    else if (worker->by != CRASH_BY_ITSELF)
        on_struck(worker);
    else if (worker->state == WORKER_STARTING)
        worker_process_strike(worker, CRASH_BY_START_TIME);
    else {
        log_warn("a worker did not end in time and is killed", LOG_NUMBER("worker", worker->pid),
                 LOG_NUMBER("generation", (int64_t)worker->generation->number));
        worker_process_strike(worker, CRASH_BY_END_TIME);
    }
}
