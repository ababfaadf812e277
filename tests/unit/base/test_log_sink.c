/* The sink against files, stalled pipes, sockets and terminals. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>
#include "base/log_sink.h"
#include "base/macros.h"

static void add(struct log_sink *sink, const char *line)
{
    size_t len = strlen(line);
    char *to = log_sink_reserve(sink, len + 10); /* more than is used, as callers do */
    if (to) {
        memcpy(to, line, len);
        log_sink_commit(sink, len);
    }
}

/* Adds lines "0000 ----", "0001 ----" ... of `len` bytes each. */
static void add_numbered(struct log_sink *sink, int from, int to, size_t len)
{
    char line[8192];
    for (int i = from; i < to; i++) {
        memset(line, '-', len);
        memcpy(line, "0000", 4);
        snprintf(line, sizeof(line), "%04d", i);
        line[4] = ' ';
        line[len - 1] = '\n';
        char *at = log_sink_reserve(sink, len);
        if (at) {
            memcpy(at, line, len);
            log_sink_commit(sink, len);
        }
    }
}

/* Reads everything that a pipe or socket holds now. */
static size_t drain(int fd, char *to, size_t size)
{
    size_t len = 0;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    for (ssize_t n; (n = read(fd, to + len, size - len)) > 0;)
        len += (size_t)n;
    fcntl(fd, F_SETFL, 0);
    return len;
}

static void expect_whole_lines(const char *at, size_t len, size_t line_len)
{
    ck_assert_uint_eq(len % line_len, 0);
    size_t i = 0;
    while (i < len && (at[i] == '\n') == (i % line_len == line_len - 1))
        i++;
    ck_assert_uint_eq(i, len);
}

START_TEST(gathers_until_flushed_or_full)
{
    char path[] = "/tmp/gale-sink-XXXXXX", got[256];
    int fd = mkstemp(path);
    unlink(path);
    struct log_sink sink;
    log_sink_init(&sink, fd, 64);
    add(&sink, "one\n");
    add(&sink, "two\n");
    ck_assert_int_eq(lseek(fd, 0, SEEK_END), 0);
    log_sink_flush(&sink);
    ck_assert_int_eq(lseek(fd, 0, SEEK_END), 8);
    for (int i = 0; i < 20; i++)
        add(&sink, "three\n"); /* 120 bytes through a sink of 64 */
    log_sink_finish(&sink);
    ck_assert_int_eq(pread(fd, got, sizeof(got), 0), 128);
    ck_assert_int_eq(memcmp(got, "one\ntwo\nthree\nthree\n", 20), 0);
    ck_assert_uint_eq(sink.dropped, 0);
    close(fd);
}
END_TEST

START_TEST(refuses_a_line_that_never_fits)
{
    struct log_sink sink;
    log_sink_init(&sink, -1, 64);
    ck_assert_ptr_null(log_sink_reserve(&sink, 65));
    ck_assert_uint_eq(sink.dropped, 1);
    ck_assert_ptr_nonnull(log_sink_reserve(&sink, 64));
    log_sink_commit(&sink, 0); /* nothing after all */
    ck_assert_ptr_nonnull(log_sink_reserve(&sink, 64));
    log_sink_finish(&sink);
}
END_TEST

START_TEST(throws_lines_away_without_a_descriptor)
{
    struct log_sink sink;
    log_sink_init(&sink, -1, 64);
    for (int i = 0; i < 100; i++)
        add(&sink, "nobody reads this\n");
    log_sink_flush(&sink);
    ck_assert_uint_eq(sink.dropped, 0);
    log_sink_finish(&sink);
}
END_TEST

/* A pipe or socket that nobody reads takes what it takes; the rest waits, then is dropped; and
 * when it moves again what comes out are whole lines in their order. */
static void stall(int to, int from, size_t line_len, bool polls)
{
    static char got[1 << 20];
    struct log_sink sink;
    log_sink_init(&sink, to, 16 * 1024);
    sink.polls = polls; /* as on a kernel whose pipes know no RWF_NOWAIT */
    int lines = (int)(600 * 1024 / line_len);
    add_numbered(&sink, 0, lines, line_len);
    log_sink_flush(&sink);
    uint64_t dropped = sink.dropped;
    ck_assert_uint_gt(dropped, 0);
    ck_assert_int_eq(fcntl(to, F_GETFL) & O_NONBLOCK, 0);

    size_t len = 0;
    for (size_t n = 1; n; len += n) {
        n = drain(from, got + len, sizeof(got) - len);
        log_sink_flush(&sink);
    }
    expect_whole_lines(got, len, line_len);
    ck_assert_uint_eq(len / line_len + dropped, (unsigned)lines);
    for (size_t i = 0; i < len / line_len; i++)
        ck_assert_int_eq(atoi(got + i * line_len), (int)i); /* the first ones were kept */

    add(&sink, "moves again\n");
    log_sink_flush(&sink);
    ck_assert_uint_eq(drain(from, got, sizeof(got)), 12);
    ck_assert_uint_eq(sink.dropped, dropped);
    log_sink_finish(&sink);
}

START_TEST(a_stalled_pipe_is_not_waited_for)
{
    static const size_t lengths[] = {64, 100, 1000, 4096, 5000};
    for (size_t i = 0; i < 2 * ARRAY_LEN(lengths); i++) {
        int fd[2];
        ck_assert_int_eq(pipe(fd), 0);
        stall(fd[1], fd[0], lengths[i / 2], i % 2);
        close(fd[0]);
        close(fd[1]);
    }
}
END_TEST

START_TEST(a_stalled_socket_is_not_waited_for)
{
    int fd[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    stall(fd[1], fd[0], 100, false);
    close(fd[0]);
    close(fd[1]);
}
END_TEST

START_TEST(a_stopped_terminal_is_not_waited_for)
{
    struct log_sink sink;
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    ck_assert_int_ge(master, 0);
    ck_assert_int_eq(grantpt(master) | unlockpt(master), 0);
    int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
    ck_assert_int_ge(terminal, 0);
    tcflow(terminal, TCOOFF); /* as Ctrl-S does */
    log_sink_init(&sink, terminal, 1024);
    add_numbered(&sink, 0, 100, 100);
    log_sink_flush(&sink);
    ck_assert_uint_eq(sink.dropped, 90);
    tcflow(terminal, TCOON);
    log_sink_flush(&sink);
    char got[2048];
    ck_assert_uint_ge(drain(master, got, sizeof(got)), 1000);
    log_sink_finish(&sink);
    close(terminal);
    close(master);
}
END_TEST

START_TEST(an_error_drops_and_counts)
{
    signal(SIGPIPE, SIG_IGN);
    int fd[2];
    struct log_sink sink;
    ck_assert_int_eq(pipe(fd), 0);
    close(fd[0]);
    log_sink_init(&sink, fd[1], 1024);
    add(&sink, "one\n");
    add(&sink, "two\n");
    log_sink_flush(&sink);
    ck_assert_uint_eq(sink.dropped, 2);
    close(fd[1]);

    int full = open("/dev/full", O_WRONLY);
    log_sink_set_fd(&sink, full);
    add(&sink, "three\n");
    log_sink_flush(&sink);
    ck_assert_uint_eq(sink.dropped, 3);
    close(full);
    log_sink_finish(&sink);
}
END_TEST

/* RLIMIT_FSIZE stands for the disk: it, too, takes a part of a line before it refuses. */
START_TEST(a_full_disk_is_tried_again)
{
    enum { LEN = 64, FITS = 1000 };
    static char got[32 * 1024];
    char path[] = "/tmp/gale-sink-XXXXXX";
    int fd = mkstemp(path);
    struct rlimit limit;
    struct log_sink sink;
    unlink(path);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    const struct rlimit before = limit;
    limit.rlim_cur = FITS;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    log_sink_init(&sink, fd, 4 * 1024);
    add_numbered(&sink, 0, 50, LEN);
    log_sink_flush(&sink);
    ck_assert_int_eq(sink.error, -EFBIG);
    ck_assert_int_eq(lseek(fd, 0, SEEK_END), FITS);
    ck_assert_uint_eq(sink.dropped, 0);
    add_numbered(&sink, 50, 100, LEN);
    uint64_t dropped = sink.dropped;
    ck_assert_uint_gt(dropped, 0);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    log_sink_flush(&sink);
    size_t len = (size_t)pread(fd, got, sizeof(got), 0);
    expect_whole_lines(got, len, LEN);
    ck_assert_uint_eq(len / LEN + dropped, 100);
    log_sink_finish(&sink);
    close(fd);
}
END_TEST

START_TEST(changes_its_descriptor_between_lines)
{
    int first[2], second[2];
    char got[64];
    struct log_sink sink;
    ck_assert_int_eq(pipe(first) | pipe(second), 0);
    log_sink_init(&sink, first[1], 1024);
    add(&sink, "one\n");
    log_sink_set_fd(&sink, second[1]);
    add(&sink, "two\n");
    log_sink_finish(&sink);
    ck_assert_uint_eq(drain(first[0], got, sizeof(got)), 4);
    ck_assert_uint_eq(drain(second[0], got, sizeof(got)), 4);
    for (int i = 0; i < 2; i++) {
        close(first[i]);
        close(second[i]);
    }
}
END_TEST

/* What one process writes never stands in the middle of another's line. */
START_TEST(processes_share_a_pipe)
{
    enum { WRITERS = 3, LINES = 400, LEN = 333 };
    static char got[WRITERS * LINES * LEN + 1];
    int fd[2];
    ck_assert_int_eq(pipe(fd), 0);
    for (int i = 0; i < WRITERS; i++) {
        if (fork() == 0) {
            struct log_sink sink;
            close(fd[0]);
            log_sink_init(&sink, fd[1], 64 * 1024);
            add_numbered(&sink, 0, LINES, LEN);
            while (sink.len)
                log_sink_flush(&sink);
            _exit(0);
        }
    }
    close(fd[1]);
    size_t len = 0;
    for (ssize_t n; (n = read(fd[0], got + len, sizeof(got) - len)) > 0;)
        len += (size_t)n;
    close(fd[0]);
    expect_whole_lines(got, len, LEN);
    ck_assert_uint_gt(len, 0);
}
END_TEST

UNIT_MAIN(gathers_until_flushed_or_full, refuses_a_line_that_never_fits, a_full_disk_is_tried_again,
          throws_lines_away_without_a_descriptor, a_stalled_pipe_is_not_waited_for,
          a_stalled_socket_is_not_waited_for, a_stopped_terminal_is_not_waited_for,
          an_error_drops_and_counts, changes_its_descriptor_between_lines, processes_share_a_pipe)
