/* iostream_socket.c - what only the socket knows, and an end that cannot be taken for a whole. */
#include "net/iostream.h"

#include <errno.h>
#include <sys/socket.h>

#include "net/endpoint.h"
#include "net/iostream_private.h"

int iostream_local(const struct iostream *stream, struct endpoint *out_endpoint)
{
    out_endpoint->len = sizeof(out_endpoint->addr);
    return getsockname(stream->fd, &out_endpoint->addr.any, &out_endpoint->len) < 0 ? -errno : 0;
}

void iostream_reset_on_close(struct iostream *stream)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

void iostream_abort(struct iostream *stream)
{
    if (stream->fd < 0)
        return;
    iostream_reset_on_close(stream);
    iostream_close(stream);
}
