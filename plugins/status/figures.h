/* figures.h - what the board knows, in the shape that it is shown in.
 *
 * gale gives one sample after the other, those of one name together. They are gathered into
 * families: a counter or gauge with its samples, or a histogram, whose buckets come as counters
 * NAME_seconds_bucket, each counting only what fell into itself, and whose sum is the counter
 * NAME_microseconds_total. Here the buckets are added up, as Prometheus wants them.
 *
 *   families -> family -> samples                           counter, gauge
 *                      -> series (one set of labels) -> buckets, ascending     histogram
 *
 * Everything lives on the request's memory. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <gale/gale.h>

enum kind { COUNTER, GAUGE, HISTOGRAM };

struct sample {
    const char *labels; /* as Prometheus writes them, without braces; of a bucket, without le */
    int64_t value;      /* of a bucket: it and those below */
    const char *le;     /* upper bound, as text; NULL: no bucket */
    double bound;       /* the same as a number */
};

struct family {
    enum kind kind;
    const char *name, *help; /* of a histogram: without _bucket */
    struct sample *samples;  /* of a histogram: series after series, ascending by bound */
    size_t len;
    const struct family *sum; /* of a histogram: microseconds, by the same labels; or NULL */
    int is_hidden;            /* shown as a sum */
};

struct figures {
    struct family *families;
    size_t len;
    struct gale_worker *workers;
    size_t worker_count;
};

struct figures *figures_collect(struct gale_request *req);
/* The sum that belongs to a series of a histogram, in microseconds. */
int64_t family_sum(const struct family *family, const char *labels);
/* The number of buckets of the series that starts at `from`. */
size_t family_series(const struct family *family, size_t from);

/* Takes the next name="value" off the front of *labels: 1, or 0 at the end. The value is still
 * escaped. */
int labels_next(const char **labels, struct gale_str *out_name, struct gale_str *out_value);

int figures_write_json(const struct figures *figures, struct gale_response *res);
/* The text format 0.0.4. */
int figures_write_prometheus(const struct figures *figures, struct gale_response *res);
