/* port_group.c - binding, steering and measuring the sockets of one port. */
#include "net/port_group.h"

#include <errno.h>
#include <linux/filter.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/str.h"

static int resolver_error(int error)
{
    switch (error) {
    case EAI_SYSTEM:
        return -errno;
    case EAI_MEMORY:
        return -ENOMEM;
    case EAI_AGAIN:
        return -EAGAIN;
    default:
        return -ENOENT;
    }
}

static int ask_resolver(struct gale_str text, struct endpoint *out_endpoints, int cap)
{
    char host[256];
    const char *colon = memrchr(text.at, ':', text.len);
    size_t len = colon ? (size_t)(colon - text.at) : 0;
    uint64_t port;
    struct gale_str digits = {colon + 1, text.len - len - 1};
    if (!len || len >= sizeof(host) || str_to_u64(digits, &port) < 0 || port > 65535)
        return -EINVAL;
    memcpy(host, text.at, len);
    host[len] = 0;
    char service[8];
    snprintf(service, sizeof(service), "%u", (unsigned)port);
    struct addrinfo *found,
        hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    int error = getaddrinfo(host, service, &hints, &found);
    if (error)
        return resolver_error(error);
    int count = 0;
    for (struct addrinfo *one = found; one && count < cap; one = one->ai_next) {
        out_endpoints[count].len = one->ai_addrlen;
        memcpy(&out_endpoints[count++].addr, one->ai_addr, one->ai_addrlen);
    }
    freeaddrinfo(found);
    return count;
}

int port_group_resolve(struct gale_str text, struct endpoint *out_endpoints, int cap)
{
    int r = endpoint_parse(text, out_endpoints);
    return r == 0 ? 1 : r == -ENOENT ? ask_resolver(text, out_endpoints, cap) : r;
}

static int set_flag(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int open_bound(const struct endpoint *endpoint, bool shares)
{
    int family = endpoint->addr.any.sa_family;
    scoped_close int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int r = set_flag(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (r == 0 && shares)
        r = set_flag(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (r == 0 && family == AF_INET6)
        r = set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (r < 0)
        return r;
    if (bind(fd, &endpoint->addr.any, endpoint->len) < 0)
        return -errno;
    return steal_fd(&fd);
}

int port_group_bind(struct endpoint *endpoint)
{
    bool listens;
    scoped_close int fd = open_bound(endpoint, true);
    if (fd < 0)
        return steal_fd(&fd);
    int r = port_group_local(fd, endpoint, &listens);
    return r < 0 ? r : steal_fd(&fd);
}

/* With SO_REUSEADDR, bind fails only for a port that somebody listens on, not for one that old
 * connections linger on; without SO_REUSEPORT, also if that somebody would share. */
int port_group_probe(const struct endpoint *endpoint)
{
    scoped_close int fd = open_bound(endpoint, false);
    return fd < 0 ? steal_fd(&fd) : 0;
}

int port_group_listen(int fd, int backlog)
{
    return listen(fd, backlog) < 0 ? -errno : 0;
}

/* The kernel asks the program for the index of the socket in its group. */
int port_group_steer(int fd, unsigned count)
{
    if (!count) {
        int r = set_flag(fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, 0);
        return r == -ENOENT ? 0 : r;
    }
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (__u32)(SKF_AD_OFF + SKF_AD_RANDOM)),
        BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, count),
        BPF_STMT(BPF_RET | BPF_A, 0),
    };
    struct sock_fprog program = {ARRAY_LEN(code), code};
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program)) < 0)
        return -errno;
    return 0;
}

int port_group_queued(int fd)
{
    struct tcp_info info;
    socklen_t len = sizeof(info);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
        return -errno;
    return (int)info.tcpi_unacked; /* of a listening socket: the length of its queue */
}

void port_group_close(int fd)
{
    (void)shutdown(fd, SHUT_RDWR);
    close(fd);
}

int port_group_local(int fd, struct endpoint *out_endpoint, bool *out_listens)
{
    struct endpoint endpoint = {.len = sizeof(endpoint.addr)};
    int listens = 0;
    socklen_t len = sizeof(listens);
    if (getsockname(fd, &endpoint.addr.any, &endpoint.len) < 0)
        return -errno;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0)
        return -errno;
    *out_endpoint = endpoint;
    *out_listens = listens;
    return 0;
}
