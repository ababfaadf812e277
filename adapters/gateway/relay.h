/* relay.h - output kept for a client that takes it more slowly than its program gives it.
 *
 *   program --read--> relay_put --> spool --take--> client
 *            a task of its own              the request's task
 *
 * The reading task waits when the spool is full, and is done with the program at its end, whatever
 * the client has still to take. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "adapters/gateway/spool.h"
#include "adapters/gateway/subtask.h"
#include "base/macros.h"
#include "loop/task_sync.h"

struct task_label;

/* The longest piece that relay_put takes. */
enum { RELAY_PIECE_MAX = 32 * 1024 };

/* Who is on both ends. */
struct relay_ends {
    /* On a task of its own: reads all there is, with relay_put. Returns 0 or -errno. */
    int (*read)(void *data);
    /* On the request's task: takes output to the client. 0 or -errno. */
    int (*take)(void *data, const char *at, size_t len);
    void *data;
};

struct relay {
    bool has_read;   /* `read` was called, and has returned */
    int result;      /* what it returned */
    bool is_untaken; /* `take` has failed, or the spool has */
    /* private */
    const struct relay_ends *ends;
    struct subtask reader;
    struct spool spool;
    struct task_line filled, emptied; /* who waits for the spool to become so */
};

/* Takes everything from one end to the other, at most `limit` bytes being on the way at a time (but
 * always room for two pieces). Returns 0 when all of it was taken and `read` returned 0; else the
 * error of `read`, of `take`, or of the spool; -EAGAIN when there is no task for it and nothing was
 * done. */
SUSPENDS int relay_run(struct relay *relay, const struct relay_ends *ends, uint64_t limit,
                       const struct task_label *label);
/* Within `read`: keeps output; waits while there is no room. 0, or -errno: then is_untaken. */
SUSPENDS int relay_put(struct relay *relay, const char *at, size_t len);
