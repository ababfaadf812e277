/* fcgi_loop.c - the floor of FastCGI rows: a bare epoll loop between clients and a program.
 *
 * Whatever a client sends, it sends the same records on, and answers with the same bytes once the
 * program has: one recv and one send a side, nothing parsed, nothing logged. Each client has a
 * connection to the program, made once (or for each request, when a third argument is there). What
 * lies between it and a server is what the server does with a request.
 * Usage: fcgi_loop PORT SOCKET [close] */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { FDS = 65536 };

static const char answer[] = "HTTP/1.1 200 OK\r\nDate: Sat, 21 Nov 2026 12:00:00 GMT\r\n"
                             "Server: loop\r\nContent-Type: text/plain\r\n"
                             "Content-Length: 13\r\n\r\nhello, world\n";
static char question[8 + 8 + 8 + 400 + 8 + 8];
static int peers[FDS]; /* of a client: its connection to the program, and the other way */
static char is_program[FDS];
static struct sockaddr_un program = {.sun_family = AF_UNIX};
static int poller, closes;

static void put_header(char *to, int type, int len)
{
    const char header[8] = {1, (char)type, 0, 1, (char)(len >> 8), (char)len, 0, 0};
    memcpy(to, header, sizeof(header));
}

/* BEGIN_REQUEST, one variable as long as those of a request are together, the ends of both streams.
 */
static void make_question(void)
{
    put_header(question, 1, 8);
    question[9] = 1;        /* a responder */
    question[10] = !closes; /* that keeps the connection */
    put_header(question + 16, 4, 400);
    question[24] = 1;
    question[25] = (char)0x80; /* a length of four bytes */
    question[28] = (char)((400 - 6) & 0xff);
    question[27] = (char)((400 - 6) >> 8);
    memset(question + 29, 'A', 400 - 5);
    put_header(question + 424, 4, 0);
    put_header(question + 432, 5, 0);
}

static void watch(int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
}

static int connect_program(int client)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&program, sizeof(program)) < 0) {
        perror("connect");
        exit(1);
    }
    watch(fd);
    is_program[fd] = 1;
    peers[fd] = client;
    return fd;
}

static void drop(int fd)
{
    is_program[fd] = 0;
    close(fd);
}

static void serve(int fd)
{
    char block[65536];
    ssize_t n = recv(fd, block, sizeof(block), 0);
    if (n <= 0 && !is_program[fd] && peers[fd])
        drop(peers[fd]);
    if (n <= 0) {
        drop(fd);
        peers[fd] = 0;
    } else if (is_program[fd]) {
        send(peers[fd], answer, sizeof(answer) - 1, MSG_NOSIGNAL);
        if (closes) {
            peers[peers[fd]] = 0;
            drop(fd);
        }
    } else {
        if (!peers[fd])
            peers[fd] = connect_program(fd);
        send(peers[fd], question, sizeof(question), MSG_NOSIGNAL);
    }
}

static void accept_one(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        watch(fd);
    peers[fd > 0 ? fd : 0] = 0;
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event events[256];
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    if (argc < 3)
        return 2;
    closes = argc > 3;
    make_question();
    address.sin_port = htons((uint16_t)atoi(argv[1]));
    strncpy(program.sun_path, argv[2], sizeof(program.sun_path) - 1);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(listener, 1024) < 0) {
        perror("bind");
        return 1;
    }
    watch(listener);
    for (;;) {
        int count = epoll_wait(poller, events, 256, -1);
        for (int i = 0; i < count; i++)
            if (events[i].data.fd == listener)
                accept_one(listener);
            else
                serve(events[i].data.fd);
    }
}
