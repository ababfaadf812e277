/* hidden_socket.h - a listening unix socket without a name.
 *
 * It is bound in a folder of its own for a moment, and then its name is taken away. What is left
 * is one descriptor to accept with and one to connect through (/proc/self/fd/N), so only who was
 * given that one can reach it, whatever user it runs as, and nothing is left behind however
 * processes end. */
#pragma once
#include <stdbool.h>

enum { HIDDEN_SOCKET_TEXT = 40 };

struct hidden_socket {
    int listen_fd; /* blocking, as programs expect it that inherit it; -1: closed */
    int path_fd;   /* O_PATH */
};

/* Makes one, both descriptors close-on-exec. Returns 0 or -errno. */
int hidden_socket_open(int backlog, struct hidden_socket *out_socket);
/* Nobody can accept any more: who waits in accept, in any process, gets EINVAL. Fine twice. */
void hidden_socket_close(struct hidden_socket *socket);
/* Ends the connections that wait to be accepted; for a time when nobody accepts. */
void hidden_socket_refuse(const struct hidden_socket *socket);
/* The address of the one behind path_fd, for this process, as endpoint_parse reads it. Returns
 * out. */
const char *hidden_socket_address(int path_fd, char out[HIDDEN_SOCKET_TEXT]);
