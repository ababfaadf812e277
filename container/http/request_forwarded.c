/* request_forwarded.c - the client behind trusted proxies; fields that are lists. */
#include "http/request.h"

#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "http/exchange.h"
#include "http/forwarded.h"

/* Measured first: a client may send as many lines of a field as there may be fields. */
struct gale_str request_joined(const struct gale_request *req, struct gale_str name)
{
    struct gale_str line, all = {0};
    size_t count = 0;
    for (; gale_request_header_nth(req, name, count, &line) == 0; count++)
        all = (struct gale_str){line.at, all.len + line.len + 2};
    if (count < 2)
        return count ? line : all;
    char *to = arena_alloc(exchange_of_request(req)->arena, all.len);
    all.at = to;
    for (size_t i = 0; gale_request_header_nth(req, name, i, &line) == 0; i++)
        to = mempcpy(mempcpy(to, i ? ", " : "", i ? 2 : 0), line.at, line.len);
    *to = 0;
    all.len = (size_t)(to - all.at);
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
