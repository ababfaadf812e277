/* fcgi_front.c - request and response bodies as STDIN and STDOUT. */
#include "fastcgi/fcgi_front.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "fastcgi/cgi_head.h"
#include "http/front.h"

enum { FILE_PIECE = 65528 /* the longest content that needs no padding */ };

static struct fcgi_exchange *of(struct exchange *exchange)
{
    return container_of(exchange, struct fcgi_exchange, exchange);
}

static struct iostream *stream_of(struct fcgi_exchange *x)
{
    return &x->connection->stream;
}

/* ---- reading ---- */

/* Goes on to the next record of STDIN: 1, 0 at its end. */
static int next_input(struct fcgi_exchange *x)
{
    struct fcgi_reader *reader = &x->connection->reader;
    while (!x->is_input_ended && !x->is_aborted) {
        int r = fcgi_next_record(x->connection, x, x->exchange.body_timeout_ms);
        if (r <= 0)
            return r == 0 || r == -ENODATA ? -ECONNRESET : r;
        x->is_aborted = reader->record.type == FCGI_ABORT_REQUEST;
        if (reader->record.type != FCGI_STDIN)
            continue;
        if (reader->record.length)
            return 1;
        x->is_input_ended = true;
    }
    return x->is_aborted ? -ECONNRESET : 0;
}

static ssize_t read_input(struct fcgi_exchange *x, void *to, size_t len)
{
    struct fcgi_reader *reader = &x->connection->reader;
    struct gale_str piece;
    for (;;) {
        int r = x->is_in_input ? fcgi_read_piece(reader, x->exchange.body_timeout_ms, &piece) : 0;
        x->is_in_input = r > 0;
        if (r == 0)
            r = next_input(x);
        else if (r > 0)
            break;
        if (r <= 0)
            return r == -ENODATA ? -ECONNRESET : r;
        x->is_in_input = true;
    }
    size_t n = piece.len < len ? piece.len : len;
    memcpy(to, piece.at, n);
    fcgi_reader_keep(reader, piece.len - n);
    x->input_read += n;
    return (ssize_t)n;
}

/* RFC 3875 4.2: no more than was announced is read; less is no whole body. */
static ssize_t read_limited(struct fcgi_exchange *x, void *to, size_t len)
{
    uint64_t left = x->exchange.req.head.content_length - x->input_read;
    if (!left)
        return 0;
    ssize_t n = read_input(x, to, len < left ? len : left);
    return n == 0 ? -EBADMSG : n;
}

static ssize_t read_body(struct exchange *exchange, void *to, size_t len)
{
    struct fcgi_exchange *x = of(exchange);
    iostream_on_readable(stream_of(x), NULL, NULL);
    x->connection->is_reading = true;
    ssize_t n = exchange->req.head.has_length ? read_limited(x, to, len) : read_input(x, to, len);
    x->connection->is_reading = false;
    if (n < 0)
        x->connection->is_kept = false;
    return n;
}

/* ---- writing ---- */

static int sent(struct fcgi_exchange *x, int r)
{
    if (r < 0) {
        x->connection->is_kept = false;
        x->connection->is_torn = true;
    }
    return r;
}

static void before_sending(struct fcgi_exchange *x)
{
    stream_of(x)->write_timeout_ms = (int32_t)x->exchange.write_timeout_ms;
    x->has_output = true;
}

static int send_output(struct fcgi_exchange *x, const struct iovec *iov, int count)
{
    before_sending(x);
    return sent(x, fcgi_write(stream_of(x), FCGI_STDOUT, x->id, iov, count));
}

static int send_head(struct exchange *exchange, int64_t body_length)
{
    struct gale_str head = cgi_head_write(exchange, body_length);
    struct iovec iov = {(char *)head.at, head.len};
    return send_output(of(exchange), &iov, 1);
}

static int send_body(struct exchange *exchange, const struct iovec *iov, int count)
{
    return send_output(of(exchange), iov, count);
}

/* Each record's header leaves with the file's bytes behind it. */
static int send_file(struct exchange *exchange, int fd, int64_t offset, int64_t len)
{
    struct fcgi_exchange *x = of(exchange);
    static const char zeros[8];
    int r = 0;
    before_sending(x);
    while (len > 0 && r == 0) {
        size_t n = len < FILE_PIECE ? (size_t)len : FILE_PIECE;
        unsigned char header[FCGI_HEADER_SIZE];
        uint8_t padding;
        fcgi_record_encode(header, FCGI_STDOUT, x->id, n, true, &padding);
        r = iostream_put(stream_of(x), header, sizeof(header));
        if (r == 0)
            r = iostream_send_file(stream_of(x), fd, offset, n);
        if (r == 0 && padding)
            r = iostream_put(stream_of(x), zeros, padding);
        offset += (int64_t)n;
        len -= (int64_t)n;
    }
    return sent(x, r);
}

static int flush(struct exchange *exchange)
{
    struct fcgi_exchange *x = of(exchange);
    before_sending(x);
    return sent(x, iostream_push(stream_of(x)));
}

static int finish(struct exchange *exchange)
{
    static const FCGI_EndRequestBody complete = {.protocolStatus = FCGI_REQUEST_COMPLETE};
    struct fcgi_exchange *x = of(exchange);
    before_sending(x);
    int r = fcgi_put(stream_of(x), FCGI_STDOUT, x->id, NULL, 0);
    if (r == 0)
        r = fcgi_put(stream_of(x), FCGI_END_REQUEST, x->id, &complete, sizeof(complete));
    return sent(x, r);
}

static void cut(struct exchange *exchange)
{
    struct fcgi_exchange *x = of(exchange);
    x->connection->is_kept = false;
    x->connection->is_cut = true;
}

static void local(struct exchange *exchange, char *out, size_t size, unsigned *out_port)
{
    const struct fcgi_exchange *x = of(exchange);
    snprintf(out, size, "%.*s", (int)x->local.len, x->local.len ? x->local.at : "");
    *out_port = x->local_port;
}

const struct front fcgi_front = {
    .name = "fastcgi",
    .read_body = read_body,
    .send_head = send_head,
    .send_body = send_body,
    .send_file = send_file,
    .flush = flush,
    .finish = finish,
    .cut = cut,
    .local = local,
};
