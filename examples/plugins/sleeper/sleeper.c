/* sleeper - sleeps in libc, as code does that knows nothing of gale: try /sleeper?ms=2000
 *
 * A plugin that blocks would hold up every other request of its worker. GALE_BLOCKING tells gale
 * so: it gets processes of its own, each of which serves one request at a time, so as many sleep at
 * once as there are (`isolate = 4`), and nobody else notices. */
#define _POSIX_C_SOURCE 200809L
#include <gale/gale.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void sleep_in_libc(long ms)
{
    struct timespec time;
    time.tv_sec = ms / 1000;
    time.tv_nsec = ms % 1000 * 1000000;
    nanosleep(&time, NULL);
}

static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    long ms = atol(gale_request_query(req, "ms", "500"));
    (void)state;
    if (ms < 0 || ms > 60000)
        return 400;
    sleep_in_libc(ms);
    return gale_reply(res, 200, "text/plain; charset=utf-8", "process %ld slept %ld ms\n",
                      (long)getpid(), ms);
}

GALE_PLUGIN(p)
{
    p->name = "sleeper";
    p->version = "1.0";
    p->flags = GALE_BLOCKING;
    p->serve = serve;
}
