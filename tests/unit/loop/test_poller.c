/* The rows of the poller table (poller_epoll.c, poller_poll.c, poller_select.c), without a loop. */
#include "on_pollers.h"

#include <errno.h>
#include <signal.h>
#include <sys/time.h>
#include "loop/poller.h"

static const struct poller_kind *kind;
static struct poller *set;

static void open_set(void)
{
    kind = poller_find(poller);
    ck_assert_ptr_nonnull(kind);
    ck_assert_int_eq(kind->open(&set), 0);
}

static void close_set(void)
{
    kind->close(set);
}

START_TEST(is_found_by_name)
{
    ck_assert_str_eq(poller_find(poller)->name, poller);
    ck_assert_str_eq(poller_find(NULL)->name, "epoll");
    ck_assert_ptr_null(poller_find(""));
    ck_assert_ptr_null(poller_find("kqueue"));
}
END_TEST

START_TEST(reports_what_was_asked_for_with_the_tag)
{
    static const struct {
        unsigned want, events;
    } rows[] = {
        {IOLOOP_READ, IOLOOP_READ},
        {IOLOOP_WRITE, IOLOOP_WRITE},
        {IOLOOP_READ | IOLOOP_WRITE, IOLOOP_READ | IOLOOP_WRITE},
        {IOLOOP_HANGUP, 0},
        {IOLOOP_HANGUP | IOLOOP_READ, IOLOOP_READ},
    };
    open_set();
    int fds[2];
    struct poller_event events[4];
    pair_open(fds);
    send_text(fds[1], "x");
    unsigned had = 0;
    for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) {
        ck_assert_int_eq(kind->set(set, fds[0], UINT32_MAX - i, had, rows[i].want), 0);
        had = rows[i].want;
        int n = kind->wait(set, events, 4, 0);
        ck_assert_int_eq(n, rows[i].events != 0);
        if (n) {
            ck_assert_int_eq(events[0].fd, fds[0]);
            ck_assert_uint_eq(events[0].tag, UINT32_MAX - i);
            ck_assert_uint_eq(events[0].events, rows[i].events);
        }
    }
    ck_assert_int_eq(kind->set(set, fds[0], 0, had, 0), 0);
    ck_assert_int_eq(kind->wait(set, events, 4, 0), 0);
    close(fds[0]);
    close(fds[1]);
    close_set();
}
END_TEST

START_TEST(tells_a_hang_up_from_data)
{
    if (is_select())
        return;
    open_set();
    int fds[2];
    struct poller_event events[4];
    pair_open(fds);
    send_text(fds[1], "x");
    ck_assert_int_eq(kind->set(set, fds[0], 7, 0, IOLOOP_HANGUP), 0);
    ck_assert_int_eq(kind->wait(set, events, 4, 0), 0);
    shutdown(fds[1], SHUT_WR);
    ck_assert_int_eq(kind->wait(set, events, 4, 0), 1);
    ck_assert_uint_eq(events[0].events, IOLOOP_HANGUP);
    close(fds[1]); /* dead now: everything, asked for or not */
    ck_assert_int_eq(kind->wait(set, events, 4, 0), 1);
    ck_assert_uint_eq(events[0].events, IOLOOP_READ | IOLOOP_WRITE | IOLOOP_HANGUP);
    close(fds[0]);
    close_set();
}
END_TEST

START_TEST(refuses_what_it_cannot_wait_for)
{
    open_set();
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int folder = open("/", O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(file, 0);
    ck_assert_int_ge(folder, 0);
    ck_assert_int_eq(kind->set(set, file, 0, 0, IOLOOP_READ), -EPERM);
    ck_assert_int_eq(kind->set(set, folder, 0, 0, IOLOOP_READ), -EPERM);
    close(folder);
    ck_assert_int_eq(kind->set(set, folder, 0, 0, IOLOOP_READ), -EBADF);
    ck_assert_int_eq(kind->set(set, -1, 0, 0, IOLOOP_READ), -EBADF);
    close(file);
    close_set();
}
END_TEST

START_TEST(only_select_has_a_highest_descriptor)
{
    open_set();
    int fds[2];
    pair_open(fds);
    int high = fcntl(fds[0], F_DUPFD_CLOEXEC, 1024);
    if (high >= 0) { /* where the limit allows it */
        int r = kind->set(set, high, 0, 0, IOLOOP_WRITE);
        ck_assert_int_eq(r, is_select() ? -ERANGE : 0);
        close(high);
    } else if (is_select()) {
        ck_assert_int_eq(kind->set(set, 1024, 0, 0, IOLOOP_WRITE), -ERANGE);
    }
    close(fds[0]);
    close(fds[1]);
    close_set();
}
END_TEST

/* More are ready than fit: over some waits each one gets its turn. */
START_TEST(passes_nobody_over)
{
    enum { PAIRS = 7, CAP = 3 };
    open_set();
    int fds[PAIRS][2], seen[PAIRS] = {0};
    struct poller_event events[CAP];
    for (uint32_t i = 0; i < PAIRS; i++) {
        pair_open(fds[i]);
        ck_assert_int_eq(kind->set(set, fds[i][0], i, 0, IOLOOP_WRITE), 0);
    }
    for (int wait = 0; wait < 3 * PAIRS; wait++) {
        int n = kind->wait(set, events, CAP, 0);
        ck_assert_int_eq(n, CAP);
        for (int i = 0; i < n; i++)
            seen[events[i].tag]++;
    }
    for (int i = 0; i < PAIRS; i++) {
        ck_assert_int_eq(seen[i], 3 * CAP);
        close(fds[i][0]);
        close(fds[i][1]);
    }
    close_set();
}
END_TEST

START_TEST(keeps_many_apart)
{
    enum { PAIRS = 100, STEPS = 3000 };
    open_set();
    int fds[PAIRS][2];
    bool is_in[PAIRS] = {false};
    struct poller_event events[PAIRS];
    for (int i = 0; i < PAIRS; i++)
        pair_open(fds[i]);
    uint64_t seed = 7;
    for (int step = 0, in = 0; step < STEPS; step++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        uint32_t i = (uint32_t)(seed >> 33) % PAIRS;
        unsigned had = is_in[i] ? IOLOOP_WRITE : 0;
        ck_assert_int_eq(kind->set(set, fds[i][0], i, had, had ^ IOLOOP_WRITE), 0);
        is_in[i] = !had;
        in += is_in[i] ? 1 : -1;
        if (step % 50)
            continue;
        int n = kind->wait(set, events, PAIRS, 0);
        ck_assert_int_eq(n, in);
        for (int e = 0; e < n; e++) {
            ck_assert(is_in[events[e].tag]);
            ck_assert_int_eq(events[e].fd, fds[events[e].tag][0]);
        }
    }
    for (int i = 0; i < PAIRS; i++) {
        close(fds[i][0]);
        close(fds[i][1]);
    }
    close_set();
}
END_TEST

static void ignore_signal(int number)
{
    (void)number;
}

START_TEST(a_signal_ends_the_wait)
{
    open_set();
    struct poller_event events[1];
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = ignore_signal}, NULL);
    const struct itimerval soon = {.it_value.tv_usec = 20000};
    setitimer(ITIMER_REAL, &soon, NULL);
    ck_assert_int_eq(kind->wait(set, events, 1, 30000), 0);
    close_set();
}
END_TEST

START_TEST(a_descriptor_closed_behind_its_back_hurts_no_other)
{
    open_set();
    int fds[2], gone[2];
    struct poller_event events[4];
    pair_open(fds);
    pair_open(gone);
    ck_assert_int_eq(kind->set(set, gone[0], 1, 0, IOLOOP_READ), 0);
    ck_assert_int_eq(kind->set(set, fds[0], 2, 0, IOLOOP_WRITE), 0);
    close(gone[0]);
    bool other = false;
    for (int wait = 0; wait < 3 && !other; wait++) {
        int n = kind->wait(set, events, 4, 0);
        for (int i = 0; i < n; i++) {
            if (events[i].tag == 1) { /* an error, to be taken out */
                ck_assert_uint_ne(events[i].events & IOLOOP_READ, 0);
                ck_assert_int_eq(kind->set(set, gone[0], 1, IOLOOP_READ, 0), 0);
            }
            other = other || events[i].tag == 2;
        }
    }
    ck_assert(other);
    close(gone[1]);
    close(fds[0]);
    close(fds[1]);
    close_set();
}
END_TEST

UNIT_MAIN_ON_POLLERS(is_found_by_name, reports_what_was_asked_for_with_the_tag,
                     tells_a_hang_up_from_data, refuses_what_it_cannot_wait_for,
                     only_select_has_a_highest_descriptor, passes_nobody_over, keeps_many_apart,
                     a_signal_ends_the_wait, a_descriptor_closed_behind_its_back_hurts_no_other)
