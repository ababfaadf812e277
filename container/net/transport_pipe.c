/* transport_pipe.c - bytes through whatever a process was started with: pipes, files, terminals,
 * and sockets, too.
 *
 * Only what would else block is to be made non-blocking by who opens the stream; files are always
 * ready. Nothing can be ended but by closing it. */
#include "net/transport.h"

#include <errno.h>
#include <unistd.h>

#include "net/iostream.h"

static ssize_t pipe_read(struct iostream *stream, void *to, size_t len)
{
    ssize_t n;
    do {
        n = read(stream->fd, to, len);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static ssize_t pipe_write(struct iostream *stream, const struct iovec *iov, int count, int more)
{
    ssize_t n;
    (void)more;
    do {
        n = writev(stream->fd, iov, count);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static size_t pipe_pending(struct iostream *stream)
{
    (void)stream;
    return 0;
}

static int pipe_end(struct iostream *stream)
{
    (void)stream;
    return 0;
}

static void pipe_close(struct iostream *stream)
{
    (void)stream;
}

const struct transport transport_pipe = {
    .name = "pipe",
    .read = pipe_read,
    .write = pipe_write,
    .pending = pipe_pending,
    .end = pipe_end,
    .close = pipe_close,
};
