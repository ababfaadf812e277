/* front.h - what accepts clients, as rows of one table: the wire under request and response.
 *
 * Request and response know nothing else of how they travel. A front embeds struct exchange in its
 * own per-request struct and finds that by container_of. http1 is a row, and so is the test front
 * that exercises handlers without a socket; FastCGI, CGI and HTTP/2 are further rows to come.
 *
 * The response layer keeps the rules that hold on every wire: it calls send_head exactly once and
 * first, counts the body against the announced length, and sends no body where there may be none.
 * All of these may wait, but cut. 0 or a count on success, -errno once the client is gone. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include "base/macros.h"

struct exchange;

struct front {
    const char *name;
    /* The next bytes of the request body: their number, 0 at its end, -EBADMSG for one that is
     * malformed or has no end, -EMSGSIZE for one that will be longer than max_body, -ETIMEDOUT
     * without progress, -ECONNRESET when the client left within it. */
    SUSPENDS ssize_t (*read_body)(struct exchange *exchange, void *to, size_t len);
    /* Takes status and headers from the response. body_length is what will follow, -1 when that is
     * not known yet. May only gather: it leaves with the first body bytes, flush or finish. */
    SUSPENDS int (*send_head)(struct exchange *exchange, int64_t body_length);
    /* Body bytes; the caller's again on return. */
    SUSPENDS int (*send_body)(struct exchange *exchange, const struct iovec *iov, int count);
    SUSPENDS int (*send_file)(struct exchange *exchange, int fd, int64_t offset, int64_t len);
    /* Everything sent so far is on its way. */
    SUSPENDS int (*flush)(struct exchange *exchange);
    /* The message is whole. */
    SUSPENDS int (*finish)(struct exchange *exchange);
    /* The message will never be whole, and the client must see that. */
    void (*cut)(struct exchange *exchange);
    /* The address the client reached, as text; port 0 where there is none. */
    void (*local)(struct exchange *exchange, char *out, size_t size, unsigned *out_port);
};
