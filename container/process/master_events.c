/* master_events.c - what follows when a generation is ready, fails or ends. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/config.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "process/channel.h"
#include "process/dev_master.h"
#include "process/generation.h"
#include "process/group.h"
#include "process/isolation.h"
#include "process/master_private.h"
#include "process/notify.h"

/* How often sockets that leave are looked at, and how long isolated workers are waited for that are
 * to leave. */
enum { SETTLE_MS = 250, TURNOVER_MS = 1000 };

void master_complain(const char *what, const char *why)
{
    /* Before anything serves, somebody waits at the terminal. */
    for (const char *line = why; *line;) {
        size_t len = strcspn(line, "\n");
        fprintf(stderr, "%s%.*s\n", what, (int)len, line);
        line += len + (line[len] == '\n');
        what = *what ? "      " : "";
    }
}

/* ---- failed ---- */

static void cancel(struct master *master, const char *why)
{
    groups_cancel(master);
    rollback_cancel(master);
    listeners_cancel(&master->listeners);
    if (master->front->live) {
        reload_done(master, why);
        return;
    }
    if (master->stop != MASTER_RUNS)
        return;
    master_complain("gale: cannot start: ", why);
    master->exit = MASTER_FAILED;
    master_stop(master, MASTER_STOPS_NOW);
}

/* Of several that fail, the first one says why. */
void master_generation_failed(struct master *master, struct generation *generation, const char *why)
{
    if (generation->group->next != generation)
        return;
    dev_master_blame(master->dev, generation->group->name);
    cancel(master, why);
}

/* ---- ready ---- */

static bool differs(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) != 0 : a != b;
}

static void warn_about_fixed(const struct generation *previous, const struct generation *generation)
{
    const struct server_settings *was = &previous->config->server;
    const struct server_settings *is = &generation->config->server;
    if (differs(was->control, is->control) || differs(was->pid_file, is->pid_file) ||
        differs(was->state, is->state))
        log_warn("`control`, `pid_file` and `state` change only when gale is started again");
}

static void announce_group(const struct generation *live)
{
    struct log_field number = LOG_NUMBER("generation", (int64_t)live->number);
    struct log_field workers = LOG_NUMBER("workers", live->size);
    if (live->app)
        log_info("an isolated app serves", LOG_TEXT("app", live->app->name), number, workers);
    else
        log_info("serving", number, workers, LOG_TEXT("config", live->config->path));
}

static void announce(struct master *master, bool is_first)
{
    const struct master_options *options = master->options;
    const struct generation *front = master->front->live;
    list_each (&master->groups, link) {
        const struct generation *live = container_of(link, struct group, link)->live;
        if (live && live->number == master->live_number)
            announce_group(live);
    }
    if (!is_first)
        return;
    notify("READY=1");
    if (options->on_serving)
        options->on_serving(front->config, front->size);
}

/* A worker that hangs is not waited for. */
void master_turnover(void *data)
{
    struct master *master = data;
    bool is_late = clock_mono_ms() - master->turnover_ms >= TURNOVER_MS;
    if (is_late || isolation_is_turned_over(master))
        reload_settle(master);
    else
        timer_start(master->loop, &master->turnover, 1);
}

/* What listens for clients follows the front. */
static int commit(struct master *master)
{
    const struct generation *previous = master->front->live, *next = master->front->next;
    scoped_free char *why = NULL;
    if (listeners_commit(&master->listeners, (int)next->config->server.backlog, &why) < 0) {
        cancel(master, why);
        return -EADDRINUSE;
    }
    if (previous)
        warn_about_fixed(previous, next);
    return 0;
}

static void go(struct master *master)
{
    bool has_front = master->front->next, is_first = !master->front->live;
    bool sweep = has_front && listeners_will_close(&master->listeners);
    if (has_front && commit(master) < 0)
        return;
    groups_go(master, sweep);
    master->live_number = master->last_number;
    scoped_free char *note = rollback_go(master);
    if (has_front)
        master_use_logs(master);
    if (listeners_is_leaving(&master->listeners))
        timer_start(master->loop, &master->settle, SETTLE_MS);
    isolation_prune(master);
    announce(master, is_first);
    reload_note(master, note);
    auto_reload_follow(&master->auto_reload);
    master->turnover_ms = clock_mono_ms();
    master_turnover(master);
}

void master_generation_ready(struct master *master, struct generation *generation)
{
    if (generation->group->next == generation && groups_are_ready(master))
        go(master);
}

/* ---- ended ---- */

static bool is_used_by(const struct group *group, const struct copied *copied)
{
    list_each (&group->generations, link) {
        const struct generation *generation = container_of(link, struct generation, link);
        for (size_t i = 0; i < generation->config->app_count; i++)
            if (generation->copies[i] == copied)
                return true;
    }
    return false;
}

static bool is_used(void *data, const struct copied *copied)
{
    const struct master *master = data;
    list_each (&master->groups, link)
        if (is_used_by(container_of(link, struct group, link), copied))
            return true;
    return rollback_uses(master, copied);
}

void master_generation_ended(struct master *master, struct generation *generation)
{
    struct group *group = generation->group;
    if (group->live == generation)
        group->live = NULL;
    log_debug("a generation has ended", LOG_NUMBER("generation", (int64_t)generation->number));
    generation_destroy(generation);
    copies_prune(&master->copies, is_used, master);
    if (!group_is_front(group) && list_is_empty(&group->generations))
        group_destroy(group);
    isolation_prune(master);
    if (master->stop != MASTER_RUNS && list_is_empty(&master->front->generations))
        master_stop_apps(master);
    master_end_if_done(master);
}

/* ---- sockets that leave ---- */

void master_settle(void *data)
{
    struct master *master = data;
    /* What is being prepared counts on the sockets that are there. */
    int place = groups_are_preparing(master)
                    ? -1
                    : listeners_settle(&master->listeners, ioloop_now_ms(master->loop));
    if (place >= 0 && master->front->live) {
        struct channel_message retire;
        channel_message_init(&retire, CHANNEL_RETIRE, place);
        generation_tell(master->front->live, &retire);
    }
    if (listeners_is_leaving(&master->listeners))
        timer_start(master->loop, &master->settle, SETTLE_MS);
}
