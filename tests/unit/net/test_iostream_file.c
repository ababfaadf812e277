/* Sending files: sendfile, its replacement, and what can go wrong. */
#include "net_fixture.h"

static struct link pair;
static const struct setup *setup;

#define FOR_EACH_SETUP for (setup = setups; setup < setups + ARRAY_LEN(setups); setup++)

static char big[8 * 1024 * 1024];

static ssize_t refuse_file(struct iostream *stream, int fd, off_t offset, size_t len)
{
    (void)stream, (void)fd, (void)offset, (void)len;
    return -EINVAL;
}

static void read_some_and_reset(void *data)
{
    char got[1000];
    (void)data;
    ck_assert_int_eq(iostream_read_exactly(&pair.b, got, sizeof(got), 1000), 0);
    ck_assert_int_eq(task_yield(), 0);
    reset(&pair.b);
}

/* ---- files ---- */

enum { FILE_LEN = 3 * 1024 * 1024 + 17 };

static int file_fd;
static uint64_t turns;
static int file_result;
static struct {
    off_t offset;
    uint64_t len;
    size_t arrives;
    int result;
} file_row;

static int make_file(void)
{
    char path[] = "/tmp/gale-test-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    unlink(path);
    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (char)(i * 31 >> 3);
    ck_assert_int_eq(write(fd, big, FILE_LEN), FILE_LEN);
    return fd;
}

static void send_file(void *data)
{
    (void)data;
    ck_assert_int_eq(iostream_put(&pair.a, "head", 4), 0);
    file_result = iostream_send_file(&pair.a, file_fd, file_row.offset, file_row.len);
    ck_assert_int_eq(pair.a.error, 0);
    ck_assert_int_eq(write_text(&pair.a, "tail"), 0);
    ck_assert_int_eq(iostream_end(&pair.a), 0);
}

static void receive_file(void *data)
{
    char *at;
    (void)data;
    long n = iostream_read_until_close(&pair.b, 2 * FILE_LEN, 20000, &at);
    ck_assert_int_eq(n, (long)file_row.arrives + 8);
    ck_assert_int_eq(memcmp(at, "head", 4), 0);
    ck_assert(memcmp(at + 4, big + file_row.offset, file_row.arrives) == 0);
    ck_assert_int_eq(memcmp(at + n - 4, "tail", 4), 0);
    ck_assert_int_eq(file_result, file_row.result);
}

START_TEST(sends_files)
{
    struct transport refusing = transport_plain, copying = transport_plain;
    const struct transport *const transports[] = {&transport_plain, &refusing, &copying};
    static const struct {
        off_t offset;
        uint64_t len;
        size_t arrives;
        int result;
    } rows[] = {
        {0, FILE_LEN, FILE_LEN, 0},
        {0, 0, 0, 0},
        {0, 1, 1, 0},
        {100001, 400000, 400000, 0},
        {FILE_LEN - 1, 1, 1, 0},
        {FILE_LEN - 10, 11, 10, -ENODATA},
        {0, FILE_LEN + 5, FILE_LEN, -ENODATA},
        {FILE_LEN, 1, 0, -ENODATA},
    };
    refusing.send_file = refuse_file;
    copying.send_file = NULL;
    file_fd = make_file();
    for (size_t i = 0; i < ARRAY_LEN(rows) * ARRAY_LEN(transports); i++) {
        memcpy(&file_row, &rows[i / ARRAY_LEN(transports)], sizeof(file_row));
        link_open(&pair, &setups[i % ARRAY_LEN(setups)]);
        pair.a.transport = transports[i % ARRAY_LEN(transports)];
        run_both(&pair, send_file, receive_file, NULL);
        link_close(&pair);
    }
    close(file_fd);
}
END_TEST

static void send_file_to_nobody(void *data)
{
    int expected = *(int *)data;
    if (expected == -ETIMEDOUT)
        pair.a.write_timeout_ms = 30;
    int r = iostream_send_file(&pair.a, file_fd, 0, FILE_LEN);
    if (expected == -EPIPE)
        ck_assert_msg(r == -EPIPE || r == -ECONNRESET, "%d", r);
    else
        ck_assert_int_eq(r, expected);
    ck_assert_int_eq(pair.a.error, r);
}

static void read_and_reset(void *data)
{
    if (*(int *)data == -EPIPE)
        read_some_and_reset(NULL);
}

START_TEST(a_file_to_a_dead_peer_fails)
{
    int deeds[] = {-EPIPE, -ETIMEDOUT};
    file_fd = make_file();
    for (size_t i = 0; i < 2; i++) {
        FOR_EACH_SETUP
        {
            link_open(&pair, setup);
            shrink_buffers(&pair);
            run_both(&pair, send_file_to_nobody, read_and_reset, &deeds[i]);
            link_close(&pair);
        }
    }
    close(file_fd);
}
END_TEST

static void send_no_file(void *data)
{
    int pipe_fds[2];
    (void)data;
    ck_assert_int_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
    int r = iostream_send_file(&pair.a, pipe_fds[1], 0, 10);
    ck_assert_int_lt(r, 0);
    ck_assert_int_eq(pair.a.error, r);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

START_TEST(what_is_no_file_fails)
{
    link_open(&pair, setups);
    run_both(&pair, send_no_file, NULL, NULL);
    link_close(&pair);
}
END_TEST

static void send_file_and_count(void *data)
{
    (void)data;
    uint64_t first = ioloop_turn_number(pair.loop);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(iostream_send_file(&pair.a, file_fd, 0, FILE_LEN), 0);
    turns = ioloop_turn_number(pair.loop) - first;
    iostream_close(&pair.a);
}

static void read_to_the_end(void *data)
{
    static char got[IOSTREAM_READ_MAX];
    (void)data;
    while (iostream_read(&pair.b, got, sizeof(got), 5000) > 0)
        ;
}

START_TEST(files_leave_turns_to_others)
{
    file_fd = make_file();
    link_open(&pair, setups);
    run_both(&pair, send_file_and_count, read_to_the_end, NULL);
    ck_assert_uint_ge(turns, 10 * (FILE_LEN / TASK_TURN_BYTES));
    link_close(&pair);
    close(file_fd);
}
END_TEST

UNIT_MAIN_ON_WAITERS(sends_files, a_file_to_a_dead_peer_fails, what_is_no_file_fails,
                     files_leave_turns_to_others)
