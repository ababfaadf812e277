/* forwarded.c - addresses are compared as 128 bits, IPv4 in its mapped form. */
#include "http/forwarded.h"

#include <arpa/inet.h>
#include <errno.h>

#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"
#include "http/target.h"

static const uint8_t MAPPED[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool forwarded_is_ipv4(const uint8_t address[16])
{
    return memcmp(address, MAPPED, sizeof(MAPPED)) == 0;
}

int forwarded_parse(struct gale_str text, uint8_t out_address[16])
{
    char copy[INET6_ADDRSTRLEN];
    if (!text.len || text.len >= sizeof(copy) || str_find(text, 0))
        return -EINVAL;
    memcpy(copy, text.at, text.len);
    copy[text.len] = 0;
    if (inet_pton(AF_INET6, copy, out_address) == 1)
        return 0;
    if (inet_pton(AF_INET, copy, out_address + sizeof(MAPPED)) != 1)
        return -EINVAL;
    memcpy(out_address, MAPPED, sizeof(MAPPED));
    return 0;
}

/* An entry of X-Forwarded-For. Some proxies add a port, "192.0.2.1:80" or "[2001:db8::1]:80". */
static int parse_entry(struct gale_str text, struct arena *arena, uint8_t out_address[16])
{
    struct gale_str host;
    unsigned port;
    if (forwarded_parse(text, out_address) == 0)
        return 0;
    if (target_parse_host(text, arena, &host, &port) < 0)
        return -EINVAL;
    if (str_starts_with(host, STR("[")))
        host = (struct gale_str){host.at + 1, host.len - 2};
    return forwarded_parse(host, out_address);
}

static struct gale_str address_text(struct arena *arena, const uint8_t address[16])
{
    char text[INET6_ADDRSTRLEN];
    if (forwarded_is_ipv4(address))
        inet_ntop(AF_INET, address + sizeof(MAPPED), text, sizeof(text));
    else
        inet_ntop(AF_INET6, address, text, sizeof(text));
    return arena_copy(arena, text, strlen(text));
}

int forwarded_network_parse(struct gale_str text, struct forwarded_network *out_network)
{
    struct forwarded_network network = {.is_unix = str_equals(text, STR("unix"))};
    struct gale_str prefix = text, address = str_cut(&prefix, '/');
    uint64_t max = str_find(address, ':') ? 128 : 32, bits = max;
    if (!network.is_unix && forwarded_parse(address, network.address) < 0)
        return -EINVAL;
    if (prefix.at && (prefix.len > 3 || str_to_u64(prefix, &bits) < 0 || bits > max))
        return -EINVAL;
    network.bits = (unsigned)(128 - max + bits);
    network.is_ipv4 = forwarded_is_ipv4(network.address) && network.bits >= 96;
    *out_network = network;
    return 0;
}

static bool has_address(const struct forwarded_network *network, const uint8_t address[16])
{
    size_t bytes = network->bits / 8, bits = network->bits % 8;
    if (network->is_unix || network->is_ipv4 != forwarded_is_ipv4(address) ||
        memcmp(network->address, address, bytes) != 0)
        return false;
    return bits == 0 || (network->address[bytes] ^ address[bytes]) >> (8 - bits) == 0;
}

bool forwarded_has(const struct forwarded_trust *trust, const uint8_t address[16])
{
    for (size_t i = 0; i < trust->count; i++)
        if (has_address(&trust->networks[i], address))
            return true;
    return false;
}

static bool trusts_unix(const struct forwarded_trust *trust)
{
    for (size_t i = 0; i < trust->count; i++)
        if (trust->networks[i].is_unix)
            return true;
    return false;
}

bool forwarded_is_trusted(const struct forwarded_trust *trust, struct gale_str address)
{
    uint8_t bytes[16];
    if (str_equals(address, STR("unix")))
        return trusts_unix(trust);
    return forwarded_parse(address, bytes) == 0 && forwarded_has(trust, bytes);
}

/* Cuts the last element off a list, trimmed; with the first one *rest becomes at == NULL. */
static struct gale_str cut_last(struct gale_str *rest)
{
    size_t start = rest->len;
    while (start > 0 && rest->at[start - 1] != ',')
        start--;
    struct gale_str last = {rest->at + start, rest->len - start};
    *rest = start ? (struct gale_str){rest->at, start - 1} : (struct gale_str){NULL, 0};
    return str_trim(last);
}

static void resolve_address(const struct forwarded_trust *trust, struct gale_str field,
                            struct arena *arena, struct forwarded *client)
{
    uint8_t address[16], entry[16];
    bool is_found = false, is_trusted = true;
    while (field.at && is_trusted && parse_entry(cut_last(&field), arena, entry) == 0) {
        memcpy(address, entry, sizeof(address));
        is_found = true;
        is_trusted = forwarded_has(trust, address);
    }
    if (is_found)
        client->address = address_text(arena, address);
}

static void resolve_scheme(struct gale_str field, struct forwarded *client)
{
    static const struct gale_str schemes[] = {STR("http"), STR("https")};
    struct gale_str scheme = field.at ? cut_last(&field) : STR("");
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
        if (str_equals_nocase(scheme, schemes[i]))
            client->scheme = schemes[i];
}

void forwarded_resolve(const struct forwarded_trust *trust, struct gale_str x_forwarded_for,
                       struct gale_str x_forwarded_proto, struct arena *arena,
                       struct forwarded *client)
{
    if (!trust || !forwarded_is_trusted(trust, client->address))
        return;
    resolve_address(trust, x_forwarded_for, arena, client);
    resolve_scheme(x_forwarded_proto, client);
}
