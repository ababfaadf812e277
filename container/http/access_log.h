/* access_log.h - one line a request: combined (as web servers have always written it), JSON, or
 * short, for somebody who looks on. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/log_sink.h"

struct exchange;

enum access_format { ACCESS_COMBINED, ACCESS_JSON, ACCESS_SHORT };

struct access_log {
    bool is_on;
    enum access_format format;
    bool has_colour;
    struct log_sink sink;
    /* private */
    uint64_t counted, told; /* of the lines that were dropped */
    int64_t told_ms;
    int metric;
    int64_t second; /* of the cached time */
    char time[32];
    size_t time_len;
};

/* fd is borrowed; -1: off. */
void access_log_init(struct access_log *log, int fd, enum access_format format);
void access_log_finish(struct access_log *log);
/* Writes what can be written now, at the end of each turn. That lines are dropped is logged, once
 * in a while. */
void access_log_flush(struct access_log *log);
/* Writes the line of an ended exchange; for one that was cut, `status` says by whom
 * (http_server.h). Bytes from the network are escaped, so none can forge a line. */
void access_log_write(struct access_log *log, struct exchange *exchange, int status,
                      int64_t duration_ns);
