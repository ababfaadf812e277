/* body.h - a request's body on its way to a program, with a length that is known.
 *
 * A program must be told CONTENT_LENGTH before it starts. A body whose length the client announced
 * is streamed; one of unknown length is read to its end first, into a spool. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "adapters/gateway/spool.h"
#include "base/macros.h"

struct gale_request;

struct gateway_body {
    struct gale_request *req;
    int64_t length;  /* -1: there is no body */
    uint64_t left;   /* of the length, not read yet */
    bool is_spooled; /* else it is read from the client */
    struct spool spool;
};

/* Makes the length known, waiting for a body of unknown length; up to `memory` bytes of that are
 * kept in memory. Returns 0, or the -errno of reading the body (the request knows it, too) or of
 * keeping it. Finish it in any case. */
SUSPENDS int gateway_body_begin(struct gateway_body *body, struct gale_request *req, size_t memory);
/* For a program that sees no body, whatever the client sends. */
void gateway_body_none(struct gateway_body *body, struct gale_request *req);
/* The next bytes: their number, 0 at the end, or an error as of gale_request_read. */
SUSPENDS ssize_t gateway_body_read(struct gateway_body *body, void *to, size_t len);
void gateway_body_finish(struct gateway_body *body);
