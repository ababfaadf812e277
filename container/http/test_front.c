/* test_front.c - the wire replaced by memory. */
#include "http/test_front.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "http/front.h"

static struct test_front *of(struct exchange *exchange)
{
    return container_of(exchange, struct test_front, exchange);
}

static ssize_t read_body(struct exchange *exchange, void *to, size_t len)
{
    struct test_front *front = of(exchange);
    size_t left = front->input.len - front->input_at;
    if (!left)
        return front->input_error;
    if (front->piece && len > front->piece)
        len = front->piece;
    if (len > left)
        len = left;
    memcpy(to, front->input.at + front->input_at, len);
    front->input_at += len;
    return (ssize_t)len;
}

static int send_head(struct exchange *exchange, int64_t body_length)
{
    struct test_front *front = of(exchange);
    const struct gale_response *res = &exchange->res;
    if (front->refused)
        return front->refused;
    front->status = res->status;
    front->announced = body_length;
    for (size_t i = 0; i < res->header_count; i++)
        buffer_printf(&front->head, "%s: %s\n", res->headers[i].name.at, res->headers[i].value.at);
    if (body_length >= 0)
        buffer_printf(&front->head, "Content-Length: %lld\n", (long long)body_length);
    return 0;
}

static int left(struct test_front *front)
{
    if (!front->refused && front->on_left && front->on_left(front->on_left_data))
        front->refused = -EPIPE;
    return front->refused;
}

static int send_body(struct exchange *exchange, const struct iovec *iov, int count)
{
    struct test_front *front = of(exchange);
    for (int i = 0; i < count && !front->refused; i++)
        buffer_add(&front->body, iov[i].iov_base, iov[i].iov_len);
    return left(front);
}

static int send_file(struct exchange *exchange, int fd, int64_t offset, int64_t len)
{
    struct test_front *front = of(exchange);
    char *to = buffer_reserve(&front->body, (size_t)len);
    ssize_t n = pread(fd, to, (size_t)len, offset);
    if (n != len)
        return n < 0 ? -errno : -ENODATA;
    to[n] = 0;
    front->body.len += (size_t)n;
    return left(front);
}

static int flush(struct exchange *exchange)
{
    of(exchange)->flushes++;
    return left(of(exchange));
}

static int finish(struct exchange *exchange)
{
    of(exchange)->is_finished = true;
    return of(exchange)->refused;
}

static void cut(struct exchange *exchange)
{
    of(exchange)->is_cut = true;
}

static void local(struct exchange *exchange, char *out, size_t size, unsigned *out_port)
{
    (void)exchange;
    snprintf(out, size, "127.0.0.1");
    *out_port = 80;
}

static const struct front front_row = {
    .name = "test",
    .read_body = read_body,
    .send_head = send_head,
    .send_body = send_body,
    .send_file = send_file,
    .flush = flush,
    .finish = finish,
    .cut = cut,
    .local = local,
};

void test_front_init(struct test_front *front, const char *method, const char *target)
{
    *front = (struct test_front){.announced = -1};
    arena_init(&front->arena, NULL, 0);
    exchange_init(&front->exchange, &front_row, &front->arena);
    buffer_printf(&front->request, "%s %s HTTP/1.1\r\nHost: test\r\n", method, target);
}

void test_front_header(struct test_front *front, const char *name, const char *value)
{
    buffer_printf(&front->request, "%s: %s\r\n", name, value);
}

static void set_input(struct test_front *front, const char *body, size_t len, size_t piece)
{
    front->input = (struct gale_str){body, len};
    front->piece = piece;
}

void test_front_body(struct test_front *front, const char *body, size_t len, size_t piece)
{
    set_input(front, body, len, piece);
    buffer_printf(&front->request, "Content-Length: %zu\r\n", len);
}

void test_front_chunked(struct test_front *front, const char *body, size_t len, size_t piece)
{
    set_input(front, body, len, piece);
    test_front_header(front, "Transfer-Encoding", "chunked");
}

void test_front_on_left(struct test_front *front, test_front_left_fn *fn, void *data)
{
    front->on_left = fn;
    front->on_left_data = data;
}

int test_front_serve(struct test_front *front, http_serve_fn *serve, void *data)
{
    struct http_settings settings;
    struct http_refusal refusal = {0};
    struct exchange *exchange = &front->exchange;
    struct gale_request *req = &exchange->req;
    http_settings_init(&settings);
    struct http_scan scan = {0};
    buffer_add_text(&front->request, "\r\n");
    if (http_scan(&scan, front->request.at, front->request.len, &settings.limits, &refusal) < 0 ||
        request_parse(req, front->request.at, front->request.len, &settings.limits, &front->arena,
                      &refusal) < 0)
        return refusal.status;
    request_make_id(req);
    req->peer = STR("127.0.0.1");
    if (!exchange->max_body)
        exchange->max_body = settings.max_body;
    if (!exchange->form_memory)
        exchange->form_memory = settings.form_memory;
    int verdict = serve(data, req, &exchange->res);
    front->result = exchange_finish(exchange, verdict);
    return 0;
}

const char *test_front_find(struct test_front *front, const char *name)
{
    struct gale_str rest = buffer_str(&front->head);
    while (rest.at && rest.len) {
        struct gale_str line = str_cut(&rest, '\n');
        struct gale_str field = str_cut(&line, ':');
        if (!str_equals_nocase(field, str_of(name)))
            continue;
        line = str_trim(line);
        return arena_copy(&front->arena, line.at, line.len).at;
    }
    return NULL;
}

void test_front_finish(struct test_front *front)
{
    buffer_finish(&front->request);
    buffer_finish(&front->head);
    buffer_finish(&front->body);
    arena_finish(&front->arena);
}
