/* master.c - the supervisor's life: what it opens, the signals it gets, how it stops. */
#include "process/master.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/config.h"
#include "base/board.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/buffer.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/version.h"
#include "process/channel.h"
#include "process/dev_master.h"
#include "process/generation.h"
#include "process/group.h"
#include "process/master_private.h"
#include "process/notify.h"
#include "process/pid_file.h"
#include "process/upgrade.h"
#include "process/upgrade_state.h"

/* What a quick stop leaves to running requests. */
enum { QUICK_MS = 500 };

int64_t master_age_ms(int64_t since_ms)
{
    int64_t age = clock_mono_ms() - since_ms;
    return age > 0 ? age : 0;
}

/* ---- stopping ---- */

static void stop_generation(struct generation *generation, enum master_stop how)
{
    if (how == MASTER_KILLS)
        generation_kill(generation);
    else if (how == MASTER_STOPS_NOW)
        generation_drain(generation, QUICK_MS, CHANNEL_SWEEP);
    else if (generation->state == GENERATION_LIVE)
        generation_drain(generation, generation->config->server.drain_timeout_ms, CHANNEL_SWEEP);
}

static void stop_group(struct group *group, enum master_stop how)
{
    list_each (&group->generations, link)
        stop_generation(container_of(link, struct generation, link), how);
}

void master_stop_apps(struct master *master)
{
    list_each (&master->groups, link)
        if (!group_is_front(container_of(link, struct group, link)))
            stop_group(container_of(link, struct group, link), master->stop);
}

void master_stop(struct master *master, enum master_stop how)
{
    if (how <= master->stop)
        return;
    bool is_first = master->stop == MASTER_RUNS;
    master->stop = how;
    if (is_first) {
        if (master->exit == MASTER_STOPPED)
            log_info(how == MASTER_STOPS_GRACEFULLY ? "stopping when running requests are done"
                                                    : "stopping");
        notify("STOPPING=1");
        timer_stop(master->loop, &master->settle);
        timer_stop(master->loop, &master->turnover);
        dev_master_close(master->dev);
        master->dev = master->crashes.dev = NULL;
        groups_cancel(master); /* they have not accepted anything */
        reload_done(master, "gale is stopping");
        /* Workers sweep the queues of theirs; then nobody listens any more. */
        listeners_finish(&master->listeners);
    }
    /* Its requests may still need the isolated apps: those end when it has ended. */
    stop_group(master->front, how);
    if (how == MASTER_KILLS || list_is_empty(&master->front->generations))
        master_stop_apps(master);
    if (how == MASTER_KILLS)
        servers_kill(&master->servers);
    master_end_if_done(master);
}

void master_end_if_done(struct master *master)
{
    if (master->stop != MASTER_RUNS && groups_are_empty(master) &&
        servers_is_empty(&master->servers))
        ioloop_stop(master->loop);
}

static void on_servers_ended(void *data)
{
    master_end_if_done(data);
}

/* ---- signals ---- */

static void on_quick_stop(void *data)
{
    struct master *master = data;
    master_stop(master, master->stop == MASTER_STOPS_NOW ? MASTER_KILLS : MASTER_STOPS_NOW);
}

static void on_graceful_stop(void *data)
{
    master_stop(data, MASTER_STOPS_GRACEFULLY);
}

static bool has_terminal(void)
{
    scoped_close int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    return fd >= 0;
}

/* SIGHUP also comes when the terminal of a foreground process goes away. */
static void on_hangup(void *data)
{
    struct master *master = data;
    if (master->has_terminal && !has_terminal())
        master_stop(master, MASTER_STOPS_NOW);
    else if (master->stop == MASTER_RUNS)
        reload_ask(master);
}

void master_use_logs(struct master *master)
{
    const struct generation *live = master->front->live;
    int old = master->log_fd;
    master->log_fd = fcntl(live->logs.error_fd, F_DUPFD_CLOEXEC, 3);
    log_flush();
    log_set_fd(master->log_fd < 0 ? STDERR_FILENO : master->log_fd);
    /* In gale dev the terminal gets notices instead. */
    log_set_level(master->dev ? LOG_LEVEL_WARN : (enum log_level)live->config->server.log_level);
    if (old >= 0)
        close(old);
}

static void reopen_group(struct group *group)
{
    list_each (&group->generations, link)
        generation_reopen_logs(container_of(link, struct generation, link));
}

void master_reopen_logs(struct master *master)
{
    list_each (&master->groups, link)
        reopen_group(container_of(link, struct group, link));
    if (master->front->live)
        master_use_logs(master);
    log_info("logs are reopened");
}

static void on_reopen(void *data)
{
    master_reopen_logs(data);
}

static int watch_signals(struct master *master)
{
    static const struct {
        int number;
        ioloop_call_fn *fn;
    } signals[] = {
        {SIGTERM, on_quick_stop}, {SIGINT, on_quick_stop}, {SIGQUIT, on_graceful_stop},
        {SIGHUP, on_hangup},      {SIGUSR1, on_reopen},
    };
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* as a full disk: -EFBIG */
    for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
        int r = ioloop_on_signal(master->loop, signals[i].number, signals[i].fn, master);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- opening ---- */

/* Sockets times workers may be many; workers get their own limit from `descriptors`. */
static void raise_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void on_turn_end(void *data)
{
    (void)data;
    log_flush();
}

static enum master_exit open_base(struct master *master, bool has_board)
{
    int r = ioloop_create(NULL, &master->loop);
    if (r == 0 && !has_board)
        r = board_create(&master->board, &master->board_fd);
    master->servers.loop = master->loop;
    master->servers.on_empty.fn = on_servers_ended;
    master->servers.on_empty.data = master;
    crashes_init(&master->crashes, master->loop);
    if (r == 0)
        r = watch_signals(master);
    if (r == 0)
        return MASTER_STOPPED;
    fprintf(stderr, "gale: cannot start: %s\n", strerror(-r));
    return MASTER_FAILED;
}

static enum master_exit write_pid(struct master *master, const char *path)
{
    pid_t owner = 0;
    int r = path ? pid_file_write(path, &owner) : 0;
    if (r == 0) {
        master->pid_file = path ? memory_copy(path, strlen(path)) : NULL;
        return MASTER_STOPPED;
    }
    if (r == -EEXIST)
        fprintf(stderr, "gale: pid_file %s belongs to a gale that runs, pid %d: stop it first\n",
                path, (int)owner);
    else
        fprintf(stderr, "gale: pid_file %s cannot be written: %s\n", path, strerror(-r));
    return r == -EEXIST ? MASTER_CANNOT_LISTEN : MASTER_FAILED;
}

static enum master_exit open_control(struct master *master, const struct server_settings *server)
{
    const struct master_options *options = master->options;
    scoped_free char *why = NULL;
    int r = control_open(master, options->control ? options->control : server->control,
                         options->name ? options->name : options->path, &why);
    if (r == 0)
        return write_pid(master, server->pid_file);
    master_complain("gale: ", why);
    return MASTER_CANNOT_LISTEN;
}

static enum master_exit load_first(struct master *master, char **out_error)
{
    int64_t end_ms = clock_mono_ms() + RELOAD_PATIENCE_MS;
    for (;;) {
        bool is_passing;
        enum master_exit r = generation_load(master, out_error, &is_passing);
        if (r == MASTER_STOPPED || !is_passing || clock_mono_ms() >= end_ms)
            return r;
        free(*out_error);
        *out_error = NULL;
        (void)ioloop_turn(master->loop, RELOAD_AGAIN_MS);
    }
}

static enum master_exit open_first(struct master *master)
{
    scoped_free char *why = NULL;
    enum master_exit r = load_first(master, &why);
    if (r != MASTER_STOPPED) {
        master_complain(r == MASTER_WRONG_INPUT ? "" : "gale: ", why);
        return r;
    }
    if (master->options->dev && dev_master_open(master, master->options->dev, &master->dev) < 0)
        return MASTER_FAILED;
    master->crashes.dev = master->dev;
    return open_control(master, &master->front->next->config->server);
}

/* ---- instead of another program ---- */

/* What cannot be taken over is given back. */
static enum master_exit take_over(struct master *master, const struct buffer *state)
{
    scoped_free char *why = NULL;
    enum master_exit r = open_base(master, true);
    if (r == MASTER_STOPPED && upgrade_state_read(master, buffer_str(state), &why) < 0) {
        master_complain("gale: cannot take over: ", why);
        r = MASTER_FAILED;
    }
    if (r != MASTER_STOPPED) {
        upgrade_go_back(state);
        return r;
    }
    int previous = upgrade_state_previous(buffer_str(state));
    if (previous >= 0)
        close(previous);
    return MASTER_STOPPED;
}

static void begin_again(struct master *master)
{
    if (master->front->live)
        master_use_logs(master);
    if (upgrade_came_back()) {
        log_error("the upgrade failed: the new gale could not take over, and this one goes on");
        return;
    }
    log_info("another gale has taken over", LOG_TEXT("version", GALE_VERSION),
             LOG_NUMBER("upgrades", master->upgrades));
    rollback_continue(master);
    reload_ask(master);
}

static void on_become(void *data)
{
    upgrade_become(data);
}

/* ---- running ---- */

static void warn_about_root(const struct master *master)
{
    const struct server_settings *server = &master->front->next->config->server;
    if (geteuid() == 0 && !server->user && !master->options->dev)
        log_warn("workers run as root: set `user` in [server]");
}

static void run(struct master *master)
{
    static struct ioloop_call flush = {.fn = on_turn_end};
    log_gather();
    ioloop_on_turn_end(master->loop, &flush);
    out_of_memory_init(&master->out_of_memory);
    watchdog_start(&master->watchdog, master);
    if (master->front->live) { /* another program's */
        begin_again(master);
        log_flush();
    } else {
        warn_about_root(master);
        groups_start(master);
    }
    if (master->dev)
        dev_master_start(master->dev);
    (void)ioloop_run(master->loop);
    ioloop_undefer(master->loop, &flush);
}

static void close_all(struct master *master)
{
    control_close(master);
    watchdog_stop(&master->watchdog);
    crashes_finish(&master->crashes);
    dev_master_close(master->dev);
    list_each (&master->groups, link)
        group_destroy(container_of(link, struct group, link));
    if (master->pid_file)
        pid_file_remove(master->pid_file);
    free(master->pid_file);
    servers_finish(&master->servers);
    listeners_finish(&master->listeners);
    auto_reload_finish(&master->auto_reload);
    shared_regions_finish(&master->shared);
    copies_finish(&master->copies);
    reloads_finish(&master->reloads);
    rollback_finish(&master->rollback);
    log_flush();
    log_set_fd(STDERR_FILENO);
    if (master->log_fd >= 0)
        close(master->log_fd);
    ioloop_destroy(master->loop);
    if (master->board)
        board_detach(master->board);
    if (master->board_fd >= 0)
        close(master->board_fd);
}

static void init(struct master *master, const struct master_options *options)
{
    *master = (struct master){.options = options,
                              .board_fd = -1,
                              .log_fd = -1,
                              .previous_exe = -1,
                              .started_ms = clock_mono_ms()};
    list_init(&master->groups);
    master->front = group_create(master, "");
    reloads_init(&master->reloads);
    copies_init(&master->copies);
    auto_reload_init(&master->auto_reload, master);
    master->settle = (struct timer){.fn = master_settle, .data = master};
    master->turnover = (struct timer){.fn = master_turnover, .data = master};
    master->become = (struct ioloop_call){.fn = on_become, .data = master};
    master->has_terminal = has_terminal();
    listeners_init(&master->listeners);
    servers_init(&master->servers);
}

static enum master_exit open_master(struct master *master, enum upgrade_role role,
                                    const struct buffer *state)
{
    (void)close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    raise_limit();
    if (role == UPGRADE_TAKES)
        return take_over(master, state);
    enum master_exit r = open_base(master, false);
    return r == MASTER_STOPPED ? open_first(master) : r;
}

static enum master_exit run_all(const struct master_options *options, enum upgrade_role role,
                                const struct buffer *state)
{
    struct master master;
    init(&master, options);
    enum master_exit r = open_master(&master, role, state);
    if (r == MASTER_STOPPED) {
        run(&master);
        r = master.exit;
        if (r == MASTER_STOPPED)
            log_info("stopped");
    }
    close_all(&master);
    return r;
}

enum master_exit master_run(const struct master_options *options)
{
    struct buffer state = {0};
    enum upgrade_role role = upgrade_role(&state);
    enum master_exit r =
        role == UPGRADE_TRIAL ? upgrade_trial(&state, options) : run_all(options, role, &state);
    buffer_finish(&state);
    return r;
}
