/* port_group.h - sockets that share one TCP port (SO_REUSEPORT), one for each worker.
 *
 * The kernel spreads new connections over those of them that listen, in the order in which they
 * began to. Sockets are bound first and listen later, so that a configuration that cannot be bound
 * is refused before it changes anything. Before sockets of a group are closed, new connections
 * are steered to the others and the queue is taken empty: closing a queue resets what is in it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "net/endpoint.h"

/* The addresses of HOST:PORT, asking the resolver if it must (blocks). Returns how many, at most
 * `cap`, or -errno: -EINVAL for what is no address, -ENOENT for a name that nobody knows. */
int port_group_resolve(struct gale_str text, struct endpoint *out_endpoints, int cap);
/* A bound socket that does not listen yet, non-blocking and close-on-exec. *endpoint is then what
 * it is bound to (port 0 takes a free one). Returns the descriptor, or -errno. */
int port_group_bind(struct endpoint *endpoint);
/* 0, or -EADDRINUSE when somebody outside of this process listens on the address, or -errno. Only
 * before any socket of one's own listens there. */
int port_group_probe(const struct endpoint *endpoint);
/* Listens. 0 or -errno. */
int port_group_listen(int fd, int backlog);
/* New connections of the group go to its first `count` sockets only; 0: to all again. 0 or -errno.
 */
int port_group_steer(int fd, unsigned count);
/* How many connections wait to be accepted, or -errno. */
int port_group_queued(int fd);
/* Ends listening, in every process that holds the socket, and closes this descriptor. */
void port_group_close(int fd);
/* The address a socket is bound to, and whether it listens. 0 or -errno. */
int port_group_local(int fd, struct endpoint *out_endpoint, bool *out_listens);
