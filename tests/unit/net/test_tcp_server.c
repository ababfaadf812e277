/* Accepting: many at once, stopping in the midst of it, too many, and no descriptors left. */
#include "net_fixture.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/un.h>
#include "base/board.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/endpoint.h"
#include "net/tcp_server.h"

enum { CLIENTS_MAX = 3000 };

static const char *const pollers[] = {"epoll", "poll", "select"};

static struct ioloop *loop;
static struct tcp_server server;
static struct endpoint at;
static int accepted[CLIENTS_MAX], accepts;
static int clients[CLIENTS_MAX], connects;
static struct peer last_peer;
static struct endpoint last_local;

static void keep_stream(void *data, int fd, const struct peer *peer, const struct endpoint *local)
{
    ck_assert_ptr_eq(data, &server);
    accepted[accepts++] = fd;
    last_peer = *peer;
    last_local = *local;
}

static int listen_on(const char *text, int backlog)
{
    struct endpoint name = {.len = sizeof(name.addr)};
    ck_assert_int_eq(endpoint_parse(str_of(text), &at), 0);
    int fd = tcp_listen(&at, false, 0, backlog);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(getsockname(fd, &name.addr.any, &name.len), 0);
    at = name;
    return fd;
}

static struct tcp_listener *start(const char *poller, const char *text)
{
    accepts = connects = 0;
    loop = open_loop(poller);
    tcp_server_init(&server, loop, keep_stream, &server);
    return tcp_server_add(&server, listen_on(text, 4096), true);
}

static void close_all(int fds[], int *n)
{
    while (*n > 0)
        close(fds[--*n]);
}

static void finish(void)
{
    tcp_server_stop(&server);
    tcp_server_stop(&server); /* twice is fine */
    close_all(accepted, &accepts);
    close_all(clients, &connects);
    ioloop_destroy(loop);
}

static void connect_some(int n)
{
    while (n-- > 0) {
        int fd = socket(at.addr.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(connect(fd, &at.addr.any, at.len), 0);
        clients[connects++] = fd;
    }
}

static void turn_until_accepted(int n)
{
    for (int i = 0; i < 2000 && accepts < n; i++)
        ck_assert_int_eq(ioloop_turn(loop, 20), 0);
    ck_assert_int_eq(accepts, n);
}

START_TEST(accepts_on_every_family)
{
    static const char *const texts[] = {"127.0.0.1:0", "[::1]:0", "unix:@gale-test-accept"};
    static const char *const peers[] = {"127.0.0.1", "::1", "unix"};
    for (size_t i = 0; i < ARRAY_LEN(texts) * ARRAY_LEN(pollers); i++) {
        char out[INET6_ADDRSTRLEN];
        struct tcp_listener *listener = start(pollers[i / 3], texts[i % 3]);
        connect_some(20);
        run_turns(loop, 1);
        ck_assert_int_eq(accepts, 16); /* a turn's share */
        turn_until_accepted(20);
        ck_assert_str_eq(peer_print(&last_peer, out), peers[i % 3]);
        ck_assert(endpoint_equals(&last_local, &at));
        ck_assert(endpoint_equals(&listener->local, &at));
        ck_assert(fcntl(accepted[0], F_GETFL) & O_NONBLOCK);
        ck_assert(fcntl(accepted[0], F_GETFD) & FD_CLOEXEC);
        if (at.addr.any.sa_family != AF_UNIX) {
            int no_delay = 0;
            socklen_t len = sizeof(no_delay);
            getsockopt(accepted[0], IPPROTO_TCP, TCP_NODELAY, &no_delay, &len);
            ck_assert_int_eq(no_delay, 1); /* inherited from the listener */
            struct endpoint own = {.len = sizeof(own.addr)};
            getsockname(clients[connects - 1], &own.addr.any, &own.len);
            ck_assert_uint_eq(peer_port(&last_peer), ntohs(own.addr.v4.sin_port));
        }
        finish();
    }
}
END_TEST

START_TEST(accepts_thousands)
{
    start("epoll", "127.0.0.1:0");
    for (int round = 0; round < 3; round++) {
        connect_some(1000);
        turn_until_accepted(1000 * (round + 1));
    }
    finish();
    start("poll", "unix:@gale-test-many");
    connect_some(2000);
    turn_until_accepted(2000);
    finish();
}
END_TEST

/* ---- stopping ---- */

static void watch_all(bool watched)
{
    list_each (&server.listeners, link)
        tcp_listener_watch(container_of(link, struct tcp_listener, link), watched);
}

static struct tcp_listener *the_listener;

static void unwatch_in_call(void *data, int fd, const struct peer *peer,
                            const struct endpoint *local)
{
    keep_stream(data, fd, peer, local);
    if (accepts == 3)
        tcp_listener_watch(the_listener, false);
}

static void stop_in_call(void *data, int fd, const struct peer *peer, const struct endpoint *local)
{
    keep_stream(data, fd, peer, local);
    if (accepts == 3)
        tcp_server_stop(&server);
}

static void close_in_call(void *data, int fd, const struct peer *peer, const struct endpoint *local)
{
    keep_stream(data, fd, peer, local);
    if (accepts == 3)
        tcp_listener_close(the_listener);
}

START_TEST(closes_one_listener_of_several)
{
    the_listener = start("epoll", "127.0.0.1:0");
    struct endpoint second;
    ck_assert_int_eq(endpoint_parse(STR("127.0.0.2:0"), &second), 0);
    struct tcp_listener *other = tcp_server_add(&server, tcp_listen(&second, false, 0, 16), true);
    server.on_stream = close_in_call;
    connect_some(10);
    run_turns(loop, 5);
    ck_assert_int_eq(accepts, 3);
    ck_assert_ptr_eq(server.listeners.next, &other->link);
    at = other->local;
    connect_some(4);
    turn_until_accepted(7);
    tcp_listener_close(other);
    ck_assert(list_is_empty(&server.listeners));
    finish();
}
END_TEST

START_TEST(stops_in_the_midst_of_accepting)
{
    for (size_t i = 0; i < ARRAY_LEN(pollers); i++) {
        the_listener = start(pollers[i], "127.0.0.1:0");
        server.on_stream = unwatch_in_call;
        connect_some(40);
        run_turns(loop, 5);
        ck_assert_int_eq(accepts, 3);
        ck_assert(!the_listener->is_watched);
        server.on_stream = stop_in_call;
        close_all(accepted, &accepts);
        watch_all(true);
        run_turns(loop, 5);
        ck_assert_int_eq(accepts, 3);
        ck_assert(list_is_empty(&server.listeners));
        finish();
    }
}
END_TEST

static void hold_in_call(void *data, int fd, const struct peer *peer, const struct endpoint *local)
{
    keep_stream(data, fd, peer, local);
    tcp_server_suspend(&server, true);
}

START_TEST(held_it_takes_one_at_a_time)
{
    for (size_t i = 0; i < ARRAY_LEN(pollers); i++) {
        start(pollers[i], "unix:@gale-test-held");
        server.on_stream = hold_in_call;
        connect_some(3);
        for (int taken = 1; taken <= 3; taken++) {
            run_turns(loop, 5);
            ck_assert_int_eq(accepts, taken);
            watch_all(true); /* whoever watches has no say in it */
            run_turns(loop, 2);
            ck_assert_int_eq(accepts, taken);
            tcp_server_suspend(&server, false);
        }
        finish();
    }
}
END_TEST

START_TEST(watches_only_when_told)
{
    struct tcp_listener *listener = start("epoll", "127.0.0.1:0");
    struct endpoint first = at;
    struct tcp_listener *second = tcp_server_add(&server, listen_on("127.0.0.1:0", 16), false);
    ck_assert(!second->is_watched);
    connect_some(1);
    run_turns(loop, 3);
    ck_assert_int_eq(accepts, 0);
    tcp_listener_watch(second, true);
    turn_until_accepted(1);
    ck_assert(endpoint_equals(&last_local, &second->local));
    watch_all(false);
    at = first;
    connect_some(1);
    run_turns(loop, 3);
    ck_assert_int_eq(accepts, 1);
    watch_all(true);
    turn_until_accepted(2);
    ck_assert(endpoint_equals(&last_local, &listener->local));
    finish();
}
END_TEST

START_TEST(accepts_what_others_share)
{
    for (size_t i = 0; i < ARRAY_LEN(pollers); i++) {
        struct tcp_listener *listener = start(pollers[i], "unix:@gale-test-shared");
        tcp_listener_watch(listener, false);
        listener->is_shared = true;
        tcp_listener_look(listener); /* does not begin to watch */
        connect_some(2);
        run_turns(loop, 2);
        ck_assert_int_eq(accepts, 0);
        tcp_listener_watch(listener, true);
        turn_until_accepted(2);
        tcp_listener_look(listener);
        connect_some(20);
        turn_until_accepted(22);
        tcp_listener_watch(listener, false);
        connect_some(1);
        run_turns(loop, 2);
        ck_assert_int_eq(accepts, 22);
        finish();
    }
}
END_TEST

START_TEST(takes_a_blocking_listener)
{
    accepts = connects = 0;
    loop = open_loop("epoll");
    tcp_server_init(&server, loop, keep_stream, &server);
    int fd = listen_on("127.0.0.1:0", 16);
    ck_assert_int_eq(fcntl(fd, F_SETFL, 0), 0);
    tcp_server_add(&server, fd, true);
    connect_some(1);
    turn_until_accepted(1);
    finish();
}
END_TEST

START_TEST(skips_connections_that_died_in_the_backlog)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    start("epoll", "127.0.0.1:0");
    connect_some(10);
    for (int i = 0; i < 10; i += 2) {
        setsockopt(clients[i], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
        close(clients[i]);
        clients[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    for (int i = 0; i < 10; i++)
        run_turns(loop, 1);
    ck_assert_int_ge(accepts, 5); /* Linux hands the dead ones out, too */
    finish();
}
END_TEST

/* ---- limits ---- */

static int log_fd[2];

static void catch_log(void)
{
    ck_assert_int_eq(pipe2(log_fd, O_CLOEXEC | O_NONBLOCK), 0);
    log_set_fd(log_fd[1]);
}

/* How many lines were logged; the last read is in `out`. */
static int count_log_lines(char out[8192])
{
    int lines = 0;
    ssize_t n = read(log_fd[0], out, 8191);
    out[n > 0 ? n : 0] = 0;
    for (char *line = out; (line = strchr(line, '\n')); line++)
        lines++;
    return lines;
}

static void release_log(void)
{
    log_set_fd(STDERR_FILENO);
    close(log_fd[0]);
    close(log_fd[1]);
}

START_TEST(stops_at_max_connections)
{
    char log[8192];
    for (size_t i = 0; i < ARRAY_LEN(pollers); i++) {
        catch_log();
        start(pollers[i], "127.0.0.1:0");
        server.gauge = board_metric(BOARD_GAUGE, "test_connections", "", "help");
        server.max_connections = 5;
        connect_some(12);
        run_turns(loop, 20);
        ck_assert_int_eq(accepts, 5);
        ck_assert_int_eq(board_sum(server.gauge), 5);
        tcp_server_release(&server);
        run_turns(loop, 2); /* at once, not after the pause */
        ck_assert_int_eq(accepts, 6);
        ck_assert_int_eq(board_sum(server.gauge), 5);
        board_release(server.gauge); /* as another process would */
        turn_until_accepted(7);
        ck_assert_int_eq(count_log_lines(log), 1);
        ck_assert_ptr_nonnull(strstr(log, "max_connections=5"));
        for (int k = 0; k < 5; k++)
            tcp_server_release(&server);
        turn_until_accepted(12);
        for (int k = 0; k < 5; k++)
            tcp_server_release(&server);
        ck_assert_int_eq(board_sum(server.gauge), 0);
        finish();
        release_log();
    }
}
END_TEST

START_TEST(counts_without_a_limit)
{
    start("epoll", "127.0.0.1:0");
    server.gauge = board_metric(BOARD_GAUGE, "test_unlimited", "", "help");
    connect_some(3);
    turn_until_accepted(3);
    ck_assert_int_eq(board_sum(server.gauge), 3);
    for (int i = 0; i < 3; i++)
        tcp_server_release(&server);
    ck_assert_int_eq(board_sum(server.gauge), 0);
    finish();
}
END_TEST

static int highest_fd(void)
{
    int fd = dup(0);
    close(fd);
    return fd;
}

/* Leaves room for n descriptors more. */
static void limit_descriptors(int n)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = (rlim_t)(highest_fd() + n);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static int count_closed_clients(void)
{
    int n = 0;
    char byte;
    for (int i = 0; i < connects; i++)
        n += recv(clients[i], &byte, 1, MSG_DONTWAIT) == 0;
    return n;
}

START_TEST(sheds_load_without_descriptors)
{
    char log[8192];
    catch_log();
    start("epoll", "127.0.0.1:0");
    connect_some(100);
    limit_descriptors(10);
    uint64_t turns = ioloop_turn_number(loop);
    int64_t began_ms = clock_mono_ms();
    while (clock_mono_ms() - began_ms < 450)
        ck_assert_int_eq(ioloop_turn(loop, 500), 0);
    ck_assert_int_eq(accepts, 10);
    /* It slept: a pause is a handful of turns. */
    ck_assert_uint_lt(ioloop_turn_number(loop) - turns, 50);
    ck_assert_int_eq(count_log_lines(log), 1);
    ck_assert_ptr_nonnull(strstr(log, "EMFILE"));
    ck_assert_ptr_nonnull(strstr(log, "LimitNOFILE"));
    /* Some of those who wait were told, the others still wait. */
    int told = count_closed_clients();
    ck_assert_int_ge(told, 16);
    ck_assert_int_le(told, 5 * 16);
    /* It recovers by itself, and has its reserve back. */
    close_all(accepted, &accepts);
    ck_assert_int_ge(server.reserve_fd, 0);
    turn_until_accepted(10);
    close_all(accepted, &accepts);
    finish();
    release_log();
}
END_TEST

/* One who comes in a short shortage is served, only later. */
START_TEST(a_short_shortage_turns_nobody_away)
{
    for (size_t i = 0; i < ARRAY_LEN(pollers); i++) {
        struct rlimit before;
        catch_log();
        getrlimit(RLIMIT_NOFILE, &before);
        start(pollers[i], "127.0.0.1:0");
        connect_some(20);
        limit_descriptors(4);
        run_turns(loop, 3);
        ck_assert_int_eq(accepts, 4);
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
        turn_until_accepted(20);
        ck_assert_int_eq(count_closed_clients(), 0);
        finish();
        release_log();
    }
}
END_TEST

START_TEST(a_broken_listener_is_given_up)
{
    char log[8192];
    catch_log();
    struct tcp_listener *listener = start("epoll", "127.0.0.1:0");
    shutdown(listener->fd, SHUT_RDWR); /* accept4: EINVAL for ever */
    run_turns(loop, 5);
    ck_assert(!listener->is_watched);
    ck_assert_int_eq(count_log_lines(log), 1);
    ck_assert_int_eq(accepts, 0);
    finish();
    release_log();
}
END_TEST

UNIT_MAIN(accepts_on_every_family, accepts_thousands, closes_one_listener_of_several,
          stops_in_the_midst_of_accepting, held_it_takes_one_at_a_time, watches_only_when_told,
          accepts_what_others_share, takes_a_blocking_listener,
          skips_connections_that_died_in_the_backlog, stops_at_max_connections,
          counts_without_a_limit, sheds_load_without_descriptors,
          a_short_shortage_turns_nobody_away, a_broken_listener_is_given_up)
