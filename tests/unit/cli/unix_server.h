/* A thread that answers one connection to a unix socket with fixed bytes. */
#pragma once
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct unix_server {
    const char *path, *answer; /* NULL: hangs up */
    char request[512];
    int fd;
    pthread_t thread;
};

static inline void *unix_server_run(void *data)
{
    struct unix_server *server = data;
    int fd = accept(server->fd, NULL, NULL);
    size_t len = 0;
    while (server->answer && !strstr(server->request, "\r\n\r\n")) {
        ssize_t n = read(fd, server->request + len, sizeof(server->request) - 1 - len);
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    if (server->answer && write(fd, server->answer, strlen(server->answer)) < 0)
        perror("write");
    close(fd);
    return NULL;
}

static inline void unix_server_start(struct unix_server *server, const char *path,
                                     const char *answer)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    *server = (struct unix_server){.path = path, .answer = answer};
    strcpy(address.sun_path, path);
    server->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(server->fd, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(server->fd, 4), 0);
    ck_assert_int_eq(pthread_create(&server->thread, NULL, unix_server_run, server), 0);
}

static inline void unix_server_stop(struct unix_server *server)
{
    pthread_join(server->thread, NULL);
    close(server->fd);
    unlink(server->path);
}
