/* router_redirect.c - an exchange served again, as a GET of something else.
 *
 * The exchange stays the same, since front and response are bound to it; only its request is
 * another one for a while. Afterwards it is the client's again: the log shows what was asked, and
 * the front knows how much of the body is still unread. */
#include "app/router.h"

#include "app/app.h"
#include "app/authorize.h"
#include "base/arena.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/str.h"
#include "http/exchange.h"

static bool describes_body(struct gale_str name)
{
    static const struct gale_str names[] = {STR("Content-Length"),    STR("Content-Type"),
                                            STR("Content-Encoding"),  STR("Content-Range"),
                                            STR("Transfer-Encoding"), STR("Expect")};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_equals_nocase(name, names[i]))
            return true;
    return false;
}

static void drop_body_fields(struct http_request_head *head, struct arena *arena)
{
    const struct http_header *all = head->headers;
    size_t kept = 0;
    head->headers = arena_alloc(arena, (head->header_count + 1) * sizeof(*all));
    for (size_t i = 0; i < head->header_count; i++)
        if (!describes_body(all[i].name))
            head->headers[kept++] = all[i];
    head->header_count = kept;
}

/* What the next app is asked. A body that was not read to its end makes this the connection's last
 * message, since nobody will read it as such. */
static void ask_for(struct gale_request *req, const struct target *target, struct gale_str text,
                    struct arena *arena)
{
    struct http_request_head *head = &req->head;
    if (!str_equals(head->method, STR("HEAD")))
        head->method = STR("GET");
    head->target = text;
    head->is_keep_alive &= req->is_body_done;
    head->has_length = head->is_chunked = head->expects_continue = false;
    head->content_length = 0;
    drop_body_fields(head, arena);
    /* Host and scheme stay the client's. */
    struct gale_str authority = req->target.authority, scheme = req->target.scheme;
    req->target = *target;
    req->target.authority = authority;
    req->target.scheme = scheme;
    req->has_body = req->is_body_touched = false;
    req->is_body_done = true;
    req->body_error = 0;
    req->query = NULL;
    req->form = NULL;
    req->form_result = 0;
}

static int refuse(const struct exchange *exchange, int status, const char *why,
                  struct gale_str target)
{
    log_error(why, LOG_TEXT("app", gale_app_name(exchange->app)), LOG_STR("location", target),
              LOG_STR("request", exchange->req.head.target), LOG_TEXT("id", exchange->req.id));
    return status;
}

int router_redirect(struct gale_request *req, struct gale_response *res, struct gale_str target)
{
    struct exchange *exchange = exchange_of_request(req);
    const struct gale_request saved = *req;
    struct http_refusal refusal;
    struct target parsed;
    if (exchange->app->router->is_only) {
        exchange->elsewhere = arena_copy(exchange->arena, target.at, target.len);
        return ROUTER_ELSEWHERE;
    }
    if (exchange->redirects == ROUTER_REDIRECTS_MAX)
        return refuse(exchange, 508, "local redirects lead to further ones; gave up", target);
    if (!str_starts_with(target, STR("/")) ||
        target_parse(STR("GET"), target, exchange->arena, &parsed, &refusal) < 0)
        return refuse(exchange, 502, "a local redirect leads to what is no path", target);
    exchange->redirects++;
    authorize_forget(exchange);
    ask_for(req, &parsed, arena_copy(exchange->arena, target.at, target.len), exchange->arena);
    int verdict = router_serve(exchange->app->router, req, res);
    request_finish(req);
    *req = saved;
    return verdict;
}
