/* What a kept request costs: the system calls and allocations, counted by standing in for them. */
#include "net_fixture.h"

#include <sys/syscall.h>
#include <sys/uio.h>

static struct link pair;

static int calls_recv, calls_send, calls_epoll_ctl, calls_malloc;

ssize_t recv(int fd, void *to, size_t len, int flags);
ssize_t recv(int fd, void *to, size_t len, int flags)
{
    calls_recv++;
    return syscall(SYS_recvfrom, fd, to, len, flags, NULL, NULL);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    calls_send++;
    return syscall(SYS_sendmsg, fd, message, flags);
}

ssize_t send(int fd, const void *data, size_t len, int flags)
{
    calls_send++;
    return syscall(SYS_sendto, fd, data, len, flags, NULL, 0);
}

struct epoll_event;
int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event);
int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
    calls_epoll_ctl++;
    return (int)syscall(SYS_epoll_ctl, epfd, op, fd, event);
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_OWN_MALLOC
#endif
#endif
#if !defined(__SANITIZE_ADDRESS__) && !defined(HAS_OWN_MALLOC)
void *__libc_malloc(size_t size);
void *malloc(size_t size);
void *malloc(size_t size)
{
    calls_malloc++;
    return __libc_malloc(size);
}
#endif

static void send_request(void *data)
{
    (void)data;
    send_raw(pair.a.fd, "GET / HTTP/1.1\r\n\r\n", 18);
}

static bool is_served;

/* Without Check's assertions, which allocate. */
static void serve_request(void *data)
{
    char *at;
    struct iovec iov[2] = {{(char *)(uintptr_t) "head", 4}, {(char *)(uintptr_t) "body", 4}};
    (void)data;
    long n = iostream_read_until(&pair.b, STR("\r\n\r\n"), 16384, 1000, &at);
    iostream_consume(&pair.b, n > 0 ? (size_t)n : 0);
    is_served =
        n == 18 && iostream_put(&pair.b, "put", 3) == 0 && iostream_write(&pair.b, iov, 2) == 0;
}

static void on_request(void *data, unsigned events)
{
    (void)events;
    iostream_on_readable(&pair.b, NULL, NULL);
    task_spawn(pair.loop, serve_request, data, 0, NULL);
    iostream_on_readable(&pair.b, on_request, data);
}

START_TEST(a_kept_request_costs_two_calls)
{
    char got[16] = "";
    link_open(&pair, setups);
    iostream_on_readable(&pair.b, on_request, NULL);
    for (int i = 0; i < 10; i++) {
        memset(got, 0, sizeof(got));
        send_request(NULL);
        is_served = false;
        calls_recv = calls_send = calls_epoll_ctl = calls_malloc = 0;
        ioloop_turn(pair.loop, 1000);
        int mallocs = calls_malloc;
        ck_assert(is_served);
        ck_assert_int_eq(calls_recv, 1);
        ck_assert_int_eq(calls_send, 1);
        if (i > 0) { /* the first takes its stack and its blocks */
            ck_assert_int_eq(calls_epoll_ctl, 0);
            ck_assert_int_eq(mallocs, 0);
        }
        ck_assert_int_eq(read(pair.a.fd, got, sizeof(got)), 11);
        ck_assert_str_eq(got, "putheadbody");
        ck_assert_ptr_null(pair.b.in); /* idle: no buffer */
        ck_assert_ptr_null(pair.b.out);
    }
    link_close(&pair);
}
END_TEST

static void reads_while_waiting(void *data)
{
    char got[4];
    (void)data;
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(iostream_read_exactly(&pair.b, got, 4, 5000), 0);
}

START_TEST(waiting_again_costs_no_epoll_ctl)
{
    link_open(&pair, setups);
    spawn(pair.loop, reads_while_waiting, NULL);
    run_turns(pair.loop, 1);
    calls_epoll_ctl = 0;
    for (int i = 0; i < 100; i++) {
        send_raw(pair.a.fd, "ping", 4);
        run_turns(pair.loop, 1);
    }
    ck_assert_int_eq(calls_epoll_ctl, 0);
    run_tasks(pair.loop);
    link_close(&pair);
}
END_TEST

UNIT_MAIN(a_kept_request_costs_two_calls, waiting_again_costs_no_epoll_ctl)
