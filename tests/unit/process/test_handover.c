/* test_handover.c - both ends in one process: what is taken, refused, put off, and taken back. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gale/gale.h>
#include "base/board.h"
#include "base/log.h"
#include "base/macros.h"
#include "http/http_handover.h"
#include "http/http_server.h"
#include "net/message_socket.h"
#include "process/handover.h"
#include "unit.h"

enum { CLIENTS = 400, TURNS = 2000 };

static struct ioloop *loop;
static struct http_settings settings;
static struct http_server old, fresh;
static struct giver giver;
static struct taker taker;
static int clients[CLIENTS], pair[2];
static const struct endpoint place = {.len = sizeof(sa_family_t), .addr.any.sa_family = AF_UNIX};
static uint32_t unknown;

static int app(void *data, struct gale_request *req, struct gale_response *res)
{
    (void)req;
    return gale_reply(res, 200, "text/plain", "%s", (const char *)data);
}

static bool listens(void *data, uint32_t listener)
{
    (void)data;
    return listener != unknown;
}

static void open_clients(void)
{
    for (int i = 0; i < CLIENTS; i++) {
        int ends[2];
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends),
                         0);
        http_server_accept(&old, ends[0], &(struct peer){.family = AF_UNIX}, &place);
        clients[i] = ends[1];
    }
}

static void set_up(void)
{
    struct rlimit limit = {4096, 4096};
    log_set_fd(-1);
    unknown = 0;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    http_settings_init(&settings);
    http_server_init(&old, loop, &settings, app, (void *)"old");
    http_server_init(&fresh, loop, &settings, app, (void *)"fresh");
    giver_init(&giver, &old);
    taker_init(&taker, &fresh, listens, NULL);
    ck_assert_int_eq(message_socket_pair(pair), 0);
    open_clients();
}

static void join(void)
{
    giver_open(&giver, pair[0]);
    taker_open(&taker, pair[1]);
    http_server_drain(&old);
}

static void tear_down(void)
{
    giver_close(&giver);
    taker_close(&taker);
    (void)http_server_close(&old);
    (void)http_server_close(&fresh);
    ck_assert(http_server_is_empty(&old));
    ck_assert(http_server_is_empty(&fresh));
    for (int i = 0; i < CLIENTS; i++)
        close(clients[i]);
    ioloop_destroy(loop);
}

/* Lets the loop run until that many are at the successor. */
static bool has_moved(size_t count)
{
    for (int i = 0; i < TURNS; i++) {
        if (fresh.connection_count == count && old.connection_count == CLIENTS - count)
            return true;
        ioloop_turn(loop, 1);
        giver_pump(&giver);
    }
    return false;
}

/* Who answers the client; NULL: nobody does, it was closed. */
static const char *ask(int client)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    static char text[1024];
    if (send(client, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0)
        return NULL;
    for (int i = 0; i < TURNS; i++) {
        ioloop_turn(loop, 1);
        ssize_t n = recv(client, text, sizeof(text) - 1, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            return NULL;
        if (n < 0)
            continue;
        text[n] = 0;
        return strstr(text, "\r\n\r\n") + 4;
    }
    return NULL;
}

START_TEST(all_move)
{
    set_up();
    join();
    ck_assert(has_moved(CLIENTS));
    for (int i = 0; i < CLIENTS; i += 37)
        ck_assert_str_eq(ask(clients[i]), "fresh");
    tear_down();
}
END_TEST

START_TEST(no_more_at_once_than_allowed)
{
    set_up();
    join();
    size_t before = 0;
    for (int i = 0; i < TURNS && fresh.connection_count < CLIENTS; i++) {
        ioloop_turn(loop, 1);
        ck_assert_uint_le(fresh.connection_count - before, HANDOVER_A_TURN);
        before = fresh.connection_count;
    }
    ck_assert_uint_eq(before, CLIENTS);
    tear_down();
}
END_TEST

START_TEST(what_is_not_served_there_stays)
{
    set_up();
    unknown = endpoint_key(&place);
    join();
    ck_assert(!has_moved(1));
    ck_assert_uint_eq(old.connection_count, CLIENTS);
    ck_assert_str_eq(ask(clients[7]), "old");
    tear_down();
}
END_TEST

START_TEST(what_finds_no_room_waits_for_it)
{
    set_up();
    fresh.tcp.gauge = board_metric(BOARD_GAUGE, "room", "", "For the test.");
    fresh.tcp.max_connections = 1000;
    for (int i = 0; i < 1001; i++)
        (void)board_hold(fresh.tcp.gauge, UINT64_MAX);
    join();
    ck_assert(!has_moved(1));
    board_release(fresh.tcp.gauge);
    /* one of those that are counted is the one that moves */
    for (int i = 0; i < CLIENTS; i++)
        board_release(fresh.tcp.gauge);
    ck_assert(has_moved(CLIENTS));
    ck_assert_int_eq(board_sum(fresh.tcp.gauge), 1000);
    tear_down();
}
END_TEST

START_TEST(descriptors_are_kept_for_serving)
{
    set_up();
    /* clients, and their ends here, are open already */
    struct rlimit limit = {2 * CLIENTS + 30, 4096};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    join();
    for (int i = 0; i < 5; i++)
        ioloop_turn(loop, 1);
    ck_assert_uint_lt(fresh.connection_count, CLIENTS); /* some, into what others have closed */
    ck_assert_uint_eq(old.connection_count + fresh.connection_count, CLIENTS);
    limit.rlim_cur = 4096;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert(has_moved(CLIENTS));
    tear_down();
}
END_TEST

/* Whatever the moment, each connection is somebody's. */
START_TEST(a_taker_that_goes_loses_nothing)
{
    for (int turns = 0; turns < 6; turns++) {
        set_up();
        join();
        for (int i = 0; i < turns; i++)
            ioloop_turn(loop, 1);
        taker_close(&taker);
        for (int i = 0; i < 20; i++)
            ioloop_turn(loop, 1);
        ck_assert(!giver_is_open(&giver));
        ck_assert_uint_eq(old.connection_count + fresh.connection_count, CLIENTS);
        for (int i = 0; i < CLIENTS; i += 53)
            ck_assert_ptr_nonnull(ask(clients[i]));
        tear_down();
    }
}
END_TEST

START_TEST(another_taker_takes_the_rest)
{
    int second[2];
    set_up();
    join();
    ioloop_turn(loop, 1);
    ck_assert_int_eq(message_socket_pair(second), 0);
    giver_open(&giver, second[0]);
    taker_open(&taker, second[1]);
    ck_assert(has_moved(CLIENTS));
    tear_down();
}
END_TEST

START_TEST(nonsense_ends_it)
{
    static const char text[] = "nonsense";
    struct iovec iov = {(void *)text, sizeof(text)};
    set_up();
    ck_assert_int_eq(message_socket_send(pair[1], &iov, 1, clients, 3), 0);
    giver_open(&giver, pair[0]);
    ioloop_turn(loop, 1);
    ck_assert(!giver_is_open(&giver));
    close(pair[1]);

    ck_assert_int_eq(message_socket_pair(pair), 0);
    ck_assert_int_eq(message_socket_send(pair[0], &iov, 1, clients, 3), 0);
    taker_open(&taker, pair[1]);
    for (int i = 0; i < 5; i++)
        ioloop_turn(loop, 1);
    ck_assert(list_is_empty(&taker.sources));
    close(pair[0]);
    tear_down();
}
END_TEST

/* The message as a giver lays it out, of one connection, with three. */
START_TEST(more_descriptors_than_connections_are_nonsense)
{
    static char message[sizeof(uint64_t) + HANDOVER_BATCH * sizeof(struct http_parcel)];
    struct iovec iov = {message, sizeof(message)};
    int pipes[2];
    message[0] = 1;
    set_up();
    ck_assert_int_eq(pipe(pipes), 0);
    ck_assert_int_eq(
        message_socket_send(pair[0], &iov, 1, (int[]){pipes[1], pipes[1], pipes[1]}, 3), 0);
    close(pipes[1]);
    taker_open(&taker, pair[1]);
    for (int i = 0; i < 5; i++)
        ioloop_turn(loop, 1);
    ck_assert(list_is_empty(&taker.sources));
    ck_assert_int_eq(read(pipes[0], message, 1), 0); /* nobody holds the other end */
    close(pipes[0]);
    close(pair[0]);
    tear_down();
}
END_TEST

UNIT_MAIN(all_move, no_more_at_once_than_allowed, what_is_not_served_there_stays,
          what_finds_no_room_waits_for_it, descriptors_are_kept_for_serving,
          a_taker_that_goes_loses_nothing, another_taker_takes_the_rest, nonsense_ends_it,
          more_descriptors_than_connections_are_nonsense)
