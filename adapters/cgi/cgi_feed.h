/* cgi_feed.h - the request body on its way into a program's input.
 *
 * The first bytes are read before the program starts, so that no slow client holds one, and a small
 * body needs nothing else; the rest is written by a task of its own. A program that does not read
 * its input, or not all of it, is no error. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "adapters/gateway/body.h"
#include "adapters/gateway/subtask.h"
#include "base/macros.h"

struct cgi_run;
struct task_label;

enum { CGI_FEED_BLOCK = 16 * 1024 };

struct cgi_feed {
    struct gateway_body body;
    bool has_failed; /* the client's body will never be whole: `error` says why */
    int error;
    /* private */
    char *block; /* owned */
    size_t at, len;
    struct cgi_run *run;
    struct subtask subtask;
};

/* Makes the body's length known and reads its beginning. 0, or an error as of gateway_body_begin.
 * Finish it in any case. */
SUSPENDS int cgi_feed_begin(struct cgi_feed *feed, struct gale_request *req);
/* Starts feeding the run. 0, or -EAGAIN when there is no task for it. */
SUSPENDS int cgi_feed_start(struct cgi_feed *feed, struct cgi_run *run,
                            const struct task_label *label);
/* Stops feeding; waits for that even on a cancelled task, which never takes long. Fine twice. */
SUSPENDS void cgi_feed_stop(struct cgi_feed *feed);
void cgi_feed_finish(struct cgi_feed *feed);
