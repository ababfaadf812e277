/* control_client.c - a request of HTTP/1.0, whose answer is neither chunked nor kept open. */
#include "cli/control_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/memory.h"
#include "base/str.h"
#include "loop/ioloop.h"
#include "loop/task.h"
#include "net/endpoint.h"
#include "net/iostream.h"
#include "net/tcp_client.h"
#include "net/transport.h"

enum { ANSWER_MAX = 16 * 1024 * 1024 };

struct exchange {
    struct ioloop *loop;
    const char *socket, *request;
    int64_t timeout_ms;
    struct control_answer answer;
    int result;
};

/* "HTTP/1.1 200 OK", header fields, an empty line, the body. */
static int understand(struct gale_str text, struct control_answer *out_answer)
{
    uint64_t status;
    const char *body = memmem(text.at, text.len, "\r\n\r\n", 4);
    if (!body || !str_starts_with(text, STR("HTTP/1.")) || text.len < 12 ||
        str_to_u64((struct gale_str){text.at + 9, 3}, &status) < 0)
        return -EPROTO;
    body += 4;
    out_answer->status = (int)status;
    out_answer->body = memory_copy(body, text.len - (size_t)(body - text.at));
    return 0;
}

SUSPENDS static int talk(struct exchange *exchange, struct iostream *stream)
{
    const struct iovec request = {(void *)exchange->request, strlen(exchange->request)};
    char *text;
    int r = iostream_write(stream, &request, 1);
    if (r < 0 && r != -EPIPE && r != -ECONNRESET) /* it may have answered before it hung up */
        return r;
    long len = iostream_read_until_close(stream, ANSWER_MAX, exchange->timeout_ms, &text);
    if (len <= 0)
        return len == 0 || len == -ECONNRESET ? -ENODATA : (int)len;
    return understand((struct gale_str){text, (size_t)len}, &exchange->answer);
}

SUSPENDS static int exchange_run(struct exchange *exchange)
{
    struct endpoint endpoint;
    struct iostream stream;
    scoped_free char *address = memory_printf("unix:%s", exchange->socket);
    int r = endpoint_parse(str_of(address), &endpoint);
    int fd = r < 0 ? r : tcp_connect(&endpoint, exchange->timeout_ms);
    if (fd < 0)
        return fd;
    iostream_init(&stream, exchange->loop, fd, &transport_plain, -1);
    r = talk(exchange, &stream);
    iostream_close(&stream);
    return r;
}

SUSPENDS static void exchange_task(void *data)
{
    struct exchange *exchange = data;
    exchange->result = exchange_run(exchange);
    ioloop_stop(exchange->loop);
}

int control_client_ask(const char *socket, const char *method, const char *target,
                       int64_t timeout_ms, struct control_answer *out_answer)
{
    scoped_free char *request =
        memory_printf("%s %s HTTP/1.0\r\nHost: gale\r\nContent-Length: 0\r\n\r\n", method, target);
    struct exchange exchange = {.socket = socket, .request = request, .timeout_ms = timeout_ms};
    int r = ioloop_create(NULL, &exchange.loop);
    if (r < 0)
        return r;
    r = task_spawn(exchange.loop, exchange_task, &exchange, 0, NULL);
    if (r == 0)
        r = ioloop_run(exchange.loop);
    ioloop_destroy(exchange.loop);
    if (r == 0)
        r = exchange.result;
    if (r == 0)
        *out_answer = exchange.answer;
    return r;
}
