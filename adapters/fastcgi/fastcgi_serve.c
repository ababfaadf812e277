/* fastcgi_serve.c - one request: its program, its place in the queue, its server, and who is asked
 * next when that one fails.
 *
 * Another server is asked only while nothing has reached the client, the body can be sent again,
 * and nobody can have acted on the request already: because it is idempotent (RFC 9110 9.2.2), or
 * because the server never got it. */
#include <errno.h>

#include "app/app.h"
#include "app/config.h"
#include "base/board.h"
#include "base/log.h"
#include "base/str.h"
#include "http/exchange.h"
#include "loop/task.h"
#include "adapters/fastcgi/fastcgi_private.h"
#include "adapters/fastcgi/upstream_connection.h"

enum { ABORT_MS = 100 };

/* Whether asking twice does no more than asking once. An authorizer acts on nothing. */
static bool is_idempotent(const struct fastcgi_exchange *x)
{
    static const struct gale_str methods[] = {STR("GET"),    STR("HEAD"),     STR("OPTIONS"),
                                              STR("PUT"),    STR("DELETE"),   STR("TRACE"),
                                              STR("SEARCH"), STR("PROPFIND"), STR("REPORT")};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (str_equals(x->req->head.method, methods[i]))
            return true;
    return x->role == FCGI_AUTHORIZER;
}

/* ---- the connection ---- */

/* An idle connection that is not known to be stale. Whoever must not be sent twice looks first. */
static struct upstream_connection *take_kept(struct fastcgi_exchange *x)
{
    struct upstream_connection *connection;
    while ((connection = upstream_take_idle(x->upstream))) {
        if (is_idempotent(x) || iostream_peer_state(&connection->stream) == 0)
            return connection;
        upstream_close(connection);
    }
    return NULL;
}

static int open_connection(struct fastcgi_exchange *x, bool fresh)
{
    const struct fastcgi_settings *settings = x->fastcgi->settings;
    x->connection = fresh ? NULL : take_kept(x);
    if (x->connection)
        return 0;
    if (settings->connections)
        upstreams_make_room(&x->fastcgi->upstreams, (size_t)settings->connections);
    return upstream_connect(x->upstream, &x->connection);
}

static enum fastcgi_outcome unconnected(struct fastcgi_exchange *x, int error)
{
    int cancelled = task_cancelled(task_current());
    x->is_unsent = true;
    if (cancelled < 0 || error == -EMFILE || error == -ENFILE) {
        x->verdict = cancelled < 0 ? cancelled : error;
        return FASTCGI_ANSWERED;
    }
    if (error == -ETIMEDOUT)
        return fastcgi_fail(x, UPSTREAM_TIMEOUT,
                            "the FastCGI server did not accept within connect_timeout", 0);
    return fastcgi_fail(x, UPSTREAM_REFUSED, "the FastCGI server cannot be reached", error);
}

/* A server that is still at work is told that nobody waits for it, for what that is worth: most
 * only notice the close. */
static void abort_request(struct upstream_connection *connection, uint16_t id)
{
    struct iostream *stream = &connection->stream;
    if (stream->error || stream->is_ended)
        return;
    if (task_cancelled(task_current()))
        (void)task_cleanup(ABORT_MS);
    if (fcgi_put(stream, FCGI_ABORT_REQUEST, id, NULL, 0) == 0)
        (void)iostream_push(stream);
}

void fastcgi_release(struct fastcgi_exchange *x)
{
    struct upstream_connection *connection = x->connection;
    if (!connection)
        return;
    subtask_stop(&x->sender.subtask);
    x->connection = NULL;
    board_add(x->upstream->running, -1);
    if (!x->reply.has_end)
        abort_request(connection, x->id);
    if (!x->reply.has_end || x->sender.is_cut || !x->fastcgi->settings->keep_alive) {
        upstream_close(connection);
        return;
    }
    upstream_give_back(connection);
    fastcgi_ask_values(x->upstream);
}

void fastcgi_leave(struct fastcgi_exchange *x)
{
    fastcgi_release(x);
    if (x->is_seated)
        governor_leave(&x->fastcgi->governor);
    x->is_seated = false;
}

/* ---- one server ---- */

/* They are ours, so it is known without asking; the log has told why. */
static enum fastcgi_outcome down(struct fastcgi_exchange *x)
{
    x->is_unsent = true;
    enum fastcgi_outcome outcome = fastcgi_fail(
        x, UPSTREAM_REFUSED,
        "no process of the app's `command` runs: they end as soon as they are started", 0);
    x->verdict = 503;
    return outcome;
}

static enum fastcgi_outcome ask_once(struct fastcgi_exchange *x, bool fresh)
{
    if (x->upstream->address.at != x->upstream->text.at && fastcgi_spawn_is_down(x->fastcgi))
        return down(x);
    int r = open_connection(x, fresh);
    if (r < 0)
        return unconnected(x, r);
    board_add(x->upstream->running, 1);
    board_add(x->upstream->requests, 1);
    x->sender = (struct fastcgi_sender){0};
    fastcgi_reply_begin(x);
    r = fastcgi_send(x);
    if (r == -EAGAIN) { /* no task for the body */
        x->verdict = r;
        fastcgi_release(x);
        return FASTCGI_ANSWERED;
    }
    /* A server that took nothing may have said why. */
    enum fastcgi_outcome outcome = fastcgi_answer(x);
    fastcgi_release(x);
    return outcome;
}

static bool can_send_again(const struct fastcgi_exchange *x)
{
    bool is_refused = x->failure == UPSTREAM_REFUSED || x->failure == UPSTREAM_OVERLOADED;
    return !x->body.is_gone && !gale_response_is_started(x->res) &&
           (is_refused || x->is_unsent || is_idempotent(x));
}

static void begin_again(struct fastcgi_exchange *x)
{
    board_add(x->upstream->retries, 1);
    (void)response_reset(x->res);
    response_drop_fields(x->res);
}

/* A kept connection that turns out to be stale is nobody's failure: a fresh one is tried. */
static enum fastcgi_outcome ask_server(struct fastcgi_exchange *x)
{
    enum fastcgi_outcome outcome = ask_once(x, false);
    if (outcome != FASTCGI_STALE)
        return outcome;
    if (can_send_again(x)) {
        begin_again(x);
        return ask_once(x, true);
    }
    return fastcgi_fail(x, x->failure, x->stale, 0);
}

static int ask_servers(struct fastcgi_exchange *x)
{
    struct upstreams *upstreams = &x->fastcgi->upstreams;
    uint64_t tried = 0;
    while ((x->upstream = upstreams_choose(upstreams, tried))) {
        tried |= upstreams_bit(upstreams, x->upstream);
        if (ask_server(x) == FASTCGI_ANSWERED || !can_send_again(x))
            return x->verdict;
        struct upstream *next = upstreams_choose(upstreams, tried);
        if (!next)
            return x->verdict;
        begin_again(x);
    }
    return x->verdict;
}

/* ---- the request ---- */

static void ask_to_retry(struct fastcgi_exchange *x)
{
    (void)gale_response_header(x->res, "Retry-After", "1");
}

static int take_seat(struct fastcgi_exchange *x)
{
    int r = governor_enter(&x->fastcgi->governor, x->fastcgi->settings->queue_timeout_ms);
    x->is_seated = r == 0;
    if (r == 0 || task_cancelled(task_current()))
        return r;
    if (log_ration_take(&x->fastcgi->refusals, "requests that found no place in the queue"))
        log_warn(r == -EBUSY ? "a request found the queue of its FastCGI app full"
                             : "a request waited for queue_timeout in the queue of its FastCGI app",
                 LOG_TEXT("app", x->fastcgi->app->config->name),
                 LOG_STR("id", gale_request_id(x->req)));
    ask_to_retry(x);
    return 503;
}

/* The server is free: what the reply names in its place may need it again. */
static int finish_answer(struct fastcgi_exchange *x)
{
    int r = answer_end(&x->reply.answer);
    if (x->reply.answer.why)
        log_error("the FastCGI program's answer cannot be given",
                  LOG_TEXT("why", x->reply.answer.why), answer_status(x->req, x->res, r),
                  LOG_TEXT("app", x->fastcgi->app->config->name),
                  LOG_STR("id", gale_request_id(x->req)));
    return r;
}

static int serve(struct fastcgi_exchange *x)
{
    int r = fastcgi_body_begin(x);
    if (r == 0)
        r = take_seat(x);
    if (r != 0)
        return r;
    fastcgi_prologue_make(x);
    r = ask_servers(x);
    fastcgi_leave(x);
    if (r != 0 && response_reset(x->res)) {
        response_drop_fields(x->res); /* of a reply that was none */
        if (r == 503)
            ask_to_retry(x);
    }
    return r == 0 ? finish_answer(x) : r;
}

static void finish(struct fastcgi_exchange *x)
{
    fastcgi_leave(x);
    fastcgi_reply_finish(x);
    fastcgi_body_finish(x);
    buffer_finish(&x->prologue);
}

int fastcgi_serve(struct gale_app *app, struct gale_request *req, struct gale_response *res)
{
    struct fastcgi_exchange x = {
        .fastcgi = app->state, .req = req, .res = res, .role = FCGI_RESPONDER, .verdict = 502};
    bool is_answered = false;
    int r = fastcgi_script_find(x.fastcgi, req, res, &x.script, &is_answered);
    if (r != 0 || is_answered)
        return r;
    r = serve(&x);
    finish(&x);
    return r;
}

int fastcgi_authorize(struct gale_app *app, struct gale_request *req, struct gale_response *res,
                      bool *out_granted)
{
    struct fastcgi_exchange x = {
        .fastcgi = app->state, .req = req, .res = res, .role = FCGI_AUTHORIZER, .verdict = 502};
    fastcgi_script_of_authorizer(x.fastcgi, req, &x.script);
    int r = serve(&x);
    *out_granted = r == 0 && x.reply.answer.is_granted;
    if (*out_granted)
        answer_pass_variables(&x.reply.answer);
    finish(&x);
    return r;
}
