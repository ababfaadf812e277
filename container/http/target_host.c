/* target_host.c - the host and port that a Host field or an absolute target names. */
#include "http/target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "http/http_token.h"

/* Where a host and its port stand in the text. */
struct authority {
    struct gale_str host; /* without final dot */
    struct gale_str port; /* the digits */
};

/* "[...]": only IPv6, no zone, no address of a version yet to come. */
static bool is_ipv6(struct gale_str host)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (host.len < 4 || host.len - 2 >= sizeof(text) || host.at[host.len - 1] != ']')
        return false;
    memcpy(text, host.at + 1, host.len - 2);
    text[host.len - 2] = 0;
    return !memchr(text, 0, host.len - 2) && inet_pton(AF_INET6, text, &address) == 1;
}

static bool is_name(struct gale_str host)
{
    for (size_t i = 0; i < host.len; i++)
        if (!http_is_byte(host.at[i], HTTP_BYTE_HOST))
            return false;
    return host.len > 0;
}

static bool is_port(struct gale_str digits, unsigned *out_port)
{
    uint64_t port = 0;
    if (digits.len && (str_to_u64(digits, &port) < 0 || port < 1 || port > 65535))
        return false;
    *out_port = (unsigned)port;
    return true;
}

/* Splits at the colon before the port: the first one after a bracket's end, if there is one. */
static struct authority split(struct gale_str text)
{
    struct authority parts = {.host = text, .port = {"", 0}};
    const char *bracket = text.len && text.at[0] == '[' ? str_find(text, ']') : NULL;
    size_t skip = bracket ? (size_t)(bracket - text.at) : 0;
    const char *colon = str_find((struct gale_str){text.at + skip, text.len - skip}, ':');
    if (colon) {
        parts.host.len = (size_t)(colon - text.at);
        parts.port = (struct gale_str){colon + 1, text.len - parts.host.len - 1};
    }
    if (!bracket && str_ends_with(parts.host, STR(".")))
        parts.host.len--;
    return parts;
}

static bool read_host(struct gale_str text, struct gale_str *out_host, unsigned *out_port)
{
    struct authority parts = split(text);
    bool is_good =
        str_starts_with(parts.host, STR("[")) ? is_ipv6(parts.host) : is_name(parts.host);
    *out_host = parts.host;
    return is_good && is_port(parts.port, out_port);
}

bool target_is_host(struct gale_str text)
{
    struct gale_str host;
    unsigned port;
    return read_host(text, &host, &port);
}

int target_parse_host(struct gale_str text, struct arena *arena, struct gale_str *out_host,
                      unsigned *out_port)
{
    struct gale_str host;
    unsigned port;
    if (!read_host(text, &host, &port))
        return -EINVAL;
    char *copy = (char *)arena_copy(arena, host.at, host.len).at;
    for (size_t i = 0; i < host.len; i++)
        if (copy[i] >= 'A' && copy[i] <= 'Z')
            copy[i] |= 0x20;
    *out_host = (struct gale_str){copy, host.len};
    *out_port = port;
    return 0;
}
