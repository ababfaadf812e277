/* test_port_group.c - shared ports: order, steering, queues, and who else is there. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "net/port_group.h"
#include "unit.h"

enum { SOCKETS = 4, CLIENTS = 200 };

static struct endpoint loopback(void)
{
    struct endpoint endpoint;
    ck_assert_int_eq(endpoint_parse(STR("127.0.0.1:0"), &endpoint), 0);
    return endpoint;
}

static void open_group(struct endpoint *endpoint, int fds[SOCKETS])
{
    *endpoint = loopback();
    for (int i = 0; i < SOCKETS; i++) {
        fds[i] = port_group_bind(endpoint);
        ck_assert_int_ge(fds[i], 0);
    }
    for (int i = 0; i < SOCKETS; i++)
        ck_assert_int_eq(port_group_listen(fds[i], SOCKETS * CLIENTS), 0);
}

static void connect_all(const struct endpoint *endpoint, int clients[CLIENTS])
{
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM, 0);
        ck_assert_int_eq(connect(clients[i], &endpoint->addr.any, endpoint->len), 0);
    }
}

static void close_all(int *fds, int count)
{
    for (int i = 0; i < count; i++)
        close(fds[i]);
}

START_TEST(spreads_and_steers)
{
    struct endpoint endpoint;
    int fds[SOCKETS], clients[CLIENTS], more[CLIENTS];
    open_group(&endpoint, fds);
    connect_all(&endpoint, clients);
    int before[SOCKETS], sum = 0;
    for (int i = 0; i < SOCKETS; i++) {
        before[i] = port_group_queued(fds[i]);
        ck_assert_int_gt(before[i], 0);
        sum += before[i];
    }
    ck_assert_int_eq(sum, CLIENTS);

    /* the first two get everything now; what waits with the others stays there */
    ck_assert_int_eq(port_group_steer(fds[0], 2), 0);
    connect_all(&endpoint, more);
    ck_assert_int_eq(port_group_queued(fds[2]), before[2]);
    ck_assert_int_eq(port_group_queued(fds[3]), before[3]);
    ck_assert_int_eq(port_group_queued(fds[0]) + port_group_queued(fds[1]),
                     before[0] + before[1] + CLIENTS);
    ck_assert_int_gt(port_group_queued(fds[0]), before[0]);
    ck_assert_int_gt(port_group_queued(fds[1]), before[1]);
    while (port_group_queued(fds[3]) > 0)
        close(accept(fds[3], NULL, NULL));
    close(fds[3]);
    close_all(more, CLIENTS);

    /* steering ends: the third one is asked again */
    ck_assert_int_eq(port_group_steer(fds[0], 0), 0);
    ck_assert_int_eq(port_group_steer(fds[0], 0), 0);
    connect_all(&endpoint, more);
    ck_assert_int_gt(port_group_queued(fds[2]), before[2]);
    close_all(more, CLIENTS);
    close_all(clients, CLIENTS);
    close_all(fds, SOCKETS - 1);
}
END_TEST

START_TEST(tells_who_listens)
{
    struct endpoint endpoint = loopback(), local;
    bool listens = true;
    int fd = port_group_bind(&endpoint);
    ck_assert_int_ge(fd, 0);
    ck_assert_uint_ne(endpoint.addr.v4.sin_port, 0);
    ck_assert_int_eq(port_group_local(fd, &local, &listens), 0);
    ck_assert(endpoint_equals(&local, &endpoint));
    ck_assert(!listens);
    ck_assert_int_eq(port_group_probe(&endpoint), 0);
    /* a listener that would share is one all the same */
    ck_assert_int_eq(port_group_listen(fd, 1), 0);
    ck_assert_int_eq(port_group_probe(&endpoint), -EADDRINUSE);
    ck_assert_int_eq(port_group_local(fd, &local, &listens), 0);
    ck_assert(listens);
    close(fd);
    ck_assert_int_eq(port_group_probe(&endpoint), 0);
}
END_TEST

START_TEST(refuses_a_port_that_is_not_shared)
{
    struct endpoint endpoint = loopback();
    int fd = port_group_bind(&endpoint);
    close(fd);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, &endpoint.addr.any, endpoint.len), 0);
    ck_assert_int_eq(listen(fd, 1), 0);
    ck_assert_int_eq(port_group_bind(&endpoint), -EADDRINUSE);
    close(fd);
    ck_assert_int_eq(port_group_local(-1, &endpoint, NULL), -EBADF);
}
END_TEST

START_TEST(resolves_names)
{
    static const struct {
        const char *text;
        int r;
    } cases[] = {{"127.0.0.1:80", 1},
                 {"*:80", 1},
                 {"[::1]:80", 1},
                 {"no-such-name.invalid:80", -ENOENT},
                 {"localhost:99999", -EINVAL},
                 {"localhost:", -EINVAL},
                 {"localhost", -EINVAL},
                 {":80", -EINVAL},
                 {"", -EINVAL}};
    struct endpoint found[4];
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int r = port_group_resolve(str_of(cases[i].text), found, 4);
        if (cases[i].r == -ENOENT) /* without a resolver: try again later */
            ck_assert_msg(r == -ENOENT || r == -EAGAIN, "%s: %d", cases[i].text, r);
        else
            ck_assert_msg(r == cases[i].r, "%s: %d", cases[i].text, r);
    }
    ck_assert_int_ge(port_group_resolve(STR("localhost:8080"), found, 4), 1);
}
END_TEST

UNIT_MAIN(spreads_and_steers, tells_who_listens, refuses_a_port_that_is_not_shared, resolves_names)
