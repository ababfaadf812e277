/* link_front.c - request and response bodies on a link. */
#include "fastcgi/link_server.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/macros.h"
#include "http/front.h"
#include "net/transport_unix.h"

static struct link_exchange *of(struct exchange *exchange)
{
    return container_of(exchange, struct link_exchange, exchange);
}

static struct iostream *stream_of(struct link_exchange *x)
{
    return &x->session->stream;
}

/* ---- reading ---- */

static int ask_for_body(struct link_exchange *x)
{
    x->is_wanted = true;
    int r = fcgi_put(stream_of(x), LINK_WANT, LINK_ID, NULL, 0);
    return r < 0 ? r : iostream_push(stream_of(x));
}

/* What the client's failure was to the front it is to the app. */
static int read_failure(struct link_exchange *x)
{
    int error, r = link_read_failed(&x->session->reader, &error);
    x->is_input_ended = true;
    return r < 0 ? -ECONNRESET : error;
}

/* Goes on to a record of STDIN that holds something: 1, 0 at the body's end. */
static int next_input(struct link_exchange *x)
{
    struct fcgi_reader *reader = &x->session->reader;
    int r = x->is_input_ended ? 0 : link_next_record(x->session, FCGI_STDIN);
    if (x->is_input_ended || r <= 0)
        return x->is_input_ended ? 0 : r == 0 || r == -ENODATA ? -ECONNRESET : r;
    if (reader->record.type == LINK_FAILED)
        return read_failure(x);
    x->is_input_ended = !reader->record.length;
    return reader->record.length ? 1 : 0;
}

static ssize_t read_input(struct link_exchange *x, void *to, size_t len)
{
    struct fcgi_reader *reader = &x->session->reader;
    struct gale_str piece;
    int r = x->is_in_input ? fcgi_read_piece(reader, -1, &piece) : 0;
    while (r == 0) {
        x->is_in_input = false;
        r = next_input(x);
        if (r <= 0)
            return r;
        x->is_in_input = true;
        r = fcgi_read_piece(reader, -1, &piece);
    }
    if (r < 0)
        return r == -ENODATA ? -ECONNRESET : r;
    size_t n = piece.len < len ? piece.len : len;
    memcpy(to, piece.at, n);
    fcgi_reader_keep(reader, piece.len - n);
    return (ssize_t)n;
}

static ssize_t read_body(struct exchange *exchange, void *to, size_t len)
{
    struct link_exchange *x = of(exchange);
    int r = x->is_wanted ? 0 : ask_for_body(x);
    return r < 0 ? r : read_input(x, to, len);
}

/* ---- writing ---- */

static int send_head(struct exchange *exchange, int64_t body_length)
{
    const struct gale_response *res = &exchange->res;
    const struct link_answer answer = {
        .value = res->status, .detail = body_length, .reason = res->reason};
    return link_put_block(stream_of(of(exchange)), LINK_HEAD,
                          link_answer_encode(&answer, exchange));
}

static int send_body(struct exchange *exchange, const struct iovec *iov, int count)
{
    return fcgi_write(stream_of(of(exchange)), FCGI_STDOUT, LINK_ID, iov, count);
}

/* While a body is under way, SENT would stand behind all of it: then the app goes on at once. */
static bool may_await(const struct link_exchange *x)
{
    return !x->is_wanted || x->is_input_ended;
}

static int await_sent(struct link_exchange *x)
{
    int r = link_next_record(x->session, LINK_SENT);
    return r > 0 ? 0 : r == 0 ? -ECONNRESET : r;
}

/* The front sends it: no byte of the file passes through here. */
static int send_file(struct exchange *exchange, int fd, int64_t offset, int64_t len)
{
    struct link_exchange *x = of(exchange);
    struct link_file file = {.offset = offset, .len = len, .is_awaited = may_await(x)};
    unsigned char header[FCGI_HEADER_SIZE];
    struct iovec iov[] = {{header, sizeof(header)}, {&file, sizeof(file)}};
    struct stat info;
    if (fstat(fd, &info) < 0)
        return -errno;
    if (!S_ISREG(info.st_mode))
        return -EINVAL;
    fcgi_record_encode(header, LINK_FILE, LINK_ID, sizeof(file), false, NULL);
    int r = transport_unix_send_fd(stream_of(x), iov, ARRAY_LEN(iov), fd);
    return r == 0 && file.is_awaited ? await_sent(x) : r;
}

static int flush(struct exchange *exchange)
{
    return iostream_push(stream_of(of(exchange)));
}

static int finish(struct exchange *exchange)
{
    return fcgi_put(stream_of(of(exchange)), FCGI_END_REQUEST, LINK_ID, NULL, 0);
}

/* Without room for the record the end of the connection says the same. */
static void cut(struct exchange *exchange)
{
    struct link_session *session = of(exchange)->session;
    char *to = iostream_reserve(&session->stream, FCGI_HEADER_SIZE);
    session->is_broken |= !to;
    if (!to)
        return;
    fcgi_record_encode((unsigned char *)to, LINK_CUT, LINK_ID, 0, false, NULL);
    iostream_commit(&session->stream, FCGI_HEADER_SIZE);
}

static void local(struct exchange *exchange, char *out, size_t size, unsigned *out_port)
{
    const struct link_exchange *x = of(exchange);
    snprintf(out, size, "%s", x->local.address.at);
    *out_port = x->local.port;
}

const struct front link_front = {
    .name = "link",
    .read_body = read_body,
    .send_head = send_head,
    .send_body = send_body,
    .send_file = send_file,
    .flush = flush,
    .finish = finish,
    .cut = cut,
    .local = local,
};
