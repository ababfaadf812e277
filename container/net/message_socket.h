/* message_socket.h - messages, with descriptors, between gale's own processes; and who is there.
 *
 * A pair of sockets that keep messages apart (SOCK_SEQPACKET). Descriptors travel beside the
 * bytes (SCM_RIGHTS): the receiver owns what it got, the sender keeps its own. Nothing here
 * waits: a socket that is full or empty is -EAGAIN. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

/* The most descriptors of one message (the kernel's limit is 253). */
enum { MESSAGE_FDS = 250 };

/* A connected pair, non-blocking and close-on-exec. Returns 0 or -errno. */
int message_socket_pair(int out_fds[2]);
/* Sends one message and copies of `fds` (borrowed). Returns 0; -EPIPE when the other side is gone,
 * -EAGAIN, -EMSGSIZE or another -errno: nothing was sent then. */
int message_socket_send(int fd, const struct iovec *iov, int count, const int *fds,
                        size_t fd_count);
/* Receives one message: its length, 0 when the other side is gone, -EAGAIN, or -errno. An empty
 * message, which nobody sends, is taken for the end.
 * out_fds has room for *fd_count descriptors (owned, close-on-exec); what does not fit is closed.
 * A message longer than `len` is -EMSGSIZE. */
ssize_t message_socket_receive(int fd, void *to, size_t len, int *out_fds, size_t *fd_count);

/* Who made the other end of a unix socket. Returns 0 or -errno. */
int message_socket_peer(int fd, uid_t *out_uid, pid_t *out_pid);
/* Whether somebody listens on the unix socket of that path, and who; out_pid may be NULL. */
bool message_socket_is_served(const char *path, pid_t *out_pid);
/* Sends one datagram to a unix socket; a path that begins with @ is abstract. 0 or -errno. */
int message_socket_tell(const char *path, const char *text);
