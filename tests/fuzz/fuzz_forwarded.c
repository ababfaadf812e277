/* Any bytes are what proxies say of a client: nobody is believed who is not trusted, and what is
 * made of the rest is an address in its canonical text.
 *
 * Lines: the peer, X-Forwarded-For, X-Forwarded-Proto, and networks that are trusted. */
#include <arpa/inet.h>
#include <assert.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "http/forwarded.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NETWORKS = 8 };

static void check_address(const char *text)
{
    unsigned char binary[16];
    char again[INET6_ADDRSTRLEN];
    int family = strchr(text, ':') ? AF_INET6 : AF_INET;
    assert(inet_pton(family, text, binary) == 1);
    assert(inet_ntop(family, binary, again, sizeof(again)));
    assert(strcmp(again, text) == 0);
}

static void check(const struct forwarded_trust *trust, struct gale_str peer, struct gale_str chain,
                  struct gale_str scheme)
{
    struct arena arena;
    arena_init(&arena, NULL, 0);
    struct forwarded client = {arena_copy(&arena, peer.at, peer.len), STR("http")};
    forwarded_resolve(trust, chain, scheme, &arena, &client);
    assert(str_equals(client.scheme, STR("http")) || str_equals(client.scheme, STR("https")));
    bool is_new = !str_equals(client.address, peer);
    assert(forwarded_is_trusted(trust, peer) ||
           (!is_new && str_equals(client.scheme, STR("http"))));
    if (is_new)
        check_address(client.address.at);
    arena_finish(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gale_str rest = {(const char *)data, size};
    struct gale_str peer = str_cut(&rest, '\n'), chain = str_cut(&rest, '\n'),
                    scheme = str_cut(&rest, '\n');
    struct forwarded_network networks[NETWORKS];
    struct forwarded_trust trust = {networks, 0};
    while (rest.at && trust.count < NETWORKS)
        trust.count += forwarded_network_parse(str_cut(&rest, '\n'), &networks[trust.count]) == 0;
    check(&trust, peer, chain, scheme);
    check(&(struct forwarded_trust){networks, 0}, peer, chain, scheme);
    return 0;
}
