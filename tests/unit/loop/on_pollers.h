/* on_pollers.h - runs a program's tests once on each poller.
 *
 * Each test opens `loop` with loop_open() and ends with loop_close(). */
#pragma once
#include "unit.h"
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/macros.h"
#include "loop/ioloop.h"

static const char *poller;
static struct ioloop *loop;

static inline void loop_open(void)
{
    ck_assert_int_eq(ioloop_create(&(struct ioloop_settings){.poller = poller}, &loop), 0);
}

static inline void loop_close(void)
{
    ioloop_destroy(loop);
    loop = NULL;
}

/* Turns that do not sleep. */
static inline void turns(int n)
{
    while (n-- > 0)
        ck_assert_int_eq(ioloop_turn(loop, 0), 0);
}

static inline void pair_open(int fds[2])
{
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
}

static inline void pair_close(int fds[2])
{
    ioloop_close(loop, fds[0]);
    ioloop_close(loop, fds[1]);
}

static inline void send_text(int fd, const char *text)
{
    ck_assert_int_eq(write(fd, text, strlen(text)), (int)strlen(text));
}

static inline bool is_select(void)
{
    return strcmp(poller, "select") == 0;
}

static inline int run_on_each_poller(const char *file, const TTest *const *tests)
{
    static const char *const pollers[] = {"epoll", "poll", "select"};
    int failed = 0;
    for (size_t i = 0; i < ARRAY_LEN(pollers); i++) {
        poller = pollers[i];
        failed |= unit_run(file, tests);
    }
    return failed;
}

#define UNIT_MAIN_ON_POLLERS(...)                                                                  \
    int main(void)                                                                                 \
    {                                                                                              \
        const TTest *const tests[] = {__VA_ARGS__, NULL};                                          \
        return run_on_each_poller(__FILE__, tests);                                                \
    }
