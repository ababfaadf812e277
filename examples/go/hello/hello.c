/* hello.c - what gale looks for in a plugin; the rest is Go. */
#include <gale/gale.h>

/* hello.go */
int hello_open(struct gale_app *app, void **out_state);
int hello_serve(void *state, struct gale_request *req, struct gale_response *res);

GALE_PLUGIN(p)
{
    p->name = "hello-go";
    p->version = "1.0";
    p->flags = GALE_BLOCKING;
    p->open = hello_open;
    p->serve = hello_serve;
}
