/* authorize.c - asking, counting, and keeping what was said. */
#include "app/authorize.h"

#include <stdio.h>

#include "app/adapter.h"
#include "app/app.h"
#include "app/config.h"
#include "base/board.h"
#include "http/exchange.h"

static int counter(const struct gale_app *app, const char *result)
{
    char labels[BOARD_TEXT];
    snprintf(labels, sizeof(labels), "app=\"%s\",result=\"%s\"", app->config->name, result);
    return board_metric(BOARD_COUNTER, "gale_authorizations_total", labels,
                        "Requests that an app's authorizer was asked about.");
}

void authorize_init(struct gale_app *app)
{
    app->granted = counter(app, "granted");
    app->refused = counter(app, "refused");
    app->failed = counter(app, "failed");
}

void authorize_forget(struct exchange *exchange)
{
    exchange->req.variable_count = exchange->req.own_count;
    exchange->granted_by = NULL;
}

bool authorize_exchange(struct exchange *exchange, struct gale_app *app, int *out_verdict)
{
    struct gale_app *authorizer = app->authorizer;
    bool is_granted = false;
    if (authorizer == exchange->granted_by)
        return true;
    authorize_forget(exchange);
    if (!authorizer)
        return true;
    *out_verdict =
        authorizer->adapter->authorize(authorizer, &exchange->req, &exchange->res, &is_granted);
    /* Whoever refuses has written an answer; what is left is a page for a failure. */
    board_add(is_granted ? app->granted : *out_verdict ? app->failed : app->refused, 1);
    if (is_granted)
        exchange->granted_by = authorizer;
    return is_granted;
}
