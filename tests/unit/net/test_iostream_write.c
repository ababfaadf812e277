/* Writing: gathered, between the marks, in the background, to slow and dead peers. */
#include "net_fixture.h"

#include <poll.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include "net/iobuf.h"

static struct link pair;
static const struct setup *setup;

#define FOR_EACH_SETUP for (setup = setups; setup < setups + ARRAY_LEN(setups); setup++)

static int calls_send;

ssize_t sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    calls_send++;
    return syscall(SYS_sendmsg, fd, message, flags);
}

ssize_t send(int fd, const void *data, size_t len, int flags)
{
    calls_send++;
    return syscall(SYS_sendto, fd, data, len, flags, NULL, 0);
}

/* ---- gathering ---- */

static void expect_received(int fd, const char *expected)
{
    char got[256] = "";
    struct pollfd state = {.fd = fd, .events = POLLIN};
    ck_assert_int_eq(poll(&state, 1, 1000), 1);
    ck_assert_int_eq(read(fd, got, sizeof(got) - 1), (ssize_t)strlen(expected));
    ck_assert_str_eq(got, expected);
}

static void expect_nothing(int fd)
{
    struct pollfd state = {.fd = fd, .events = POLLIN};
    ck_assert_int_eq(poll(&state, 1, 0), 0);
}

static void gather(void *data)
{
    (void)data;
    struct iostream *stream = &pair.a;
    ck_assert_int_eq(iostream_put(stream, "a", 1), 0);
    ck_assert_int_eq(iostream_put(stream, NULL, 0), 0);
    memcpy(iostream_reserve(stream, 10), "bcXXXXXXXX", 10);
    iostream_commit(stream, 2);
    ck_assert_uint_eq(iostream_unsent(stream), 3);
    expect_nothing(pair.b.fd);
    calls_send = 0;
    ck_assert_int_eq(write_text(stream, "d"), 0);
    ck_assert_int_eq(calls_send, 1);
    expect_received(pair.b.fd, "abcd");
    ck_assert_ptr_null(stream->out);
    ck_assert_int_eq(write_text(stream, ""), 0); /* nothing to do */
    ck_assert_int_eq(iostream_write(stream, NULL, 0), 0);
    ck_assert_int_eq(iostream_push(stream), 0);
    ck_assert_int_eq(iostream_flush(stream), 0);
    ck_assert_int_eq(calls_send, 1);
    ck_assert_int_eq(iostream_put(stream, "e", 1), 0);
    ck_assert_int_eq(iostream_push(stream), 0);
    expect_received(pair.b.fd, "e");
    ck_assert_int_eq(iostream_put(stream, "f", 1), 0);
    ck_assert_int_eq(iostream_flush(stream), 0);
    expect_received(pair.b.fd, "f");
    ck_assert_int_eq(calls_send, 3);
    ck_assert_ptr_nonnull(iostream_reserve(stream, 9)); /* a block for nothing */
    iostream_commit(stream, 0);
    ck_assert_ptr_null(stream->out);
}

static void gather_many_pieces(void *data)
{
    struct iovec iov[64];
    char expected[65] = "";
    (void)data;
    for (int i = 0; i < 64; i++) { /* empty ones in between, at both ends too */
        expected[i] = (char)('0' + i);
        iov[i] = (struct iovec){&expected[i], i % 3 ? 1 : 0};
    }
    for (int i = 0, n = 0; i < 64; i++)
        if (i % 3)
            expected[n++] = (char)('0' + i), expected[n] = 0;
    for (int i = 0, n = 0; i < 64; i++)
        if (i % 3)
            iov[i].iov_base = &expected[n++];
    calls_send = 0;
    ck_assert_int_eq(iostream_write(&pair.a, iov, 64), 0);
    ck_assert_int_le(calls_send, 4);
    char got[64] = "";
    ck_assert_int_eq(iostream_read_exactly(&pair.b, got, strlen(expected), 1000), 0);
    ck_assert_str_eq(got, expected);
}

static void put_more_than_fits(void *data)
{
    static char block[IOBUF_SIZE], got[2 * IOBUF_SIZE];
    (void)data;
    memset(block, 'p', sizeof(block));
    ck_assert_int_eq(iostream_put(&pair.a, block, sizeof(block)), 0);
    ck_assert_uint_eq(iostream_unsent(&pair.a), IOBUF_SIZE);
    ck_assert_ptr_null(iostream_reserve(&pair.a, 1));
    expect_nothing(pair.b.fd);
    ck_assert_int_eq(iostream_put(&pair.a, "q", 1), 0); /* everything goes */
    ck_assert_uint_eq(iostream_unsent(&pair.a), 0);
    ck_assert_int_eq(iostream_read_exactly(&pair.b, got, IOBUF_SIZE + 1, 1000), 0);
    ck_assert_int_eq(got[IOBUF_SIZE - 1], 'p');
    ck_assert_int_eq(got[IOBUF_SIZE], 'q');
}

START_TEST(gathers)
{
    static task_fn *const tasks[] = {gather, gather_many_pieces, put_more_than_fits};
    for (size_t i = 0; i < ARRAY_LEN(tasks); i++) {
        FOR_EACH_SETUP
        {
            link_open(&pair, setup);
            run_both(&pair, tasks[i], NULL, NULL);
            link_close(&pair);
        }
    }
}
END_TEST

/* ---- marks ---- */

/* Fills the kernel until some bytes stay behind; returns how many went in all. */
static size_t fill_up(struct iostream *stream)
{
    static char piece[1024];
    size_t n = 0;
    while (iostream_unsent(stream) == 0) {
        ck_assert_int_eq(write_bytes(stream, piece, sizeof(piece)), 0);
        n += sizeof(piece);
    }
    ck_assert(stream->is_flushing);
    return n;
}

static bool is_written;
static size_t written;

static void write_over_the_mark(void *data)
{
    static char bytes[IOSTREAM_HIGH];
    (void)data;
    written = fill_up(&pair.a);
    /* Up to the mark nothing waits, and the kernel, known to be full, is not asked. */
    size_t room = IOSTREAM_HIGH - iostream_unsent(&pair.a);
    uint64_t turn = ioloop_turn_number(pair.loop);
    calls_send = 0;
    ck_assert_int_eq(write_bytes(&pair.a, bytes, room), 0);
    ck_assert_int_eq(calls_send, 0);
    ck_assert_uint_eq(iostream_unsent(&pair.a), IOSTREAM_HIGH);
    ck_assert_uint_eq(ioloop_turn_number(pair.loop), turn);
    ck_assert_int_eq(write_bytes(&pair.a, bytes, 1), 0);
    ck_assert_uint_le(iostream_unsent(&pair.a), IOSTREAM_LOW);
    ck_assert_uint_ne(ioloop_turn_number(pair.loop), turn);
    written += room + 1;
    is_written = true;
    ck_assert_int_eq(iostream_flush(&pair.a), 0);
    ck_assert_uint_eq(iostream_unsent(&pair.a), 0);
    iostream_close(&pair.a);
}

static void read_late(void *data)
{
    size_t n = 0;
    ssize_t r;
    char got[4096];
    (void)data;
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(task_yield(), 0);
    ck_assert(!is_written);
    while ((r = iostream_read(&pair.b, got, sizeof(got), 5000)) > 0)
        n += (size_t)r;
    ck_assert_int_eq(r, 0);
    ck_assert_uint_eq(n, written);
}

START_TEST(waits_between_the_marks)
{
    FOR_EACH_SETUP
    {
        is_written = false;
        link_open(&pair, setup);
        shrink_buffers(&pair);
        run_both(&pair, write_over_the_mark, read_late, NULL);
        ck_assert_ptr_null(pair.a.out);
        link_close(&pair);
    }
}
END_TEST

static void write_and_go(void *data)
{
    (void)data;
    written = fill_up(&pair.a);
}

static size_t drain(int fd, size_t n)
{
    static char got[65536];
    size_t done = 0;
    ssize_t r;
    while (done < n && (r = read(fd, got, sizeof(got))) > 0)
        done += (size_t)r;
    return done;
}

START_TEST(flushes_in_the_background)
{
    FOR_EACH_SETUP
    {
        size_t got = 0;
        link_open(&pair, setup);
        shrink_buffers(&pair);
        run_both(&pair, write_and_go, NULL, NULL);
        for (int i = 0; i < 1000 && got < written; i++) { /* no task is there */
            got += drain(pair.b.fd, written);
            run_turns(pair.loop, 1);
        }
        ck_assert_uint_eq(got, written);
        ck_assert_uint_eq(iostream_unsent(&pair.a), 0);
        ck_assert_ptr_null(pair.a.out);
        ck_assert(!pair.a.is_flushing);
        ck_assert(!timer_is_running(&pair.a.timer));
        link_close(&pair);
    }
}
END_TEST

START_TEST(drops_what_is_unsent_when_closed)
{
    FOR_EACH_SETUP
    {
        link_open(&pair, setup);
        shrink_buffers(&pair);
        run_both(&pair, write_and_go, NULL, NULL);
        ck_assert_uint_gt(iostream_unsent(&pair.a), 0);
        iostream_close(&pair.a);
        run_turns(pair.loop, 2);
        ck_assert_ptr_null(pair.a.out);
        ck_assert_uint_lt(drain(pair.b.fd, written), written);
        link_close(&pair);
    }
}
END_TEST

/* ---- slow and dead peers ---- */

static void read_nothing(void *data)
{
    char byte;
    (void)data;
    while (iostream_read(&pair.a, &byte, 1, 1000) == -ETIMEDOUT && !pair.a.error)
        fill_up(&pair.a); /* the kernel had room after all, once the peer's queue had moved */
    ck_assert_int_eq(pair.a.error, -ETIMEDOUT);
}

static void read_to_a_reset(void *data)
{
    char got[4096];
    ssize_t n;
    (void)data;
    while ((n = iostream_read(&pair.b, got, sizeof(got), 1000)) > 0)
        ;
    ck_assert_int_eq(n, setup->family == AF_INET ? -ECONNRESET : 0);
}

START_TEST(a_stalled_flush_fails_the_stream)
{
    FOR_EACH_SETUP
    {
        link_open(&pair, setup);
        shrink_buffers(&pair);
        pair.a.write_timeout_ms = 30;
        run_both(&pair, write_and_go, read_nothing, NULL);
        ck_assert_int_eq(iostream_push(&pair.a), -ETIMEDOUT);
        ck_assert_int_eq(iostream_peer_state(&pair.a), -ETIMEDOUT);
        ck_assert_ptr_null(pair.a.out);
        ck_assert(!pair.a.is_flushing);
        iostream_close(&pair.a);
        run_both(&pair, read_to_a_reset, NULL, NULL);
        link_close(&pair);
    }
}
END_TEST

static char big[8 * 1024 * 1024];

static void write_too_slowly(void *data)
{
    int expected = *(int *)data;
    pair.a.write_timeout_ms = expected ? 50 : 400;
    ck_assert_int_eq(write_bytes(&pair.a, big, 128 * 1024), expected);
    ck_assert_int_eq(pair.a.error, expected);
    is_written = true;
    if (expected == 0)
        iostream_close(&pair.a);
}

/* Slower in all than the time-out, but never without progress for that long. */
static void read_slowly(void *data)
{
    char got[8192];
    (void)data;
    while (iostream_read(&pair.b, got, sizeof(got), 5000) > 0)
        ck_assert_int_eq(task_sleep(15), 0);
}

static void do_nothing(void *data)
{
    (void)data;
}

START_TEST(limits_the_time_without_progress)
{
    int ok = 0, late = -ETIMEDOUT;
    for (setup = setups; setup < setups + 2; setup++) {
        link_open(&pair, setup);
        shrink_buffers(&pair);
        run_both(&pair, write_too_slowly, read_slowly, &ok);
        link_close(&pair);
        link_open(&pair, setup);
        shrink_buffers(&pair);
        run_both(&pair, write_too_slowly, do_nothing, &late);
        link_close(&pair);
    }
}
END_TEST

static void write_to_a_reset(void *data)
{
    char byte;
    (void)data;
    int r = write_bytes(&pair.a, big, sizeof(big));
    ck_assert_msg(r == -ECONNRESET || r == -EPIPE, "%d", r);
    ck_assert_int_eq(write_text(&pair.a, "x"), r);
    ck_assert_int_eq(iostream_flush(&pair.a), r);
    ck_assert_int_eq(iostream_read(&pair.a, &byte, 1, 1000), r);
    ck_assert_ptr_null(pair.a.out);
}

static void read_some_and_reset(void *data)
{
    char got[1000];
    (void)data;
    ck_assert_int_eq(iostream_read_exactly(&pair.b, got, sizeof(got), 1000), 0);
    ck_assert_int_eq(task_yield(), 0);
    reset(&pair.b);
}

START_TEST(a_peer_may_reset_in_mid_write)
{
    FOR_EACH_SETUP
    {
        link_open(&pair, setup);
        run_both(&pair, write_to_a_reset, read_some_and_reset, NULL);
        link_close(&pair);
    }
}
END_TEST

/* A gateway may answer before it has read everything, and close. */
static void answer_early(void *data)
{
    (void)data;
    ck_assert_int_eq(write_text(&pair.b, "413 too much\n"), 0);
    iostream_close(&pair.b);
}

static void read_the_early_answer(void *data)
{
    char *at;
    (void)data;
    int r = write_bytes(&pair.a, big, sizeof(big));
    ck_assert_msg(r == -EPIPE || r == -ECONNRESET, "%d", r);
    ck_assert_int_eq(iostream_read_until(&pair.a, STR("\n"), 100, 1000, &at), 13);
    ck_assert_int_eq(memcmp(at, "413 too much\n", 13), 0);
    iostream_consume(&pair.a, 13);
    ck_assert_int_eq(iostream_read_until(&pair.a, STR("\n"), 100, 1000, &at), r);
}

START_TEST(reads_what_came_before_the_peer_stopped_reading)
{
    static const struct setup local[] = {
        {"epoll", AF_UNIX}, {"poll", AF_UNIX}, {"select", AF_UNIX}};
    for (size_t i = 0; i < ARRAY_LEN(local); i++) {
        link_open(&pair, &local[i]);
        run_both(&pair, read_the_early_answer, answer_early, NULL);
        link_close(&pair);
    }
}
END_TEST

static void end_sending(void *data)
{
    char got[8] = "";
    (void)data;
    ck_assert_int_eq(iostream_put(&pair.a, "last", 4), 0);
    ck_assert_int_eq(iostream_end(&pair.a), 0);
    ck_assert_int_eq(iostream_read_exactly(&pair.a, got, 6, 1000), 0);
    ck_assert_str_eq(got, "answer");
    ck_assert_int_eq(write_text(&pair.a, "more"), -EPIPE);
}

static void answer_at_the_end(void *data)
{
    char *at;
    (void)data;
    ck_assert_int_eq(iostream_read_until_close(&pair.b, 100, 1000, &at), 4);
    ck_assert_int_eq(iostream_peer_state(&pair.b), 1);
    ck_assert_int_eq(write_text(&pair.b, "answer"), 0);
}

START_TEST(ends_the_sending_side_only)
{
    FOR_EACH_SETUP
    {
        link_open(&pair, setup);
        run_both(&pair, end_sending, answer_at_the_end, NULL);
        link_close(&pair);
    }
}
END_TEST

/* ---- cancellation ---- */

static struct task *writer;

static void cancel_writer(void *data)
{
    (void)data;
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(task_yield(), 0);
    task_cancel(writer, -ECANCELED);
}

static void be_cancelled_in_mid_write(void *data)
{
    (void)data;
    writer = task_current();
    ck_assert_int_eq(write_bytes(&pair.a, big, sizeof(big)), -ECANCELED);
    ck_assert_int_eq(pair.a.error, -ECANCELED); /* half of it is gone */
    ck_assert_int_eq(write_text(&pair.a, "x"), -ECANCELED);
}

static void be_cancelled_before_the_write(void *data)
{
    (void)data;
    writer = task_current();
    written = fill_up(&pair.a);
    ck_assert_int_eq(iostream_flush(&pair.a), -ECANCELED);
    ck_assert_int_eq(write_bytes(&pair.a, big, 64 * 1024), -ECANCELED);
    ck_assert_int_eq(pair.a.error, 0); /* none of it is gone, what was kept still goes */
    ck_assert(pair.a.is_flushing);
}

START_TEST(cancelled_writes)
{
    FOR_EACH_SETUP
    {
        size_t got = 0;
        link_open(&pair, setup);
        shrink_buffers(&pair);
        run_both(&pair, be_cancelled_in_mid_write, cancel_writer, NULL);
        link_close(&pair);
        link_open(&pair, setup);
        shrink_buffers(&pair);
        run_both(&pair, be_cancelled_before_the_write, cancel_writer, NULL);
        for (int i = 0; i < 1000 && got < written; i++) {
            got += drain(pair.b.fd, written);
            run_turns(pair.loop, 1);
        }
        ck_assert_uint_eq(got, written);
        link_close(&pair);
    }
}
END_TEST

UNIT_MAIN_ON_WAITERS(gathers, waits_between_the_marks, flushes_in_the_background,
                     drops_what_is_unsent_when_closed, a_stalled_flush_fails_the_stream,
                     limits_the_time_without_progress, a_peer_may_reset_in_mid_write,
                     reads_what_came_before_the_peer_stopped_reading, ends_the_sending_side_only,
                     cancelled_writes)
