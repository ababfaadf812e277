/* closed.c - an adapter without anything behind it. */
#include "app/closed.h"

#include <gale/response.h>

#include "app/adapter.h"
#include "app/app.h"
#include "app/config.h"
#include "base/log.h"

static int closed_serve(struct gale_app *app, struct gale_request *req, struct gale_response *res)
{
    (void)app;
    (void)req;
    (void)gale_response_header(res, "Retry-After", "1");
    return 503;
}

/* Whoever is not asked has not granted anything. */
static int closed_authorize(struct gale_app *app, struct gale_request *req,
                            struct gale_response *res, bool *out_granted)
{
    *out_granted = false;
    return closed_serve(app, req, res);
}

const struct adapter closed_adapter = {
    .name = "closed",
    .serve = closed_serve,
    .authorize = closed_authorize,
};

void closed_take_place(struct gale_app *app)
{
    background_drop(app);
    app->adapter = &closed_adapter;
    app->state = app->exception_globals = NULL;
    app->title = "nothing: it does not open";
    app->version = NULL;
    app->stack_size = 0;
    log_error("an app does not open in a new worker, which answers 503 for it",
              LOG_TEXT("app", app->config->name));
}
