/* backend.h - a server behind gale in a fuzz target: it says what the input says, whatever it was
 * asked, while a client in front asks by HTTP.
 *
 *   client  --"GET /"-->  http1  -->  adapter  --hidden socket-->  backend
 *           <--checked--                       <---- input -----
 */
#pragma once
#include "wire.h"

#include <fcntl.h>
#include <sys/uio.h>
#include "http/exchange.h"
#include "http/http_server.h"
#include "net/hidden_socket.h"

enum { BACKENDS = 16 };

struct backend {
    struct hidden_socket hidden;
    struct gale_str bytes;
    size_t step;
    int file; /* borrowed; goes along with the first bytes; -1: none */
    struct {
        int fd;
        size_t sent;
    } open[BACKENDS];
    size_t count;
};

static inline void backend_open(struct backend *backend, struct gale_str bytes, size_t step,
                                int file)
{
    *backend = (struct backend){.bytes = bytes, .step = step, .file = file};
    assert(hidden_socket_open(16, &backend->hidden) == 0);
    assert(fcntl(backend->hidden.listen_fd, F_SETFL, O_NONBLOCK) == 0);
}

static inline ssize_t backend_send(int fd, struct gale_str piece, int file)
{
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct iovec iov = {(char *)piece.at, piece.len};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    if (file >= 0) {
        message.msg_control = control.space;
        message.msg_controllen = sizeof(control.space);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        *header = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
        memcpy(CMSG_DATA(header), &file, sizeof(int));
    }
    return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Accepts, takes what it is told, says the next bytes on each connection, and ends behind them. */
static inline void backend_turn(struct backend *backend)
{
    static char ignored[65536];
    int fd = accept4(backend->hidden.listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0 && backend->count == BACKENDS)
        close(fd);
    else if (fd >= 0)
        backend->open[backend->count++].fd = fd;
    for (size_t i = 0; i < backend->count; i++) {
        size_t *sent = &backend->open[i].sent, left = backend->bytes.len - *sent;
        while (recv(backend->open[i].fd, ignored, sizeof(ignored), MSG_DONTWAIT) > 0)
            ;
        struct gale_str piece = {backend->bytes.at + *sent,
                                 left < backend->step ? left : backend->step};
        ssize_t n = left ? backend_send(backend->open[i].fd, piece, *sent ? -1 : backend->file) : 0;
        if (n == 0 || (n < 0 && errno != EAGAIN))
            (void)shutdown(backend->open[i].fd, SHUT_WR);
        *sent += n > 0 ? (size_t)n : 0;
    }
}

static inline void backend_close(struct backend *backend)
{
    for (size_t i = 0; i < backend->count; i++)
        close(backend->open[i].fd);
    hidden_socket_close(&backend->hidden);
}

/* Asks by these bytes and gathers the answer. */
static inline void backend_ask(struct backend *backend, struct gale_str request,
                               http_serve_fn *serve, void *data, struct buffer *heard)
{
    struct http_settings settings;
    struct http_server server;
    struct peer peer = {.family = AF_UNIX};
    int client, fd = wire_pair(&client);
    http_settings_init(&settings);
    http_server_init(&server, wire_loop, &settings, serve, data);
    http_server_accept(&server, fd, &peer, NULL);
    assert(send(client, request.at, request.len, MSG_NOSIGNAL) == (ssize_t)request.len);
    for (int turns = 0; wire_hear(client, heard); turns++) {
        assert(turns < WIRE_TURNS);
        backend_turn(backend);
        ioloop_turn(wire_loop, 1);
    }
    close(client);
    for (int turns = 0; !http_server_is_empty(&server) && turns < WIRE_TURNS; turns++)
        ioloop_turn(wire_loop, 1);
    assert(http_server_is_empty(&server));
    (void)http_server_close(&server);
}
