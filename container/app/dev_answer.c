/* dev_answer.c - what `gale dev` says where an app has nothing to say. */
#include <errno.h>
#include <string.h>

#include "app/dev_front.h"
#include "app/dev_log.h"
#include "app/dev_page.h"
#include "app/dev_private.h"
#include "app/app.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/macros.h"
#include "base/str.h"
#include "http/exchange.h"
#include "loop/task.h"

/* How long a crash may take to be looked into. */
enum { REPORT_MS = 3000 };

static const char policy[] = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
                             "script-src 'self'; connect-src 'self'";

/* Takes the text. */
static int reply(struct exchange *exchange, int status, bool is_page, struct buffer *text)
{
    struct gale_response *res = &exchange->res;
    gale_response_header(res, "Cache-Control", "no-store");
    if (is_page)
        gale_response_header(res, "Content-Security-Policy", policy);
    int r = gale_reply_str(res, status,
                           is_page ? "text/html; charset=utf-8" : "text/plain; charset=utf-8",
                           buffer_str(text));
    buffer_finish(text);
    return r;
}

int dev_answer_trouble(const struct dev_app *app, struct exchange *exchange)
{
    struct buffer text = {0};
    bool is_page = dev_front_wants_page(exchange), is_first = app->stage == DEV_FIRST;
    if (is_page)
        dev_page_trouble(&text, app);
    else
        dev_text_trouble(&text, app);
    if (is_first)
        gale_response_header(&exchange->res, "Retry-After", "1");
    return reply(exchange, is_first ? 503 : 500, is_page, &text);
}

int dev_answer_conf(const struct dev_conf_state *conf, struct exchange *exchange)
{
    struct buffer text = {0};
    dev_page_conf(&text, conf);
    return reply(exchange, 500, true, &text);
}

/* What the exchange's error page may say of it. The log is owned. */
static struct dev_request request_of(struct exchange *exchange, struct buffer *log)
{
    struct gale_str id = gale_request_id(&exchange->req);
    buffer_add_text(log, "");
    dev_log_find(id, log);
    return (struct dev_request){str_of(exchange->label.request ? exchange->label.request : ""), id,
                                buffer_str(log)};
}

/* ---- crashes ---- */

/* The report comes a moment after the connection to the worker has broken. NULL: there is none. */
static const struct dev_app *wait_for_report(struct dev *dev, struct exchange *exchange)
{
    int64_t end_ms = clock_mono_ms() + REPORT_MS;
    for (int r = 0; r == 0;) {
        const struct dev_app *app = dev_state_find(&dev->state, exchange_app_name(exchange));
        if (!app || strcmp(app->crash.id, exchange->req.id) == 0)
            return app;
        int64_t left_ms = end_ms - clock_mono_ms();
        r = left_ms > 0 && task_current() ? dev_wait(dev, left_ms) : -ETIMEDOUT;
    }
    return NULL;
}

static int answer_crash(struct exchange *exchange)
{
    const struct dev_guard *guard = container_of(exchange->app->adapter, struct dev_guard, adapter);
    const struct dev_app *app = wait_for_report(guard->dev, exchange);
    struct buffer log = {0}, text = {0};
    if (!app)
        return -ENOENT;
    bool is_page = dev_front_wants_page(exchange);
    const struct dev_request request = request_of(exchange, &log);
    if (is_page)
        dev_page_crash(&text, app, &request);
    else
        dev_text_crash(&text, app);
    buffer_finish(&log);
    return reply(exchange, 502, is_page, &text);
}

/* ---- failures ---- */

static int answer_failure(struct exchange *exchange, int status)
{
    struct buffer log = {0}, page = {0};
    if (!dev_front_wants_page(exchange))
        return -ENOENT;
    const struct dev_request request = request_of(exchange, &log);
    dev_page_failure(&page, exchange_app_name(exchange), status, &request);
    buffer_finish(&log);
    return reply(exchange, status, true, &page);
}

int dev_answer_error(struct exchange *exchange, int status)
{
    if (!exchange->app)
        return -ENOENT;
    if (status == 502)
        return answer_crash(exchange);
    return status == 500 ? answer_failure(exchange, status) : -ENOENT;
}
