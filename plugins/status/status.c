/* status.c - a plugin that shows how the instance is doing, while it runs.
 *
 *     [app status]
 *     mount  = /status
 *     plugin = status
 *
 *   /status            a page for people: live figures and small charts
 *   /status/json       everything that gale counts, for programs (figures_json.c)
 *   /status/metrics    the same for Prometheus (figures_prometheus.c)
 *
 * The page (page.html) needs nothing but itself and asks for the JSON each second. Whoever may see
 * it sees all apps' figures: mount it where only the right people get to. */
#include <string.h>

#include "figures.h"
#include "../embed.h"

EMBED(page, "plugins/status/page.html");

static int send_page(struct gale_request *req, struct gale_response *res)
{
    (void)req;
    gale_response_header(res, "Content-Security-Policy",
                         "default-src 'none'; style-src 'unsafe-inline'; "
                         "script-src 'unsafe-inline'; img-src data:; connect-src 'self'");
    return gale_reply_str(res, 200, "text/html; charset=utf-8",
                          (struct gale_str){page, strlen(page)});
}

static int send_json(struct gale_request *req, struct gale_response *res)
{
    return figures_write_json(figures_collect(req), res);
}

static int send_prometheus(struct gale_request *req, struct gale_response *res)
{
    return figures_write_prometheus(figures_collect(req), res);
}

static const struct view {
    const char *below;
    int (*send)(struct gale_request *req, struct gale_response *res);
} views[] = {
    {"", send_page},
    {"/", send_page},
    {"/json", send_json},
    {"/metrics", send_prometheus},
};

static const struct view *find_view(const char *below)
{
    for (size_t i = 0; i < sizeof(views) / sizeof(*views); i++)
        if (strcmp(views[i].below, below) == 0)
            return &views[i];
    return NULL;
}

static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    const struct view *view = find_view(gale_request_below(req).at);
    const char *method = gale_request_method(req).at;
    (void)state;
    if (!view)
        return 404;
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        gale_response_header(res, "Allow", "GET, HEAD");
        return gale_reply(res, 405, "text/plain; charset=utf-8", "405: figures are only read\n");
    }
    gale_response_header(res, "Cache-Control", "no-store");
    return view->send(req, res);
}

GALE_PLUGIN(p)
{
    p->name = "status";
    p->version = gale_version();
    p->serve = serve;
}
