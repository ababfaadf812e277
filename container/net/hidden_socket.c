/* hidden_socket.c - a folder, a name, and neither. */
#include "net/hidden_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/str.h"
#include "net/endpoint.h"
#include "net/tcp_server.h"

enum { REFUSE_MAX = 4096, PATH_BYTES = 80 };

static int set_blocking(int fd, bool is_blocking)
{
    int flags = fcntl(fd, F_GETFL);
    flags = is_blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
    return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

/* Everybody may connect who gets as far as path_fd. */
static int bind_named(const char *path, int backlog, struct hidden_socket *out_socket)
{
    struct endpoint endpoint;
    char text[PATH_BYTES + sizeof("unix:/socket")];
    snprintf(text, sizeof(text), "unix:%s", path);
    int r = endpoint_parse(str_of(text), &endpoint);
    scoped_close int fd = r < 0 ? r : tcp_listen(&endpoint, false, 0666, backlog);
    if (fd < 0)
        return fd;
    scoped_close int path_fd = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
    r = path_fd < 0 ? -errno : set_blocking(fd, true);
    (void)unlink(path);
    if (r == 0)
        *out_socket = (struct hidden_socket){steal_fd(&fd), steal_fd(&path_fd)};
    return r;
}

static int open_in(const char *parent, int backlog, struct hidden_socket *out_socket)
{
    char folder[PATH_BYTES], path[PATH_BYTES + sizeof("/socket")];
    int len = snprintf(folder, sizeof(folder), "%s/gale-XXXXXX", parent);
    if (len >= (int)sizeof(folder))
        return -ENAMETOOLONG;
    if (!mkdtemp(folder))
        return -errno;
    snprintf(path, sizeof(path), "%s/socket", folder);
    int r = bind_named(path, backlog, out_socket);
    (void)rmdir(folder);
    return r;
}

int hidden_socket_open(int backlog, struct hidden_socket *out_socket)
{
    const char *const parents[] = {getenv("TMPDIR"), "/tmp", "/run", "/dev/shm"};
    int r = -ENOENT;
    for (size_t i = 0; i < ARRAY_LEN(parents) && r < 0; i++)
        if (parents[i] && *parents[i] == '/')
            r = open_in(parents[i], backlog, out_socket);
    return r;
}

void hidden_socket_close(struct hidden_socket *hidden)
{
    if (hidden->listen_fd < 0)
        return;
    (void)shutdown(hidden->listen_fd, SHUT_RDWR);
    close(steal_fd(&hidden->listen_fd));
    close(steal_fd(&hidden->path_fd));
}

void hidden_socket_refuse(const struct hidden_socket *hidden)
{
    /* The flag is everybody's who holds this socket: it must not stay. */
    if (set_blocking(hidden->listen_fd, false) < 0)
        return;
    for (int i = 0; i < REFUSE_MAX; i++) {
        int fd = accept4(hidden->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            break;
        close(fd);
    }
    (void)set_blocking(hidden->listen_fd, true);
}

const char *hidden_socket_address(int path_fd, char out[HIDDEN_SOCKET_TEXT])
{
    snprintf(out, HIDDEN_SOCKET_TEXT, "unix:/proc/self/fd/%d", path_fd);
    return out;
}
