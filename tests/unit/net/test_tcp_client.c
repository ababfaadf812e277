/* Connecting: every family, refusals, deadlines, full backlogs, names and their addresses.
 *
 * The program's own getaddrinfo stands before the C library's, so that names have the addresses
 * that a test wants. */
#include "net_fixture.h"

#include <dlfcn.h>
#include <netdb.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include "base/clock.h"
#include "loop/offload.h"
#include "net/endpoint.h"
#include "net/tcp_client.h"
#include "net/tcp_server.h"

static struct ioloop *loop;

/* ---- stand-ins ---- */

static const struct endpoint *fake_addresses;
static int fake_count = -1; /* -1: ask the C library */
static int fake_result, fake_sleep_ms;

int getaddrinfo(const char *name, const char *port, const struct addrinfo *hints,
                struct addrinfo **out)
{
    if (fake_sleep_ms)
        nanosleep(&(struct timespec){.tv_nsec = fake_sleep_ms * 1000000L}, NULL);
    if (fake_count < 0) {
        int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
        *(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
        return next(name, port, hints, out);
    }
    struct addrinfo *list = NULL;
    for (int i = fake_count - 1; i >= 0; i--) {
        struct addrinfo *one = calloc(1, sizeof(*one) + sizeof(fake_addresses[i].addr));
        one->ai_next = list;
        one->ai_addr = memcpy(one + 1, &fake_addresses[i].addr, fake_addresses[i].len);
        one->ai_addrlen = fake_addresses[i].len;
        list = one;
    }
    *out = list;
    return fake_result;
}

void freeaddrinfo(struct addrinfo *list)
{
    if (fake_count < 0) {
        void (*next)(struct addrinfo *);
        *(void **)&next = dlsym(RTLD_NEXT, "freeaddrinfo");
        next(list);
        return;
    }
    while (list) {
        struct addrinfo *next = list->ai_next;
        free(list);
        list = next;
    }
}

static bool is_connected_to_itself;
static int connect_calls;

int connect(int fd, const struct sockaddr *to, socklen_t len)
{
    connect_calls++;
    if (is_connected_to_itself)
        ck_assert_int_eq(bind(fd, to, len), 0);
    return (int)syscall(SYS_connect, fd, to, len);
}

/* ---- servers ---- */

static struct endpoint parse(const char *text)
{
    struct endpoint endpoint;
    ck_assert_int_eq(endpoint_parse(str_of(text), &endpoint), 0);
    return endpoint;
}

static int listen_on(const char *text, int backlog, struct endpoint *out_name)
{
    struct endpoint at = parse(text);
    int fd = tcp_listen(&at, false, 0, backlog);
    ck_assert_int_ge(fd, 0);
    out_name->len = sizeof(out_name->addr);
    ck_assert_int_eq(getsockname(fd, &out_name->addr.any, &out_name->len), 0);
    return fd;
}

static struct endpoint refusing(void)
{
    struct endpoint name;
    close(listen_on("127.0.0.1:0", 16, &name));
    return name;
}

/* A listener whose backlog is full; the connections that fill it are in `fill`. */
static int listen_full(const char *text, struct endpoint *out_name, int fill[8], int *fills)
{
    int fd = listen_on(text, 0, out_name);
    for (*fills = 0; *fills < 4; ++*fills) {
        fill[*fills] =
            socket(out_name->addr.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        connect(fill[*fills], &out_name->addr.any, out_name->len);
    }
    return fd;
}

static void close_some(const int fds[], int n)
{
    while (n-- > 0)
        close(fds[n]);
}

/* ---- connecting in a task ---- */

static struct {
    struct endpoint to;
    const char *text;
    int64_t timeout_ms;
    int result;
} job;

static void connect_task(void *data)
{
    (void)data;
    job.result = job.text ? tcp_connect_text(str_of(job.text), job.timeout_ms)
                          : tcp_connect(&job.to, job.timeout_ms);
}

static int run_connect(struct endpoint to, int64_t timeout_ms)
{
    job.to = to;
    job.text = NULL;
    job.timeout_ms = timeout_ms;
    spawn(loop, connect_task, NULL);
    run_tasks(loop);
    return job.result;
}

static int run_connect_text(const char *text, int64_t timeout_ms)
{
    job.text = text;
    job.timeout_ms = timeout_ms;
    spawn(loop, connect_task, NULL);
    run_tasks(loop);
    return job.result;
}

static void finish(void)
{
    fake_count = -1;
    fake_sleep_ms = fake_result = 0;
    offload_stop();
    ioloop_destroy(loop);
}

static void expect_echo(int client, int listener)
{
    char got[8] = "";
    ck_assert_int_ge(client, 0);
    int server = accept(listener, NULL, NULL);
    ck_assert_int_ge(server, 0);
    send_raw(client, "hello", 5);
    ck_assert_int_eq(recv(server, got, 5, 0), 5);
    ck_assert_str_eq(got, "hello");
    ck_assert(fcntl(client, F_GETFL) & O_NONBLOCK);
    ck_assert(fcntl(client, F_GETFD) & FD_CLOEXEC);
    close(server);
    ioloop_close(loop, client);
}

START_TEST(connects_on_every_family)
{
    static const char *const pollers[] = {"epoll", "poll", "select"};
    static const char *const texts[] = {"127.0.0.1:0", "[::1]:0", "unix:@gale-test-client"};
    for (size_t i = 0; i < 9; i++) {
        struct endpoint at;
        char text[ENDPOINT_TEXT];
        loop = open_loop(pollers[i / 3]);
        int listener = listen_on(texts[i % 3], 16, &at);
        expect_echo(run_connect(at, 1000), listener);
        expect_echo(run_connect(at, -1), listener);
        expect_echo(run_connect_text(endpoint_print(&at, text), 1000), listener);
        close(listener);
        finish();
    }
}
END_TEST

START_TEST(tells_why_it_failed)
{
    char path[] = "/tmp/gale-test-XXXXXX", text[64];
    int fd = mkstemp(path);
    snprintf(text, sizeof(text), "unix:%s", path);
    loop = open_loop(NULL);
    ck_assert_int_eq(run_connect(refusing(), 1000), -ECONNREFUSED);
    ck_assert_int_eq(run_connect_text("unix:/no/such/socket", 1000), -ENOENT);
    ck_assert_int_eq(run_connect_text(text, 1000), -ECONNREFUSED);
    ck_assert_int_eq(run_connect_text("nonsense", 1000), -EINVAL);
    ck_assert_int_eq(run_connect_text("255.255.255.255:80", 1000) < 0, 1);
    unlink(path);
    close(fd);
    finish();
}
END_TEST

START_TEST(gives_up_at_the_deadline)
{
    static const char *const texts[] = {"127.0.0.1:0", "unix:@gale-test-full"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct endpoint at;
        int fill[8], fills;
        loop = open_loop(NULL);
        int listener = listen_full(texts[i], &at, fill, &fills);
        int64_t began_ms = clock_mono_ms();
        ck_assert_int_eq(run_connect(at, 60), -ETIMEDOUT);
        ck_assert_int_ge(clock_mono_ms() - began_ms, 50);
        ck_assert_int_lt(clock_mono_ms() - began_ms, 5000);
        ck_assert_int_eq(run_connect(at, 0), -ETIMEDOUT);
        close_some(fill, fills);
        close(listener);
        finish();
    }
}
END_TEST

static int full_listener;

static void make_room_later(void *data)
{
    (void)data;
    ck_assert_int_eq(task_sleep(30), 0);
    for (int fd; (fd = accept(full_listener, NULL, NULL)) >= 0;)
        close(fd);
}

START_TEST(waits_for_room_in_a_unix_backlog)
{
    struct endpoint at;
    int fill[8], fills;
    loop = open_loop(NULL);
    full_listener = listen_full("unix:@gale-test-busy", &at, fill, &fills);
    spawn(loop, make_room_later, NULL);
    connect_calls = 0;
    int fd = run_connect(at, 5000);
    ck_assert_int_lt(connect_calls, 30); /* it slept between */
    expect_echo(fd, full_listener);
    close_some(fill, fills);
    close(full_listener);
    finish();
}
END_TEST

START_TEST(is_not_fooled_by_its_own_port)
{
    loop = open_loop(NULL);
    is_connected_to_itself = true;
    ck_assert_int_eq(run_connect(refusing(), 1000), -ECONNREFUSED);
    is_connected_to_itself = false;
    finish();
}
END_TEST

/* ---- names ---- */

START_TEST(resolves_localhost)
{
    struct endpoint at;
    char text[32];
    loop = open_loop(NULL);
    int listener = listen_on("127.0.0.1:0", 16, &at);
    snprintf(text, sizeof(text), "localhost:%u", ntohs(at.addr.v4.sin_port));
    expect_echo(run_connect_text(text, 5000), listener);
    close(listener);
    finish();
}
END_TEST

START_TEST(names_that_lead_nowhere)
{
    loop = open_loop(NULL);
    fake_count = 0;
    ck_assert_int_eq(run_connect_text("x y:4", 5000), -EINVAL);
    fake_result = EAI_NONAME;
    ck_assert_int_eq(run_connect_text("nobody.example:80", 5000), -EHOSTUNREACH);
    fake_result = EAI_AGAIN;
    ck_assert_int_eq(run_connect_text("nobody.example:80", 5000), -EHOSTUNREACH);
    fake_result = 0; /* an answer without addresses */
    ck_assert_int_eq(run_connect_text("nobody.example:80", 5000), -EHOSTUNREACH);
    finish();
}
END_TEST

START_TEST(tries_one_address_after_the_other)
{
    struct endpoint good, full, list[3];
    int fill[8], fills;
    loop = open_loop(NULL);
    int listener = listen_on("127.0.0.1:0", 16, &good);
    int busy = listen_full("127.0.0.1:0", &full, fill, &fills);
    fake_addresses = list;
    fake_count = 3;

    list[0] = refusing(), list[1] = full, list[2] = good;
    int64_t began_ms = clock_mono_ms();
    expect_echo(run_connect_text("name.example:80", 1000), listener);
    ck_assert_int_ge(clock_mono_ms() - began_ms, 400); /* `full` has had its share, and no more */

    list[0] = good, list[1] = list[2] = refusing();
    connect_calls = 0;
    expect_echo(run_connect_text("name.example:80", 400), listener);
    ck_assert_int_eq(connect_calls, 1);

    list[0] = full, list[1] = list[2] = refusing();
    ck_assert_int_eq(run_connect_text("name.example:80", 100), -ECONNREFUSED); /* the last */
    list[0] = list[1] = refusing(), list[2] = full;
    ck_assert_int_eq(run_connect_text("name.example:80", 100), -ETIMEDOUT);
    close_some(fill, fills);
    close(busy);
    close(listener);
    finish();
}
END_TEST

static void connect_slowly(void *data)
{
    (void)data;
    job.result = tcp_connect_text(STR("slow.example:80"), job.timeout_ms);
    ck_assert_int_eq(task_count(), 2); /* the question goes on without us */
}

static void cancel_soon(void *data)
{
    ck_assert_int_eq(task_sleep(20), 0);
    task_cancel(*(struct task **)data, -ECANCELED);
}

static struct task *connecting;

static void connect_and_be_cancelled(void *data)
{
    connecting = task_current();
    connect_slowly(data);
}

START_TEST(does_not_wait_for_a_resolver_that_does_not_answer)
{
    struct endpoint none = parse("127.0.0.1:1");
    loop = open_loop(NULL);
    fake_addresses = &none;
    fake_count = 1;
    fake_sleep_ms = 300;
    job.timeout_ms = 50;
    spawn(loop, connect_slowly, NULL);
    run_tasks(loop);
    ck_assert_int_eq(job.result, -ETIMEDOUT);
    job.timeout_ms = -1;
    spawn(loop, connect_and_be_cancelled, NULL);
    spawn(loop, cancel_soon, &connecting);
    ck_assert_int_eq(ioloop_turn(loop, 1), 0);
    run_tasks(loop);
    ck_assert_int_eq(job.result, -ECANCELED);
    finish();
}
END_TEST

/* ---- many ---- */

enum { MANY = 2000 };

static int many_results[MANY], many_next;

static void connect_one_of_many(void *data)
{
    int i = many_next++;
    many_results[i] = tcp_connect(data, 10000);
}

START_TEST(connects_thousands)
{
    struct endpoint at;
    loop = open_loop(NULL);
    int listener = listen_on("127.0.0.1:0", 4096, &at);
    many_next = 0;
    for (int i = 0; i < MANY; i++)
        spawn(loop, connect_one_of_many, &at);
    run_tasks(loop);
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_ge(many_results[i], 0);
        ioloop_close(loop, many_results[i]);
    }
    close(listener);
    finish();
}
END_TEST

UNIT_MAIN(connects_on_every_family, tells_why_it_failed, gives_up_at_the_deadline,
          waits_for_room_in_a_unix_backlog, is_not_fooled_by_its_own_port, resolves_localhost,
          names_that_lead_nowhere, tries_one_address_after_the_other,
          does_not_wait_for_a_resolver_that_does_not_answer, connects_thousands)
