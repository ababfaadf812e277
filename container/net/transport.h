/* transport.h - what carries a stream's bytes: the seam under iostream.
 *
 * Plain sockets are the first row; TLS will be another. None of these waits: they return -EAGAIN
 * and the stream waits. read 0 is the peer's end. */
#pragma once
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

struct iostream;

struct transport {
    const char *name;
    ssize_t (*read)(struct iostream *stream, void *to, size_t len);
    /* May take less than all. `more`: further bytes follow at once (MSG_MORE). */
    ssize_t (*write)(struct iostream *stream, const struct iovec *iov, int count, int more);
    /* NULL where the transport must see the bytes: the stream then reads and writes. */
    ssize_t (*send_file)(struct iostream *stream, int fd, off_t offset, size_t len);
    /* Bytes it holds that the descriptor will not announce. */
    size_t (*pending)(struct iostream *stream);
    /* Ends the sending side; the peer reads an end. 0, -EAGAIN or -errno. */
    int (*end)(struct iostream *stream);
    /* Frees the transport's own state, not the descriptor. */
    void (*close)(struct iostream *stream);
};

extern const struct transport transport_plain, transport_pipe;
