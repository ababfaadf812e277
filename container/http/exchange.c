/* exchange.c - from what serve returned to a whole answer, or one that is seen not to be whole. */
#include "http/exchange.h"

#include <errno.h>

#include <gale/plugin.h>
#include "base/log.h"
#include "base/log_ration.h"
#include "http/error_page.h"
#include "http/front.h"
#include "loop/task.h"

void exchange_init(struct exchange *exchange, const struct front *front, struct arena *arena)
{
    exchange->front = front;
    exchange->arena = arena;
    exchange->res.status = 200;
    exchange->res.length = -1;
}

struct gale_str exchange_app_name(const struct exchange *exchange)
{
    return str_of(exchange->label.app ? exchange->label.app : "");
}

static bool is_verdict(int verdict)
{
    return verdict <= GALE_DECLINE || (verdict >= 400 && verdict <= 599);
}

/* Whoever returned the verdict was serving for the client, and that one has gone or given up. */
static bool is_client_gone(const struct exchange *exchange, int verdict)
{
    int why = exchange->res.error ? exchange->res.error : exchange->req.body_error;
    return verdict < 0 && (verdict == -ECANCELED || why == -ECONNRESET || why == -EPIPE);
}

/* What has run out for one request has for the others, too. */
static bool may_log_failure(int verdict)
{
    static struct log_ration shortages;
    return error_status(verdict, false) != 503 ||
           log_ration_take(&shortages, "requests that failed for want of something");
}

static void log_verdict(struct exchange *exchange, int verdict)
{
    const struct gale_request *req = &exchange->req;
    struct log_field app = LOG_STR("app", exchange_app_name(exchange));
    struct log_field target = LOG_STR("request", req->head.target);
    struct log_field id = LOG_STR("id", gale_request_id(req));
    if (!is_verdict(verdict))
        log_error("serve returned a value that means nothing; the client gets 500",
                  LOG_NUMBER("value", verdict), app, target, id);
    else if (verdict < 0 && may_log_failure(verdict))
        log_error("serve failed", LOG_ERRNO(verdict), app, target, id);
}

/* An app may return what a body read failed with, or something of its own making: the request
 * knows better why the body could not be read. */
static int status_of(const struct exchange *exchange, int verdict)
{
    int body_error = exchange->req.body_error;
    if (verdict < 0 && body_error < 0)
        return error_status(body_error, true);
    return error_status(is_verdict(verdict) ? verdict : 500, false);
}

static int send_error(struct exchange *exchange, int verdict)
{
    struct task *task = task_current();
    /* A deadline has ended the app's time, not gale's: the page may still be sent. */
    if (task && task_cancelled(task) == -ETIMEDOUT)
        task_reset(task);
    if (!exchange->req.body_error)
        log_verdict(exchange, verdict);
    response_reset(&exchange->res);
    response_drop_content(&exchange->res);
    int r = error_page_send(exchange, status_of(exchange, verdict), "");
    int finished = response_finish(&exchange->res);
    return r < 0 ? r : finished;
}

static int cut(struct exchange *exchange, int verdict)
{
    if (verdict != GALE_OK && !is_client_gone(exchange, verdict) && !exchange->req.body_error)
        log_verdict(exchange, verdict);
    response_cut(&exchange->res);
    return verdict < 0 ? verdict : -EPROTO;
}

static int end(struct exchange *exchange, int verdict)
{
    struct gale_response *res = &exchange->res;
    if (verdict == GALE_OK)
        return response_finish(res);
    if (res->state != RESPONSE_HEAD || res->error || is_client_gone(exchange, verdict))
        return cut(exchange, verdict);
    return send_error(exchange, verdict);
}

int exchange_finish(struct exchange *exchange, int verdict)
{
    exchange->is_served = true;
    int r = end(exchange, verdict);
    request_finish(&exchange->req);
    response_release(&exchange->res);
    return r;
}
