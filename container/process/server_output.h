/* server_output.h - what a server of an app writes to its standard output and error.
 *
 * Its lines go to the log, so many a second; of what it says beyond a rate nothing is read for a
 * moment, so that a flood holds up its writer and not the master. The last line is kept, because
 * it often says why a process ended. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "loop/timer.h"
#include "adapters/gateway/program_log.h"

struct buffer;
struct ioloop;

enum { SERVER_NAME = 120, SERVER_LAST = 240 };

struct server_output {
    char last[SERVER_LAST + 1]; /* its last line that was not empty; "" */
    int fd;                     /* owned; -1: closed */
    /* private */
    struct ioloop *loop;
    size_t last_len, taken;
    bool is_line_over;
    char name[SERVER_NAME];
    struct program_lines lines;
    struct timer pause;
};

/* Makes the pipe. Returns the end for the process (owned: close it once that has it), or -errno. */
int server_output_open(struct server_output *output);
/* Watches the other end; PROGRAM[PID] is said with each line. */
void server_output_watch(struct server_output *output, struct ioloop *loop, struct program_log *log,
                         const char *program, pid_t pid);
/* What another program needs to go on with it, and going on once it is watched. */
void server_output_save(const struct server_output *output, struct buffer *out);
void server_output_resume(struct server_output *output, struct gale_str saved);
/* Takes what is still there, ends the line, closes. Fine twice, and where open failed. */
void server_output_close(struct server_output *output);
/* Adds bytes to what is known of the last line. */
void server_output_remember(struct server_output *output, const char *data, size_t len);
