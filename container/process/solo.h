/* solo.h - the apps of a configuration in this very process, without master and workers.
 *
 * For `gale cgi` and `gale test`: process mode, where one thing is served at a time on the main
 * stack. Nothing listens. What the apps keep for other workers (gale_shared, metrics) is this
 * process's own. */
#pragma once
#include <stdbool.h>
#include "app/router.h"
#include "http/error_page.h"
#include "http/http_server.h"
#include "loop/task.h"

struct config;
struct gale_app;

struct solo {
    struct config *config; /* borrowed */
    struct ioloop *loop;
    struct gale_app *apps; /* NULL until they are open */
    struct router router;
    struct error_pages errors;
    struct http_server http; /* its `serve` is the router */
};

/* Opens every app. Returns 0, or -errno: then apps_failure says why, and the loop still runs what
 * solo_run is given. solo_close is due in both cases. */
int solo_open(struct solo *solo, struct config *config);
/* Runs fn(data) on the main stack, then drains the apps: background tasks get `drain_ms` to end. */
void solo_run(struct solo *solo, task_fn *fn, void *data, int64_t drain_ms);
/* Ends the process with that status; apps are closed first unless something of theirs still runs.
 * What plugins left for exit() is not run, as in workers. */
_Noreturn void solo_exit(struct solo *solo, int status);
