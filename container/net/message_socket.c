/* message_socket.c - sendmsg and recvmsg with their ancillary data, in one place. */
#include "net/message_socket.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/str.h"
#include "net/endpoint.h"

union control {
    char at[CMSG_SPACE(MESSAGE_FDS * sizeof(int))];
    struct cmsghdr align;
};

int message_socket_pair(int out_fds[2])
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, out_fds) < 0)
        return -errno;
    return 0;
}

static void attach(struct msghdr *message, union control *control, const int *fds, size_t count)
{
    message->msg_control = control->at;
    message->msg_controllen = CMSG_SPACE(count * sizeof(int));
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    assert(header);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(header), fds, count * sizeof(int));
}

int message_socket_send(int fd, const struct iovec *iov, int count, const int *fds, size_t fd_count)
{
    union control control;
    struct msghdr message = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)count};
    if (fd_count > MESSAGE_FDS)
        return -EMSGSIZE;
    memset(&control, 0, sizeof(control));
    if (fd_count)
        attach(&message, &control, fds, fd_count);
    ssize_t n;
    do
        n = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == ECONNRESET ? -EPIPE : -errno;
    return 0;
}

/* Takes the descriptors out of a message: the first `cap` are the caller's, the others closed. */
static size_t detach(struct msghdr *message, int *out_fds, size_t cap)
{
    size_t count = 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
         header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        size_t here = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < here; i++) {
            int got;
            memcpy(&got, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
            if (count < cap)
                out_fds[count++] = got;
            else
                close(got);
        }
    }
    return count;
}

ssize_t message_socket_receive(int fd, void *to, size_t len, int *out_fds, size_t *fd_count)
{
    union control control;
    struct iovec iov = {to, len};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.at,
                             .msg_controllen = sizeof(control.at)};
    ssize_t n;
    do
        n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == ECONNRESET ? 0 : -errno;
    *fd_count = detach(&message, out_fds, *fd_count);
    if (n > 0 && !(message.msg_flags & MSG_TRUNC))
        return n;
    for (size_t i = 0; i < *fd_count; i++)
        close(out_fds[i]);
    *fd_count = 0;
    return n > 0 ? -EMSGSIZE : 0;
}

int message_socket_peer(int fd, uid_t *out_uid, pid_t *out_pid)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
        return -errno;
    *out_uid = peer.uid;
    *out_pid = peer.pid;
    return 0;
}

static int unix_address(const char *path, struct sockaddr_un *out_address, socklen_t *out_len)
{
    size_t len = strlen(path);
    if (!len || len >= sizeof(out_address->sun_path))
        return -ENAMETOOLONG;
    *out_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(out_address->sun_path, path, len);
    if (*path == '@')
        out_address->sun_path[0] = 0;
    *out_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (*path != '@'));
    return 0;
}

bool message_socket_is_served(const char *path, pid_t *out_pid)
{
    struct sockaddr_un address;
    socklen_t len;
    uid_t uid;
    pid_t pid = 0;
    scoped_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || unix_address(path, &address, &len) < 0)
        return false;
    /* A full backlog (EAGAIN) is somebody, too. */
    if (connect(fd, (struct sockaddr *)&address, len) < 0 && errno != EAGAIN)
        return false;
    if (out_pid) {
        (void)message_socket_peer(fd, &uid, &pid);
        *out_pid = pid;
    }
    return true;
}

int message_socket_tell(const char *path, const char *text)
{
    struct sockaddr_un address;
    socklen_t len;
    int r = unix_address(path, &address, &len);
    if (r < 0)
        return r;
    scoped_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    ssize_t n = sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
                       (struct sockaddr *)&address, len);
    return n < 0 ? -errno : 0;
}
