/* request_forwarded.c - the client behind trusted proxies; fields that are lists. */
#include "http/request.h"

#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "http/exchange.h"
#include "http/forwarded.h"

struct gale_str request_joined(const struct gale_request *req, struct gale_str name)
{
    struct gale_str all = {0}, next;
    for (size_t i = 0; gale_request_header_nth(req, name, i, &next) == 0; i++)
        all = i == 0 ? next
                     : arena_printf(exchange_of_request(req)->arena, "%.*s, %.*s", (int)all.len,
                                    all.at, (int)next.len, next.at);
    return all;
}

void request_resolve_peer(struct gale_request *req, const struct forwarded_trust *trust)
{
    struct forwarded client = {gale_request_peer(req), gale_request_scheme(req)};
    struct gale_str peer = client.address;
    forwarded_resolve(trust, request_joined(req, STR("X-Forwarded-For")),
                      request_joined(req, STR("X-Forwarded-Proto")),
                      exchange_of_request(req)->arena, &client);
    req->is_https = str_equals(client.scheme, STR("https"));
    if (str_equals(client.address, peer))
        return;
    req->peer = client.address;
    req->from = NULL; /* its port is the proxy's */
}
