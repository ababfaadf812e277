/* client.c - the load that wrk does not make: one upload, one download, one patient poller.
 *
 * client upload PORT PATH BYTES [SECONDS]  sends so many bytes (again and again for so long), and
 *                                          prints the seconds of one and the bytes of all
 * client download PORT PATH                prints the seconds to the last byte, and the bytes
 * client poll PORT PATH SECONDS            asks again as soon as it is answered; prints requests,
 *                                          p50, p99, p99.9 and the longest in microseconds
 * Of an answer without Content-Length no more than the head is waited for. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 256 * 1024, SAMPLES = 10 * 1000 * 1000 };

static char block[BLOCK];

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int connect_to(const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(port)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        fail("connect");
    return fd;
}

static void send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n < 0)
            fail("send");
        data += n;
        len -= (size_t)n;
    }
}

/* Reads one answer; returns the bytes of its body. */
static unsigned long long read_answer(int fd)
{
    size_t have = 0;
    char *end = NULL;
    while (!end) {
        ssize_t n = recv(fd, block + have, sizeof(block) - have - 1, 0);
        if (n <= 0)
            fail("no answer");
        have += (size_t)n;
        block[have] = 0;
        end = strstr(block, "\r\n\r\n");
    }
    if (strncmp(block, "HTTP/1.1 200", 12) != 0) {
        fprintf(stderr, "answered %.60s\n", block);
        exit(1);
    }
    const char *length = strcasestr(block, "\r\nContent-Length:");
    if (!length)
        return 0;
    unsigned long long total = strtoull(length + 17, NULL, 10);
    unsigned long long left = total - (have - (size_t)(end + 4 - block));
    while (left > 0) {
        ssize_t n = recv(fd, block, left < sizeof(block) ? left : sizeof(block), 0);
        if (n <= 0)
            fail("the answer is cut");
        left -= (unsigned long long)n;
    }
    return total;
}

static void upload_once(const char *port, const char *path, unsigned long long len)
{
    char head[1024];
    int fd = connect_to(port);
    int n = snprintf(head, sizeof(head),
                     "POST %s HTTP/1.1\r\nHost: b\r\nContent-Type: application/octet-stream\r\n"
                     "Content-Length: %llu\r\n\r\n",
                     path, len);
    send_all(fd, head, (size_t)n);
    memset(block, 'x', sizeof(block));
    for (unsigned long long left = len; left > 0;) {
        size_t piece = left < sizeof(block) ? (size_t)left : sizeof(block);
        send_all(fd, block, piece);
        left -= piece;
    }
    read_answer(fd);
    close(fd);
}

static void upload(const char *port, const char *path, unsigned long long len, double seconds)
{
    double began = now(), last = 0;
    unsigned long long sent = 0;
    do {
        double start = now();
        upload_once(port, path, len);
        last = now() - start;
        sent += len;
    } while (now() - began < seconds);
    printf("%.6f %llu\n", last, sent);
}

static void ask(int fd, const char *path)
{
    char head[1024];
    int n = snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nHost: b\r\n\r\n", path);
    send_all(fd, head, (size_t)n);
}

static void download(const char *port, const char *path)
{
    int fd = connect_to(port);
    double start = now();
    ask(fd, path);
    unsigned long long len = read_answer(fd);
    printf("%.6f %llu\n", now() - start, len);
}

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void poll_for(const char *port, const char *path, double seconds)
{
    float *us = malloc(SAMPLES * sizeof(*us));
    int fd = connect_to(port), count = 0;
    double began = now();
    while (count < SAMPLES && now() - began < seconds) {
        double start = now();
        ask(fd, path);
        read_answer(fd);
        us[count++] = (float)((now() - start) * 1e6);
    }
    qsort(us, (size_t)count, sizeof(*us), compare);
    printf("%d %.1f %.1f %.1f %.1f\n", count, (double)us[count / 2],
           (double)us[(size_t)count * 99 / 100], (double)us[(size_t)count * 999 / 1000],
           (double)us[count - 1]);
}

int main(int argc, char **argv)
{
    if (argc > 4 && strcmp(argv[1], "upload") == 0)
        upload(argv[2], argv[3], strtoull(argv[4], NULL, 10), argc > 5 ? atof(argv[5]) : 0);
    else if (argc > 3 && strcmp(argv[1], "download") == 0)
        download(argv[2], argv[3]);
    else if (argc > 4 && strcmp(argv[1], "poll") == 0)
        poll_for(argv[2], argv[3], atof(argv[4]));
    else
        return 2;
    return 0;
}
