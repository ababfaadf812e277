/* gale/metric.h - figures of the app's own, and reading everybody's.
 *
 * A metric is created once, in open, and counted anywhere, on any thread. It appears in the status
 * page, as JSON and for Prometheus, summed over all workers and labelled with the app's name.
 * Counters survive reloads and crashes. */
#pragma once
#include <gale/macros.h>
#include <stdint.h>

GALE_BEGIN

struct gale_app;

/* A handle >= 0, or -ENOSPC, -EINVAL (a name is [a-zA-Z_][a-zA-Z0-9_]*; it is shown as written).
 * Handles that are errors may be passed on: they count nowhere. open */
GALE_API int gale_counter(struct gale_app *app, const char *name, const char *help);
GALE_API int gale_gauge(struct gale_app *app, const char *name, const char *help);
GALE_API void gale_metric_add(int metric, int64_t delta); /* thread */
GALE_API void gale_metric_set(int metric, int64_t value); /* thread; gauges */

/* One metric of the instance, its strings valid during the call: name and labels as Prometheus
 * writes them (app="hello",code="2xx").
 */
struct gale_sample {
    const char *name, *labels, *help;
    int is_counter;
    int64_t value;
};
/* Calls fn for every metric, those of one name one after the other, until it returns non-zero;
 * returns that. task, thread */
GALE_API int gale_metrics_each(int (*fn)(void *data, const struct gale_sample *sample), void *data);

/* One worker process, for pages about the instance. */
struct gale_worker {
    int pid;
    unsigned place; /* its place among the workers, from 0 */
    uint64_t generation;
    const char *state; /* "starting", "ready", "serving", "draining" */
    int64_t age_ms;
    int64_t heartbeat_ms; /* how long ago its loop last turned; -1: not yet */
};
GALE_API int gale_workers_each(int (*fn)(void *data, const struct gale_worker *worker), void *data);

GALE_END
