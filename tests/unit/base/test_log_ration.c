/* test_log_ration.c - the first ones, a count, and a window that ends. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/log_ration.h"
#include "unit.h"

START_TEST(a_few_and_a_count)
{
    struct log_ration ration = {0};
    char said[1024] = "";
    int pipe_fds[2], taken = 0;
    ck_assert_int_eq(pipe2(pipe_fds, O_NONBLOCK), 0);
    log_set_fd(pipe_fds[1]);
    for (int i = 0; i < 1000; i++)
        taken += log_ration_take(&ration, "things");
    ck_assert_int_eq(taken, LOG_RATION_LINES);
    ck_assert_int_lt(read(pipe_fds[0], said, sizeof(said)), 0);
    ration.since_ms -= LOG_RATION_MS; /* the window is over */
    ck_assert(log_ration_take(&ration, "things"));
    ck_assert_int_gt(read(pipe_fds[0], said, sizeof(said) - 1), 0);
    ck_assert_ptr_nonnull(strstr(said, "of=things count=990"));
    for (int i = 1; i < LOG_RATION_LINES; i++)
        ck_assert(log_ration_take(&ration, "things"));
    ck_assert(!log_ration_take(&ration, "things"));
    log_set_fd(STDERR_FILENO);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}
END_TEST

START_TEST(nothing_is_said_of_nothing)
{
    struct log_ration ration = {0};
    ck_assert(log_ration_take(&ration, "things"));
    ration.since_ms -= LOG_RATION_MS;
    ck_assert(log_ration_take(&ration, "things"));
    ck_assert_uint_eq(log_dropped(), 0);
}
END_TEST

UNIT_MAIN(a_few_and_a_count, nothing_is_said_of_nothing)
