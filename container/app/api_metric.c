/* api_metric.c - gale/metric.h over the board. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <gale/metric.h>

#include "app/app.h"
#include "app/config.h"
#include "base/board.h"
#include "base/clock.h"
#include "base/macros.h"
#include "loop/ioloop.h"

static int make_metric(struct gale_app *app, enum board_kind kind, const char *name,
                       const char *help)
{
    char labels[BOARD_TEXT];
    if (!name || strchr(name, ':')) /* Prometheus keeps colons for its own rules */
        return -EINVAL;
    snprintf(labels, sizeof(labels), "app=\"%s\"", app->config->name);
    return board_metric(kind, name, labels, help ? help : "");
}

int gale_counter(struct gale_app *app, const char *name, const char *help)
{
    return make_metric(app, BOARD_COUNTER, name, help);
}

int gale_gauge(struct gale_app *app, const char *name, const char *help)
{
    return make_metric(app, BOARD_GAUGE, name, help);
}

/* Whether this is the loop's own thread, which counts without an atomic addition. */
static bool is_loop_thread(void)
{
    return ioloop_current() != NULL;
}

void gale_metric_add(int metric, int64_t delta)
{
    if (metric < 0 || metric >= BOARD_METRICS)
        return;
    if (is_loop_thread())
        board_add(metric, delta);
    else
        board_add_shared(metric, delta);
}

void gale_metric_set(int metric, int64_t value)
{
    if (metric >= 0 && metric < BOARD_METRICS)
        board_set(metric, value);
}

/* ---- reading everybody's ---- */

struct sample_walk {
    int (*fn)(void *data, const struct gale_sample *sample);
    void *data;
};

static int each_sample(void *data, const struct board_sample *from)
{
    const struct sample_walk *walk = data;
    const struct gale_sample sample = {
        .name = from->name,
        .labels = from->labels,
        .help = from->help,
        .is_counter = from->kind == BOARD_COUNTER,
        .value = from->value,
    };
    return walk->fn(walk->data, &sample);
}

int gale_metrics_each(int (*fn)(void *data, const struct gale_sample *sample), void *data)
{
    struct sample_walk walk = {fn, data};
    return board_each(each_sample, &walk);
}

static const char *state_name(uint32_t state)
{
    static const char *const names[] = {
        [BOARD_FREE] = "ended",      [BOARD_STARTING] = "starting", [BOARD_READY] = "ready",
        [BOARD_SERVING] = "serving", [BOARD_DRAINING] = "draining",
    };
    return state < ARRAY_LEN(names) ? names[state] : "unknown";
}

int gale_workers_each(int (*fn)(void *data, const struct gale_worker *worker), void *data)
{
    struct board *board = board_current();
    for (unsigned i = 0; board && i < BOARD_SLOTS; i++) {
        const struct board_slot *slot = board_slot(board, i);
        uint32_t state = slot->state;
        if (state == BOARD_FREE)
            continue;
        int64_t heartbeat_ms = slot->heartbeat_ms;
        const struct gale_worker worker = {
            .pid = slot->pid,
            .place = slot->place,
            .generation = slot->generation,
            .state = state_name(state),
            .age_ms = clock_mono_ms() - slot->started_ms,
            .heartbeat_ms = heartbeat_ms ? clock_mono_ms() - heartbeat_ms : -1,
        };
        int r = fn(data, &worker);
        if (r)
            return r;
    }
    return 0;
}
