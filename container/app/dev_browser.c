/* dev_browser.c - the live-reload script and the events that it waits for (server-sent events, as
 * the HTML standard has them). */
#include <errno.h>

#include "app/dev_private.h"
#include "base/embed.h"
#include "base/str.h"
#include "http/exchange.h"
#include "loop/task.h"

/* How often an event stream says that it is there, so that one whose client vanished ends. */
enum { PING_MS = 30000, LEAVE_MS = 300 };

EMBED(script, "container/app/dev.js");

struct gale_str dev_stamp(const struct dev *dev, struct gale_str app, struct arena *arena)
{
    const struct dev_app *own = dev_state_find(&dev->state, app);
    uint64_t trouble = own ? own->trouble : 0;
    return arena_printf(
        arena, "%llu.%llu", (unsigned long long)dev->state.build,
        (unsigned long long)(dev->state.conf.trouble ? dev->state.conf.trouble : trouble));
}

/* ---- events ---- */

static int tell(struct gale_response *res, struct gale_str stamp)
{
    gale_response_printf(res, "data: %s\n\n", stamp.at);
    return gale_response_flush(res);
}

/* The stamp's memory is the request's, so only what differs from the last one is kept. */
static int stream(struct dev *dev, struct gale_str app, struct exchange *exchange)
{
    struct gale_response *res = &exchange->res;
    struct gale_str told = STR("");
    int r = dev->is_draining ? -ESHUTDOWN : 0;
    while (r == 0) {
        char room[64];
        struct arena arena;
        arena_init(&arena, room, sizeof(room));
        struct gale_str stamp = dev_stamp(dev, app, &arena);
        if (!str_equals(stamp, told)) {
            told = arena_copy(exchange->arena, stamp.at, stamp.len);
            r = tell(res, told);
        }
        arena_finish(&arena);
        if (r == 0)
            r = dev_wait(dev, PING_MS);
        if (r == -ETIMEDOUT) {
            gale_response_puts(res, ":\n\n");
            r = gale_response_flush(res);
        }
    }
    if (r != -ESHUTDOWN)
        return r;
    /* Another worker has the next state, if there is one. The client is to hang up first: this
     * connection would lead it here again. */
    gale_response_puts(res, "event: again\ndata:\n\n");
    r = gale_response_flush(res);
    return r < 0 ? r : task_sleep(LEAVE_MS);
}

static int serve_events(struct dev *dev, struct gale_request *req, struct gale_response *res)
{
    struct gale_str app = str_of(gale_request_query(req, "app", ""));
    gale_response_header(res, "Content-Type", "text/event-stream");
    gale_response_header(res, "Cache-Control", "no-store");
    gale_response_header(res, "X-Accel-Buffering", "no");
    return stream(dev, app, exchange_of_response(res));
}

/* ---- the script ---- */

static int serve_script(struct gale_response *res)
{
    gale_response_header(res, "Cache-Control", "no-cache");
    return gale_reply_str(res, 200, "text/javascript; charset=utf-8", str_of(script));
}

int dev_browser_serve(struct dev *dev, struct gale_request *req, struct gale_response *res)
{
    struct gale_str path = req->target.path;
    if (!str_equals(req->head.method, STR("GET")))
        return 405;
    if (str_equals(path, STR("/.gale/dev")))
        return serve_events(dev, req, res);
    return str_equals(path, STR("/.gale/dev.js")) ? serve_script(res) : 404;
}
