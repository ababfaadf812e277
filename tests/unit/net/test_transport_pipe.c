/* Streams over what is no socket: pipes, files, and what they say when nobody listens. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "loop/ioloop.h"
#include "loop/task.h"
#include "net/iostream.h"
#include "net/transport.h"

static struct ioloop *loop;
static struct iostream in, out;
static size_t got;

static void open_streams(int from, int to)
{
    (void)signal(SIGPIPE, SIG_IGN);
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    iostream_init(&in, loop, from, &transport_pipe, 10000);
    iostream_init(&out, loop, to, &transport_pipe, 10000);
}

static void run(task_fn *first, task_fn *second)
{
    ck_assert_int_eq(task_spawn(loop, first, NULL, 0, NULL), 0);
    if (second)
        ck_assert_int_eq(task_spawn(loop, second, NULL, 0, NULL), 0);
    while (task_count())
        ck_assert_int_eq(ioloop_turn(loop, 1000), 0);
    iostream_close(&in);
    iostream_close(&out);
    ioloop_destroy(loop);
}

static void write_much(void *data)
{
    static char block[300000];
    struct iovec iov[2] = {{block, 100000}, {block + 100000, 200000}};
    (void)data;
    memset(block, 'x', sizeof(block));
    ck_assert_int_eq(iostream_put(&out, "head", 4), 0);
    ck_assert_int_eq(iostream_write(&out, iov, 2), 0);
    ck_assert_int_eq(iostream_flush(&out), 0);
    ck_assert_int_eq(iostream_end(&out), 0);
    iostream_close(&out);
}

static void read_all(void *data)
{
    char block[5000];
    ssize_t n;
    (void)data;
    while ((n = iostream_read(&in, block, sizeof(block), 10000)) > 0)
        got += (size_t)n;
    ck_assert_int_eq(n, 0);
}

START_TEST(pipes_carry_more_than_they_hold)
{
    int fds[2];
    ck_assert_int_eq(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
    open_streams(fds[0], fds[1]);
    run(write_much, read_all);
    ck_assert_uint_eq(got, 300004);
}
END_TEST

START_TEST(files_are_always_ready)
{
    FILE *file = tmpfile();
    open_streams(dup(fileno(file)), dup(fileno(file)));
    ck_assert_int_eq(task_spawn(loop, write_much, NULL, 0, NULL), 0);
    while (task_count())
        ck_assert_int_eq(ioloop_turn(loop, 1000), 0);
    rewind(file);
    run(read_all, NULL);
    ck_assert_uint_eq(got, 300004);
    fclose(file);
}
END_TEST

static void write_in_vain(void *data)
{
    (void)data;
    ck_assert_int_eq(iostream_put(&out, "x", 1), 0);
    ck_assert_int_eq(iostream_flush(&out), -EPIPE);
}

START_TEST(nobody_listens)
{
    int fds[2];
    ck_assert_int_eq(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
    open_streams(dup(fds[1]), fds[1]);
    close(fds[0]);
    run(write_in_vain, NULL);
}
END_TEST

UNIT_MAIN(pipes_carry_more_than_they_hold, files_are_always_ready, nobody_listens)
