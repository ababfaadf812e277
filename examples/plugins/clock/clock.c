/* clock - streams the time, a line a second, ?seconds=10 of them: watch with `curl -N`.
 *
 * Each client costs one parked task while it waits. When it leaves, the sleep ends at once with
 * -ECANCELED, and so does the request. */
#include <gale/gale.h>
#include <stdlib.h>
#include <time.h>

static int tick(struct gale_response *res)
{
    char text[32];
    time_t now = time(NULL);
    strftime(text, sizeof(text), "%H:%M:%S\n", localtime(&now));
    return gale_response_puts(res, text);
}

static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    int left = atoi(gale_request_query(req, "seconds", "10"));
    int r = 0;
    (void)state;
    gale_response_header(res, "Content-Type", "text/plain; charset=utf-8");
    gale_response_header(res, "Cache-Control", "no-store");
    for (; left > 0 && r == 0; left--) {
        r = tick(res);
        if (r == 0 && left > 1)
            r = gale_sleep(1000); /* what was written leaves before the task waits */
    }
    return r;
}

GALE_PLUGIN(p)
{
    p->name = "clock";
    p->version = "1.0";
    p->serve = serve;
}
