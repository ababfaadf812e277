/* spawn_loop.c - the floor of CGI: starts a program for each head, one after the other.
 *
 * posix_spawn with a pipe for the output and a dozen variables, read to its end, waitpid, and the
 * output goes out behind a status line. It parses nothing and bounds nothing, so no server that
 * runs CGI programs can be cheaper. Usage: spawn_loop PORT PROGRAM */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char *variables[] = {
    "GATEWAY_INTERFACE=CGI/1.1", "SERVER_SOFTWARE=loop",     "SERVER_PROTOCOL=HTTP/1.1",
    "SERVER_NAME=127.0.0.1",     "SERVER_ADDR=127.0.0.1",    "SERVER_PORT=8080",
    "REQUEST_SCHEME=http",       "REMOTE_ADDR=127.0.0.1",    "REMOTE_PORT=50000",
    "REQUEST_METHOD=GET",        "REQUEST_URI=/hello",       "QUERY_STRING=",
    "SCRIPT_NAME=/hello",        "HTTP_HOST=127.0.0.1:8080", NULL};
static char *arguments[2];
static int null;

static pid_t start(int output)
{
    posix_spawn_file_actions_t actions;
    pid_t pid;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, null, 0);
    posix_spawn_file_actions_adddup2(&actions, output, 1);
    int r = posix_spawn(&pid, arguments[0], &actions, NULL, arguments, variables);
    posix_spawn_file_actions_destroy(&actions);
    return r == 0 ? pid : -1;
}

/* Runs the program; its output, header and all, stands in `to`. */
static size_t run(char *to, size_t size)
{
    int ends[2];
    size_t len = 0;
    ssize_t n = 1;
    if (pipe2(ends, O_CLOEXEC) < 0)
        exit(1);
    pid_t pid = start(ends[1]);
    close(ends[1]);
    while (len < size && n > 0 && (n = read(ends[0], to + len, size - len)) > 0)
        len += (size_t)n;
    close(ends[0]);
    waitpid(pid, NULL, 0);
    return len;
}

static void serve(int fd)
{
    char block[65536], output[32768];
    if (recv(fd, block, sizeof(block), 0) <= 0) {
        close(fd);
        return;
    }
    size_t len = run(output, sizeof(output));
    const char *end = memmem(output, len, "\n\n", 2), *crlf = memmem(output, len, "\r\n\r\n", 4);
    size_t head = crlf ? (size_t)(crlf - output) + 4 : end ? (size_t)(end - output) + 2 : len;
    int n = snprintf(block, sizeof(block), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n%.*s",
                     len - head, (int)len, output);
    send(fd, block, (size_t)n, MSG_NOSIGNAL);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN}, events[64];
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    int poller = epoll_create1(EPOLL_CLOEXEC);
    if (argc < 3)
        return 2;
    address.sin_port = htons((uint16_t)atoi(argv[1]));
    arguments[0] = argv[2];
    null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(listener, 1024) < 0) {
        perror("bind");
        return 1;
    }
    event.data.fd = listener;
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int count = epoll_wait(poller, events, 64, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd != listener) {
                serve(events[i].data.fd);
                continue;
            }
            event.data.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
            epoll_ctl(poller, EPOLL_CTL_ADD, event.data.fd, &event);
        }
    }
}
