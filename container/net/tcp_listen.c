/* tcp_listen.c - making a listening socket.
 *
 * A socket file outlives its maker, so a path in the way may be a server or only what is left of
 * one: a connect tells, and only what refuses is replaced. */
#include "net/tcp_server.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macros.h"

static int set_flag(int fd, int level, int option)
{
    int on = 1;
    return setsockopt(fd, level, option, &on, sizeof(on)) < 0 ? -errno : 0;
}

static int set_options(int fd, sa_family_t family, bool reuse_port)
{
    int r = 0;
    if (family == AF_UNIX)
        return 0;
    r = set_flag(fd, SOL_SOCKET, SO_REUSEADDR);
    if (r == 0 && family == AF_INET6) /* one socket, one family: [::] leaves 0.0.0.0 to others */
        r = set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY);
    if (r == 0 && reuse_port)
        r = set_flag(fd, SOL_SOCKET, SO_REUSEPORT);
    return r;
}

/* The path of a socket file, NULL for anything else. */
static const char *path_of(const struct endpoint *endpoint)
{
    bool is_path = endpoint->addr.any.sa_family == AF_UNIX && endpoint->addr.un.sun_path[0];
    return is_path ? endpoint->addr.un.sun_path : NULL;
}

static bool is_refused(const struct endpoint *endpoint)
{
    scoped_close int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return probe >= 0 && connect(probe, &endpoint->addr.any, endpoint->len) < 0 &&
           errno == ECONNREFUSED;
}

static int bind_to(int fd, const struct endpoint *endpoint)
{
    return bind(fd, &endpoint->addr.any, endpoint->len) < 0 ? -errno : 0;
}

static int bind_over_stale(int fd, const struct endpoint *endpoint)
{
    int r = bind_to(fd, endpoint);
    const char *path = path_of(endpoint);
    struct stat file;
    if (r != -EADDRINUSE || !path)
        return r;
    if (lstat(path, &file) < 0 || !S_ISSOCK(file.st_mode) || !is_refused(endpoint))
        return r;
    if (unlink(path) < 0 && errno != ENOENT)
        return -errno;
    return bind_to(fd, endpoint);
}

/* The kernel makes the file with the socket's own mode less the umask, so setting that first leaves
 * no moment in which it is open to more than it should be; chmod then adds what the umask took. */
static int bind_with_mode(int fd, const struct endpoint *endpoint, int mode)
{
    const char *path = path_of(endpoint);
    if (path && fchmod(fd, mode > 0 ? (mode_t)mode : 0666) < 0)
        return -errno;
    int r = bind_over_stale(fd, endpoint);
    if (r == 0 && path && mode > 0 && chmod(path, (mode_t)mode) < 0)
        r = -errno;
    return r;
}

int tcp_listen(const struct endpoint *endpoint, bool reuse_port, int mode, int backlog)
{
    sa_family_t family = endpoint->addr.any.sa_family;
    scoped_close int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int r = set_options(fd, family, reuse_port);
    if (r == 0)
        r = bind_with_mode(fd, endpoint, mode);
    if (r == 0 && listen(fd, backlog) < 0)
        r = -errno;
    return r < 0 ? r : steal_fd(&fd);
}
