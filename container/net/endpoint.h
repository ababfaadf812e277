/* endpoint.h - socket addresses as people write them.
 *
 *   127.0.0.1:8080   [::1]:8080   *:8080   localhost:8080   unix:/run/app.sock   unix:@abstract
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <gale/str.h>

struct endpoint {
    socklen_t len;
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un un;
    } addr;
};

/* A peer, kept small in every connection: an unnamed unix peer has family AF_UNIX alone. */
struct peer {
    union {
        sa_family_t family;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
};

enum { ENDPOINT_TEXT = 128 };

/* Reads an address without asking anybody: numbers, `*` (every IPv4 address; [::] for IPv6) and
 * unix paths. Returns 0; -EINVAL for what is no address; -ENOENT for a host name, which
 * tcp_client and configuration reading resolve. */
int endpoint_parse(struct gale_str text, struct endpoint *out_endpoint);
/* Writes it as above; returns out. */
const char *endpoint_print(const struct endpoint *endpoint, char out[ENDPOINT_TEXT]);
bool endpoint_equals(const struct endpoint *a, const struct endpoint *b);
/* A number that two processes give to the same address, and seldom to two; never 0. */
uint32_t endpoint_key(const struct endpoint *endpoint);

/* Whether one listening there leaves no room for another: the same port of the same family, and an
 * address that is the same or covers the other. */
bool endpoint_overlaps(const struct endpoint *a, const struct endpoint *b);

void peer_set(struct peer *peer, const struct endpoint *endpoint);
/* The address alone ("127.0.0.1", "::1", "unix"); the port is 0 for unix peers. Returns out. */
const char *peer_print(const struct peer *peer, char out[INET6_ADDRSTRLEN]);
/* The address as 16 bytes, IPv4 in its mapped form; false for unix peers. */
bool peer_address(const struct peer *peer, uint8_t out[16]);
unsigned peer_port(const struct peer *peer);
