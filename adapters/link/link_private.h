/* link_private.h - one request to an isolated app, as the files of the adapter share it.
 *
 *   link_call                 the request's task: reads the answer, writes to the client
 *    |                         sender task: reads the client's body, once the app asks for it
 *    +-- block   the request, coded once
 *    `-- line, a connection to one of the app's workers: its own, then kept for the next */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <gale/str.h>
#include "adapters/gateway/subtask.h"
#include "adapters/gateway/governor.h"
#include "adapters/link/link.h"
#include "base/list.h"
#include "base/log_ration.h"
#include "base/macros.h"
#include "fastcgi/link.h"
#include "loop/timer.h"
#include "net/iostream.h"

struct gale_app;
struct gale_request;
struct gale_response;

/* The app in this front. */
struct link {
    struct gale_app *app;                 /* borrowed */
    const struct link_settings *settings; /* borrowed */
    struct governor governor;
    struct list idle;   /* lines, the one used last first */
    struct timer timer; /* closes those that nobody has wanted for long */
    struct log_ration refusals;
    int retries, failures; /* board metrics */
};

/* A connection to a worker. */
struct link_line {
    struct link *owner; /* borrowed: outlives it */
    struct iostream stream;
    struct fcgi_reader reader;
    struct list link; /* while idle */
    int64_t used_ms;
    bool is_kept;    /* it has carried a request: it may have gone stale */
    bool is_leaving; /* its worker wants no further request on it */
};

enum link_outcome {
    LINK_ANSWERED,   /* the verdict is final */
    LINK_UNANSWERED, /* the worker has gone before it said or took anything of the request's body */
};

struct link_call {
    struct link *owner;
    struct gale_request *req;
    struct gale_response *res;
    struct gale_str block;
    struct link_line *line; /* owned; NULL: given back */
    struct subtask sender;
    bool is_body_wanted; /* some of the body may have been sent: it cannot be sent again */
    bool is_body_cut;    /* and not all of it was */
    bool is_unsent;      /* no worker can have seen the request */
    bool has_ended;      /* the last record came: the line is free */
    int verdict;
    struct gale_str elsewhere; /* what another app is to serve instead; "" */
};

/* ---- link_line.c ---- */

/* Whether some worker of the app is in one of these states (enum board_state). */
bool link_has_workers(const struct link *owner, unsigned from, unsigned to);
/* Whether one of them, dead or alive, has the request of that id at hand. */
bool link_has_at_hand(const struct link *owner, const char *request_id);

/* An idle line, or NULL. The caller's from then on. */
struct link_line *link_line_take(struct link *owner);
/* Connects: 0 and a line (owned), or -errno. */
SUSPENDS int link_line_open(struct link *owner, struct link_line **out_line);
/* Keeps it for the next request if it may be kept, else closes it. Takes it. */
void link_line_give_back(struct link_line *line);
/* Takes it. */
void link_line_close(struct link_line *line);
void link_line_close_idle(struct link *owner);
/* The timer's function; its data is the link. */
void link_line_on_timer(void *owner);

/* ---- link_answer.c ---- */

/* Reads what the worker says to the request that was sent, and answers the client with it. */
SUSPENDS enum link_outcome link_answer(struct link_call *call);
/* Logs what the worker did wrong and makes the verdict of it. */
extern const char link_gone[];
void link_fail(struct link_call *call, const char *what);
