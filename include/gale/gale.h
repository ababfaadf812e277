/* gale/gale.h - everything a plugin needs; including this one header is enough.
 *
 *   #include <gale/gale.h>
 *
 *   static int serve(void *state, struct gale_request *req, struct gale_response *res)
 *   {
 *       (void)state;
 *       return gale_reply(res, 200, "text/plain", "hello, %s\n",
 *                         gale_request_query(req, "name", "world"));
 *   }
 *   GALE_PLUGIN(p) { p->name = "hello"; p->serve = serve; }
 *
 * Built by:  cc -shared -fPIC hello.c -o hello.so $(pkg-config --cflags gale)
 *
 * Where a function may be called is said at each: "task" means inside serve or a background task,
 * "open" inside open, drain and close, "thread" on any thread, offloaded work included. Functions
 * that may wait say so; everything else returns at once.
 *
 * Errors are negative errno values. Strings that gale hands out live as long as the request they
 * came from, unless said otherwise; what you pass in is only borrowed for the call. */
#pragma once
#include <gale/macros.h>
#include <gale/str.h>
#include <gale/plugin.h>
#include <gale/request.h>
#include <gale/response.h>
#include <gale/wait.h>
#include <gale/metric.h>
