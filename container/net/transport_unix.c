/* transport_unix.c - recvmsg and sendmsg with room for descriptors. */
#include "net/transport_unix.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "net/iostream.h"
#include "net/transport.h"

/* On the heap once the first descriptor travels: most streams carry none. */
struct cargo {
    int fds[TRANSPORT_UNIX_FDS]; /* that have come, the first one first; owned */
    int count;
    int outgoing; /* leaves with the next byte, borrowed; -1: none */
};

static struct cargo *cargo_of(struct iostream *stream)
{
    if (!stream->transport_data) {
        struct cargo *cargo = memory_zalloc(sizeof(*cargo));
        cargo->outgoing = -1;
        stream->transport_data = cargo;
    }
    return stream->transport_data;
}

/* ---- reading ---- */

static void keep(struct iostream *stream, const struct cmsghdr *header)
{
    struct cargo *cargo = cargo_of(stream);
    size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(fd));
        if (cargo->count < TRANSPORT_UNIX_FDS)
            cargo->fds[cargo->count++] = fd;
        else
            close(fd);
    }
}

static ssize_t unix_read(struct iostream *stream, void *to, size_t len)
{
    union {
        char bytes[CMSG_SPACE(TRANSPORT_UNIX_FDS * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec iov = {to, len};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    ssize_t n;
    do {
        n = recvmsg(stream->fd, &message, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    for (struct cmsghdr *at = CMSG_FIRSTHDR(&message); at; at = CMSG_NXTHDR(&message, at))
        if (at->cmsg_level == SOL_SOCKET && at->cmsg_type == SCM_RIGHTS)
            keep(stream, at);
    return n;
}

int transport_unix_take_fd(struct iostream *stream)
{
    struct cargo *cargo = stream->transport_data;
    if (!cargo || !cargo->count)
        return -ENOENT;
    int fd = cargo->fds[0];
    cargo->count--;
    memmove(cargo->fds, cargo->fds + 1, (size_t)cargo->count * sizeof(int));
    return fd;
}

/* ---- writing ---- */

static ssize_t send_with_fd(struct iostream *stream, const struct iovec *iov, int count, int fd)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct msghdr message = {.msg_iov = (struct iovec *)iov,
                             .msg_iovlen = (size_t)count,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof(fd));
    return sendmsg(stream->fd, &message, MSG_NOSIGNAL);
}

static ssize_t unix_write(struct iostream *stream, const struct iovec *iov, int count, int more)
{
    struct cargo *cargo = stream->transport_data;
    if (!cargo || cargo->outgoing < 0)
        return transport_plain.write(stream, iov, count, more);
    ssize_t n;
    do {
        n = send_with_fd(stream, iov, count, cargo->outgoing);
    } while (n < 0 && errno == EINTR);
    if (n > 0)
        cargo->outgoing = -1;
    return n < 0 ? -errno : n;
}

int transport_unix_send_fd(struct iostream *stream, const struct iovec *iov, int count, int fd)
{
    int r = iostream_flush(stream);
    if (r < 0)
        return r;
    struct cargo *cargo = cargo_of(stream);
    cargo->outgoing = fd;
    r = iostream_write(stream, iov, count);
    /* The descriptor is the caller's again: whatever the kernel has not taken leaves now. */
    if (r == 0 && cargo->outgoing >= 0)
        r = iostream_flush(stream);
    cargo->outgoing = -1;
    return r;
}

/* ---- the rest ---- */

static size_t unix_pending(struct iostream *stream)
{
    (void)stream;
    return 0;
}

static int unix_end(struct iostream *stream)
{
    return transport_plain.end(stream);
}

static void unix_close(struct iostream *stream)
{
    struct cargo *cargo = stream->transport_data;
    for (int i = 0; cargo && i < cargo->count; i++)
        close(cargo->fds[i]);
    free(cargo);
    stream->transport_data = NULL;
}

const struct transport transport_unix = {
    .name = "unix",
    .read = unix_read,
    .write = unix_write,
    .send_file = NULL,
    .pending = unix_pending,
    .end = unix_end,
    .close = unix_close,
};
