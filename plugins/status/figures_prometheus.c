/* figures_prometheus.c - the figures in Prometheus' text format 0.0.4.
 *
 * HELP and TYPE stand once before all samples of a name; labels come escaped from gale. */
#include <inttypes.h>
#include <string.h>

#include "figures.h"

/* In a help text only backslash and line feed are escaped. */
static void put_help(struct gale_response *res, const char *text)
{
    for (; *text; text++) {
        if (*text == '\\' || *text == '\n')
            gale_response_puts(res, *text == '\n' ? "\\n" : "\\\\");
        else
            gale_response_write(res, text, 1);
    }
}

static void put_head(struct gale_response *res, const char *name, const char *help,
                     const char *type)
{
    gale_response_printf(res, "# HELP %s ", name);
    put_help(res, help);
    gale_response_printf(res, "\n# TYPE %s %s\n", name, type);
}

static void put_plain(struct gale_response *res, const struct family *family)
{
    put_head(res, family->name, family->help, family->kind == COUNTER ? "counter" : "gauge");
    for (size_t i = 0; i < family->len; i++) {
        const struct sample *sample = &family->samples[i];
        const char *open = *sample->labels ? "{" : "", *close = *sample->labels ? "}" : "";
        gale_response_printf(res, "%s%s%s%s %" PRId64 "\n", family->name, open, sample->labels,
                             close, sample->value);
    }
}

static void put_series(struct gale_response *res, const struct family *family,
                       const struct sample *buckets, size_t len)
{
    const char *labels = buckets->labels, *comma = *labels ? "," : "";
    for (size_t i = 0; i < len; i++)
        gale_response_printf(res, "%s_bucket{%s%sle=\"%s\"} %" PRId64 "\n", family->name, labels,
                             comma, buckets[i].le, buckets[i].value);
    gale_response_printf(res, "%s_sum{%s} %.6f\n", family->name, labels,
                         (double)family_sum(family, labels) / 1e6);
    gale_response_printf(res, "%s_count{%s} %" PRId64 "\n", family->name, labels,
                         buckets[len - 1].value);
}

static void put_histogram(struct gale_response *res, const struct family *family)
{
    size_t len;
    put_head(res, family->name, family->help, "histogram");
    for (size_t i = 0; i < family->len; i += len) {
        len = family_series(family, i);
        put_series(res, family, &family->samples[i], len);
    }
}

/* ---- gale itself ---- */

typedef int64_t time_fn(const struct gale_worker *worker);

static int64_t age(const struct gale_worker *worker)
{
    return worker->age_ms;
}

static int64_t heartbeat(const struct gale_worker *worker)
{
    return worker->heartbeat_ms;
}

static void put_times(const struct figures *figures, struct gale_response *res, const char *name,
                      const char *help, time_fn *time)
{
    put_head(res, name, help, "gauge");
    for (size_t i = 0; i < figures->worker_count; i++) {
        const struct gale_worker *worker = &figures->workers[i];
        if (time(worker) >= 0) /* else there is none yet */
            gale_response_printf(
                res, "%s{pid=\"%d\",place=\"%u\",generation=\"%" PRIu64 "\"} %.3f\n", name,
                worker->pid, worker->place, worker->generation, (double)time(worker) / 1000);
    }
}

static void put_states(const struct figures *figures, struct gale_response *res)
{
    static const char *const states[] = {"starting", "ready", "serving", "draining"};
    put_head(res, "gale_workers", "Worker processes, by state.", "gauge");
    for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
        size_t count = 0;
        for (size_t k = 0; k < figures->worker_count; k++)
            count += strcmp(figures->workers[k].state, states[i]) == 0;
        gale_response_printf(res, "gale_workers{state=\"%s\"} %zu\n", states[i], count);
    }
}

static void put_instance(const struct figures *figures, struct gale_response *res)
{
    put_head(res, "gale_build_info", "The version of this gale.", "gauge");
    gale_response_printf(res, "gale_build_info{version=\"%s\"} 1\n", gale_version());
    put_states(figures, res);
    put_times(figures, res, "gale_worker_age_seconds", "How long the worker has been there.", age);
    put_times(figures, res, "gale_worker_heartbeat_seconds",
              "How long ago the worker's loop last turned.", heartbeat);
}

int figures_write_prometheus(const struct figures *figures, struct gale_response *res)
{
    gale_response_header(res, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    put_instance(figures, res);
    for (size_t i = 0; i < figures->len; i++) {
        const struct family *family = &figures->families[i];
        if (family->kind == HISTOGRAM)
            put_histogram(res, family);
        else if (!family->is_hidden)
            put_plain(res, family);
    }
    return GALE_OK;
}
