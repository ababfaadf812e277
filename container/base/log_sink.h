/* log_sink.h - whole lines, gathered and written without blocking.
 *
 * The one way in which gale writes logs: lines are appended to a buffer and written when it is
 * full or flushed. Regular files are simply written; one that takes nothing (a full disk) is tried
 * again with the next flush. A pipe, terminal or socket is never waited
 * for, nor is its O_NONBLOCK touched, since other processes share it: it gets whole lines in
 * pieces of at most PIPE_BUF bytes, which no other writer can tear apart (only a line longer than
 * that may be). What it does not take stays in the buffer; once that is full, new lines are
 * dropped and counted. SIGPIPE must be ignored. Not locked: one thread, or a lock outside. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log_sink {
    int fd; /* borrowed, changed by log_sink_set_fd; -1: lines are thrown away */
    uint64_t dropped;
    int error; /* -errno of the last write that failed; 0: none has */
    /* private */
    bool is_file;
    bool polls; /* the descriptor has no write that refuses to wait */
    char *at;
    size_t len;
    size_t cap;
};

/* `cap` bytes are gathered at most (64 KiB is a good size). */
void log_sink_init(struct log_sink *sink, int fd, size_t cap);
void log_sink_finish(struct log_sink *sink); /* flushes, frees; the fd stays open */
/* Flushes to the old descriptor and goes on with this one. */
void log_sink_set_fd(struct log_sink *sink, int fd);

/* Room for one line of up to `len` bytes, newline included; then log_sink_commit says how many
 * were used. NULL when it does not fit: the line then counts as dropped. */
char *log_sink_reserve(struct log_sink *sink, size_t len);
void log_sink_commit(struct log_sink *sink, size_t len);
/* Writes what can be written now. After an error (a reader that has gone) the lines are dropped,
 * but for those of a file. */
void log_sink_flush(struct log_sink *sink);
