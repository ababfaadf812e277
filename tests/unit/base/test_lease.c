/* test_lease.c - who writes, and who waits. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/lease.h"
#include "unit.h"

static char path[] = "/tmp/gale-lease-XXXXXX";

static int make_file(void)
{
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    return fd;
}

START_TEST(tells_of_a_writer)
{
    int writer = make_file();
    int reader = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(lease_begin(reader), -EBUSY);
    ck_assert(lease_is_written(path));
    close(writer);
    ck_assert(!lease_is_written(path));
    ck_assert_int_eq(lease_begin(reader), 0);
    lease_end(reader);
    writer = open(path, O_WRONLY | O_NONBLOCK);
    ck_assert_int_ge(writer, 0);
    close(writer);
    close(reader);
    unlink(path);
}
END_TEST

/* O_NONBLOCK: -EWOULDBLOCK tells that it would have waited. The signal that the kernel then sends
 * must not end us. */
START_TEST(keeps_writers_out)
{
    close(make_file());
    int reader = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(lease_begin(reader), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(open(path, O_WRONLY | O_NONBLOCK) < 0 ? errno : 0);
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(WEXITSTATUS(status), EWOULDBLOCK);
    lease_end(reader);
    close(reader);
    unlink(path);
}
END_TEST

START_TEST(says_when_it_cannot_tell)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    int r = lease_begin(ends[0]);
    ck_assert_int_lt(r, 0);
    ck_assert_int_ne(r, -EBUSY);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

UNIT_MAIN(tells_of_a_writer, keeps_writers_out, says_when_it_cannot_tell)
