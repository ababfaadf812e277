/* http_counters.c - counting exchanges on the board. */
#include "http/http_counters.h"

#include <stdio.h>
#include <string.h>

#include "base/board.h"

static int app_metric(enum board_kind kind, const char *name, const char *app, const char *more,
                      const char *help)
{
    char labels[BOARD_TEXT];
    snprintf(labels, sizeof(labels), "app=\"%s\"%s%s", app, *more ? "," : "", more);
    return board_metric(kind, name, labels, help);
}

static const int64_t bounds[] = {
#define BOUND(us) us,
    HTTP_DURATION_BOUNDS(BOUND)
#undef BOUND
};

static void init_durations(struct http_counters *counters, const char *app)
{
    static const char name[] = "gale_request_duration_seconds";
    static const char help[] = "Time from a request's head to the end of its answer.";
    for (int i = 0; i < HTTP_DURATION_BUCKETS; i++) {
        char metric[64], label[32] = "le=\"+Inf\"";
        snprintf(metric, sizeof(metric), "%s_bucket", name);
        if (i < HTTP_DURATION_BUCKETS - 1)
            snprintf(label, sizeof(label), "le=\"%g\"", (double)bounds[i] / 1e6);
        counters->durations[i] = app_metric(BOARD_COUNTER, metric, app, label, help);
    }
    counters->duration_sum = app_metric(BOARD_COUNTER, "gale_request_duration_microseconds_total",
                                        app, "", "Sum of those times, in microseconds.");
}

void http_counters_init(struct http_counters *counters, const char *app)
{
    static const char *const codes[] = {"cut", "1xx", "2xx", "3xx", "4xx", "5xx"};
    for (int i = 0; i < 6; i++) {
        char label[32];
        snprintf(label, sizeof(label), "code=\"%s\"", codes[i]);
        counters->requests[i] = app_metric(BOARD_COUNTER, "gale_requests_total", app, label,
                                           "Requests answered, by app and class of status.");
    }
    counters->bytes_in = app_metric(BOARD_COUNTER, "gale_request_body_bytes_total", app, "",
                                    "Bytes of request bodies read.");
    counters->bytes_out = app_metric(BOARD_COUNTER, "gale_response_body_bytes_total", app, "",
                                     "Bytes of response bodies written by apps.");
    counters->running =
        app_metric(BOARD_GAUGE, "gale_requests_running", app, "", "Requests being served now.");
    init_durations(counters, app);
}

void http_counters_count(const struct http_counters *counters, int status, uint64_t bytes_in,
                         uint64_t bytes_out, int64_t duration_ns)
{
    int64_t us = duration_ns / 1000;
    board_add(counters->requests[status >= 100 && status < 600 ? status / 100 : 0], 1);
    if (bytes_in)
        board_add(counters->bytes_in, (int64_t)bytes_in);
    if (bytes_out)
        board_add(counters->bytes_out, (int64_t)bytes_out);
    int bucket = 0;
    while (bucket < HTTP_DURATION_BUCKETS - 1 && us > bounds[bucket])
        bucket++;
    board_add(counters->durations[bucket], 1);
    board_add(counters->duration_sum, us);
}
