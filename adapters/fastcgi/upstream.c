/* upstream.c - choosing a server and remembering how it fared. */
#include "adapters/fastcgi/upstream.h"

#include <stdio.h>
#include <stdlib.h>

#include "app/app.h"
#include "app/config.h"
#include "base/board.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "loop/ioloop.h"
#include "adapters/fastcgi/fastcgi_private.h"
#include "adapters/fastcgi/upstream_connection.h"

enum { BACKOFF_FIRST_MS = 1000, BACKOFF_MAX_MS = 30000 };

/* ---- metrics ---- */

static int metric(const struct upstream *upstream, enum board_kind kind, const char *name,
                  const char *more, const char *help)
{
    char labels[BOARD_TEXT];
    snprintf(labels, sizeof(labels), "app=\"%s\",server=\"%s\"%s",
             upstream->fastcgi->app->config->name, upstream->text.at, more);
    return board_metric(kind, name, labels, help);
}

static void init_metrics(struct upstream *upstream)
{
    static const char *const failures[] = {
#define FAILURE(name, text) text,
        UPSTREAM_FAILURES(FAILURE)
#undef FAILURE
    };
    upstream->running = metric(upstream, BOARD_GAUGE, "gale_fastcgi_running", "",
                               "Requests that a FastCGI server is at work on.");
    upstream->late = metric(upstream, BOARD_GAUGE, "gale_fastcgi_late", "",
                            "New connections that a FastCGI server is late to answer on.");
    upstream->connections = metric(upstream, BOARD_GAUGE, "gale_fastcgi_connections", "",
                                   "Connections to a FastCGI server, idle ones included.");
    upstream->requests = metric(upstream, BOARD_COUNTER, "gale_fastcgi_requests_total", "",
                                "Requests that were sent to a FastCGI server.");
    upstream->retries = metric(upstream, BOARD_COUNTER, "gale_fastcgi_retries_total", "",
                               "Requests that were sent again after a FastCGI server failed.");
    for (int i = 0; i < UPSTREAM_FAILURE_COUNT; i++) {
        char more[40];
        snprintf(more, sizeof(more), ",why=\"%s\"", failures[i]);
        upstream->failures[i] = metric(upstream, BOARD_COUNTER, "gale_fastcgi_failures_total", more,
                                       "What went wrong with a FastCGI server.");
    }
}

/* ---- the set ---- */

static void add(struct upstreams *upstreams, struct fastcgi *fastcgi, const char *text,
                bool is_backup)
{
    struct upstream *upstream = &upstreams->items[upstreams->count++];
    bool is_spawned = !is_backup && fastcgi_is_spawned(fastcgi->settings);
    *upstream = (struct upstream){
        .fastcgi = fastcgi,
        .text = str_of(text),
        .address = str_of(is_spawned ? fastcgi->spawned.address : text),
        .is_backup = is_backup,
    };
    list_init(&upstream->idle);
    init_metrics(upstream);
}

void upstreams_init(struct upstreams *upstreams, struct fastcgi *fastcgi)
{
    const struct fastcgi_settings *settings = fastcgi->settings;
    size_t count = settings->servers.len + settings->backup.len;
    *upstreams = (struct upstreams){.items = memory_zalloc((count + 1) * sizeof(struct upstream))};
    for (size_t i = 0; i < settings->servers.len; i++)
        add(upstreams, fastcgi, settings->servers.items[i], false);
    for (size_t i = 0; i < settings->backup.len; i++)
        add(upstreams, fastcgi, settings->backup.items[i], true);
}

void upstreams_finish(struct upstreams *upstreams)
{
    for (size_t i = 0; i < upstreams->count; i++)
        upstream_close_idle(&upstreams->items[i]);
    free(upstreams->items);
    *upstreams = (struct upstreams){0};
}

uint64_t upstreams_bit(const struct upstreams *upstreams, const struct upstream *upstream)
{
    return UINT64_C(1) << (upstream - upstreams->items);
}

/* ---- choosing ---- */

enum rank { WELL, BACKUP, ASIDE };

static enum rank rank_of(const struct upstream *upstream, int64_t now_ms)
{
    if (upstream->aside_until_ms > now_ms)
        return ASIDE;
    return upstream->is_backup ? BACKUP : WELL;
}

/* What makes one of two of the same rank the worse one. */
static int64_t burden_of(const struct upstream *upstream, enum rank rank)
{
    return rank == ASIDE ? upstream->aside_until_ms : board_sum(upstream->running);
}

struct upstream *upstreams_choose(struct upstreams *upstreams, uint64_t tried)
{
    struct upstream *best = NULL;
    int64_t now_ms = ioloop_now_ms(ioloop_current()), best_burden = 0;
    enum rank best_rank = WELL;
    if (upstreams->count == 1)
        return tried ? NULL : &upstreams->items[0];
    upstreams->next++;
    for (size_t i = 0; i < upstreams->count; i++) {
        struct upstream *upstream = &upstreams->items[(upstreams->next + i) % upstreams->count];
        if (tried & upstreams_bit(upstreams, upstream))
            continue;
        enum rank rank = rank_of(upstream, now_ms);
        if (best && rank > best_rank)
            continue;
        int64_t burden = burden_of(upstream, rank);
        if (best && rank == best_rank && burden >= best_burden)
            continue;
        best = upstream;
        best_rank = rank;
        best_burden = burden;
    }
    return best;
}

void upstreams_make_room(struct upstreams *upstreams, size_t max)
{
    size_t open = 0;
    for (size_t i = 0; i < upstreams->count; i++)
        open += upstreams->items[i].open_count;
    for (size_t i = 0; i < upstreams->count; i++) {
        struct upstream_connection *connection;
        while (open >= max && (connection = upstream_take_idle(&upstreams->items[i]))) {
            upstream_close(connection);
            open--;
        }
    }
}

/* ---- health ---- */

static int64_t next_backoff(const struct upstream *upstream)
{
    int64_t twice = upstream->backoff_ms * 2;
    if (!twice)
        return BACKOFF_FIRST_MS;
    return twice < BACKOFF_MAX_MS ? twice : BACKOFF_MAX_MS;
}

void upstream_failed(struct upstream *upstream, enum upstream_failure failure)
{
    int64_t now_ms = ioloop_now_ms(ioloop_current());
    board_add(upstream->failures[failure], 1);
    /* Several requests that fail together are one failure of the server. */
    if (failure == UPSTREAM_TRUNCATED || upstream->aside_until_ms > now_ms)
        return;
    upstream->backoff_ms =
        failure == UPSTREAM_OVERLOADED ? BACKOFF_FIRST_MS : next_backoff(upstream);
    upstream->aside_until_ms = now_ms + upstream->backoff_ms;
    /* Connections that were kept are no better than those that cannot be made. */
    if (failure == UPSTREAM_REFUSED)
        upstream_close_idle(upstream);
}

void upstream_worked(struct upstream *upstream)
{
    if (upstream->backoff_ms)
        log_info("a FastCGI server that was set aside works again",
                 LOG_TEXT("app", upstream->fastcgi->app->config->name),
                 LOG_STR("server", upstream->text));
    upstream->backoff_ms = upstream->aside_until_ms = 0;
}
