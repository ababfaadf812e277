/* client_limits.c - who is the client, is it limited, and what is said of refusals. */
#include "http/client_limits.h"

#include <errno.h>

#include "base/board.h"
#include "base/clients.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/request.h"
#include "net/endpoint.h"

enum { NOTE_MS = 10 * 1000 };

/* Labels, which name the keys of the configuration. */
#define CONNECTIONS "limit=\"limit_connections\""
#define REQUESTS    "limit=\"limit_rate\""

enum note { NOTE_CONNECTIONS, NOTE_REQUESTS, NOTE_UNKNOWN };

static int refused_metric(const char *labels)
{
    return board_metric(BOARD_COUNTER, "gale_limited_total", labels,
                        "Connections and requests refused because their client had enough.");
}

int client_limits_open(struct client_limits *limits, int board_fd, unsigned slot)
{
    int r = clients_open(board_fd, slot, &limits->clients);
    if (r < 0)
        return r;
    limits->refused_connections = refused_metric(CONNECTIONS);
    limits->refused_requests = refused_metric(REQUESTS);
    limits->unknown = board_metric(BOARD_COUNTER, "gale_unlimited_total", "",
                                   "Connections and requests let through uncounted, because the "
                                   "tables of clients had no room.");
    return 0;
}

void client_limits_close(struct client_limits *limits)
{
    clients_close(limits->clients);
    limits->clients = NULL;
}

void client_limits_refused(int64_t *out_connections, int64_t *out_requests)
{
    *out_connections = board_sum(refused_metric(CONNECTIONS));
    *out_requests = board_sum(refused_metric(REQUESTS));
}

/* ---- who it is ---- */

/* IPv4 addresses are told apart from IPv6 networks by bits that only multicast has, from where
 * nobody can ask. */
static uint64_t number_of(const uint8_t address[16])
{
    uint64_t number = 0;
    if (forwarded_is_ipv4(address)) {
        for (int i = 12; i < 16; i++)
            number = number << 8 | address[i];
        return number | UINT64_C(0xff) << 56;
    }
    for (int i = 0; i < 8; i++)
        number = number << 8 | address[i];
    return number;
}

static bool is_limited(const struct client_limits *limits, const uint8_t address[16])
{
    return !(limits->trust && forwarded_has(limits->trust, address)) &&
           !forwarded_has(&limits->except, address);
}

static bool find_peer(const struct client_limits *limits, const struct peer *peer,
                      uint64_t *out_number)
{
    uint8_t address[16];
    if (!peer_address(peer, address) || !is_limited(limits, address))
        return false;
    *out_number = number_of(address);
    return true;
}

static bool find_client(const struct client_limits *limits, const struct gale_request *req,
                        uint64_t *out_number)
{
    uint8_t address[16];
    if (req->from)
        return find_peer(limits, req->from, out_number);
    if (forwarded_parse(req->peer, address) < 0 || !is_limited(limits, address))
        return false;
    *out_number = number_of(address);
    return true;
}

/* ---- what is said ---- */

static void note_unknown(struct client_limits *limits)
{
    uint64_t count = clients_note(limits->clients, NOTE_UNKNOWN, clock_mono_ms(), NOTE_MS);
    board_add(limits->unknown, 1);
    if (count)
        log_warn("there are more clients than limits can tell apart; some are not limited",
                 LOG_NUMBER("refused", (int64_t)count));
}

static void note_connection(struct client_limits *limits, const struct peer *peer)
{
    char text[INET6_ADDRSTRLEN];
    uint64_t count = clients_note(limits->clients, NOTE_CONNECTIONS, clock_mono_ms(), NOTE_MS);
    board_add(limits->refused_connections, 1);
    if (count)
        log_warn("connections are refused: a client has as many as limit_connections allows",
                 LOG_TEXT("client", peer_print(peer, text)), LOG_NUMBER("refused", (int64_t)count));
}

static void note_request(struct client_limits *limits, const struct gale_request *req)
{
    uint64_t count = clients_note(limits->clients, NOTE_REQUESTS, clock_mono_ms(), NOTE_MS);
    board_add(limits->refused_requests, 1);
    if (count)
        log_warn("requests are refused: a client asks faster than limit_rate allows",
                 LOG_STR("client", gale_request_peer(req)), LOG_STR("request", req->head.target),
                 LOG_NUMBER("refused", (int64_t)count));
}

/* ---- connections ---- */

static int hold(struct client_limits *limits, const struct peer *peer, uint64_t max)
{
    uint64_t number;
    if (!limits->connections || !find_peer(limits, peer, &number))
        return 0;
    int place = clients_hold(limits->clients, number, max);
    if (place >= 0)
        return place + 1;
    if (place == -ENOSPC) {
        note_unknown(limits);
        return 0;
    }
    note_connection(limits, peer);
    return place;
}

int client_limits_hold(struct client_limits *limits, const struct peer *peer)
{
    return hold(limits, peer, limits->connections);
}

int client_limits_keep(struct client_limits *limits, const struct peer *peer)
{
    return hold(limits, peer, UINT64_MAX);
}

void client_limits_release(struct client_limits *limits, int held)
{
    if (held > 0)
        clients_release(limits->clients, held - 1);
}

/* ---- requests ---- */

unsigned client_limits_charge(struct client_limits *limits, const struct gale_request *req,
                              const struct rate_limit *rate)
{
    uint64_t number;
    if (!rate->interval_ns || !find_client(limits, req, &number))
        return 0;
    int64_t wait_ns = clients_take(limits->clients, number, rate, clock_mono_ns());
    if (wait_ns == 0)
        return 0;
    if (wait_ns < 0) {
        note_unknown(limits);
        return 0;
    }
    note_request(limits, req);
    return (unsigned)((wait_ns + 999999999) / 1000000000);
}
