/* Descriptors: handlers, and the ways in which an event can be stale. */
#include "io_probe.h"

#include <netinet/in.h>
#include <sys/resource.h>

START_TEST(a_reader_hears_of_reading_only)
{
    loop_open();
    int fds[2];
    pair_open(fds);
    struct probe reader = {.takes = true};
    watch(&reader, fds[0], READ);
    turns(2);
    ck_assert_int_eq(reader.calls, 0);
    send_text(fds[1], "abcd");
    turns(2);
    ck_assert_int_eq(reader.calls, 2); /* level-triggered: what is left comes again */
    ck_assert_uint_eq(reader.events, READ);
    turns(5);
    ck_assert_int_eq(reader.calls, 4);
    pair_close(fds);
    loop_close();
}
END_TEST

START_TEST(refuses_what_it_cannot_watch)
{
    loop_open();
    struct probe probe = {0};
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(ioloop_watch(loop, file, READ, on_event, &probe), -EPERM);
    ck_assert_int_eq(ioloop_watch(loop, -1, READ, on_event, &probe), -EBADF);
    ck_assert_int_eq(ioloop_watch(loop, INT32_MAX, READ, on_event, &probe),
                     is_select() ? -ERANGE : -EBADF);
    close(file);
    ck_assert_int_eq(ioloop_watch(loop, file, READ, on_event, &probe), -EBADF);
    ck_assert_uint_lt(loop->slots_len, 1000); /* no table for numbers that are none */
    turns(1);
    ck_assert_int_eq(probe.calls, 0);
    loop_close();
}
END_TEST

START_TEST(taking_away_what_is_not_there)
{
    loop_open();
    static const int numbers[] = {-1, 0, 99, 100000, INT32_MAX};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        ioloop_unwatch(loop, numbers[i], READ | WRITE | HANGUP);
        ioloop_forget(loop, numbers[i]);
        ioloop_forget(loop, numbers[i]);
    }
    loop_close();
}
END_TEST

START_TEST(reader_and_writer_are_apart)
{
    loop_open();
    int fds[2];
    pair_open(fds);
    struct probe reader = {0}, writer = {0}, other = {0};
    watch(&reader, fds[0], READ);
    watch(&writer, fds[0], WRITE);
    turns(1);
    ck_assert_int_eq(reader.calls, 0);
    ck_assert_uint_eq(writer.events, WRITE);
    watch(&other, fds[0], WRITE); /* replaces */
    send_text(fds[1], "x");
    turns(1);
    ck_assert_int_eq(writer.calls, 1);
    ck_assert_uint_eq(reader.events, READ | WRITE); /* both came, both are wanted */
    ck_assert_uint_eq(other.events, READ | WRITE);
    ioloop_unwatch(loop, fds[0], WRITE);
    turns(3);
    ck_assert_int_eq(other.calls, 1);
    ck_assert_int_eq(reader.calls, 4);
    ck_assert_uint_eq(reader.events, READ);
    pair_close(fds);
    loop_close();
}
END_TEST

static struct probe one, two; /* that act on each other */

static void unwatch_write_of_one(void *data)
{
    (void)data;
    ioloop_unwatch(loop, one.fd, WRITE);
}

START_TEST(a_handler_taken_away_in_the_turn_is_not_called)
{
    loop_open();
    int fds[2];
    pair_open(fds);
    send_text(fds[1], "x");
    one = (struct probe){.act = unwatch_write_of_one};
    two = (struct probe){0};
    watch(&one, fds[0], READ);
    watch(&two, fds[0], WRITE);
    turns(3);
    ck_assert_int_eq(one.calls, 3);
    ck_assert_int_eq(two.calls, 0);
    pair_close(fds);
    loop_close();
}
END_TEST

static void replace_self(void *data)
{
    (void)data;
    watch(&two, one.fd, READ);
}

static void add_writer(void *data)
{
    (void)data;
    watch(&two, one.fd, WRITE);
}

START_TEST(a_handler_replaces_itself)
{
    loop_open();
    int fds[2];
    pair_open(fds);
    send_text(fds[1], "x");
    one = (struct probe){.act = replace_self};
    two = (struct probe){.takes = true};
    watch(&one, fds[0], READ);
    turns(3);
    ck_assert_int_eq(one.calls, 1);
    ck_assert_int_eq(two.calls, 1);
    ck_assert_uint_eq(two.turn, one.turn + 1);
    pair_close(fds);
    loop_close();
}
END_TEST

/* The writer is added while READ|WRITE is delivered: what was known of WRITE may be used up. */
START_TEST(a_handler_added_in_the_turn_waits_for_the_next)
{
    loop_open();
    int fds[2];
    pair_open(fds);
    struct probe early = {0};
    watch(&early, fds[0], WRITE); /* the kernel's interest in WRITE outlives its handler */
    ioloop_unwatch(loop, fds[0], WRITE);
    send_text(fds[1], "x");
    one = (struct probe){.takes = true, .act = add_writer};
    two = (struct probe){0};
    watch(&one, fds[0], READ);
    turns(2);
    ck_assert_int_eq(one.calls, 1);
    ck_assert_int_eq(two.calls, 1);
    ck_assert_uint_eq(two.turn, one.turn + 1);
    ck_assert_uint_eq(two.events, WRITE);
    ck_assert_int_eq(early.calls, 0);
    pair_close(fds);
    loop_close();
}
END_TEST

static void forget_other(void *data)
{
    struct probe *other = data;
    ioloop_forget(loop, other->fd);
}

START_TEST(of_two_ready_the_first_forgets_the_second)
{
    loop_open();
    int a[2], b[2];
    pair_open(a);
    pair_open(b);
    send_text(a[1], "abc");
    send_text(b[1], "abc");
    one = (struct probe){.act = forget_other, .data = &two};
    two = (struct probe){.act = forget_other, .data = &one};
    count_calls();
    watch(&one, a[0], READ);
    watch(&two, b[0], READ);
    turns(1);
    ck_assert_int_eq(one.calls + two.calls, 1);
    ck_assert_int_eq(opens, 0); /* the old tag was to be expected: no reason for a new set */
    turns(3);
    ck_assert_int_eq(one.calls + two.calls, 4); /* the first goes on */
    ck_assert(one.calls == 0 || two.calls == 0);
    pair_close(a);
    pair_close(b);
    loop_close();
}
END_TEST

/* ---- a number changes hands while its event is on the way ---- */

static struct probe heir;
static int heir_peer, stranger;

/* Closes the other probe's descriptor and opens a silent one under the same number. */
static void take_number(void *data)
{
    struct probe *other = data;
    int fd = other->fd, fds[2];
    if (stranger) {
        ioloop_forget(loop, fd);
        close(fd);
    } else {
        ioloop_close(loop, fd);
    }
    pair_open(fds);
    ck_assert_int_eq(fds[0], fd);
    heir_peer = fds[1];
    watch(&heir, fd, READ);
    one.act = two.act = NULL;
    one.takes = two.takes = true;
}

static void check_number_changes_hands(void)
{
    loop_open();
    int a[2], b[2];
    pair_open(a);
    pair_open(b);
    send_text(a[1], "x");
    send_text(b[1], "x");
    one = (struct probe){.act = take_number, .data = &two};
    two = (struct probe){.act = take_number, .data = &one};
    heir = (struct probe){.takes = true};
    watch(&one, a[0], READ);
    watch(&two, b[0], READ);
    turns(1);
    ck_assert_int_eq(one.calls + two.calls, 1);
    turns(3);
    ck_assert_int_eq(heir.calls, 0);
    send_text(heir_peer, "y");
    turns(2);
    ck_assert_int_eq(heir.calls, 1);
    ck_assert_uint_eq(heir.events, READ);
    pair_close(a);
    pair_close(b);
    ioloop_close(loop, heir_peer);
    loop_close();
}

START_TEST(no_event_reaches_a_new_owner_after_close)
{
    stranger = 0;
    check_number_changes_hands();
}
END_TEST

START_TEST(no_event_reaches_a_new_owner_after_forget)
{
    stranger = 1;
    check_number_changes_hands();
}
END_TEST

static void close_own(void *data)
{
    struct probe *probe = data;
    int fds[2];
    ioloop_close(loop, probe->fd);
    pair_open(fds);
    ck_assert_int_eq(fds[0], probe->fd);
    heir_peer = fds[1];
    watch(&heir, fds[0], WRITE);
}

/* READ and WRITE both came; the reader closes and another takes the number for writing. */
START_TEST(a_reader_closes_and_a_new_writer_comes)
{
    loop_open();
    int fds[2];
    pair_open(fds);
    send_text(fds[1], "x");
    one = (struct probe){.act = close_own, .data = &one};
    two = (struct probe){0};
    heir = (struct probe){0};
    watch(&one, fds[0], READ);
    watch(&two, fds[0], WRITE);
    turns(1);
    ck_assert_int_eq(one.calls, 1);
    ck_assert_int_eq(two.calls, 0);
    ck_assert_int_eq(heir.calls, 0);
    turns(1);
    ck_assert_int_eq(heir.calls, 1);
    ck_assert_uint_eq(heir.turn, one.turn + 1);
    pair_close(fds);
    ioloop_close(loop, heir_peer);
    loop_close();
}
END_TEST

static void watch_high(void *data)
{
    struct probe *probe = data;
    int high = fcntl(probe->fd, F_DUPFD_CLOEXEC, 900);
    ck_assert_int_ge(high, 0);
    watch(&heir, high, WRITE); /* the table moves */
    probe->act = NULL;
}

START_TEST(the_table_grows_inside_a_handler)
{
    loop_open();
    int fds[2];
    pair_open(fds);
    send_text(fds[1], "x");
    one = (struct probe){.act = watch_high, .data = &one};
    two = (struct probe){0};
    heir = (struct probe){0};
    watch(&one, fds[0], READ);
    watch(&two, fds[0], WRITE);
    turns(2);
    ck_assert_int_eq(one.calls, 2);
    ck_assert_int_eq(two.calls, 2);
    ck_assert_int_eq(heir.calls, 1);
    ioloop_forget(loop, heir.fd);
    close(heir.fd);
    pair_close(fds);
    loop_close();
}
END_TEST

/* ---- hang-ups and errors ---- */

START_TEST(a_half_close_is_a_hang_up)
{
    loop_open();
    int fds[2];
    pair_open(fds);
    struct probe hangup = {0}, reader = {0};
    watch(&hangup, fds[0], HANGUP);
    send_text(fds[1], "unread");
    turns(2);
    ck_assert_int_eq(hangup.calls, 0);
    shutdown(fds[1], SHUT_WR);
    turns(1);
    ck_assert_int_eq(hangup.calls, is_select() ? 0 : 1);
    if (!is_select())
        ck_assert_uint_eq(hangup.events, HANGUP);
    watch(&reader, fds[0], READ);
    turns(1);
    ck_assert_uint_eq(reader.events & READ, READ);
    pair_close(fds);
    loop_close();
}
END_TEST

START_TEST(whoever_has_a_handler_hears_of_an_error)
{
    enum { READ_END, WRITE_END };
    static const struct {
        int end;
        unsigned event;
    } rows[] = {{READ_END, READ}, {WRITE_END, WRITE}, {READ_END, HANGUP}, {WRITE_END, HANGUP}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].event == HANGUP && is_select())
            continue;
        loop_open();
        int fds[2];
        ck_assert_int_eq(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
        while (rows[i].end == WRITE_END && write(fds[1], "full", 4) > 0)
            ;
        struct probe probe = {0};
        watch(&probe, fds[rows[i].end], rows[i].event);
        turns(1);
        ck_assert_int_eq(probe.calls, 0);
        close(fds[!rows[i].end]);
        turns(1);
        ck_assert_int_eq(probe.calls, 1);
        ck_assert_uint_eq(probe.events, rows[i].event);
        ioloop_close(loop, fds[rows[i].end]);
        loop_close();
    }
}
END_TEST

START_TEST(a_refused_connect_is_writable)
{
    loop_open();
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int taken = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* bound, but nobody listens */
    ck_assert_int_eq(bind(taken, (struct sockaddr *)&at, len), 0);
    ck_assert_int_eq(getsockname(taken, (struct sockaddr *)&at, &len), 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    (void)connect(fd, (struct sockaddr *)&at, len);
    struct probe probe = {0};
    watch(&probe, fd, WRITE);
    for (int i = 0; i < 10 && !probe.calls; i++)
        ck_assert_int_eq(ioloop_turn(loop, 1000), 0);
    ck_assert_int_ge(probe.calls, 1);
    ioloop_close(loop, fd);
    close(taken);
    loop_close();
}
END_TEST

/* ---- many ---- */

START_TEST(three_hundred_ready_at_once_are_all_served)
{
    enum { PAIRS = 300 };
    static struct probe probes[PAIRS];
    static int fds[PAIRS][2];
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    loop_open();
    for (int i = 0; i < PAIRS; i++) {
        pair_open(fds[i]);
        probes[i] = (struct probe){0};
        watch(&probes[i], fds[i][0], READ);
        send_text(fds[i][1], "x");
    }
    turns(4);
    for (int i = 0; i < PAIRS; i++) {
        ck_assert_int_ge(probes[i].calls, 2); /* though they stay readable and do not fit a turn */
        pair_close(fds[i]);
    }
    loop_close();
}
END_TEST

UNIT_MAIN_ON_POLLERS(a_reader_hears_of_reading_only, refuses_what_it_cannot_watch,
                     taking_away_what_is_not_there, reader_and_writer_are_apart,
                     a_handler_taken_away_in_the_turn_is_not_called, a_handler_replaces_itself,
                     a_handler_added_in_the_turn_waits_for_the_next,
                     of_two_ready_the_first_forgets_the_second,
                     no_event_reaches_a_new_owner_after_close,
                     no_event_reaches_a_new_owner_after_forget,
                     a_reader_closes_and_a_new_writer_comes, the_table_grows_inside_a_handler,
                     a_half_close_is_a_hang_up, whoever_has_a_handler_hears_of_an_error,
                     a_refused_connect_is_writable, three_hundred_ready_at_once_are_all_served)
