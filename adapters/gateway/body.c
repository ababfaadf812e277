/* body.c - streaming or spooling. */
#include "adapters/gateway/body.h"

#include <stdlib.h>

#include "base/memory.h"
#include "http/exchange.h"

enum { PIECE = 16 * 1024 };

static int spool_all(struct gateway_body *body)
{
    scoped_free char *piece = memory_alloc(PIECE);
    ssize_t n;
    while ((n = gale_request_read(body->req, piece, PIECE)) > 0) {
        int r = spool_write(&body->spool, piece, (size_t)n, NULL);
        if (r < 0)
            return r;
        body->length += n;
    }
    return (int)n;
}

int gateway_body_begin(struct gateway_body *body, struct gale_request *req, size_t memory)
{
    int64_t announced = gale_request_length(req);
    bool is_there = req->has_body || req->head.has_length;
    *body = (struct gateway_body){.req = req, .length = is_there ? announced : -1};
    /* The request itself refuses a body beyond max_body. */
    spool_init(&body->spool, memory, exchange_of_request(req)->max_body);
    if (announced < 0) {
        body->is_spooled = true;
        body->length = 0;
        int r = spool_all(body);
        if (r < 0)
            return r;
    }
    body->left = body->length > 0 ? (uint64_t)body->length : 0;
    return 0;
}

void gateway_body_none(struct gateway_body *body, struct gale_request *req)
{
    *body = (struct gateway_body){.req = req, .length = -1};
    spool_init(&body->spool, 0, 0);
}

ssize_t gateway_body_read(struct gateway_body *body, void *to, size_t len)
{
    if (!body->left)
        return 0;
    ssize_t n = body->is_spooled ? spool_read(&body->spool, to, len)
                                 : gale_request_read(body->req, to, len);
    if (n > 0)
        body->left -= (uint64_t)n;
    return n;
}

void gateway_body_finish(struct gateway_body *body)
{
    spool_finish(&body->spool);
}
