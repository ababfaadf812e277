/* IOLOOP_EXCLUSIVE: whom a client wakes of several processes that wait for the same socket. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "loop/ioloop.h"

enum { WAITERS = 4 };

static struct ioloop *loop;
static int listener, woken[2], quit[2], wakes;
static struct sockaddr_un address = {.sun_family = AF_UNIX};

static void listen_somewhere(void)
{
    socklen_t len = sizeof(sa_family_t); /* the kernel chooses a name */
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, len), 0);
    ck_assert_int_eq(listen(listener, 10), 0);
}

static int connect_to_it(void)
{
    struct sockaddr_un to;
    socklen_t len = sizeof(to);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&to, &len), 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, len), 0);
    return fd;
}

/* ---- a process that waits and never accepts ---- */

static void on_client(void *data, unsigned events)
{
    (void)data;
    (void)events;
    wakes++;
    ioloop_forget(loop, listener);
    ck_assert_int_eq(write(woken[1], "w", 1), 1);
}

static void on_quit(void *data, unsigned events)
{
    (void)data;
    (void)events;
    ioloop_stop(loop);
}

static _Noreturn void wait_for_clients(const char *poller, unsigned extra)
{
    const struct ioloop_settings settings = {.poller = poller};
    close(quit[1]);
    if (ioloop_create(&settings, &loop) < 0 ||
        ioloop_watch(loop, listener, IOLOOP_READ | extra, on_client, NULL) < 0 ||
        ioloop_watch(loop, quit[0], IOLOOP_READ, on_quit, NULL) < 0 ||
        write(woken[1], "r", 1) != 1 || ioloop_run(loop) < 0)
        _exit(100);
    ioloop_destroy(loop);
    _exit(wakes);
}

static bool is_asleep(pid_t pid)
{
    char path[64], state = 0;
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%*d (%*[^)]) %c", &state), 1);
    fclose(file);
    return state == 'S';
}

/* How many of them one client woke. */
static int count_woken(const char *poller, unsigned extra)
{
    pid_t pids[WAITERS];
    char byte;
    int sum = 0, status;
    listen_somewhere();
    ck_assert_int_eq(pipe(woken), 0);
    ck_assert_int_eq(pipe(quit), 0);
    for (int i = 0; i < WAITERS; i++)
        if ((pids[i] = fork()) == 0)
            wait_for_clients(poller, extra);
    for (int i = 0; i < WAITERS; i++)
        ck_assert_int_eq(read(woken[0], &byte, 1), 1);
    for (int i = 0; i < WAITERS; i++)
        while (!is_asleep(pids[i]))
            usleep(1000);
    int client = connect_to_it();
    ck_assert_int_eq(read(woken[0], &byte, 1), 1);
    close(quit[1]);
    for (int i = 0; i < WAITERS; i++) {
        ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
        sum += WEXITSTATUS(status);
    }
    close(client);
    close(listener);
    close(quit[0]);
    close(woken[0]);
    close(woken[1]);
    return sum;
}

START_TEST(wakes_some_not_all)
{
    int sum = count_woken("epoll", IOLOOP_EXCLUSIVE);
    ck_assert_int_ge(sum, 1);
    ck_assert_int_lt(sum, WAITERS);
}
END_TEST

START_TEST(otherwise_all_are_woken)
{
    ck_assert_int_eq(count_woken("epoll", 0), WAITERS);
    ck_assert_int_ge(count_woken("poll", IOLOOP_EXCLUSIVE), 1);
    ck_assert_int_ge(count_woken("select", IOLOOP_EXCLUSIVE), 1);
}
END_TEST

/* ---- within one process it is a reader like others ---- */

static int calls;

static void on_event(void *data, unsigned events)
{
    (void)data;
    ck_assert_uint_eq(events, IOLOOP_READ);
    calls++;
}

static void turn(void)
{
    ck_assert_int_eq(ioloop_turn(loop, 0), 0);
}

START_TEST(comes_and_goes)
{
    static const char *const pollers[] = {"epoll", "poll", "select"};
    for (size_t i = 0; i < 3; i++) {
        const struct ioloop_settings settings = {.poller = pollers[i]};
        const unsigned both = IOLOOP_READ | IOLOOP_EXCLUSIVE;
        ck_assert_int_eq(ioloop_create(&settings, &loop), 0);
        listen_somewhere();
        calls = 0;
        ck_assert_int_eq(ioloop_watch(loop, listener, both, on_event, NULL), 0);
        turn();
        ck_assert_int_eq(calls, 0);
        int client = connect_to_it();
        turn();
        turn();
        ck_assert_int_eq(calls, 2); /* level-triggered */
        ioloop_unwatch(loop, listener, IOLOOP_READ);
        turn();
        turn();
        ck_assert_int_eq(calls, 2);
        ck_assert_int_eq(ioloop_watch(loop, listener, both, on_event, NULL), 0);
        turn();
        ck_assert_int_eq(calls, 3);
        ioloop_forget(loop, listener);
        turn();
        ck_assert_int_eq(ioloop_watch(loop, listener, IOLOOP_READ, on_event, NULL), 0);
        ck_assert_int_eq(ioloop_watch(loop, listener, both, on_event, NULL), 0); /* becomes so */
        turn();
        ck_assert_int_eq(calls, 4);
        ioloop_close(loop, listener);
        close(client);
        ioloop_destroy(loop);
    }
}
END_TEST

UNIT_MAIN(wakes_some_not_all, otherwise_all_are_woken, comes_and_goes)
