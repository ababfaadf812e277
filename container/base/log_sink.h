/* log_sink.h - whole lines, gathered and written without blocking.
 *
 * The one way in which gale writes logs: lines are appended to a buffer and written whole when
 * it is full or flushed. A pipe or terminal that does not take them is never waited for: what
 * does not fit is dropped by whole lines and counted. Regular files are simply written. */
#pragma once
#include <stdint.h>
#include <stddef.h>

struct log_sink {
    int fd; /* borrowed; -1: lines are thrown away */
    uint64_t dropped;
    /* private */
    char *at;
    size_t len;
    size_t cap;
};

/* `cap` bytes are gathered at most (64 KiB is a good size). */
void log_sink_init(struct log_sink *sink, int fd, size_t cap);
void log_sink_finish(struct log_sink *sink); /* flushes, frees; the fd stays open */

/* Room for one line of up to `len` bytes, newline included; then log_sink_commit says how many
 * were used. NULL when a line that long does not fit even into an empty sink. */
char *log_sink_reserve(struct log_sink *sink, size_t len);
void log_sink_commit(struct log_sink *sink, size_t len);
void log_sink_flush(struct log_sink *sink);
