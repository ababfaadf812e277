/* dev.h - a worker of `gale dev`: it knows how the builds stand and tells browsers.
 *
 *   request --> dev_serve --> /.gale/...: the script, and the events that it waits for
 *                  |
 *                  `--> router_serve --> an app whose build is broken: a page that says so
 *                                        any other: itself, its pages with the script (dev_front)
 *
 * Nothing of this is in the way of other workers: there the router serves. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <gale/str.h>
#include "base/macros.h"

struct adapter;
struct app_config;
struct config;
struct dev;
struct error_pages;
struct gale_app;
struct gale_request;
struct gale_response;
struct router;

/* The adapters for reading a configuration: plugins need not be built yet, and those that are ours
 * have workers of their own, so that the front is there to tell what happens to them. Static
 * memory. */
const struct adapter *const *dev_adapters(const struct adapter *const *adapters);

/* Whether gale dev builds the app, or at least looks at its file: a plugin that is a file, not one
 * that is installed. */
bool dev_is_ours(const struct app_config *app);
/* What a configuration says that is not for `gale dev`: one worker for the front, short lines for
 * requests, no long waiting for what was replaced. */
void dev_override(struct config *config);

/* Reads the state from its descriptor (borrowed). Returns 0 and owned, or -errno. */
int dev_open(int state_fd, struct dev **out_dev);
void dev_close(struct dev *dev); /* takes NULL */
/* The state is another now; whoever waits for that goes on. Borrows the descriptor. */
int dev_update(struct dev *dev, int state_fd);
/* Ends what waits, and what would wait from now on. Takes NULL. */
void dev_drain(struct dev *dev);

/* In an isolated worker, before its app is opened: what was never built is not opened. */
void dev_prepare(struct dev *dev, struct config *config);
/* In the front, after they are: stands before those that are built, so that a request waits for a
 * build that runs, and is answered here while one is broken; error pages are made here first. */
void dev_attach(struct dev *dev, struct gale_app *apps, size_t count, struct error_pages *errors,
                struct router *router);
/* An http_serve_fn with the dev as its data. */
SUSPENDS int dev_serve(void *dev, struct gale_request *req, struct gale_response *res);
