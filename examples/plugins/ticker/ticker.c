/* ticker - background work: a task of its own wakes up every `set interval` and counts, whoever
 * asks sees how far it came, and each tick shows in the metrics. The task is cancelled when the
 * worker drains; it then has a moment to leave things in order. */
#include <gale/gale.h>
#include <stdlib.h>

struct ticker {
    struct gale_app *app;
    int64_t interval;
    long ticks;
    int metric;
};

static void run(void *data)
{
    struct ticker *ticker = data;
    while (gale_sleep(ticker->interval) == 0) {
        ticker->ticks++;
        gale_metric_add(ticker->metric, 1);
    }
    gale_log(ticker->app, GALE_INFO, "the ticker ends after %ld ticks", ticker->ticks);
}

static int open_ticker(struct gale_app *app, void **out_state)
{
    struct ticker *ticker = calloc(1, sizeof(*ticker));
    int r;
    if (!ticker)
        abort();
    *out_state = ticker;
    ticker->app = app;
    ticker->metric = gale_counter(app, "example_ticks_total", "Ticks of the example ticker.");
    r = gale_setting_number(app, "interval", 1000, &ticker->interval);
    return r < 0 ? r : gale_spawn(app, run, ticker);
}

static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    struct ticker *ticker = state;
    (void)req;
    return gale_reply(res, 200, "text/plain", "%ld ticks in this worker, one every %lld ms\n",
                      ticker->ticks, (long long)ticker->interval);
}

static const char *const keys[] = {"interval", NULL};

GALE_PLUGIN(p)
{
    p->name = "ticker";
    p->version = "1.0";
    p->keys = keys;
    p->open = open_ticker;
    p->serve = serve;
    p->close = free;
}
