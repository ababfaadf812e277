/* figures.c - from samples to families. */
#include "figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char bucket_ending[] = "_seconds_bucket";
static const char sum_ending[] = "_microseconds_total";

/* ---- labels ---- */

static const char *value_end(const char *at)
{
    while (*at && *at != '"')
        at += *at == '\\' && at[1] ? 2 : 1;
    return at;
}

int labels_next(const char **labels, struct gale_str *out_name, struct gale_str *out_value)
{
    const char *name = *labels + (**labels == ',');
    const char *value = strstr(name, "=\"");
    if (!value)
        return 0;
    const char *end = value_end(value + 2);
    *out_name = (struct gale_str){name, (size_t)(value - name)};
    *out_value = (struct gale_str){value + 2, (size_t)(end - value - 2)};
    *labels = end + (*end == '"');
    return 1;
}

/* Moves the label le out of the others. */
static void take_bound(struct gale_request *req, struct sample *sample)
{
    struct gale_str name, value;
    const char *at = sample->labels;
    char *rest = gale_request_alloc(req, strlen(at) + 1), *to = rest;
    while (labels_next(&at, &name, &value)) {
        if (name.len == 2 && memcmp(name.at, "le", 2) == 0) {
            sample->le = gale_request_copy(req, value).at;
            sample->bound = strcmp(sample->le, "+Inf") == 0 ? INFINITY : strtod(sample->le, NULL);
            continue;
        }
        if (to > rest)
            *to++ = ',';
        to = mempcpy(to, name.at, (size_t)(at - name.at));
    }
    *to = 0;
    sample->labels = rest;
}

/* ---- gathering ---- */

struct collector {
    struct gale_request *req;
    struct figures *figures;
    size_t family_cap, sample_cap, worker_cap;
};

/* Room for one more; what was outgrown stays until the request ends. */
static void *grow(struct gale_request *req, void *items, size_t len, size_t *cap, size_t size)
{
    if (len < *cap)
        return items;
    *cap = *cap ? *cap * 2 : 8;
    void *larger = gale_request_alloc(req, *cap * size);
    return len ? memcpy(larger, items, len * size) : larger;
}

static struct family *family_of(struct collector *collector, const struct gale_sample *sample)
{
    struct figures *figures = collector->figures;
    if (figures->len && strcmp(figures->families[figures->len - 1].name, sample->name) == 0)
        return &figures->families[figures->len - 1];
    figures->families = grow(collector->req, figures->families, figures->len,
                             &collector->family_cap, sizeof(*figures->families));
    collector->sample_cap = 0;
    figures->families[figures->len] = (struct family){
        .kind = sample->is_counter ? COUNTER : GAUGE, .name = sample->name, .help = sample->help};
    return &figures->families[figures->len++];
}

static int add_sample(void *data, const struct gale_sample *sample)
{
    struct collector *collector = data;
    struct family *family = family_of(collector, sample);
    family->samples = grow(collector->req, family->samples, family->len, &collector->sample_cap,
                           sizeof(*family->samples));
    family->samples[family->len++] =
        (struct sample){.labels = sample->labels, .value = sample->value};
    return 0;
}

static int add_worker(void *data, const struct gale_worker *worker)
{
    struct collector *collector = data;
    struct figures *figures = collector->figures;
    figures->workers = grow(collector->req, figures->workers, figures->worker_count,
                            &collector->worker_cap, sizeof(*figures->workers));
    figures->workers[figures->worker_count++] = *worker;
    return 0;
}

/* ---- histograms ---- */

/* The name without the ending, or NULL if it has another one. */
static const char *without(struct gale_request *req, const char *name, const char *ending)
{
    size_t len = strlen(name), end = strlen(ending);
    if (len <= end || strcmp(name + len - end, ending) != 0)
        return NULL;
    return gale_request_copy(req, (struct gale_str){name, len - end}).at;
}

static int compare_buckets(const void *left, const void *right)
{
    const struct sample *a = left, *b = right;
    int r = strcmp(a->labels, b->labels);
    return r ? r : (a->bound > b->bound) - (a->bound < b->bound);
}

size_t family_series(const struct family *family, size_t from)
{
    size_t to = from + 1;
    while (to < family->len &&
           strcmp(family->samples[to].labels, family->samples[from].labels) == 0)
        to++;
    return to - from;
}

static void add_up(struct family *family)
{
    for (size_t i = 1; i < family->len; i++)
        if (strcmp(family->samples[i].labels, family->samples[i - 1].labels) == 0)
            family->samples[i].value += family->samples[i - 1].value;
}

static void find_sum(struct gale_request *req, struct figures *figures, struct family *family,
                     const char *base)
{
    const char *name = gale_request_printf(req, "%s%s", base, sum_ending);
    for (size_t i = 0; i < figures->len; i++) {
        struct family *other = &figures->families[i];
        if (strcmp(other->name, name) != 0)
            continue;
        other->is_hidden = 1;
        family->sum = other;
    }
}

static void make_histogram(struct gale_request *req, struct figures *figures, struct family *family)
{
    const char *base = without(req, family->name, bucket_ending);
    if (family->kind != COUNTER || !base)
        return;
    family->kind = HISTOGRAM;
    family->name = gale_request_printf(req, "%s_seconds", base);
    for (size_t i = 0; i < family->len; i++)
        take_bound(req, &family->samples[i]);
    qsort(family->samples, family->len, sizeof(*family->samples), compare_buckets);
    add_up(family);
    find_sum(req, figures, family, base);
}

int64_t family_sum(const struct family *family, const char *labels)
{
    for (size_t i = 0; family->sum && i < family->sum->len; i++)
        if (strcmp(family->sum->samples[i].labels, labels) == 0)
            return family->sum->samples[i].value;
    return 0;
}

struct figures *figures_collect(struct gale_request *req)
{
    struct figures *figures = gale_request_alloc(req, sizeof(*figures));
    struct collector collector = {.req = req, .figures = figures};
    *figures = (struct figures){0};
    gale_metrics_each(add_sample, &collector);
    gale_workers_each(add_worker, &collector);
    for (size_t i = 0; i < figures->len; i++)
        make_histogram(req, figures, &figures->families[i]);
    return figures;
}
