/* The loop's turn. */
#include "unit.h"

#include <sys/socket.h>
#include <unistd.h>
#include "loop/ioloop.h"
#include "loop/timer.h"

static int reads;
static struct ioloop *loop;
static void on_read(void *data, unsigned events)
{
    char c;
    ck_assert_uint_eq(events, IOLOOP_READ);
    ck_assert_int_eq(read(*(int *)data, &c, 1), 1);
    if (++reads == 3)
        ioloop_stop(loop);
}
static void on_timer(void *data)
{
    (void)!write(*(int *)data, "x", 1);
}
START_TEST(smoke)
{
    int fds[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    ck_assert_int_eq(ioloop_watch(loop, fds[0], IOLOOP_READ, on_read, &fds[0]), 0);
    struct timer t[3] = {};
    for (int i = 0; i < 3; i++) {
        t[i].fn = on_timer;
        t[i].data = &fds[1];
        timer_start(loop, &t[i], i * 10);
    }
    ck_assert_int_eq(ioloop_run(loop), 0);
    ioloop_close(loop, fds[0]);
    close(fds[1]);
    ioloop_destroy(loop);
}
END_TEST
UNIT_MAIN(smoke)
