/* The unix transport: descriptors arrive with the bytes that they were sent with. */
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macros.h"
#include "loop/ioloop.h"
#include "net/iostream.h"
#include "net/transport.h"
#include "net/transport_unix.h"

static struct ioloop *loop;
static struct iostream a, b;

static void open_pair(void)
{
    int fds[2];
    signal(SIGPIPE, SIG_IGN);
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    iostream_init(&a, loop, fds[0], &transport_unix, -1);
    iostream_init(&b, loop, fds[1], &transport_unix, -1);
}

static void close_pair(void)
{
    iostream_close(&a);
    iostream_close(&b);
    ioloop_destroy(loop);
}

static void send_file_of(const char *content, const char *with)
{
    struct iovec iov = {(char *)(uintptr_t)with, strlen(with)};
    scoped_close int fd = memfd_create("test", MFD_CLOEXEC);
    ck_assert_int_eq(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    ck_assert_int_eq(transport_unix_send_fd(&a, &iov, 1, fd), 0);
}

static void expect_bytes(const char *bytes)
{
    char got[64] = "";
    ck_assert_int_eq(iostream_read(&b, got, sizeof(got) - 1, -1), (ssize_t)strlen(bytes));
    ck_assert_str_eq(got, bytes);
}

static void expect_file(const char *content)
{
    char got[64] = "";
    scoped_close int fd = transport_unix_take_fd(&b);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pread(fd, got, sizeof(got) - 1, 0), (ssize_t)strlen(content));
    ck_assert_str_eq(got, content);
}

START_TEST(descriptors_come_in_their_order)
{
    open_pair();
    ck_assert_int_eq(transport_unix_take_fd(&b), -ENOENT);
    ck_assert_int_eq(iostream_put(&a, "before", 6), 0);
    send_file_of("one", "1");
    send_file_of("two", "2");
    /* the kernel never joins what came with different descriptors */
    expect_bytes("before1");
    expect_bytes("2");
    expect_file("one");
    expect_file("two");
    ck_assert_int_eq(transport_unix_take_fd(&b), -ENOENT);
    ck_assert_int_eq(iostream_end(&a), 0);
    ck_assert_int_eq(iostream_read(&b, &(char){0}, 1, -1), 0);
    close_pair();
}
END_TEST

/* The fixture counts descriptors: none of them may stay open. */
START_TEST(what_nobody_takes_is_closed)
{
    open_pair();
    for (int i = 0; i < 3 * TRANSPORT_UNIX_FDS; i++) {
        send_file_of("x", "y");
        expect_bytes("y");
    }
    expect_file("x");
    close_pair();
}
END_TEST

START_TEST(to_nobody_it_fails)
{
    struct iovec iov = {(char[]){'x'}, 1};
    open_pair();
    iostream_close(&b);
    ck_assert_int_eq(transport_unix_send_fd(&a, &iov, 1, STDERR_FILENO), -EPIPE);
    close_pair();
}
END_TEST

UNIT_MAIN(descriptors_come_in_their_order, what_nobody_takes_is_closed, to_nobody_it_fails)
