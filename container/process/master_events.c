/* master_events.c - what follows when a generation is ready, fails or ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/config.h"
#include "base/log.h"
#include "base/macros.h"
#include "process/channel.h"
#include "process/generation.h"
#include "process/master_private.h"
#include "process/notify.h"

/* How often sockets that leave are looked at. */
enum { SETTLE_MS = 250 };

void master_complain(const char *what, const char *why)
{
    /* Before anything serves, somebody waits at the terminal. */
    for (const char *line = why; *line;) {
        size_t len = strcspn(line, "\n");
        fprintf(stderr, "%s%.*s\n", what, (int)len, line);
        line += len + (line[len] == '\n');
        what = "      ";
    }
}

/* ---- ready ---- */

static void drain_previous(struct master *master, struct generation *previous, bool sweep)
{
    if (previous)
        generation_drain(previous, previous->config->server.drain_timeout_ms, sweep);
    if (listeners_is_leaving(&master->listeners))
        timer_start(master->loop, &master->settle, SETTLE_MS);
}

static bool differs(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) != 0 : a != b;
}

static void warn_about_fixed(const struct generation *previous, const struct generation *generation)
{
    const struct server_settings *was = &previous->config->server;
    const struct server_settings *is = &generation->config->server;
    if (differs(was->control, is->control) || differs(was->pid_file, is->pid_file))
        log_warn("`control` and `pid_file` change only when gale is started again");
}

static void announce(struct master *master, const struct generation *generation, bool is_first)
{
    const struct master_options *options = master->options;
    log_info("serving", LOG_NUMBER("generation", (int64_t)generation->number),
             LOG_NUMBER("workers", generation->size), LOG_TEXT("config", generation->config->path));
    if (!is_first)
        return;
    notify("READY=1");
    if (options->on_serving)
        options->on_serving(generation->config, generation->size);
}

void master_generation_ready(struct master *master, struct generation *generation)
{
    struct generation *previous = master->live;
    scoped_free char *why = NULL;
    bool sweep = listeners_will_close(&master->listeners);
    if (listeners_commit(&master->listeners, (int)generation->config->server.backlog, &why) < 0) {
        generation_drain(generation, 0, false);
        master_generation_failed(master, generation, why);
        return;
    }
    master->live = generation;
    master->next = NULL;
    generation_go(generation);
    master_use_logs(master);
    if (previous)
        warn_about_fixed(previous, generation);
    drain_previous(master, previous, sweep);
    announce(master, generation, !previous);
    reload_done(master, NULL);
}

/* ---- failed ---- */

void master_generation_failed(struct master *master, struct generation *generation, const char *why)
{
    (void)generation;
    master->next = NULL;
    listeners_cancel(&master->listeners);
    if (master->live) {
        reload_done(master, why);
        return;
    }
    if (master->stop != MASTER_RUNS)
        return;
    master_complain("gale: cannot start: ", why);
    master->exit = MASTER_FAILED;
    master_stop(master, MASTER_STOPS_NOW);
}

/* ---- ended ---- */

void master_generation_ended(struct master *master, struct generation *generation)
{
    if (master->live == generation)
        master->live = NULL;
    log_debug("a generation has ended", LOG_NUMBER("generation", (int64_t)generation->number));
    generation_destroy(generation);
    if (master->stop != MASTER_RUNS && list_is_empty(&master->generations))
        ioloop_stop(master->loop);
}

/* ---- sockets that leave ---- */

void master_settle(void *data)
{
    struct master *master = data;
    /* What is being prepared counts on the sockets that are there. */
    int place =
        master->next ? -1 : listeners_settle(&master->listeners, ioloop_now_ms(master->loop));
    if (place >= 0 && master->live) {
        struct channel_message retire;
        channel_message_init(&retire, CHANNEL_RETIRE, place);
        generation_tell(master->live, &retire);
    }
    if (listeners_is_leaving(&master->listeners))
        timer_start(master->loop, &master->settle, SETTLE_MS);
}
