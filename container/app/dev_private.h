/* dev_private.h - struct dev, for the files that make it up. */
#pragma once
#include <stdbool.h>
#include "app/adapter.h"
#include "app/dev.h"
#include "app/dev_state.h"
#include "base/arena.h"
#include "loop/task_sync.h"

struct exchange;

/* Stands before an app as its adapter. */
struct dev_guard {
    struct adapter adapter;
    const struct adapter *behind;
    struct dev *dev;
};

struct dev {
    struct arena arena; /* of the state */
    struct dev_state state;
    struct task_line waiters; /* tasks that wait for another state */
    struct dev_guard *guards; /* by app; owned */
    struct adapter stand_in;  /* for what was never built */
    struct router *router;    /* borrowed */
    bool is_draining;
};

/* ---- dev.c ---- */

/* Waits for another state, at most ms. Returns 0, -ETIMEDOUT, or why this task waits no longer. */
SUSPENDS int dev_wait(struct dev *dev, int64_t ms);

/* ---- dev_browser.c: what the script asks for ---- */

/* How a page that the app made has to be, as text on the arena: another text means another page. */
struct gale_str dev_stamp(const struct dev *dev, struct gale_str app, struct arena *arena);
/* Answers what stands below /.gale/. */
SUSPENDS int dev_browser_serve(struct dev *dev, struct gale_request *req,
                               struct gale_response *res);

/* ---- dev_answer.c: instead of the app's ---- */

/* Its build is broken, refused, or not there yet. */
SUSPENDS int dev_answer_trouble(const struct dev_app *app, struct exchange *exchange);
/* The configuration is refused; to a visit only. */
SUSPENDS int dev_answer_conf(const struct dev_conf_state *conf, struct exchange *exchange);
/* A struct error_pages.make. */
SUSPENDS int dev_answer_error(struct exchange *exchange, int status);
