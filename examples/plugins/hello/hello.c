/* hello - the smallest plugin: try /hello?name=you
 *
 * Change the greeting, build again, and `gale reload`: no connection notices. */
#include <gale/gale.h>

static int serve(void *state, struct gale_request *req, struct gale_response *res)
{
    (void)state;
    return gale_reply(res, 200, "text/plain; charset=utf-8", "hello, %s\n",
                      gale_request_query(req, "name", "world"));
}

GALE_PLUGIN(p)
{
    p->name = "hello";
    p->version = "1.0";
    p->serve = serve;
}
