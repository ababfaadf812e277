/* test_orphan.c - a process that is stuck ends after its parent; one whose parent lives does not.
 */
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/orphan.h"
#include "unit.h"

/* Forks a parent whose child is watched and then stuck; returns the parent, and a pipe that ends
 * with the child. */
static pid_t start(int64_t ms, int *out_end)
{
    int end[2], ready[2];
    char byte;
    ck_assert_int_eq(pipe(end) | pipe(ready), 0);
    pid_t parent = fork();
    if (parent == 0) {
        if (fork() > 0) {
            close(end[1]);
            for (;;)
                pause();
        }
        (void)!write(ready[1], orphan_watch(ms) == 0 ? "y" : "n", 1);
        for (;;)
            pause();
    }
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    ck_assert_int_eq(byte, 'y');
    close(end[1]);
    close(ready[0]);
    close(ready[1]);
    *out_end = end[0];
    return parent;
}

static bool ends_within(int fd, int ms)
{
    struct pollfd end = {.fd = fd, .events = POLLIN};
    return poll(&end, 1, ms) > 0;
}

static void end(pid_t parent)
{
    kill(parent, SIGKILL);
    ck_assert_int_eq(waitpid(parent, NULL, 0), parent);
}

START_TEST(ends_after_its_parent)
{
    int fd;
    pid_t parent = start(50, &fd);
    ck_assert(!ends_within(fd, 150)); /* the parent lives */
    end(parent);
    ck_assert(ends_within(fd, 20000));
    close(fd);
}
END_TEST

START_TEST(ends_at_once)
{
    int fd;
    pid_t parent = start(0, &fd);
    end(parent);
    ck_assert(ends_within(fd, 20000));
    close(fd);
}
END_TEST

UNIT_MAIN(ends_after_its_parent, ends_at_once)
