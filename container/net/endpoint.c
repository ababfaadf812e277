/* endpoint.c - reading and writing socket addresses; nothing here asks a name server.
 *
 * A text is HOST:PORT with the host in brackets for IPv6, or unix:PATH. What is left, if it is
 * spelled as a host name can be, is one for somebody else to resolve. A name that ends in a
 * number ("1.2.3", "256.0.0.1") is a misspelt address and never a name. */
#include "net/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

enum { HOST_MAX = 253, LABEL_MAX = 63 }; /* RFC 1035 2.3.4 */

static bool is_label_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

static bool is_label(struct gale_str label)
{
    if (label.len == 0 || label.len > LABEL_MAX || label.at[0] == '-')
        return false;
    for (size_t i = 0; i < label.len; i++)
        if (!is_label_byte(label.at[i]))
            return false;
    return true;
}

static bool is_host_name(struct gale_str host)
{
    uint64_t number = 0;
    if (host.len == 0 || host.len > HOST_MAX)
        return false;
    if (host.at[host.len - 1] == '.') /* "example.com." is fully qualified */
        host.len--;
    struct gale_str label = {0}, rest = host;
    while (rest.at) {
        label = str_cut(&rest, '.');
        if (!is_label(label))
            return false;
    }
    return str_to_u64(label, &number) == -EINVAL;
}

static int parse_unix(struct gale_str path, struct endpoint *out)
{
    bool is_abstract = path.len > 0 && path.at[0] == '@';
    /* An abstract name has no zero at its end, its own first byte being one. */
    size_t room = sizeof(out->addr.un.sun_path) - (is_abstract ? 0 : 1);
    if (path.len < (is_abstract ? 2u : 1u) || path.len > room || memchr(path.at, 0, path.len))
        return -EINVAL;
    *out = (struct endpoint){.addr.un.sun_family = AF_UNIX};
    memcpy(out->addr.un.sun_path, path.at, path.len);
    if (is_abstract)
        out->addr.un.sun_path[0] = 0;
    out->len =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.len + (is_abstract ? 0 : 1));
    return 0;
}

static int parse_v4(struct gale_str host, in_port_t port, struct endpoint *out)
{
    char text[INET_ADDRSTRLEN];
    struct endpoint v4 = {.len = sizeof(v4.addr.v4)};
    v4.addr.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port};
    if (!str_equals(host, STR("*"))) {
        if (host.len >= sizeof(text) || memchr(host.at, 0, host.len))
            return -EINVAL;
        memcpy(text, host.at, host.len);
        text[host.len] = 0;
        if (inet_pton(AF_INET, text, &v4.addr.v4.sin_addr) != 1)
            return -EINVAL;
    }
    *out = v4;
    return 0;
}

static int parse_v6(struct gale_str host, in_port_t port, struct endpoint *out)
{
    char text[INET6_ADDRSTRLEN];
    struct endpoint v6 = {.len = sizeof(v6.addr.v6)};
    v6.addr.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = port};
    if (host.len >= sizeof(text) || memchr(host.at, 0, host.len))
        return -EINVAL;
    memcpy(text, host.at, host.len);
    text[host.len] = 0;
    if (inet_pton(AF_INET6, text, &v6.addr.v6.sin6_addr) != 1)
        return -EINVAL;
    *out = v6;
    return 0;
}

/* Cuts ":PORT" off the end of *text. */
static int cut_port(struct gale_str *text, in_port_t *out_port)
{
    const char *colon = text->len ? memrchr(text->at, ':', text->len) : NULL;
    if (!colon)
        return -EINVAL;
    struct gale_str digits = {colon + 1, text->len - (size_t)(colon + 1 - text->at)};
    uint64_t port = 0;
    if (digits.len > 5 || str_to_u64(digits, &port) < 0 || port > 65535)
        return -EINVAL;
    text->len = (size_t)(colon - text->at);
    *out_port = htons((uint16_t)port);
    return 0;
}

int endpoint_parse(struct gale_str text, struct endpoint *out_endpoint)
{
    in_port_t port = 0;
    struct gale_str scheme = STR("unix:");
    if (str_starts_with(text, scheme))
        return parse_unix((struct gale_str){text.at + scheme.len, text.len - scheme.len},
                          out_endpoint);
    int r = cut_port(&text, &port);
    if (r < 0)
        return r;
    if (text.len >= 2 && text.at[0] == '[' && text.at[text.len - 1] == ']')
        return parse_v6((struct gale_str){text.at + 1, text.len - 2}, port, out_endpoint);
    if (parse_v4(text, port, out_endpoint) == 0)
        return 0;
    return is_host_name(text) ? -ENOENT : -EINVAL;
}

/* The name of a unix socket: a path without its zero, or an abstract name with it in front. */
static struct gale_str unix_name(const struct endpoint *endpoint)
{
    size_t start = offsetof(struct sockaddr_un, sun_path);
    const char *path = endpoint->addr.un.sun_path;
    if (endpoint->len <= start)
        return STR("");
    size_t len = endpoint->len - start;
    if (len > sizeof(endpoint->addr.un.sun_path))
        len = sizeof(endpoint->addr.un.sun_path);
    return (struct gale_str){path, path[0] ? strnlen(path, len) : len};
}

static void print_unix(const struct endpoint *endpoint, char out[ENDPOINT_TEXT])
{
    struct gale_str name = unix_name(endpoint);
    int start = snprintf(out, ENDPOINT_TEXT, "unix:");
    for (size_t i = 0; i < name.len; i++)
        out[(size_t)start + i] = name.at[i] ? name.at[i] : '@';
    out[(size_t)start + name.len] = 0;
}

const char *endpoint_print(const struct endpoint *endpoint, char out[ENDPOINT_TEXT])
{
    char host[INET6_ADDRSTRLEN] = "*";
    switch (endpoint->addr.any.sa_family) {
    case AF_INET:
        if (endpoint->addr.v4.sin_addr.s_addr != htonl(INADDR_ANY))
            inet_ntop(AF_INET, &endpoint->addr.v4.sin_addr, host, sizeof(host));
        snprintf(out, ENDPOINT_TEXT, "%s:%u", host, (unsigned)ntohs(endpoint->addr.v4.sin_port));
        break;
    case AF_INET6:
        inet_ntop(AF_INET6, &endpoint->addr.v6.sin6_addr, host, sizeof(host));
        snprintf(out, ENDPOINT_TEXT, "[%s]:%u", host, (unsigned)ntohs(endpoint->addr.v6.sin6_port));
        break;
    case AF_UNIX:
        print_unix(endpoint, out);
        break;
    default:
        snprintf(out, ENDPOINT_TEXT, "unknown");
    }
    return out;
}

bool endpoint_equals(const struct endpoint *a, const struct endpoint *b)
{
    if (a->addr.any.sa_family != b->addr.any.sa_family)
        return false;
    switch (a->addr.any.sa_family) {
    case AF_INET:
        return a->addr.v4.sin_port == b->addr.v4.sin_port &&
               a->addr.v4.sin_addr.s_addr == b->addr.v4.sin_addr.s_addr;
    case AF_INET6:
        return a->addr.v6.sin6_port == b->addr.v6.sin6_port &&
               a->addr.v6.sin6_scope_id == b->addr.v6.sin6_scope_id &&
               IN6_ARE_ADDR_EQUAL(&a->addr.v6.sin6_addr, &b->addr.v6.sin6_addr);
    case AF_UNIX:
        return str_equals(unix_name(a), unix_name(b));
    default:
        return false;
    }
}

static bool is_any(const struct endpoint *endpoint)
{
    if (endpoint->addr.any.sa_family == AF_INET)
        return endpoint->addr.v4.sin_addr.s_addr == htonl(INADDR_ANY);
    return IN6_IS_ADDR_UNSPECIFIED(&endpoint->addr.v6.sin6_addr);
}

bool endpoint_overlaps(const struct endpoint *a, const struct endpoint *b)
{
    sa_family_t family = a->addr.any.sa_family;
    if (family != b->addr.any.sa_family)
        return false;
    if (family == AF_UNIX)
        return endpoint_equals(a, b);
    in_port_t port = a->addr.v4.sin_port; /* v6 has it at the same place */
    if (!port || port != b->addr.v4.sin_port)
        return false;
    return is_any(a) || is_any(b) || endpoint_equals(a, b);
}

/* FNV-1a. */
uint32_t endpoint_key(const struct endpoint *endpoint)
{
    const unsigned char *at = (const unsigned char *)&endpoint->addr;
    uint32_t h = 2166136261u;
    for (socklen_t i = 0; i < endpoint->len; i++)
        h = (h ^ at[i]) * 16777619u;
    return h ? h : 1;
}

/* An IPv4 peer of a dual-stack socket (an inherited one) is told by its IPv4 address. */
static void set_v6(struct peer *peer, const struct sockaddr_in6 *v6)
{
    if (!IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
        peer->v6 = *v6;
        return;
    }
    peer->v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = v6->sin6_port};
    memcpy(&peer->v4.sin_addr, &v6->sin6_addr.s6_addr[12], 4);
}

void peer_set(struct peer *peer, const struct endpoint *endpoint)
{
    *peer = (struct peer){0};
    switch (endpoint->addr.any.sa_family) {
    case AF_INET:
        peer->v4 = endpoint->addr.v4;
        break;
    case AF_INET6:
        set_v6(peer, &endpoint->addr.v6);
        break;
    default:
        peer->family = AF_UNIX;
    }
}

static char *print_byte(char *to, unsigned byte)
{
    if (byte >= 100)
        *to++ = (char)('0' + byte / 100);
    if (byte >= 10)
        *to++ = (char)('0' + byte / 10 % 10);
    *to++ = (char)('0' + byte % 10);
    return to;
}

/* Each line of an access log has one, and inet_ntop goes through printf: thirty times the work. */
static void print_v4(const struct in_addr *address, char *to)
{
    const unsigned char *bytes = (const unsigned char *)&address->s_addr;
    for (int i = 0; i < 4; i++) {
        to = print_byte(to, bytes[i]);
        *to++ = i < 3 ? '.' : 0;
    }
}

const char *peer_print(const struct peer *peer, char out[INET6_ADDRSTRLEN])
{
    switch (peer->family) {
    case AF_INET:
        print_v4(&peer->v4.sin_addr, out);
        break;
    case AF_INET6:
        inet_ntop(AF_INET6, &peer->v6.sin6_addr, out, INET6_ADDRSTRLEN);
        break;
    default:
        memcpy(out, "unix", 5);
    }
    return out;
}

bool peer_address(const struct peer *peer, uint8_t out[16])
{
    if (peer->family == AF_INET6) {
        memcpy(out, &peer->v6.sin6_addr, 16);
    } else if (peer->family == AF_INET) {
        memset(out, 0, 10);
        memset(out + 10, 0xff, 2);
        memcpy(out + 12, &peer->v4.sin_addr, 4);
    }
    return peer->family == AF_INET6 || peer->family == AF_INET;
}

unsigned peer_port(const struct peer *peer)
{
    if (peer->family == AF_INET)
        return ntohs(peer->v4.sin_port);
    return peer->family == AF_INET6 ? ntohs(peer->v6.sin6_port) : 0;
}
