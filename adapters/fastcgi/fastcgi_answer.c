/* fastcgi_answer.c - what the reply, or the lack of one, means for the client.
 *
 *   END_REQUEST behind a header     whole
 *   an end, but STDOUT was ended    whole: the program has said so (or silence: no END_REQUEST)
 *   an end, but its Content-Length  whole: counted
 *   an end within the body          cut: the client sees that something is missing
 *   an end before the header        502, or the next server */
#include <errno.h>

#include "app/app.h"
#include "app/config.h"
#include "base/log.h"
#include "base/str.h"
#include "http/exchange.h"
#include "loop/task.h"
#include "adapters/fastcgi/fastcgi_private.h"
#include "adapters/fastcgi/upstream_connection.h"

/* ---- failures ---- */

static const int statuses[] = {
    [UPSTREAM_REFUSED] = 502,   [UPSTREAM_TIMEOUT] = 504,    [UPSTREAM_CLOSED] = 502,
    [UPSTREAM_MALFORMED] = 502, [UPSTREAM_OVERLOADED] = 503, [UPSTREAM_UNSUITED] = 500,
    [UPSTREAM_TRUNCATED] = 502,
};

/* Which status the client gets is open while another server may be asked. */
static enum fastcgi_outcome fail(struct fastcgi_exchange *x, enum upstream_failure failure,
                                 const char *what, struct log_field why)
{
    const struct log_field end = {0};
    bool is_cut = gale_response_is_started(x->res);
    log_error(what, LOG_TEXT("app", x->fastcgi->app->config->name),
              LOG_STR("server", x->upstream->text), LOG_STR("id", gale_request_id(x->req)),
              is_cut ? answer_status(x->req, x->res, 0) : why, is_cut ? why : end);
    upstream_failed(x->upstream, failure);
    x->failure = failure;
    x->verdict = statuses[failure];
    return is_cut ? FASTCGI_ANSWERED : FASTCGI_FAILED;
}

enum fastcgi_outcome fastcgi_fail(struct fastcgi_exchange *x, enum upstream_failure failure,
                                  const char *what, int error)
{
    return fail(x, failure, what, error < 0 ? LOG_ERRNO(error) : (struct log_field){0});
}

static enum fastcgi_outcome fail_as_malformed(struct fastcgi_exchange *x, const char *why)
{
    return fail(x, UPSTREAM_MALFORMED, "the FastCGI server's reply is malformed",
                LOG_TEXT("why", why));
}

static enum fastcgi_outcome answered(struct fastcgi_exchange *x, int verdict)
{
    x->verdict = verdict;
    return FASTCGI_ANSWERED;
}

/* ---- the end ---- */

static enum fastcgi_outcome refused(struct fastcgi_exchange *x)
{
    switch (x->reply.status) {
    case FCGI_OVERLOADED:
        return fastcgi_fail(x, UPSTREAM_OVERLOADED, "the FastCGI server is overloaded", 0);
    case FCGI_UNKNOWN_ROLE:
        return fastcgi_fail(x, UPSTREAM_UNSUITED,
                            x->role == FCGI_AUTHORIZER
                                ? "the FastCGI server is no authorizer; name another app in "
                                  "`authorize`"
                                : "the FastCGI server is no responder; is it an authorizer, to be "
                                  "named by `authorize`?",
                            0);
    case FCGI_CANT_MPX_CONN:
        return fastcgi_fail(x, UPSTREAM_MALFORMED,
                            "the FastCGI server refuses a second request on a connection that has "
                            "one",
                            0);
    default:
        return fastcgi_fail(x, UPSTREAM_MALFORMED,
                            "the FastCGI server ended the request in an unknown way", 0);
    }
}

static enum fastcgi_outcome ended(struct fastcgi_exchange *x)
{
    if (x->reply.status != FCGI_REQUEST_COMPLETE)
        return refused(x);
    if (!fastcgi_has_head(x))
        return fastcgi_fail(x, UPSTREAM_CLOSED,
                            "the FastCGI program ended before its header was whole", 0);
    upstream_worked(x->upstream);
    return answered(x, 0);
}

static bool is_whole(const struct fastcgi_exchange *x)
{
    const struct answer *answer = &x->reply.answer;
    if (answer->state == ANSWER_HEAD)
        return false;
    return x->reply.is_output_end ||
           (answer->reply.length >= 0 && answer->body == (uint64_t)answer->reply.length);
}

/* A kept connection that ended before this request, or that still speaks of an earlier one. */
static bool is_stale(const struct fastcgi_exchange *x)
{
    return x->connection && x->connection->is_kept && !x->reply.is_begun;
}

static enum fastcgi_outcome stale(struct fastcgi_exchange *x, enum upstream_failure failure,
                                  const char *what)
{
    x->failure = failure;
    x->stale = what;
    return FASTCGI_STALE;
}

static enum fastcgi_outcome closed(struct fastcgi_exchange *x, int error)
{
    if (is_whole(x))
        return answered(x, 0);
    if (fastcgi_has_head(x))
        return fastcgi_fail(x, UPSTREAM_TRUNCATED,
                            "the FastCGI server ended the connection within an answer", error);
    if (is_stale(x))
        return stale(x, UPSTREAM_CLOSED,
                     "the FastCGI server ended a kept connection; the request cannot be sent again "
                     "safely");
    return fastcgi_fail(x, UPSTREAM_CLOSED,
                        "the FastCGI server ended the connection before it had answered", error);
}

static enum fastcgi_outcome failed(struct fastcgi_exchange *x, int error)
{
    switch (error) {
    case -ETIMEDOUT:
        if (is_whole(x)) /* only the last record is missing */
            return answered(x, 0);
        return fastcgi_fail(x, UPSTREAM_TIMEOUT,
                            "the FastCGI server said nothing for as long as read_timeout", 0);
    case -EBADMSG:
        return fail_as_malformed(x, x->reply.answer.why);
    case -EPROTO:
        if (is_stale(x))
            return stale(x, UPSTREAM_MALFORMED,
                         "what the FastCGI server said on a kept connection is no reply to this "
                         "request, which cannot be sent again safely");
        return fail_as_malformed(x, "it sent records that make no sense");
    case -ENODATA:
        return closed(x, 0);
    default:
        return closed(x, error);
    }
}

/* ---- the reply ---- */

static int take_for_relay(struct fastcgi_exchange *x, struct gale_str piece)
{
    int r = relay_put(&x->relay, piece.at, piece.len);
    x->reply.is_untaken = r < 0;
    return r;
}

/* The server is free once the spool has its answer. */
static int read_for_relay(void *data)
{
    struct fastcgi_exchange *x = data;
    x->reply.take = take_for_relay;
    int r = fastcgi_read_rest(x);
    if (r == 0)
        fastcgi_leave(x);
    return r;
}

static int take_from_relay(void *data, const char *at, size_t len)
{
    struct fastcgi_exchange *x = data;
    return answer_take(&x->reply.answer, at, len);
}

static int relay(struct fastcgi_exchange *x)
{
    const struct relay_ends ends = {read_for_relay, take_from_relay, x};
    int r = relay_run(&x->relay, &ends, x->fastcgi->settings->buffer,
                      &exchange_of_request(x->req)->label);
    /* What the program wrote wrong is its own fault. */
    x->reply.is_untaken |= x->relay.is_untaken && r != -EBADMSG;
    return r;
}

/* The rest of it, to the client. Without a task for the spool it goes straight. */
static int deliver(struct fastcgi_exchange *x)
{
    if (!x->fastcgi->settings->buffer || x->reply.answer.state != ANSWER_BODY)
        return fastcgi_read_rest(x);
    int r = relay(x);
    return r == -EAGAIN && !x->relay.has_read ? fastcgi_read_rest(x) : r;
}

static enum fastcgi_outcome conclude(struct fastcgi_exchange *x, int r)
{
    int cancelled = task_cancelled(task_current());
    if (x->sender.error < 0)
        return answered(x, x->sender.error);
    if (cancelled < 0 && r != 0)
        return answered(x, cancelled);
    if (x->reply.is_untaken)
        return answered(x, r);
    return r == 0 ? ended(x) : failed(x, r);
}

enum fastcgi_outcome fastcgi_answer(struct fastcgi_exchange *x)
{
    int r = fastcgi_read_head(x);
    if (r > 0)
        r = deliver(x);
    return conclude(x, r);
}
