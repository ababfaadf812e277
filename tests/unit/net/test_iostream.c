/* Streams: their life, how they fail, and waiting without reading. */
#include "net_fixture.h"

static struct link pair;
static const struct setup *setup;

#define FOR_EACH_SETUP for (setup = setups; setup < setups + ARRAY_LEN(setups); setup++)

static void expect_empty(const struct iostream *stream)
{
    ck_assert_ptr_null(stream->in);
    ck_assert_ptr_null(stream->out);
    ck_assert_uint_eq(iostream_buffered(stream).len, 0);
}

/* ---- failures ---- */

static void read_reset(void *data)
{
    char got[8], *at;
    (void)data;
    ck_assert_int_eq(iostream_read(&pair.b, got, sizeof(got), 1000), -ECONNRESET);
    ck_assert_int_eq(pair.b.error, -ECONNRESET);
    ck_assert_int_eq(iostream_read(&pair.b, got, sizeof(got), 1000), -ECONNRESET);
    ck_assert_int_eq(iostream_read_until(&pair.b, STR("x"), 9, 1000, &at), -ECONNRESET);
    ck_assert_int_eq(iostream_fill(&pair.b, 9), -ECONNRESET);
    ck_assert_int_eq(write_text(&pair.b, "x"), -ECONNRESET);
    ck_assert_int_eq(iostream_put(&pair.b, "x", 1), -ECONNRESET);
    ck_assert_int_eq(iostream_flush(&pair.b), -ECONNRESET);
    ck_assert_int_eq(iostream_peer_state(&pair.b), -ECONNRESET);
    ck_assert_ptr_null(iostream_reserve(&pair.b, 1));
    expect_empty(&pair.b);
}

static void reset_peer(void *data)
{
    (void)data;
    ck_assert_int_eq(task_yield(), 0);
    send_raw(pair.b.fd, "unread", 6); /* unix sockets reset when bytes are lost */
    reset(&pair.a);
}

START_TEST(errors_stick)
{
    FOR_EACH_SETUP
    {
        link_open(&pair, setup);
        run_both(&pair, read_reset, reset_peer, NULL);
        link_close(&pair);
    }
}
END_TEST

START_TEST(is_closed_for_good)
{
    char byte;
    link_open(&pair, setups);
    send_raw(pair.a.fd, "x", 1);
    ck_assert_int_eq(iostream_fill(&pair.b, 9), 1);
    ck_assert_int_eq(iostream_put(&pair.b, "unsent", 6), 0);
    iostream_close(&pair.b);
    iostream_close(&pair.b);
    expect_empty(&pair.b);
    ck_assert_int_eq(pair.b.fd, -1);
    ck_assert_int_eq(iostream_read(&pair.b, &byte, 1, 0), -EBADF);
    ck_assert_int_eq(iostream_put(&pair.b, "x", 1), -EBADF);
    ck_assert_int_eq(iostream_push(&pair.b), -EBADF);
    ck_assert_int_eq(iostream_peer_state(&pair.b), -EBADF);
    iostream_on_readable(&pair.b, NULL, NULL);
    link_close(&pair);
}
END_TEST

START_TEST(is_small)
{
    ck_assert_uint_le(sizeof(struct iostream), 160);
}
END_TEST

/* ---- waiting without a task ---- */

static int calls;

static void count_call(void *data, unsigned events)
{
    calls++;
    ck_assert(events & IOLOOP_READ);
    ck_assert_ptr_eq(data, &pair);
}

static void close_in_call(void *data, unsigned events)
{
    (void)events;
    calls++;
    iostream_close(data);
}

static void turn_until_called(int n)
{
    for (int i = 0; i < 100 && calls < n; i++)
        ck_assert_int_eq(ioloop_turn(pair.loop, 50), 0);
    ck_assert_int_ge(calls, n);
}

static void expect_quiet(void)
{
    calls = 0;
    run_turns(pair.loop, 3);
    ck_assert_int_eq(calls, 0);
}

START_TEST(tells_when_there_is_something_to_read)
{
    FOR_EACH_SETUP
    {
        link_open(&pair, setup);
        iostream_on_readable(&pair.b, count_call, &pair);
        expect_quiet();
        send_raw(pair.a.fd, "xyz", 3);
        turn_until_called(2); /* it comes again while nobody reads */
        ck_assert_int_eq(iostream_fill(&pair.b, 2), 2);
        ck_assert_int_eq(iostream_fill(&pair.b, 3), 1);
        expect_quiet(); /* the kernel has nothing left */
        iostream_on_readable(&pair.b, count_call, &pair);
        ck_assert_int_eq(calls, 0); /* never at once */
        turn_until_called(2);
        iostream_on_readable(&pair.b, NULL, NULL);
        expect_quiet();
        iostream_on_readable(&pair.b, count_call, &pair);
        iostream_on_readable(&pair.b, count_call, &pair);
        iostream_consume(&pair.b, 3);
        turn_until_called(1);
        expect_quiet();
        iostream_close(&pair.a);
        turn_until_called(1); /* the end is readable */
        link_close(&pair);
    }
}
END_TEST

START_TEST(may_be_closed_by_whom_it_tells)
{
    FOR_EACH_SETUP
    {
        for (int is_buffered = 0; is_buffered < 2; is_buffered++) {
            link_open(&pair, setup);
            send_raw(pair.a.fd, "xyz", 3);
            if (is_buffered)
                ck_assert_int_eq(iostream_fill(&pair.b, 2), 2);
            iostream_on_readable(&pair.b, close_in_call, &pair.b);
            calls = 0;
            turn_until_called(1);
            run_turns(pair.loop, 2);
            ck_assert_int_eq(calls, 1);
            link_close(&pair);
        }
        link_open(&pair, setup); /* closed while the call is queued */
        send_raw(pair.a.fd, "xyz", 3);
        ck_assert_int_eq(iostream_fill(&pair.b, 9), 3);
        iostream_on_readable(&pair.b, count_call, &pair);
        iostream_close(&pair.b);
        expect_quiet();
        link_close(&pair);
    }
}
END_TEST

static void on_hangup(void *data, unsigned events)
{
    (void)events;
    calls++;
    iostream_on_hangup(data, NULL, NULL);
}

START_TEST(tells_of_a_hangup)
{
    FOR_EACH_SETUP
    {
        if (strcmp(setup->poller, "select") == 0)
            continue; /* it knows no hang-up */
        link_open(&pair, setup);
        iostream_on_hangup(&pair.b, on_hangup, &pair.b);
        send_raw(pair.a.fd, "data is no hang-up", 18);
        expect_quiet();
        ck_assert_int_eq(iostream_peer_state(&pair.b), 0);
        iostream_close(&pair.a);
        turn_until_called(1);
        ck_assert_int_ne(iostream_peer_state(&pair.b), 0);
        expect_quiet();
        link_close(&pair);
    }
}
END_TEST

/* ---- what the peer is up to ---- */

enum { OPEN, HALF_CLOSED, CLOSED, RESET, BOTH_ENDED };

static void end_here(void *data)
{
    ck_assert_int_eq(iostream_end(data), 0);
}

static void do_to_peer(int deed)
{
    send_raw(pair.a.fd, "data", 4);
    if (deed == HALF_CLOSED || deed == BOTH_ENDED)
        ck_assert_int_eq(shutdown(pair.a.fd, SHUT_WR), 0);
    else if (deed == CLOSED)
        iostream_close(&pair.a);
    else if (deed == RESET)
        reset(&pair.a);
    if (deed == BOTH_ENDED) {
        spawn(pair.loop, end_here, &pair.b);
        run_tasks(pair.loop);
    }
}

START_TEST(knows_the_state_of_the_peer)
{
    static const struct {
        int deed, tcp, local;
    } rows[] = {
        {OPEN, 0, 0},       {HALF_CLOSED, 1, 1},          {CLOSED, 1, -EPIPE},
        {BOTH_ENDED, 1, 1}, {RESET, -ECONNRESET, -EPIPE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (setup = setups; setup < setups + 2; setup++) {
            char got[5] = "";
            link_open(&pair, setup);
            do_to_peer(rows[i].deed);
            int expected = setup->family == AF_INET ? rows[i].tcp : rows[i].local;
            int state = iostream_peer_state(&pair.b);
            ck_assert_msg(state == expected, "row %zu %d: %d", i, setup->family, state);
            ck_assert_int_eq(iostream_peer_state(&pair.b), expected);
            if (expected >= 0) { /* nothing was read */
                ck_assert_int_eq(iostream_read(&pair.b, got, 4, 0), 4);
                ck_assert_str_eq(got, "data");
            }
            link_close(&pair);
        }
    }
}
END_TEST

UNIT_MAIN(errors_stick, is_closed_for_good, is_small, tells_when_there_is_something_to_read,
          may_be_closed_by_whom_it_tells, tells_of_a_hangup, knows_the_state_of_the_peer)
