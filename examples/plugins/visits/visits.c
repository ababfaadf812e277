/* visits - a number that all workers share and that outlives them: it goes on over reloads,
 * crashes and any number of workers. */
#include <gale/gale.h>
#include <errno.h>

static int open_visits(struct gale_app *app, void **out_state)
{
    *out_state = gale_shared(app, "visits", sizeof(long));
    return *out_state ? 0 : -errno;
}

static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    (void)req;
    return gale_reply(res, 200, "text/plain", "visit number %ld\n",
                      __atomic_add_fetch((long *)state, 1, __ATOMIC_RELAXED));
}

GALE_PLUGIN(p)
{
    p->name = "visits";
    p->version = "1.0";
    p->open = open_visits;
    p->serve = serve;
}
