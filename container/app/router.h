/* router.h - which app serves a request: by host, then the longest mount, then the file's order.
 *
 * A mount /hello matches /hello and /hello/..., never /helloworld. When an app declines, the next
 * one on the same mount is tried, then the next shorter mount; mounts of the request's host come
 * before those of any host. Nobody left: 404. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <gale/str.h>
#include "base/macros.h"

enum {
    ROUTER_REDIRECTS_MAX = 10,
    ROUTER_ELSEWHERE = 3, /* a verdict within gale: another process is to serve `elsewhere` */
};

struct client_limits;
struct gale_app;
struct gale_request;
struct gale_response;
struct rate_limit;

struct router {
    struct gale_app *apps; /* borrowed */
    size_t count;
    struct gale_app **order; /* owned: host before any, long before short, then the file's order */
    struct client_limits *limits;  /* borrowed; NULL: none */
    const struct rate_limit *rate; /* of requests that are for no app; set where limits is */
    bool is_only;                  /* router_serve_only serves: other apps are in another process */
};

void router_init(struct router *router, struct gale_app *apps, size_t count);
void router_finish(struct router *router);
/* Serves a request: an http_serve_fn with the router as its data. */
SUSPENDS int router_serve(void *router, struct gale_request *req, struct gale_response *res);
/* The same where there is but one app, whose request it is known to be. What only the others could
 * do is left to the caller: GALE_DECLINE, and ROUTER_ELSEWHERE with the exchange's `elsewhere`. */
SUSPENDS int router_serve_only(void *router, struct gale_request *req, struct gale_response *res);
/* Serves the exchange again as a GET of another target ("/path?query"), for an app that was told to
 * (RFC 3875 6.2.2); a HEAD stays one. The new app sees the same fields but those of the body, which
 * is not its own. Only while nothing was written; then the app that calls this returns what it
 * returned, which is 508 after ROUTER_REDIRECTS_MAX of them and 502 for what is no target. */
SUSPENDS int router_redirect(struct gale_request *req, struct gale_response *res,
                             struct gale_str target);
