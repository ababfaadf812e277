/* program_log.h - what programs write to their stderr, in gale's log.
 *
 * A line of theirs is a line of the log, with the app, the program and the request that it served.
 * A flood is cut: so many lines a second are logged for an app in this worker, the others are
 * counted, and the count is logged, a few times a second at most. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <gale/str.h>

enum { PROGRAM_LOG_LINES = 100, PROGRAM_LOG_LINE_MAX = 1024 };

/* Of one app. Zeroed but for the name. */
struct program_log {
    const char *app;
    /* private */
    int64_t second;
    unsigned lines, notices; /* in this second */
    uint64_t dropped;        /* not told yet */
};

/* Of one program or connection: the line that has not ended yet. Zeroed but for the first three. */
struct program_lines {
    struct program_log *log;
    const char *program; /* borrowed; NULL: not said */
    struct gale_str id;  /* of the request, borrowed; "" between requests */
    /* private */
    size_t len;
    char line[PROGRAM_LOG_LINE_MAX];
};

/* Takes bytes as they come. */
void program_lines_take(struct program_lines *lines, const char *data, size_t len);
/* Logs what has no end, and how much was left out. */
void program_lines_end(struct program_lines *lines);
