/* worker_private.h - struct worker, for the files that make it up. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "app/router.h"
#include "base/arena.h"
#include "fastcgi/fcgi_server.h"
#include "fastcgi/link_server.h"
#include "http/access_log.h"
#include "http/client_limits.h"
#include "http/error_page.h"
#include "http/forwarded.h"
#include "http/http_server.h"
#include "loop/ioloop.h"
#include "loop/timer.h"
#include "process/coverage.h"
#include "process/handover.h"
#include "process/worker_arguments.h"
#include "process/worker_recycle.h"

struct adapter;
struct app_config;
struct board;
struct config;
struct dev;
struct gale_app;

struct worker {
    struct arena arena; /* of the arguments and of errors */
    struct worker_arguments arguments;
    const struct adapter *const *adapters; /* borrowed, ended by NULL */
    struct ioloop *loop;
    struct board *board;
    struct config *config;
    const struct app_config *app; /* the isolated one that is all it serves; NULL: a front */
    size_t app_index;             /* its place in the whole configuration */
    struct gale_app *apps;        /* NULL until all are open */
    struct router router;
    struct http_server http;
    struct fcgi_server fcgi; /* web servers in front; shares http's listeners */
    struct link_server link; /* fronts, to an isolated app's worker */
    struct access_log access_log;
    struct error_pages error_pages;
    struct forwarded_trust trust;
    struct client_limits limits;
    struct coverage coverage;
    struct giver giver; /* of idle connections, to its successor */
    struct taker taker;
    struct dev *dev; /* of gale dev; owned; NULL */
    struct ioloop_call turn_end;
    struct worker_recycle recycle;
    /* the end */
    bool is_leaving; /* a successor was asked for */
    bool is_draining;
    bool has_passed;               /* what was idle is with its successor, and the master knows */
    bool is_sweeping;              /* still accepts what waits in the queues */
    int64_t drain_ms, deadline_ms; /* when it began, when what still runs is cut */
    int64_t cut_ms;                /* when it was; 0: not yet */
    struct timer drain_timer;
};

/* ---- worker_open.c ---- */

/* Until it serves the process dies with its master, however that ends. */
void worker_follow_master(const struct worker *worker);

/* Becomes a worker: board, configuration, limits, user, loop, apps, server. Returns 0, or -errno
 * after telling the master why not. */
int worker_open(struct worker *worker);
/* What it still holds of that, in the reverse order. Returns false, and leaves all as it is, where
 * something of the apps still runs: it may use anything. */
bool worker_close(struct worker *worker);

/* ---- worker_isolated.c ---- */

/* Makes the configuration one of the group's app alone, or puts links in the place of isolated
 * apps. 0, or -errno after logging. */
int worker_take_part(struct worker *worker);
/* Whom the worker runs as. */
void worker_find_user(const struct worker *worker, const char **out_user, const char **out_group);
/* Limits and confinement of an isolated app's worker. 0, or -errno after logging. */
int worker_confine(const struct worker *worker);
/* Answers fronts instead of clients. After router_init and http_server_init. */
void worker_serve_link(struct worker *worker);

/* ---- worker_drain.c ---- */

/* Asks the master for a successor and serves on until the master says drain, which it does when the
 * successor serves. Drains at once where there is nobody to ask. `why` is for the log, "has served
 * 1000 requests". */
void worker_leave(struct worker *worker, const char *why);
/* Takes nothing new; stops the loop when everything has ended, or after `ms`. May be called again
 * with less. `flags` as CHANNEL_SWEEP and CHANNEL_REPLACED say. */
void worker_drain(struct worker *worker, int64_t ms, unsigned flags);
/* What was idle is handed over. */
void worker_given(void *worker);
/* Whether nothing of the apps runs any more. */
bool worker_is_quiet(const struct worker *worker);
