/* figures_json.c - the figures as JSON.
 *
 *   {"gale": "0.5.0", "now_ms": 123,
 *    "workers": [{"pid": 1, "place": 0, "generation": 1, "state": "serving",
 *                 "age_ms": 1, "heartbeat_ms": 1}],
 *    "metrics": [{"name": "gale_requests_total", "type": "counter", "help": "...",
 *                 "samples": [{"labels": {"app": "hello"}, "value": 1}]},
 *                {"name": "gale_request_duration_seconds", "type": "histogram", "help": "...",
 *                 "samples": [{"labels": {"app": "hello"}, "count": 2, "sum": 0.5,
 *                              "buckets": [{"le": "0.001", "count": 1}]}]}]}
 *
 * now_ms is a clock that never jumps, for rates. Buckets count what is at most `le`. */
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "figures.h"

static void put_byte(struct gale_response *res, char c)
{
    if (c == '"' || c == '\\')
        gale_response_printf(res, "\\%c", c);
    else if ((unsigned char)c < ' ' || c == 0x7f)
        gale_response_printf(res, "\\u%04x", (unsigned)(unsigned char)c);
    else
        gale_response_write(res, &c, 1);
}

static void put_text(struct gale_response *res, struct gale_str text)
{
    gale_response_puts(res, "\"");
    for (size_t i = 0; i < text.len; i++)
        put_byte(res, text.at[i]);
    gale_response_puts(res, "\"");
}

/* A label's value comes with Prometheus' escapes: \\, \" and \n. */
static void put_label(struct gale_response *res, struct gale_str value)
{
    gale_response_puts(res, "\"");
    for (size_t i = 0; i < value.len; i++) {
        bool is_escape = value.at[i] == '\\' && i + 1 < value.len;
        i += is_escape;
        put_byte(res, is_escape && value.at[i] == 'n' ? '\n' : value.at[i]);
    }
    gale_response_puts(res, "\"");
}

static void put_labels(struct gale_response *res, const char *labels)
{
    struct gale_str name, value;
    const char *comma = "";
    gale_response_puts(res, "{\"labels\":{");
    while (labels_next(&labels, &name, &value)) {
        gale_response_puts(res, comma);
        put_text(res, name);
        gale_response_puts(res, ":");
        put_label(res, value);
        comma = ",";
    }
    gale_response_puts(res, "}");
}

static void put_plain(struct gale_response *res, const struct family *family)
{
    for (size_t i = 0; i < family->len; i++) {
        gale_response_puts(res, i ? "," : "");
        put_labels(res, family->samples[i].labels);
        gale_response_printf(res, ",\"value\":%" PRId64 "}", family->samples[i].value);
    }
}

static void put_series(struct gale_response *res, const struct family *family,
                       const struct sample *buckets, size_t len)
{
    put_labels(res, buckets->labels);
    gale_response_printf(res, ",\"count\":%" PRId64 ",\"sum\":%.6f,\"buckets\":[",
                         buckets[len - 1].value, (double)family_sum(family, buckets->labels) / 1e6);
    for (size_t i = 0; i < len; i++)
        gale_response_printf(res, "%s{\"le\":\"%s\",\"count\":%" PRId64 "}", i ? "," : "",
                             buckets[i].le, buckets[i].value);
    gale_response_puts(res, "]}");
}

static void put_histogram(struct gale_response *res, const struct family *family)
{
    size_t len;
    for (size_t i = 0; i < family->len; i += len) {
        len = family_series(family, i);
        gale_response_puts(res, i ? "," : "");
        put_series(res, family, &family->samples[i], len);
    }
}

static void put_family(struct gale_response *res, const struct family *family)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    gale_response_printf(res, "{\"name\":\"%s\",\"type\":\"%s\",\"help\":", family->name,
                         types[family->kind]);
    put_text(res, (struct gale_str){family->help, strlen(family->help)});
    gale_response_puts(res, ",\"samples\":[");
    if (family->kind == HISTOGRAM)
        put_histogram(res, family);
    else
        put_plain(res, family);
    gale_response_puts(res, "]}");
}

static void put_workers(const struct figures *figures, struct gale_response *res)
{
    for (size_t i = 0; i < figures->worker_count; i++) {
        const struct gale_worker *worker = &figures->workers[i];
        gale_response_printf(res,
                             "%s{\"pid\":%d,\"place\":%u,\"generation\":%" PRIu64
                             ",\"state\":\"%s\",\"age_ms\":%" PRId64 ",\"heartbeat_ms\":%" PRId64
                             "}",
                             i ? "," : "", worker->pid, worker->place, worker->generation,
                             worker->state, worker->age_ms, worker->heartbeat_ms);
    }
}

int figures_write_json(const struct figures *figures, struct gale_response *res)
{
    const char *comma = "";
    gale_response_header(res, "Content-Type", "application/json");
    gale_response_printf(res, "{\"gale\":\"%s\",\"now_ms\":%" PRId64 ",\"workers\":[",
                         gale_version(), gale_now());
    put_workers(figures, res);
    gale_response_puts(res, "],\"metrics\":[");
    for (size_t i = 0; i < figures->len; i++) {
        if (figures->families[i].is_hidden)
            continue;
        gale_response_puts(res, comma);
        put_family(res, &figures->families[i]);
        comma = ",";
    }
    return gale_response_puts(res, "]}\n");
}
