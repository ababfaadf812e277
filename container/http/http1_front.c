/* http1_front.c - request and response bodies on an HTTP/1.1 connection (RFC 9112 6 and 7). */
#include "http/http1.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "http/front.h"
#include "net/iobuf.h"

enum { GATHER_MAX = 4096 };

static struct http1_exchange *of(struct exchange *exchange)
{
    return container_of(exchange, struct http1_exchange, exchange);
}

static struct iostream *stream_of(struct http1_exchange *x)
{
    return &x->connection->stream;
}

/* ---- reading ---- */

/* RFC 9110 10.1.1: a client that sends its body already has no use for a 100. */
static int send_continue(struct http1_exchange *x)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    x->expects_continue = false;
    if (iostream_buffered(stream_of(x)).len || x->exchange.res.state != RESPONSE_HEAD)
        return 0;
    int r = iostream_put(stream_of(x), text, sizeof(text) - 1);
    return r < 0 ? r : iostream_push(stream_of(x));
}

static ssize_t read_length(struct http1_exchange *x, void *to, size_t len)
{
    if (x->body_left == 0)
        return 0;
    if (len > x->body_left)
        len = x->body_left;
    ssize_t n = iostream_read(stream_of(x), to, len, x->exchange.body_timeout_ms);
    if (n == 0) /* RFC 9112 8: incomplete; who has only ended its side reads what it is told */
        return -EBADMSG;
    if (n > 0)
        x->body_left -= (uint64_t)n;
    return n;
}

/* A framer that is content with anything. */
static long whatever(void *data, const char *at, size_t len)
{
    (void)data;
    (void)at;
    return (long)len;
}

/* Whether the body goes beyond max_body, by the chunk whose size has been announced at the latest.
 */
static bool is_too_large(const struct http1_exchange *x, size_t more)
{
    uint64_t have = x->exchange.req.body_read + more, max = x->exchange.max_body;
    return have > max || chunked_announced(&x->chunked) > max - have;
}

static ssize_t read_chunked(struct http1_exchange *x, void *to, size_t len)
{
    struct gale_str piece = {0};
    while (!piece.len && !chunked_is_done(&x->chunked)) {
        char *at;
        long have = iostream_read_frame(stream_of(x), whatever, NULL, IOBUF_SIZE,
                                        x->exchange.body_timeout_ms, &at);
        if (have <= 0)
            return have ? have : -EBADMSG;
        /* No more than fits: the piece is at most what is looked at. */
        size_t look = (size_t)have < len ? (size_t)have : len;
        long used = chunked_decode(&x->chunked, at, look, &piece);
        if (used < 0)
            return -EBADMSG;
        if (is_too_large(x, piece.len))
            return -EMSGSIZE;
        memcpy(to, piece.at ? piece.at : at, piece.len);
        iostream_consume(stream_of(x), (size_t)used);
    }
    return (ssize_t)piece.len;
}

static ssize_t read_body(struct exchange *exchange, void *to, size_t len)
{
    struct http1_exchange *x = of(exchange);
    if (x->expects_continue) {
        int r = send_continue(x);
        if (r < 0)
            return r;
    }
    ssize_t n = exchange->req.head.is_chunked ? read_chunked(x, to, len) : read_length(x, to, len);
    if (n < 0 && n != -ECANCELED) /* a wait that was ended has lost no byte */
        x->connection->is_keep_alive = false;
    return n;
}

/* ---- writing ---- */

static int sent(struct http1_exchange *x, int r)
{
    if (r < 0)
        x->connection->is_keep_alive = false;
    return r;
}

static void before_sending(struct http1_exchange *x)
{
    stream_of(x)->write_timeout_ms = (int32_t)x->exchange.write_timeout_ms;
}

static int send_head(struct exchange *exchange, int64_t body_length)
{
    struct http1_exchange *x = of(exchange);
    before_sending(x);
    return sent(x, http1_put_head(x, body_length));
}

/* Small pieces are gathered, so that head, body and further answers leave in one call; large ones
 * go straight from where they are. */
static int send_pieces(struct iostream *stream, const struct iovec *iov, int count, size_t len)
{
    int r = 0;
    if (len > GATHER_MAX)
        return iostream_write(stream, iov, count);
    for (int i = 0; i < count && r == 0; i++)
        r = iostream_put(stream, iov[i].iov_base, iov[i].iov_len);
    return r;
}

static int send_body(struct exchange *exchange, const struct iovec *iov, int count)
{
    struct http1_exchange *x = of(exchange);
    struct iovec framed[4];
    char head[24];
    size_t len = 0;
    for (int i = 0; i < count; i++) {
        len += iov[i].iov_len;
        framed[i + 1] = iov[i];
    }
    before_sending(x);
    if (!x->is_chunked_out)
        return sent(x, send_pieces(stream_of(x), iov, count, len));
    /* The last chunk leaves with the last piece: one call less. */
    x->has_last_chunk = exchange->res.is_ending;
    framed[0] = (struct iovec){head, chunked_head(head, len)};
    framed[count + 1] = (struct iovec){(void *)"\r\n0\r\n\r\n", x->has_last_chunk ? 7 : 2};
    return sent(x, send_pieces(stream_of(x), framed, count + 2, len));
}

static int send_file(struct exchange *exchange, int fd, int64_t offset, int64_t len)
{
    struct http1_exchange *x = of(exchange);
    char head[24];
    int r = 0;
    before_sending(x);
    if (x->is_chunked_out)
        r = iostream_put(stream_of(x), head, chunked_head(head, (uint64_t)len));
    if (r == 0)
        r = iostream_send_file(stream_of(x), fd, offset, (uint64_t)len);
    if (r == 0 && x->is_chunked_out)
        r = iostream_put(stream_of(x), "\r\n", 2);
    return sent(x, r);
}

static int flush(struct exchange *exchange)
{
    struct http1_exchange *x = of(exchange);
    before_sending(x);
    return sent(x, iostream_push(stream_of(x)));
}

static int finish(struct exchange *exchange)
{
    struct http1_exchange *x = of(exchange);
    int r = 0;
    before_sending(x);
    if (x->is_chunked_out && !x->has_last_chunk)
        r = iostream_put(stream_of(x), "0\r\n\r\n", 5);
    return sent(x, r);
}

static void cut(struct exchange *exchange)
{
    struct http1_exchange *x = of(exchange);
    x->connection->is_keep_alive = false;
    /* A length or an unfinished chunking tells by itself that something is missing. */
    x->connection->must_reset = x->is_open_ended;
}

static void local(struct exchange *exchange, char *out, size_t size, unsigned *out_port)
{
    struct http1_connection *connection = of(exchange)->connection;
    struct endpoint endpoint;
    char text[INET6_ADDRSTRLEN];
    if (!connection->local.family && iostream_local(&connection->stream, &endpoint) == 0)
        peer_set(&connection->local, &endpoint);
    if (!connection->local.family)
        return;
    snprintf(out, size, "%s", peer_print(&connection->local, text));
    *out_port = peer_port(&connection->local);
}

const struct front http1_front = {
    .name = "http1",
    .read_body = read_body,
    .send_head = send_head,
    .send_body = send_body,
    .send_file = send_file,
    .flush = flush,
    .finish = finish,
    .cut = cut,
    .local = local,
};
