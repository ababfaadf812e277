/* loop.c - the floor: a bare epoll loop that answers every head with the same bytes.
 *
 * It parses nothing, logs nothing and knows no errors, so no HTTP server can be faster on the same
 * kernel; how close gale comes to it is what the row hello says. Usage: loop PORT */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static const char answer[] = "HTTP/1.1 200 OK\r\nDate: Sat, 21 Nov 2026 12:00:00 GMT\r\n"
                             "Server: loop\r\nContent-Type: text/plain\r\n"
                             "Content-Length: 13\r\n\r\nhello, world\n";

static int listen_on(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 1024) < 0) {
        perror("bind");
        exit(1);
    }
    return fd;
}

static void accept_one(int poller, int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (fd >= 0)
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
}

static void serve(int fd)
{
    char in[16384], out[32 * sizeof(answer)];
    ssize_t n = recv(fd, in, sizeof(in), 0);
    size_t len = 0;
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        close(fd);
        return;
    }
    for (char *at = in; n > 0 && (at = memmem(at, (size_t)(in + n - at), "\r\n\r\n", 4)); at += 4)
        if (len + sizeof(answer) <= sizeof(out)) {
            memcpy(out + len, answer, sizeof(answer) - 1);
            len += sizeof(answer) - 1;
        }
    if (len && send(fd, out, len, MSG_NOSIGNAL) < 0)
        close(fd);
}

int main(int argc, char **argv)
{
    int listener = listen_on(argc > 1 ? atoi(argv[1]) : 8099);
    int poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[256];
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int n = epoll_wait(poller, events, 256, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == listener)
                accept_one(poller, listener);
            else
                serve(events[i].data.fd);
        }
    }
}
