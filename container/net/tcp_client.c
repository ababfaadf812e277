/* tcp_client.c - connecting, and asking for names.
 *
 * getaddrinfo cannot be interrupted, and offload_run waits for its end. So a task of its own asks,
 * and whoever wanted to know waits for that one only as long as it may; the answer to a question
 * that nobody waits for any more is thrown away. */
#include "net/tcp_client.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "loop/offload.h"
#include "loop/task.h"
#include "loop/task_sync.h"

enum { RETRY_FIRST_MS = 1, RETRY_MAX_MS = 50, ADDRESSES_MAX = 16, NAME_MAX_LEN = 254 };

static int64_t now_ms(void)
{
    return ioloop_now_ms(task_loop(task_current()));
}

static int64_t deadline_of(int64_t timeout_ms)
{
    return timeout_ms < 0 ? INT64_MAX : now_ms() + timeout_ms;
}

/* What is left until then: -1 for ever, never less than 0. */
static int64_t left_ms(int64_t deadline_ms)
{
    if (deadline_ms == INT64_MAX)
        return -1;
    return deadline_ms > now_ms() ? deadline_ms - now_ms() : 0;
}

/* ---- one address ---- */

/* A port of this host that nobody listens on may be the one that the kernel picks for our own end:
 * TCP then connects the socket to itself (RFC 9293 3.5, simultaneous open). */
static bool is_own_end(int fd, const struct endpoint *endpoint)
{
    struct endpoint own = {.len = sizeof(own.addr)};
    return endpoint->addr.any.sa_family != AF_UNIX &&
           getsockname(fd, &own.addr.any, &own.len) == 0 && endpoint_equals(&own, endpoint);
}

static int connect_result(int fd, const struct endpoint *endpoint)
{
    int error = 0;
    socklen_t len = sizeof(error);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        return -errno;
    if (error == 0 && is_own_end(fd, endpoint))
        return -ECONNREFUSED;
    return -error;
}

/* A full backlog of a unix socket is told at once and by nothing later: only asking again helps. */
static int retry_until(int fd, const struct endpoint *endpoint, int64_t deadline_ms)
{
    int64_t pause_ms = RETRY_FIRST_MS;
    for (;;) {
        int64_t left = left_ms(deadline_ms);
        if (left == 0)
            return -ETIMEDOUT;
        int r = task_sleep(left > 0 && left < pause_ms ? left : pause_ms);
        if (r < 0)
            return r;
        if (connect(fd, &endpoint->addr.any, endpoint->len) == 0)
            return 0;
        if (errno != EAGAIN)
            return -errno;
        pause_ms = pause_ms * 2 < RETRY_MAX_MS ? pause_ms * 2 : RETRY_MAX_MS;
    }
}

static int connect_until(int fd, const struct endpoint *endpoint, int64_t deadline_ms)
{
    if (connect(fd, &endpoint->addr.any, endpoint->len) == 0)
        return is_own_end(fd, endpoint) ? -ECONNREFUSED : 0;
    if (errno == EAGAIN && endpoint->addr.any.sa_family == AF_UNIX)
        return retry_until(fd, endpoint, deadline_ms);
    if (errno != EINPROGRESS && errno != EINTR)
        return -errno;
    int r = task_wait_fd(fd, IOLOOP_WRITE, left_ms(deadline_ms));
    return r < 0 ? r : connect_result(fd, endpoint);
}

int tcp_connect(const struct endpoint *endpoint, int64_t timeout_ms)
{
    int on = 1;
    int64_t deadline_ms = deadline_of(timeout_ms);
    int fd = socket(endpoint->addr.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (endpoint->addr.any.sa_family != AF_UNIX)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    int r = connect_until(fd, endpoint, deadline_ms);
    if (r == 0)
        return fd;
    ioloop_close(task_loop(task_current()), fd);
    return r;
}

/* ---- names ---- */

struct question {
    char name[NAME_MAX_LEN + 1];
    char port[8];
    struct addrinfo *answer; /* owned */
    int result;              /* of getaddrinfo, or EAI_SYSTEM and `error` */
    int error;
    struct task_event is_answered;
    bool is_abandoned; /* the asking task frees it */
};

static void free_question(struct question *question)
{
    if (question->answer)
        freeaddrinfo(question->answer);
    free(question);
}

/* On an offload thread. */
static void ask(void *data)
{
    struct question *question = data;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    question->result = getaddrinfo(question->name, question->port, &hints, &question->answer);
    question->error = errno;
}

static void ask_task(void *data)
{
    struct question *question = data;
    int r = offload_run(ask, question);
    if (r < 0) {
        question->result = EAI_SYSTEM;
        question->error = -r;
    }
    if (question->is_abandoned)
        free_question(question);
    else
        task_event_set(&question->is_answered);
}

/* Splits what endpoint_parse has called a host name and a port. */
static struct question *new_question(struct gale_str text)
{
    struct question *question = memory_zalloc(sizeof(*question));
    const char *colon = memrchr(text.at, ':', text.len);
    size_t len = (size_t)(colon - text.at);
    memcpy(question->name, text.at, len);
    memcpy(question->port, colon + 1, text.len - len - 1);
    task_event_init(&question->is_answered);
    return question;
}

static int result_of(const struct question *question)
{
    if (question->result == EAI_SYSTEM)
        return question->error ? -question->error : -EIO;
    return question->result == 0 ? 0 : -EHOSTUNREACH;
}

static int copy_answer(const struct question *question, struct endpoint *out, int cap)
{
    int n = 0;
    for (struct addrinfo *at = question->answer; at && n < cap; at = at->ai_next) {
        if (at->ai_addrlen > sizeof(out[n].addr))
            continue;
        out[n] = (struct endpoint){.len = at->ai_addrlen};
        memcpy(&out[n++].addr, at->ai_addr, at->ai_addrlen);
    }
    return n > 0 ? n : -EHOSTUNREACH;
}

static int ask_until(struct gale_str name, int64_t deadline_ms, struct endpoint *out, int cap)
{
    struct question *question = new_question(name);
    int r = task_spawn(task_loop(task_current()), ask_task, question, 0, NULL);
    if (r < 0) {
        free_question(question);
        return r;
    }
    r = task_event_wait(&question->is_answered, left_ms(deadline_ms));
    if (!question->is_answered.is_set) {
        question->is_abandoned = true;
        return r < 0 ? r : -ETIMEDOUT;
    }
    if (r >= 0)
        r = result_of(question);
    if (r >= 0)
        r = copy_answer(question, out, cap);
    free_question(question);
    return r;
}

static int resolve_until(struct gale_str text, int64_t deadline_ms, struct endpoint *out, int cap)
{
    struct endpoint endpoint;
    int r = endpoint_parse(text, &endpoint);
    if (r == -ENOENT)
        return ask_until(text, deadline_ms, out, cap);
    if (r < 0)
        return r;
    out[0] = endpoint;
    return 1;
}

/* Each address may take its share of the time that is left, the last one all of it. */
int tcp_connect_text(struct gale_str text, int64_t timeout_ms)
{
    struct endpoint endpoints[ADDRESSES_MAX];
    int64_t deadline_ms = deadline_of(timeout_ms);
    int n = resolve_until(text, deadline_ms, endpoints, ADDRESSES_MAX), r = n;
    for (int i = 0; i < n; i++) {
        int64_t left = left_ms(deadline_ms);
        r = tcp_connect(&endpoints[i], left < 0 ? -1 : left / (n - i));
        if (r >= 0 || task_cancelled(task_current()))
            break;
    }
    return r;
}
