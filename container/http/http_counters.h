/* http_counters.h - the figures kept of exchanges, by app. */
#pragma once
#include <stdint.h>

/* Upper bounds of the histogram of durations, in microseconds. */
#define HTTP_DURATION_BOUNDS(X) X(1000) X(5000) X(25000) X(100000) X(500000) X(2500000) X(10000000)
enum { HTTP_DURATION_BUCKETS = 8 };

/* Board metrics. Each bucket counts its own durations only, so that a request is one addition;
 * whoever shows them to Prometheus adds them up. */
struct http_counters {
    int requests[6];                      /* by class: [1] unused ... [5]; [0] cut */
    int bytes_in, bytes_out;              /* bodies */
    int durations[HTTP_DURATION_BUCKETS]; /* each its own; the last is +Inf */
    int duration_sum;                     /* microseconds */
    int running;                          /* gauge */
};

/* Registers the metrics of an app ("" for the server's own answers). */
void http_counters_init(struct http_counters *counters, const char *app);
/* Counts one ended exchange; status 0 when it was cut. */
void http_counters_count(const struct http_counters *counters, int status, uint64_t bytes_in,
                         uint64_t bytes_out, int64_t duration_ns);
