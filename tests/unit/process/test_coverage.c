/* test_coverage.c - whose queues a worker empties, and when it stops to. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/board.h"
#include "base/clock.h"
#include "base/str.h"
#include "net/port_group.h"
#include "net/tcp_server.h"
#include "process/coverage.h"
#include "process/listeners.h"
#include "process/worker_arguments.h"
#include "unit.h"

enum { PLACES = 3, CLIENTS = 60 };

static struct ioloop *loop;
static struct board *board;
static int board_fd, accepted;
static struct tcp_server server;
static struct coverage coverage;
static struct endpoint endpoint;
static int sockets_of_master[PLACES];

static void on_stream(void *data, int fd, const struct peer *peer, const struct endpoint *local)
{
    (void)data;
    (void)peer;
    (void)local;
    accepted++;
    close(fd);
}

/* A worker of that place on the board, its heartbeat `age_ms` old. */
static struct board_slot *add_worker(unsigned place, enum board_state state, int64_t age_ms)
{
    struct board_slot *slot = board_slot(board, (unsigned)board_claim(board));
    slot->place = place;
    slot->state = state;
    slot->heartbeat_ms = clock_mono_ms() - age_ms;
    return slot;
}

static void open_all(void)
{
    struct worker_socket sockets[PLACES];
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    ck_assert_int_eq(board_create(&board, &board_fd), 0);
    ck_assert_int_eq(endpoint_parse(STR("127.0.0.1:0"), &endpoint), 0);
    for (int i = 0; i < PLACES; i++)
        ck_assert_int_ge(sockets_of_master[i] = port_group_bind(&endpoint), 0);
    for (int i = 0; i < PLACES; i++) {
        ck_assert_int_eq(port_group_listen(sockets_of_master[i], 256), 0);
        sockets[i] = (struct worker_socket){dup(sockets_of_master[i]), i};
    }
    accepted = 0;
    tcp_server_init(&server, loop, on_stream, NULL);
    coverage_init(&coverage, board, &server, 1, sockets, PLACES);
}

static void close_all(void)
{
    coverage_finish(&coverage);
    tcp_server_stop(&server);
    for (int i = 0; i < PLACES; i++)
        close(sockets_of_master[i]);
    ioloop_destroy(loop);
    board_detach(board);
    close(board_fd);
}

static void connect_all(void)
{
    for (int i = 0; i < CLIENTS; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        ck_assert_int_eq(connect(fd, &endpoint.addr.any, endpoint.len), 0);
        close(fd);
    }
}

static int queued(int place)
{
    return port_group_queued(sockets_of_master[place]);
}

/* Turns the loop until the queue of that place is (not) empty any more, or for a while. */
static void turn_for(int64_t ms)
{
    int64_t end = clock_mono_ms() + ms;
    while (clock_mono_ms() < end)
        ck_assert_int_eq(ioloop_turn(loop, 20), 0);
}

static void turn_until_empty(int place)
{
    int64_t end = clock_mono_ms() + 20000;
    while (queued(place) > 0 && clock_mono_ms() < end)
        ck_assert_int_eq(ioloop_turn(loop, 20), 0);
    ck_assert_int_eq(queued(place), 0);
}

START_TEST(knows_who_is_alive)
{
    open_all();
    int64_t now = clock_mono_ms();
    ck_assert(!coverage_is_alive(board, 0, now));
    add_worker(0, BOARD_STARTING, 0);
    add_worker(0, BOARD_READY, 0);
    add_worker(0, BOARD_DRAINING, 0);
    ck_assert(!coverage_is_alive(board, 0, now));
    struct board_slot *slot = add_worker(0, BOARD_SERVING, 0);
    ck_assert(coverage_is_alive(board, 0, now));
    ck_assert(!coverage_is_alive(board, 1, now));
    strcpy(slot->group, "shop"); /* an isolated app's worker accepts no clients */
    ck_assert(!coverage_is_alive(board, 0, now));
    slot->group[0] = 0;
    slot->heartbeat_ms = now - COVERAGE_STALE_MS - 1;
    ck_assert(!coverage_is_alive(board, 0, now));
    slot->heartbeat_ms = now - COVERAGE_STALE_MS;
    ck_assert(coverage_is_alive(board, 0, now));
    close_all();
}
END_TEST

START_TEST(watches_its_own_alone_while_all_are_alive)
{
    open_all();
    connect_all();
    int before = queued(0), mine = queued(1);
    ck_assert_int_gt(before, 0);
    ck_assert_uint_eq(coverage_queued(&coverage), CLIENTS);
    turn_for(50);
    ck_assert_int_eq(accepted, 0); /* it has not started */
    struct board_slot *slot = add_worker(0, BOARD_SERVING, 0);
    slot->heartbeat_ms = clock_mono_ms() + 3600 * 1000; /* stays fresh */
    coverage_start(&coverage);
    turn_until_empty(1);
    turn_until_empty(2); /* nobody is there */
    ck_assert_int_eq(queued(0), before);
    ck_assert_int_ge(accepted, mine);

    /* it stops to turn: its queue is taken over, and given back when it goes on */
    slot->heartbeat_ms = clock_mono_ms() - 60000;
    turn_until_empty(0);
    slot->heartbeat_ms = clock_mono_ms() + 3600 * 1000;
    turn_for(2 * COVERAGE_CHECK_MS + 50);
    connect_all();
    turn_until_empty(1);
    turn_for(50);
    ck_assert_int_gt(queued(0), 0);
    close_all();
}
END_TEST

START_TEST(closes_what_is_retired)
{
    open_all();
    coverage_start(&coverage);
    coverage_retire(&coverage, 2);
    coverage_retire(&coverage, 2);
    turn_for(2 * COVERAGE_CHECK_MS);
    /* the master's was the last one: nobody has the queue any more */
    port_group_close(sockets_of_master[2]);
    sockets_of_master[2] = dup(sockets_of_master[0]);
    connect_all();
    turn_until_empty(0);
    turn_until_empty(1);
    ck_assert_int_eq(accepted, CLIENTS);
    close_all();
}
END_TEST

START_TEST(shared_sockets_are_everybodys)
{
    open_all();
    struct worker_socket shared = {dup(sockets_of_master[0]), LISTENER_SHARED};
    struct coverage other;
    struct board_slot *slot = add_worker(0, BOARD_SERVING, 0);
    slot->heartbeat_ms = clock_mono_ms() + 3600 * 1000;
    coverage_init(&other, board, &server, 1, &shared, 1);
    connect_all();
    coverage_start(&other);
    turn_until_empty(0);
    coverage_retire(&other, 0); /* leaving places never take it along */
    connect_all();
    turn_until_empty(0);
    coverage_finish(&other);
    close_all();
}
END_TEST

UNIT_MAIN(knows_who_is_alive, watches_its_own_alone_while_all_are_alive, closes_what_is_retired,
          shared_sockets_are_everybodys)
