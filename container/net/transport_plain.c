/* transport_plain.c - bytes straight through a socket.
 *
 * MSG_NOSIGNAL keeps a peer that is gone an error; sendfile knows no such flag, so the process must
 * ignore SIGPIPE, too. */
#include "net/transport.h"

#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include "net/iostream.h"

static ssize_t plain_read(struct iostream *stream, void *to, size_t len)
{
    ssize_t n;
    do {
        n = recv(stream->fd, to, len, 0);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* One piece goes by send, which spares the kernel reading the list of pieces: 2 % of a request. */
static ssize_t plain_write(struct iostream *stream, const struct iovec *iov, int count, int more)
{
    struct msghdr message = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)count};
    int flags = MSG_NOSIGNAL | (more ? MSG_MORE : 0);
    ssize_t n;
    do {
        n = count == 1 ? send(stream->fd, iov->iov_base, iov->iov_len, flags)
                       : sendmsg(stream->fd, &message, flags);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static ssize_t plain_send_file(struct iostream *stream, int fd, off_t offset, size_t len)
{
    ssize_t n;
    do {
        n = sendfile(stream->fd, fd, &offset, len);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static size_t plain_pending(struct iostream *stream)
{
    (void)stream;
    return 0;
}

static int plain_end(struct iostream *stream)
{
    return shutdown(stream->fd, SHUT_WR) < 0 ? -errno : 0;
}

static void plain_close(struct iostream *stream)
{
    (void)stream;
}

const struct transport transport_plain = {
    .name = "plain",
    .read = plain_read,
    .write = plain_write,
    .send_file = plain_send_file,
    .pending = plain_pending,
    .end = plain_end,
    .close = plain_close,
};
