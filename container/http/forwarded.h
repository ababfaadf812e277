/* forwarded.h - who the client is behind proxies that may be believed. Pure.
 *
 *   X-Forwarded-For: 6.6.6.6, 9.9.9.9, 10.0.0.7        peer 10.0.0.1, trusted 10.0.0.0/8
 *                    forged   client   proxy  <- walk <- peer
 *
 * Each proxy appends whom it was spoken to by, so the walk begins at the peer and goes left as long
 * as the address is trusted. The first one that is not is the client; what stands left of it, it
 * may have made up. X-Forwarded-For of several fields is joined with commas by the caller. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <gale/str.h>

struct arena;

/* One entry of trusted_proxies. IPv4 is kept as ::ffff:a.b.c.d, and so are mapped peers. */
struct forwarded_network {
    uint8_t address[16];
    unsigned bits; /* of the 128 */
    bool is_ipv4;
    bool is_unix; /* any peer on a unix socket */
};

struct forwarded_trust {
    const struct forwarded_network *networks;
    size_t count;
};

/* Reads "10.0.0.0/8", "::1" or "unix"; bits behind the prefix do not matter, and "::/0" holds no
 * IPv4. Returns 0 or -EINVAL. */
int forwarded_network_parse(struct gale_str text, struct forwarded_network *out_network);

/* Reads an address as 16 bytes, IPv4 in its mapped form. Returns 0 or -EINVAL. */
int forwarded_parse(struct gale_str text, uint8_t out_address[16]);
bool forwarded_is_ipv4(const uint8_t address[16]);
/* Whether one of the networks has the address. */
bool forwarded_has(const struct forwarded_trust *trust, const uint8_t address[16]);

/* Whether one who speaks from that address ("192.0.2.1", "unix") may be believed. */
bool forwarded_is_trusted(const struct forwarded_trust *trust, struct gale_str address);

struct forwarded {
    struct gale_str address; /* "192.0.2.1", "2001:db8::1"; "unix" for a peer on such a socket */
    struct gale_str scheme;  /* "http" or "https" */
};

/* Corrects *client, which comes as the connection has it. Without trust in the peer nothing
 * changes. The address becomes the canonical text of the leftmost one that can be believed, on the
 * arena; an entry that is no address ends the walk. The scheme is the last of X-Forwarded-Proto,
 * which the nearest proxy wrote, if it is http or https. Fields with at == NULL are not there. */
void forwarded_resolve(const struct forwarded_trust *trust, struct gale_str x_forwarded_for,
                       struct gale_str x_forwarded_proto, struct arena *arena,
                       struct forwarded *client);
