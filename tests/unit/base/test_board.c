/* Shared sums under processes that die at any moment. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/board.h"
#include "base/macros.h"

static struct board *board;
static int board_fd = -1;

static void begin(void)
{
    ck_assert_int_eq(board_create(&board, &board_fd), 0);
    ck_assert_ptr_eq(board_current(), board);
}

static void finish(void)
{
    board_detach(board);
    close(board_fd);
    ck_assert_ptr_null(board_current());
}

/* Forks a child that has the board in a slot of its own, as a worker has, and runs fn there. */
static pid_t worker(int slot, void (*fn)(void))
{
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid)
        return pid;
    board_detach(board);
    if (board_attach(board_fd, (unsigned)slot, &board) < 0)
        _exit(1);
    fn();
    _exit(0);
}

static void reap(pid_t pid, int signal)
{
    int status;
    if (signal)
        kill(pid, signal);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    if (!signal)
        ck_assert_int_eq(status, 0);
}

START_TEST(counts_without_a_board)
{
    ck_assert_ptr_nonnull(board_mine);
    ck_assert_ptr_null(board_current());
    int counter = board_metric(BOARD_COUNTER, "gale_requests_total", "", "Requests.");
    ck_assert_int_ge(counter, 0);
    board_add(counter, 2);
    board_add_shared(counter, 3);
    ck_assert_int_eq(board_sum(counter), 5);
    int gauge = board_metric(BOARD_GAUGE, "gale_open", "", "Open.");
    board_set(gauge, -7);
    ck_assert_int_eq(board_sum(gauge), -7);
    board_set(gauge, 0);
    ck_assert(board_hold(gauge, 1));
    ck_assert(!board_hold(gauge, 1));
}
END_TEST

START_TEST(a_metric_without_room_counts_nowhere)
{
    board_add(-ENOSPC, 1);
    board_add_shared(-ENOSPC, 1);
    board_set(-ENOSPC, 1);
    ck_assert_int_eq(board_sum(-ENOSPC), 0);
    ck_assert(board_hold(-ENOSPC, 0)); /* a full table must not close the house */
    board_release(-ENOSPC);
}
END_TEST

START_TEST(names_are_checked)
{
    char longest[BOARD_TEXT], too_long[BOARD_TEXT + 1];
    memset(longest, 'x', sizeof(longest));
    memset(too_long, 'x', sizeof(too_long));
    longest[BOARD_TEXT - 1] = too_long[BOARD_TEXT] = 0;
    static const char *const bad[] = {"", "1a", "a b", "a-b", "a\n", "gr\xC3\xBC", "{}"};
    begin();
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ck_assert_int_eq(board_metric(BOARD_COUNTER, bad[i], "", ""), -EINVAL);
    ck_assert_int_eq(board_metric(BOARD_COUNTER, too_long, "", ""), -EINVAL);
    ck_assert_int_eq(board_metric(BOARD_COUNTER, "a", too_long, ""), -EINVAL);
    ck_assert_int_ge(board_metric(BOARD_COUNTER, longest, longest, too_long), 0);
    ck_assert_int_ge(board_metric(BOARD_COUNTER, "_:aZ9", "", ""), 0);
    ck_assert_int_ge(board_metric(BOARD_COUNTER, "kind", "", ""), 0);
    ck_assert_int_eq(board_metric(BOARD_GAUGE, "kind", "", ""), -EINVAL);
    ck_assert_int_eq(board_metric(BOARD_GAUGE, "kind", "a=\"b\"", ""), -EINVAL);
    finish();
}
END_TEST

START_TEST(the_table_fills_up)
{
    char name[32], labels[32];
    begin();
    for (int i = 0; i < BOARD_METRICS; i++) {
        snprintf(name, sizeof(name), "m%d", i % 1000);
        snprintf(labels, sizeof(labels), "round=\"%d\"", i / 1000);
        ck_assert_int_eq(board_metric(BOARD_COUNTER, name, labels, ""), i);
    }
    ck_assert_int_eq(board_metric(BOARD_COUNTER, "one_more", "", ""), -ENOSPC);
    ck_assert_int_eq(board_metric(BOARD_COUNTER, "m7", "round=\"2\"", ""), 2007);
    finish();
}
END_TEST

struct seen {
    char text[4096];
    int stop_after;
};

static int see(void *data, const struct board_sample *sample)
{
    struct seen *seen = data;
    size_t len = strlen(seen->text);
    snprintf(seen->text + len, sizeof(seen->text) - len, "%s{%s}=%lld%s;", sample->name,
             sample->labels, (long long)sample->value, sample->kind == BOARD_GAUGE ? "g" : "");
    return --seen->stop_after == 0 ? 42 : 0;
}

START_TEST(samples_of_one_name_stand_together)
{
    struct seen seen = {.stop_after = 0};
    begin();
    board_add(board_metric(BOARD_COUNTER, "a", "c=\"1\"", "A."), 1);
    board_add(board_metric(BOARD_GAUGE, "b", "", "B."), 2);
    board_add(board_metric(BOARD_COUNTER, "a", "c=\"2\"", "A."), 3);
    board_add(board_metric(BOARD_COUNTER, "c", "", "C."), 4);
    board_add(board_metric(BOARD_COUNTER, "a", "", "A."), 5);
    ck_assert_int_eq(board_each(see, &seen), 0);
    ck_assert_str_eq(seen.text, "a{c=\"1\"}=1;a{c=\"2\"}=3;a{}=5;b{}=2g;c{}=4;");
    seen = (struct seen){.stop_after = 2};
    ck_assert_int_eq(board_each(see, &seen), 42);
    ck_assert_str_eq(seen.text, "a{c=\"1\"}=1;a{c=\"2\"}=3;");
    finish();
}
END_TEST

START_TEST(slots_are_claimed_and_retired)
{
    begin();
    for (int i = 0; i < BOARD_SLOTS; i++)
        ck_assert_int_eq(board_claim(board), i);
    ck_assert_int_eq(board_claim(board), -ENOSPC);
    struct board_slot *slot = board_slot(board, 17);
    ck_assert_uint_eq(slot->state, BOARD_STARTING);
    snprintf(slot->app, sizeof(slot->app), "old");
    slot->values[5] = 5;
    board_retire(board, 17);
    board_retire(board, 17); /* twice is harmless */
    ck_assert_int_eq(board_claim(board), 17);
    ck_assert_str_eq(slot->app, "");
    ck_assert_uint_eq(slot->values[5], 0);
    finish();
}
END_TEST

START_TEST(only_a_board_is_attached)
{
    struct board *other = NULL;
    int fd[2];
    ck_assert_int_eq(pipe(fd), 0);
    ck_assert_int_eq(board_attach(fd[0], 0, &other), -EINVAL);
    ck_assert_int_eq(board_attach(-1, 0, &other), -EINVAL);
    close(fd[0]);
    close(fd[1]);
    begin();
    ck_assert_int_lt(ftruncate(board_fd, 0), 0); /* its size is sealed */
    int blank = memfd_create("blank", 0);
    off_t size = lseek(board_fd, 0, SEEK_END);
    ck_assert_int_eq(ftruncate(blank, size), 0);
    board_detach(board);
    ck_assert_int_eq(board_attach(blank, 0, &other), -EINVAL);
    ck_assert_int_eq(board_attach(board_fd, BOARD_SLOTS + 1, &other), -EINVAL);
    ck_assert_ptr_null(other);
    ck_assert_int_eq(board_attach(board_fd, BOARD_SLOTS, &board), 0);
    ck_assert(fcntl(board_fd, F_GETFD) & FD_CLOEXEC);
    close(blank);
    finish();
}
END_TEST

static void count_and_die(void)
{
    board_add(board_metric(BOARD_COUNTER, "total", "", ""), 10);
    board_add_shared(board_metric(BOARD_COUNTER, "total", "", ""), 5);
    board_add(board_metric(BOARD_GAUGE, "now", "", ""), 3);
    board_mine->state = BOARD_SERVING;
    for (;;)
        pause();
}

START_TEST(counters_outlive_their_worker_and_gauges_do_not)
{
    begin();
    int total = board_metric(BOARD_COUNTER, "total", "", "");
    int now = board_metric(BOARD_GAUGE, "now", "", "");
    board_add(total, 1); /* the master counts, too */
    for (int i = 1; i <= 3; i++) {
        int slot = board_claim(board);
        ck_assert_int_eq(slot, 0);
        pid_t pid = worker(slot, count_and_die);
        while (board_slot(board, 0)->state != BOARD_SERVING)
            usleep(1000);
        ck_assert_int_eq(board_sum(total), 1 + 15 * i);
        ck_assert_int_eq(board_sum(now), 3);
        reap(pid, SIGKILL);
        ck_assert_int_eq(board_sum(total), 1 + 15 * i);
        board_retire(board, 0);
        ck_assert_int_eq(board_sum(total), 1 + 15 * i);
        ck_assert_int_eq(board_sum(now), 0);
    }
    finish();
}
END_TEST

static void watch(void)
{
    int total = board_metric(BOARD_COUNTER, "total", "", "");
    int64_t last = 0;
    while (board_slot(board, BOARD_SLOTS)->state == BOARD_SERVING) {
        int64_t sum = board_sum(total);
        if (sum < last)
            _exit(1);
        last = sum;
    }
}

static void count_for_ever(void)
{
    int total = board_metric(BOARD_COUNTER, "total", "", "");
    for (;;)
        board_add(total, 1);
}

START_TEST(no_reader_sees_a_counter_go_back)
{
    begin();
    int watcher_slot = board_claim(board);
    pid_t watcher = worker(watcher_slot, watch);
    int total = board_metric(BOARD_COUNTER, "total", "", "");
    for (int i = 0; i < 60; i++) {
        int slot = board_claim(board);
        int64_t before = board_sum(total);
        pid_t pid = worker(slot, count_for_ever);
        while (board_sum(total) == before)
            usleep(100);
        reap(pid, SIGKILL);
        board_retire(board, (unsigned)slot);
        ck_assert_int_gt(board_sum(total), before);
    }
    board_mine->state = BOARD_DRAINING;
    reap(watcher, 0);
    finish();
}
END_TEST

static void register_for_ever(void)
{
    char name[32];
    for (int i = 0;; i++) {
        snprintf(name, sizeof(name), "m%d", i % 3000);
        board_metric(BOARD_COUNTER, name, "", "");
        snprintf(name, sizeof(name), "own%d_%d", (int)getpid(), i);
        if (i < 20)
            board_metric(BOARD_COUNTER, name, "", "");
    }
}

static int check_unique(void *data, const struct board_sample *sample)
{
    (*(int *)data)++;
    int index = board_metric(BOARD_COUNTER, sample->name, sample->labels, "");
    board_add(index, 1);
    return sample->value != 0; /* met before under this name */
}

START_TEST(registering_survives_a_killed_holder)
{
    begin();
    for (int i = 0; i < 20; i++) {
        pid_t pid[2] = {worker(0, register_for_ever), worker(1, register_for_ever)};
        usleep(500 + (useconds_t)i * 500);
        reap(pid[0], SIGKILL);
        reap(pid[1], SIGKILL);
        ck_assert_int_ge(board_metric(BOARD_COUNTER, "still_works", "", ""), 0);
    }
    int n = 0;
    ck_assert_int_eq(board_each(check_unique, &n), 0);
    ck_assert_int_gt(n, 1);
    finish();
}
END_TEST

enum { MAX = 5 };

static _Atomic int *granted; /* shared by the workers: what they hold for good at this instant */

static void hold_and_release(void)
{
    int held = board_metric(BOARD_GAUGE, "held", "", "");
    for (int i = 0; i < 20000; i++) {
        int mine = 0;
        while (mine < 3 && board_hold(held, MAX)) {
            mine++;
            if (++*granted > MAX)
                _exit(1);
        }
        *granted -= mine;
        while (mine--)
            board_release(held);
    }
}

START_TEST(no_more_than_max_are_ever_held)
{
    pid_t pid[4];
    begin();
    granted =
        mmap(NULL, sizeof(*granted), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int held = board_metric(BOARD_GAUGE, "held", "", "");
    for (size_t i = 0; i < ARRAY_LEN(pid); i++)
        pid[i] = worker(board_claim(board), hold_and_release);
    for (size_t i = 0; i < ARRAY_LEN(pid); i++)
        reap(pid[i], 0);
    ck_assert_int_eq(board_sum(held), 0);
    for (int i = 0; i < MAX; i++)
        ck_assert(board_hold(held, MAX));
    ck_assert(!board_hold(held, MAX));
    board_release(held);
    ck_assert(board_hold(held, MAX));
    finish();
}
END_TEST

static void hold_all(void)
{
    int held = board_metric(BOARD_GAUGE, "held", "", "");
    while (board_hold(held, MAX))
        ;
    board_mine->state = BOARD_SERVING;
    for (;;)
        pause();
}

START_TEST(a_dead_worker_gives_its_holdings_back)
{
    begin();
    int held = board_metric(BOARD_GAUGE, "held", "", "");
    int slot = board_claim(board);
    pid_t pid = worker(slot, hold_all);
    while (board_slot(board, (unsigned)slot)->state != BOARD_SERVING)
        usleep(1000);
    ck_assert(!board_hold(held, MAX));
    reap(pid, SIGKILL);
    ck_assert(!board_hold(held, MAX)); /* not before the master knows */
    board_retire(board, (unsigned)slot);
    ck_assert_int_eq(board_sum(held), 0);
    ck_assert(board_hold(held, MAX));
    finish();
}
END_TEST

static void *add_from_a_thread(void *data)
{
    for (int i = 0; i < 100000; i++)
        board_add_shared(*(int *)data, 1);
    return NULL;
}

START_TEST(threads_and_the_loop_lose_nothing)
{
    pthread_t threads[2];
    begin();
    int total = board_metric(BOARD_COUNTER, "total", "", "");
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_create(&threads[i], NULL, add_from_a_thread, &total);
    for (int i = 0; i < 100000; i++)
        board_add(total, 1);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(board_sum(total), 300000);
    finish();
}
END_TEST

/* Slots that nobody claimed and metrics that nobody made cost no memory. */
START_TEST(is_sparse)
{
    struct stat st;
    begin();
    board_add(board_metric(BOARD_COUNTER, "one", "", ""), 1);
    board_claim(board);
    ck_assert_int_eq(board_sum(0), 1);
    ck_assert_int_eq(fstat(board_fd, &st), 0);
    ck_assert_int_le(st.st_blocks * 512, 256 * 1024);
    finish();
}
END_TEST

START_TEST(knows_the_last_that_were_condemned)
{
    char id[BOARD_ID + 8];
    begin();
    ck_assert(!board_is_condemned(board, "a"));
    ck_assert(!board_is_condemned(board, ""));
    board_condemn(board, "a");
    ck_assert(board_is_condemned(board, "a"));
    ck_assert(!board_is_condemned(board, "ab"));
    for (int i = 0; i < BOARD_CONDEMNED; i++) {
        snprintf(id, sizeof(id), "%d of a long identity", i);
        board_condemn(board, id);
    }
    ck_assert(!board_is_condemned(board, "a"));
    ck_assert(board_is_condemned(board, "0 of a long identity"));
    ck_assert(board_is_condemned(board, id));
    finish();
}
END_TEST

UNIT_MAIN(knows_the_last_that_were_condemned, counts_without_a_board,
          a_metric_without_room_counts_nowhere, names_are_checked, the_table_fills_up,
          samples_of_one_name_stand_together, slots_are_claimed_and_retired,
          only_a_board_is_attached, counters_outlive_their_worker_and_gauges_do_not,
          no_reader_sees_a_counter_go_back, registering_survives_a_killed_holder,
          no_more_than_max_are_ever_held, a_dead_worker_gives_its_holdings_back,
          threads_and_the_loop_lose_nothing, is_sparse)
