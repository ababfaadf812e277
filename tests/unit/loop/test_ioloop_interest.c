/* The kernel's interest: it follows lazily, never spins, and survives what others close. */
#include "io_probe.h"

static void unwatch_read(void *data)
{
    struct probe *probe = data;
    ioloop_unwatch(loop, probe->fd, READ);
}

START_TEST(a_kept_connection_costs_no_set)
{
    loop_open();
    int fds[2];
    pair_open(fds);
    count_calls();
    struct probe server = {.takes = true, .act = unwatch_read, .data = &server};
    for (int i = 0; i < 100; i++) { /* wait, serve with nobody watching, wait again */
        watch(&server, fds[0], READ);
        send_text(fds[1], "q");
        turns(1);
        send_text(fds[0], "a");
        char answer;
        ck_assert_int_eq(read(fds[1], &answer, 1), 1);
        turns(1);
    }
    ck_assert_int_eq(server.calls, 100);
    ck_assert_int_eq(sets, 1);
    pair_close(fds);
    ck_assert_int_eq(sets, real->forgets_closed ? 1 : 2);
    loop_close();
}
END_TEST

START_TEST(an_unwanted_event_comes_once)
{
    static const unsigned kinds[] = {READ, WRITE, HANGUP};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (kinds[i] == HANGUP && is_select())
            continue;
        loop_open();
        int fds[2];
        pair_open(fds);
        count_calls();
        struct probe probe = {0};
        watch(&probe, fds[0], kinds[i]);
        ioloop_unwatch(loop, fds[0], kinds[i]);
        send_text(fds[1], "x");
        shutdown(fds[1], SHUT_WR);
        turns(5);
        ck_assert_int_eq(events_seen, 1);
        ck_assert_int_eq(sets, 2);
        ck_assert_int_eq(probe.calls, 0);
        watch(&probe, fds[0], kinds[i]); /* and is back when somebody wants it */
        turns(1);
        ck_assert_int_eq(probe.calls, 1);
        pair_close(fds);
        loop_close();
    }
}
END_TEST

START_TEST(unwanted_bits_go_while_wanted_ones_stay)
{
    loop_open();
    int fds[2];
    pair_open(fds);
    count_calls();
    struct probe reader = {.takes = true}, writer = {0};
    watch(&reader, fds[0], READ);
    watch(&writer, fds[0], WRITE);
    ioloop_unwatch(loop, fds[0], WRITE);
    turns(3);
    ck_assert_int_eq(events_seen, 1);
    send_text(fds[1], "x");
    turns(3);
    ck_assert_int_eq(reader.calls, 1);
    ck_assert_int_eq(writer.calls, 0);
    ck_assert_int_eq(sets, 3);
    pair_close(fds);
    loop_close();
}
END_TEST

START_TEST(a_dead_connection_nobody_handles_does_not_spin)
{
    loop_open();
    int fds[2];
    pair_open(fds);
    count_calls();
    struct probe probe = {0};
    watch(&probe, fds[0], READ);
    watch(&probe, fds[0], HANGUP);
    ioloop_unwatch(loop, fds[0], READ | HANGUP);
    close(fds[1]);
    turns(5);
    ck_assert_int_le(events_seen, 1);
    ck_assert_int_eq(probe.calls, 0);
    watch(&probe, fds[0], READ);
    turns(1);
    ck_assert_int_eq(probe.calls, 1);
    ioloop_close(loop, fds[0]);
    loop_close();
}
END_TEST

/* ---- descriptors that foreign code closed ---- */

START_TEST(a_new_owner_that_forgets_first_is_heard)
{
    loop_open();
    int fds[2], again[2];
    pair_open(fds);
    struct probe old = {0}, new = {.takes = true};
    watch(&old, fds[0], READ);
    ioloop_unwatch(loop, fds[0], READ);
    close(fds[0]); /* without a word to the loop */
    pair_open(again);
    ck_assert_int_eq(again[0], fds[0]);
    ioloop_forget(loop, again[0]);
    watch(&new, again[0], READ);
    send_text(again[1], "x");
    turns(2);
    ck_assert_int_eq(old.calls, 0);
    ck_assert_int_eq(new.calls, 1);
    close(fds[1]);
    pair_close(again);
    loop_close();
}
END_TEST

START_TEST(another_interest_finds_the_new_owner)
{
    loop_open();
    int fds[2], again[2];
    pair_open(fds);
    struct probe old = {0}, new = {0};
    watch(&old, fds[0], READ);
    ioloop_unwatch(loop, fds[0], READ);
    close(fds[0]);
    pair_open(again);
    watch(&new, again[0], WRITE);
    turns(1);
    ck_assert_int_eq(new.calls, 1);
    close(fds[1]);
    pair_close(again);
    loop_close();
}
END_TEST

/* As in a plugin's forked child: the descriptor is closed here, its file is open elsewhere. */
enum closing { BY_THE_LOOP, BY_OTHERS, BY_OTHERS_AND_REUSED };

static void close_one(int fd, enum closing closing, int reused[2])
{
    if (closing == BY_THE_LOOP) {
        ioloop_close(loop, fd);
        return;
    }
    ioloop_unwatch(loop, fd, READ | HANGUP);
    close(fd);
    if (closing == BY_OTHERS_AND_REUSED) {
        pair_open(reused);
        ck_assert_int_eq(reused[0], fd);
    }
}

static void check_a_duplicate_does_not_spin(enum closing closing, int failures)
{
    loop_open();
    int fds[2], other[2], reused[2] = {-1, -1};
    pair_open(fds);
    pair_open(other);
    int duplicate = dup(fds[0]);
    struct probe gone = {0}, stays = {.takes = true};
    count_calls();
    watch(&gone, fds[0], READ);
    watch(&gone, fds[0], HANGUP);
    watch(&stays, other[0], READ);
    close_one(fds[0], closing, reused);
    send_text(fds[1], "x");
    opens_to_fail = failures;
    turns(2 + failures);
    ck_assert_int_eq(opens_to_fail, 0);
    events_seen = 0;
    turns(3);
    ck_assert_int_eq(events_seen, 0);
    ck_assert_int_eq(gone.calls, 0);
    send_text(other[1], "x");
    turns(2);
    ck_assert_int_eq(stays.calls, 1);
    close(duplicate);
    if (reused[0] >= 0)
        pair_close(reused);
    ioloop_close(loop, fds[1]);
    pair_close(other);
    loop_close();
}

START_TEST(a_duplicate_of_a_closed_one_does_not_spin)
{
    check_a_duplicate_does_not_spin(BY_THE_LOOP, 0);
    check_a_duplicate_does_not_spin(BY_OTHERS, 0);
    check_a_duplicate_does_not_spin(BY_OTHERS_AND_REUSED, 0);
}
END_TEST

/* Without a free descriptor the new set has to wait, and is made when there is one. */
START_TEST(nor_does_it_for_long_when_descriptors_are_short)
{
    loop_open();
    bool is_epoll = loop->kind->forgets_closed;
    loop_close();
    if (!is_epoll)
        return;
    check_a_duplicate_does_not_spin(BY_THE_LOOP, 3);
    check_a_duplicate_does_not_spin(BY_OTHERS, 3);
    check_a_duplicate_does_not_spin(BY_OTHERS_AND_REUSED, 3);
}
END_TEST

UNIT_MAIN_ON_POLLERS(a_kept_connection_costs_no_set, an_unwanted_event_comes_once,
                     unwanted_bits_go_while_wanted_ones_stay,
                     a_dead_connection_nobody_handles_does_not_spin,
                     a_new_owner_that_forgets_first_is_heard, another_interest_finds_the_new_owner,
                     a_duplicate_of_a_closed_one_does_not_spin,
                     nor_does_it_for_long_when_descriptors_are_short)
