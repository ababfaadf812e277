/* link.c - one request to an isolated app: its place in the queue, its line, and once more where
 * that harms nobody. */
#include "adapters/link/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "adapters/link/link_private.h"
#include "app/adapter.h"
#include "app/app.h"
#include "app/config.h"
#include "app/router.h"
#include "base/board.h"
#include "base/log.h"
#include "base/memory.h"
#include "http/exchange.h"
#include "loop/task.h"

/* How long the master is waited for, which may have much to do, and how often it is looked. */
enum { VERDICT_MS = 5000, VERDICT_STEP_MS = 5 };

static int refuse(struct link_call *call, int error)
{
    if (task_cancelled(task_current()))
        return error;
    if (log_ration_take(&call->owner->refusals, "requests that found no place in the queue"))
        log_warn(error == -EBUSY
                     ? "a request found the queue of its isolated app full"
                     : "a request waited for queue_timeout in the queue of its isolated app",
                 LOG_TEXT("app", call->owner->app->config->name),
                 LOG_STR("id", gale_request_id(call->req)));
    (void)gale_response_header(call->res, "Retry-After", "1");
    return 503;
}

/* ---- the line ---- */

static int send_request(struct link_call *call)
{
    struct iostream *stream = &call->line->stream;
    int r = link_put_block(stream, LINK_REQUEST, call->block);
    return r < 0 ? r : iostream_push(stream);
}

/* A line whose worker has gone takes nothing, and then no worker has seen the request. */
static int send_on(struct link_call *call, struct link_line *line)
{
    call->line = line;
    int r = send_request(call);
    call->is_unsent = line->is_kept && (r == -EPIPE || r == -ECONNRESET);
    return r;
}

static void release(struct link_call *call)
{
    struct link_line *line = call->line;
    if (!line)
        return;
    subtask_stop(&call->sender);
    /* Who was stopped while it read has lost nothing: the rest of the body is the front's. */
    if (call->req->body_error == -ECANCELED && !task_cancelled(task_current()))
        call->req->body_error = 0;
    call->line = NULL;
    if (call->has_ended && !call->is_body_cut)
        link_line_give_back(line);
    else
        link_line_close(line); /* that is how its worker hears that nobody waits any more */
}

static enum link_outcome ask(struct link_call *call, bool is_fresh)
{
    struct link_line *line = is_fresh ? NULL : link_line_take(call->owner);
    int r = line ? 0 : link_line_open(call->owner, &line);
    if (r < 0) {
        bool is_full = r == -ETIMEDOUT && !task_cancelled(task_current());
        call->verdict = is_full ? refuse(call, r) : r;
        return LINK_ANSWERED;
    }
    (void)send_on(call, line); /* a worker that took nothing may have said why */
    enum link_outcome outcome = link_answer(call);
    release(call);
    return outcome;
}

/* ---- the request ---- */

/* RFC 9110 9.2.2. */
static bool is_idempotent(const struct gale_request *req)
{
    static const struct gale_str methods[] = {STR("GET"), STR("HEAD"),  STR("OPTIONS"),
                                              STR("PUT"), STR("TRACE"), STR("DELETE")};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (str_equals(req->head.method, methods[i]))
            return true;
    return false;
}

/* How the worker has ended the master says, and only once it has been told of that itself: a
 * request that was at hand then waits for it. Others are never to blame. */
static bool is_condemned(const struct link_call *call)
{
    const char *id = gale_request_id(call->req).at;
    for (int ms = 0; ms < VERDICT_MS && link_has_at_hand(call->owner, id); ms += VERDICT_STEP_MS)
        if (task_sleep(VERDICT_STEP_MS) < 0)
            break;
    return board_current() && board_is_condemned(board_current(), id);
}

/* What speaks against running it again, for the log; NULL: nothing. */
static const char *find_objection(struct link_call *call)
{
    static const char exhausted[] = "a request ran an isolated app's worker out of time or memory";
    if (call->is_unsent)
        return NULL;
    if (!is_idempotent(call->req) || call->owner->settings->is_told)
        return link_gone;
    return is_condemned(call) ? exhausted : NULL;
}

/* The line may have been stale, or the worker died over another request. Should this one be what
 * crashes workers, it crashes two. */
static enum link_outcome ask_again(struct link_call *call)
{
    log_warn("an isolated app's worker has gone before it had answered; the request is run again",
             LOG_TEXT("app", call->owner->app->config->name),
             LOG_STR("id", gale_request_id(call->req)));
    board_add(call->owner->retries, 1);
    return ask(call, true);
}

static int serve(struct link_call *call)
{
    call->block = link_request_encode(exchange_of_request(call->req));
    enum link_outcome outcome = ask(call, false);
    const char *objection = outcome == LINK_UNANSWERED ? find_objection(call) : NULL;
    if (outcome == LINK_UNANSWERED && !objection)
        outcome = ask_again(call);
    if (outcome == LINK_UNANSWERED)
        link_fail(call, objection ? objection : link_gone);
    if (call->elsewhere.len)
        return router_redirect(call->req, call->res, call->elsewhere);
    return call->verdict;
}

static int link_serve(struct gale_app *app, struct gale_request *req, struct gale_response *res)
{
    struct link *owner = app->state;
    struct link_call call = {.owner = owner, .req = req, .res = res, .verdict = 502};
    if (!owner->settings->limit)
        return serve(&call);
    int r = governor_enter(&owner->governor, owner->settings->queue_timeout_ms);
    if (r < 0)
        return refuse(&call, r);
    r = serve(&call);
    governor_leave(&owner->governor);
    return r;
}

/* ---- the app ---- */

static int link_open(struct gale_app *app)
{
    const struct link_settings *settings = app->config->settings;
    struct link *owner = memory_zalloc(sizeof(*owner));
    char labels[BOARD_TEXT];
    snprintf(labels, sizeof(labels), "app=\"%s\"", app->config->name);
    *owner = (struct link){.app = app, .settings = settings};
    owner->timer = (struct timer){.fn = link_line_on_timer, .data = owner};
    list_init(&owner->idle);
    governor_init(&owner->governor, "gale_isolated_requests", labels, settings->limit,
                  settings->queue);
    owner->retries =
        board_metric(BOARD_COUNTER, "gale_isolated_retries_total", labels,
                     "Requests that were run again after an isolated worker had gone.");
    owner->failures = board_metric(BOARD_COUNTER, "gale_isolated_failures_total", labels,
                                   "Requests that an isolated worker did not answer.");
    app->state = owner;
    return 0;
}

static void link_drain(struct gale_app *app)
{
    link_line_close_idle(app->state);
}

static void link_close(struct gale_app *app)
{
    struct link *owner = app->state;
    link_line_close_idle(owner);
    timer_stop(ioloop_current(), &owner->timer);
    free(owner);
}

const struct adapter link_adapter = {
    .name = "link",
    .settings_size = sizeof(struct link_settings),
    .open = link_open,
    .serve = link_serve,
    .drain = link_drain,
    .close = link_close,
};
