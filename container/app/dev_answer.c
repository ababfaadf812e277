/* dev_answer.c - what `gale dev` says where an app has nothing to say. */
#include <errno.h>

#include "app/dev_front.h"
#include "app/dev_log.h"
#include "app/dev_page.h"
#include "app/dev_private.h"
#include "base/buffer.h"
#include "base/str.h"
#include "http/exchange.h"

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

int dev_answer_error(struct exchange *exchange, int status)
{
    struct gale_str app = exchange_app_name(exchange);
    struct buffer log = {0}, page = {0};
    if (status != 500 || !app.len || !dev_front_wants_page(exchange))
        return -ENOENT;
    dev_log_find(gale_request_id(&exchange->req), &log);
    const struct dev_request request = {
        str_of(exchange->label.request ? exchange->label.request : ""),
        gale_request_id(&exchange->req), buffer_str(&log)};
    dev_page_failure(&page, app, status, &request);
    buffer_finish(&log);
    return reply(exchange, status, true, &page);
}
