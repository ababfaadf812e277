/* dev_front.c - each function hands on to the front behind; send_head and finish do a little more.
 */
#include "app/dev_front.h"

#include <string.h>

#include "app/dev_policy.h"
#include "base/arena.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/str.h"
#include "http/accept.h"
#include "http/exchange.h"
#include "http/front.h"

struct dev_front {
    const struct front *behind;
    dev_front_stamp_fn *stamp;
    void *data;
    bool is_visit;
    struct gale_str script; /* what is to be added; "" for nothing */
};

static struct dev_front *of(struct exchange *exchange)
{
    return exchange->dev;
}

/* ---- whether ---- */

static struct gale_str response_value(const struct exchange *exchange, struct gale_str name)
{
    const struct gale_str *value = response_find(&exchange->res, name);
    return value ? *value : STR("");
}

static bool is_html(const struct exchange *exchange)
{
    struct gale_str type = response_value(exchange, STR("Content-Type"));
    return str_equals_nocase(str_trim(str_cut(&type, ';')), STR("text/html"));
}

static bool takes_script(const struct exchange *exchange)
{
    const struct gale_response *res = &exchange->res;
    return !res->is_bodyless && res->status != 206 && is_html(exchange) &&
           !response_value(exchange, STR("Content-Encoding")).len;
}

/* All policies of the answer, joined. */
static struct gale_str policy_of(struct exchange *exchange)
{
    const struct gale_response *res = &exchange->res;
    struct gale_str all = {0};
    for (size_t i = 0; i < res->header_count; i++) {
        const struct http_header *field = &res->headers[i];
        if (str_equals_nocase(field->name, STR("Content-Security-Policy")))
            all = all.at ? arena_printf(exchange->arena, "%s, %s", all.at, field->value.at)
                         : field->value;
    }
    return all;
}

static void tell_of_policy(const struct exchange *exchange)
{
    log_warn("this page is not reloaded by itself: its Content-Security-Policy lets no script of "
             "its own origin in; allow script-src 'self' (or a nonce) and connect-src 'self'",
             LOG_STR("app", exchange_app_name(exchange)),
             LOG_STR("request", exchange->req.head.target));
}

static bool is_never_kept(const struct exchange *exchange)
{
    struct gale_str value = response_value(exchange, STR("Cache-Control"));
    return value.len && memmem(value.at, value.len, "no-store", 8);
}

/* ---- the element ---- */

static struct gale_str print_script(struct dev_front *front, struct exchange *exchange)
{
    struct gale_str stamp = front->stamp(front->data, exchange), nonce;
    if (!stamp.len)
        return STR("");
    if (!dev_policy_allows(policy_of(exchange), &nonce)) {
        tell_of_policy(exchange);
        return STR("");
    }
    return arena_printf(exchange->arena,
                        "<script src=\"/.gale/dev.js?app=%s&amp;at=%s\"%s%s%s></script>\n",
                        exchange_app_name(exchange).at, stamp.at, nonce.len ? " nonce=\"" : "",
                        gale_request_escape_str(&exchange->req, nonce).at, nonce.len ? "\"" : "");
}

/* ---- the front ---- */

static ssize_t read_body(struct exchange *exchange, void *to, size_t len)
{
    return of(exchange)->behind->read_body(exchange, to, len);
}

static int send_head(struct exchange *exchange, int64_t body_length)
{
    struct dev_front *front = of(exchange);
    if (front->is_visit && takes_script(exchange))
        front->script = print_script(front, exchange);
    if (front->script.len)
        response_put(&exchange->res, STR("Cache-Control"), STR("no-store"));
    else if (!is_never_kept(exchange))
        response_put(&exchange->res, STR("Cache-Control"), STR("no-cache"));
    if (front->script.len && body_length >= 0)
        body_length += (int64_t)front->script.len;
    return front->behind->send_head(exchange, body_length);
}

/* The app's last piece is not the last where the script comes behind it. */
static int send_body(struct exchange *exchange, const struct iovec *iov, int count)
{
    struct dev_front *front = of(exchange);
    bool is_ending = exchange->res.is_ending;
    exchange->res.is_ending = is_ending && !front->script.len;
    int r = front->behind->send_body(exchange, iov, count);
    exchange->res.is_ending = is_ending;
    return r;
}

static int send_file(struct exchange *exchange, int fd, int64_t offset, int64_t len)
{
    return of(exchange)->behind->send_file(exchange, fd, offset, len);
}

static int flush(struct exchange *exchange)
{
    return of(exchange)->behind->flush(exchange);
}

static int finish(struct exchange *exchange)
{
    struct dev_front *front = of(exchange);
    const struct iovec iov = {(void *)front->script.at, front->script.len};
    int r = front->script.len ? front->behind->send_body(exchange, &iov, 1) : 0;
    return r < 0 ? r : front->behind->finish(exchange);
}

static void cut(struct exchange *exchange)
{
    of(exchange)->behind->cut(exchange);
}

static void local(struct exchange *exchange, char *out, size_t size, unsigned *out_port)
{
    of(exchange)->behind->local(exchange, out, size, out_port);
}

static const struct front dev_front = {
    .name = "dev",
    .read_body = read_body,
    .send_head = send_head,
    .send_body = send_body,
    .send_file = send_file,
    .flush = flush,
    .finish = finish,
    .cut = cut,
    .local = local,
};

/* ---- the request ---- */

/* Browsers name HTML; who takes anything is a program. */
bool dev_front_wants_page(const struct exchange *exchange)
{
    static const char *const types[] = {"text/plain", "text/html"};
    return accept_type(request_joined(&exchange->req, STR("Accept")), types, ARRAY_LEN(types)) == 1;
}

/* What a page fetches for itself is no page, although it may be HTML. */
static bool is_navigation(const struct gale_request *req)
{
    static const struct gale_str pages[] = {STR("document"), STR("iframe"), STR("frame")};
    struct gale_str dest = request_joined(req, STR("Sec-Fetch-Dest"));
    for (size_t i = 0; i < ARRAY_LEN(pages); i++)
        if (str_equals(dest, pages[i]))
            return true;
    return !dest.len;
}

static void drop_conditions(struct http_request_head *head)
{
    size_t kept = 0;
    for (size_t i = 0; i < head->header_count; i++)
        if (!str_equals_nocase(head->headers[i].name, STR("If-None-Match")) &&
            !str_equals_nocase(head->headers[i].name, STR("If-Modified-Since")))
            head->headers[kept++] = head->headers[i];
    head->header_count = kept;
}

bool dev_front_is_visit(const struct exchange *exchange)
{
    return str_equals(exchange->req.head.method, STR("GET")) && is_navigation(&exchange->req) &&
           dev_front_wants_page(exchange);
}

static bool is_browser(const struct gale_request *req)
{
    return request_joined(req, STR("Sec-Fetch-Dest")).len ||
           str_starts_with(request_joined(req, STR("User-Agent")), STR("Mozilla/"));
}

void dev_front_attach(struct exchange *exchange, dev_front_stamp_fn *stamp, void *data)
{
    bool is_visit = dev_front_is_visit(exchange);
    bool is_get = str_equals(exchange->req.head.method, STR("GET"));
    if (!is_visit && (!is_get || !is_browser(&exchange->req)))
        return;
    if (is_visit)
        drop_conditions(&exchange->req.head);
    struct dev_front *front = arena_zalloc(exchange->arena, sizeof(*front));
    *front = (struct dev_front){exchange->front, stamp, data, is_visit, {"", 0}};
    exchange->dev = front;
    exchange->front = &dev_front;
}
