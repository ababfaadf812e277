/* transport_unix.h - bytes and, between them, descriptors: the transport of a unix stream socket.
 *
 * A descriptor travels with a byte (SCM_RIGHTS), so it arrives no later than the bytes that speak
 * of it, and in their order. Those that have come wait here until they are taken, a few at most:
 * what is more than that is closed, since nobody who keeps to an agreement sends it. */
#pragma once
#include <sys/uio.h>
#include "base/macros.h"

struct iostream;
struct transport;

enum { TRANSPORT_UNIX_FDS = 4 };

extern const struct transport transport_unix;

/* Flushes the stream, then sends these bytes and a copy of `fd` (borrowed) with the first of them.
 * 0 or -errno. */
SUSPENDS int transport_unix_send_fd(struct iostream *stream, const struct iovec *iov, int count,
                                    int fd);
/* The descriptor that came first (owned, CLOEXEC), or -ENOENT. */
int transport_unix_take_fd(struct iostream *stream);
