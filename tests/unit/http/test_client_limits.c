/* Who is one client, who is none, and what it may have. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include "base/board.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/str.h"
#include "http/client_limits.h"
#include "http/request.h"
#include "net/endpoint.h"

static struct forwarded_network trusted, excepted;
static struct forwarded_trust trust = {&trusted, 1};

/* Limits as a worker has them, which trusts 10.9.0.0/16 and makes an exception of 10.8.0.0/16. */
static struct client_limits open_limits(uint64_t connections)
{
    struct client_limits limits = {.connections = connections, .trust = &trust};
    log_set_fd(-1);
    ck_assert_int_eq(forwarded_network_parse(STR("10.9.0.0/16"), &trusted), 0);
    ck_assert_int_eq(forwarded_network_parse(STR("10.8.0.0/16"), &excepted), 0);
    limits.except = (struct forwarded_trust){&excepted, 1};
    ck_assert_int_eq(client_limits_open(&limits, -1, 0), 0);
    return limits;
}

static struct peer peer_of(const char *text)
{
    struct endpoint endpoint = {.len = sizeof(endpoint.addr)};
    struct peer peer;
    memset(&endpoint.addr, 0, sizeof(endpoint.addr));
    if (strcmp(text, "unix") == 0) {
        endpoint.addr.any.sa_family = AF_UNIX;
    } else if (inet_pton(AF_INET, text, &endpoint.addr.v4.sin_addr) == 1) {
        endpoint.addr.any.sa_family = AF_INET;
    } else {
        ck_assert_int_eq(inet_pton(AF_INET6, text, &endpoint.addr.v6.sin6_addr), 1);
        endpoint.addr.any.sa_family = AF_INET6;
    }
    peer_set(&peer, &endpoint);
    return peer;
}

static const struct {
    const char *first, *second;
    bool is_same, is_free; /* one client; not limited at all */
} clients[] = {
    {"192.0.2.1", "192.0.2.1", true, false},
    {"192.0.2.1", "192.0.2.2", false, false},
    {"192.0.2.1", "::ffff:192.0.2.1", true, false},
    {"2001:db8::1", "2001:db8::ffff:2", true, false},
    {"2001:db8::1", "2001:db8:0:1::1", false, false},
    {"2001:db8::1", "2001:db9::1", false, false},
    {"::1", "::2", true, false},
    {"0.0.0.1", "::1", false, false},
    {"unix", "unix", true, true},
    {"10.9.1.2", "10.9.1.2", true, true},
    {"10.8.1.2", "::ffff:10.8.1.2", true, true},
    {"10.7.1.2", "10.7.1.2", true, false},
};

START_TEST(connections_are_counted_by_client)
{
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        struct client_limits limits = open_limits(1);
        struct peer first = peer_of(clients[i].first), second = peer_of(clients[i].second);
        int held = client_limits_hold(&limits, &first);
        ck_assert_msg(clients[i].is_free ? held == 0 : held > 0, "row %zu: %d", i, held);
        int other = client_limits_hold(&limits, &second);
        bool is_refused = clients[i].is_same && !clients[i].is_free;
        ck_assert_msg(is_refused ? other == -EAGAIN : other >= 0, "row %zu: %d", i, other);
        client_limits_release(&limits, held);
        if (is_refused)
            ck_assert_int_gt(client_limits_hold(&limits, &second), 0);
        client_limits_close(&limits);
    }
}
END_TEST

START_TEST(what_is_there_already_is_never_refused)
{
    struct client_limits limits = open_limits(1);
    struct peer peer = peer_of("192.0.2.1");
    ck_assert_int_gt(client_limits_keep(&limits, &peer), 0);
    ck_assert_int_gt(client_limits_keep(&limits, &peer), 0);
    ck_assert_int_eq(client_limits_hold(&limits, &peer), -EAGAIN);
    client_limits_close(&limits);
}
END_TEST

START_TEST(without_that_limit_nothing_is_counted)
{
    struct client_limits limits = open_limits(0);
    struct peer peer = peer_of("192.0.2.1");
    ck_assert_int_eq(client_limits_hold(&limits, &peer), 0);
    client_limits_release(&limits, 0);
    client_limits_close(&limits);
}
END_TEST

static unsigned charge(struct client_limits *limits, const char *address, bool is_said)
{
    const struct rate_limit rate = {.interval_ns = 1500000000, .depth_ns = 1500000000};
    struct peer peer = peer_of(is_said ? "unix" : address);
    struct gale_request req = {.peer = str_of(address), .from = &peer};
    if (is_said) /* by a trusted proxy, or a web server in front */
        req.from = NULL;
    return client_limits_charge(limits, &req, &rate);
}

START_TEST(requests_are_counted_by_client)
{
    for (size_t i = 0; i < 2 * ARRAY_LEN(clients); i++) {
        struct client_limits limits = open_limits(0);
        size_t row = i / 2;
        bool is_said = i % 2;
        ck_assert_uint_eq(charge(&limits, clients[row].first, is_said), 0);
        unsigned wait = charge(&limits, clients[row].second, is_said);
        bool is_refused = clients[row].is_same && !clients[row].is_free;
        ck_assert_msg(is_refused ? wait == 2 : wait == 0, "row %zu: %u", row, wait);
        client_limits_close(&limits);
    }
}
END_TEST

START_TEST(refusals_are_counted)
{
    struct client_limits limits = open_limits(1);
    struct peer peer = peer_of("192.0.2.1");
    int64_t connections, requests;
    for (int i = 0; i < 3; i++)
        (void)client_limits_hold(&limits, &peer);
    for (int i = 0; i < 5; i++)
        (void)charge(&limits, "192.0.2.1", false);
    client_limits_refused(&connections, &requests);
    ck_assert_int_eq(connections, 2);
    ck_assert_int_eq(requests, 4);
    client_limits_close(&limits);
}
END_TEST

/* 70,000 clients are more than the table has room for. */
START_TEST(clients_without_room_are_let_through)
{
    struct client_limits limits = open_limits(1);
    for (unsigned i = 0; i < 70000; i++) {
        struct peer peer = {.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = i}};
        ck_assert_int_ge(client_limits_hold(&limits, &peer), 0);
    }
    ck_assert_int_gt(board_sum(limits.unknown), 30000);
    client_limits_close(&limits);
}
END_TEST

UNIT_MAIN(connections_are_counted_by_client, what_is_there_already_is_never_refused,
          without_that_limit_nothing_is_counted, requests_are_counted_by_client,
          refusals_are_counted, clients_without_room_are_let_through)
