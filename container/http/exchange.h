/* exchange.h - one request and its response, between a front and whoever serves it.
 *
 * A front fills in the request, calls http_server.serve, and exchange_finish turns what serve
 * returned into a whole answer. The exchange lives on the task's stack; everything in it that
 * needs memory takes it from the arena and is gone with it. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "http/request.h"
#include "http/response.h"
#include "loop/task.h"

struct arena;
struct error_pages;
struct front;
struct http_counters;

struct exchange {
    const struct front *front;
    struct arena *arena;              /* borrowed: outlives the exchange */
    const struct error_pages *errors; /* the server's error pages; may be NULL */
    struct http_counters *counters;   /* of the app that serves it, or the server's own */
    struct gale_app *app;             /* who serves it: set by the router */
    struct gale_app *granted_by;      /* the authorizer that let it through; NULL: none was asked */
    void *dev;                        /* of gale dev's front before the real one; NULL */
    bool is_unlogged;                 /* nothing for the access log */
    unsigned redirects;               /* how often it was served anew (router_redirect) */
    bool is_served;                   /* serve has returned: nobody reads the body any more */
    struct gale_str elsewhere;        /* what a front is to serve instead (router_serve_only) */
    struct task_label label;          /* what the task shows; its app is set by the router */
    struct gale_request req;
    struct gale_response res;
    /* limits of the app, the server's until the router knows the app */
    uint64_t max_body;
    int64_t body_timeout_ms, write_timeout_ms;
    uint64_t form_memory;
};

static inline struct exchange *exchange_of_request(const struct gale_request *req)
{
    return container_of((struct gale_request *)req, struct exchange, req);
}

static inline struct exchange *exchange_of_response(const struct gale_response *res)
{
    return container_of((struct gale_response *)res, struct exchange, res);
}

/* A zeroed exchange made ready: borrowed front and arena. */
void exchange_init(struct exchange *exchange, const struct front *front, struct arena *arena);
/* The app that serves it, for the log: "" before the router has chosen one. */
struct gale_str exchange_app_name(const struct exchange *exchange);
/* Ends the exchange after serve returned `verdict` (see gale/plugin.h): sends an error page if
 * nothing was sent yet, cuts the response if something was and it is not whole, else finishes it.
 * Gives back whatever the exchange holds but the arena. Returns 0 when the client has a whole
 * response, else -errno. */
SUSPENDS int exchange_finish(struct exchange *exchange, int verdict);
