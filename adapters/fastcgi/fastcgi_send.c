/* fastcgi_send.c - the request on its way to the server.
 *
 *   [ BEGIN_REQUEST | PARAMS ... | empty PARAMS ][ STDIN: what came first ][ empty STDIN ]
 *     `prologue', coded once                       one write, if that is all
 *
 * A longer body goes on in a task of its own, so that a server that answers before it has read
 * everything is read at the same time: nobody waits for anybody who waits for him. The empty STDIN
 * is always sent; servers wait for it even where there is no body. */
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "http/exchange.h"
#include "loop/ioloop.h"
#include "loop/task.h"
#include "net/iobuf.h"
#include "adapters/fastcgi/fastcgi_private.h"
#include "adapters/fastcgi/upstream_connection.h"

enum {
    SPOOL_MEMORY = 64 * 1024,
    USUAL = 1000, /* of the variables of a request together */
    RECORDS = 64, /* of the other records in front of the body */
};

/* ---- the body, before a server is asked ---- */

int fastcgi_body_begin(struct fastcgi_exchange *x)
{
    struct fastcgi_body *body = &x->body;
    int r = 0;
    if (x->role == FCGI_AUTHORIZER) /* the body is for the app behind it */
        gateway_body_none(&body->rest, x->req);
    else
        r = gateway_body_begin(&body->rest, x->req, SPOOL_MEMORY);
    if (r == 0 && body->rest.left) {
        body->first = iobuf_take();
        ssize_t n = gateway_body_read(&body->rest, body->first, IOBUF_SIZE);
        body->first_len = n > 0 ? (size_t)n : 0;
        r = n < 0 ? (int)n : 0;
    }
    body->is_whole = body->rest.left == 0;
    return r;
}

void fastcgi_body_finish(struct fastcgi_exchange *x)
{
    iobuf_give(x->body.first);
    gateway_body_finish(&x->body.rest);
}

/* ---- BEGIN_REQUEST and PARAMS ---- */

static void add_record(struct buffer *to, uint8_t type, const void *content, size_t len)
{
    static const char zeros[8];
    unsigned char header[FCGI_HEADER_SIZE];
    uint8_t padding;
    fcgi_record_encode(header, type, 0, len, true, &padding);
    buffer_add(to, (const char *)header, sizeof(header));
    buffer_add(to, content, len);
    buffer_add(to, zeros, padding);
}

static int add_pair(void *data, struct gale_str name, struct gale_str value)
{
    struct buffer *pairs = data;
    size_t size = fcgi_pair_size(name.len, value.len);
    (void)fcgi_pair_encode((unsigned char *)buffer_reserve(pairs, size), name, value);
    pairs->len += size;
    return 0;
}

void fastcgi_prologue_make(struct fastcgi_exchange *x)
{
    const struct fastcgi_settings *settings = x->fastcgi->settings;
    FCGI_BeginRequestBody begin = {.roleB0 = x->role,
                                   .flags = settings->keep_alive ? FCGI_KEEP_CONN : 0};
    struct buffer pairs = {0};
    (void)buffer_reserve(&pairs, USUAL);
    x->script.content_length = x->body.rest.length;
    (void)gateway_variables(x->req, &x->script, settings->pass_authorization, add_pair, &pairs);
    (void)buffer_reserve(&x->prologue, pairs.len + RECORDS);
    add_record(&x->prologue, FCGI_BEGIN_REQUEST, &begin, sizeof(begin));
    for (size_t at = 0; at < pairs.len; at += FCGI_CONTENT_MAX) {
        size_t len = pairs.len - at < FCGI_CONTENT_MAX ? pairs.len - at : FCGI_CONTENT_MAX;
        add_record(&x->prologue, FCGI_PARAMS, pairs.at + at, len);
    }
    add_record(&x->prologue, FCGI_PARAMS, "", 0);
    buffer_finish(&pairs);
}

/* Gives the records of the prologue an id. Each request on a connection has another one, so that
 * what a server says late of one can never pass for the next one's. */
static void number_prologue(struct fastcgi_exchange *x)
{
    struct fcgi_record record;
    uint16_t *requests = &x->connection->requests;
    *requests = *requests == UINT16_MAX ? 1 : *requests + 1;
    x->id = *requests;
    for (size_t at = 0; at < x->prologue.len;) {
        unsigned char *header = (unsigned char *)x->prologue.at + at;
        header[2] = (unsigned char)(x->id >> 8);
        header[3] = (unsigned char)x->id;
        (void)fcgi_record_decode(header, &record);
        at += FCGI_HEADER_SIZE + (size_t)record.length + record.padding;
    }
}

/* ---- the rest of the body, in its own task ---- */

static ssize_t next_piece(struct fastcgi_exchange *x, char *to)
{
    struct fastcgi_sender *sender = &x->sender;
    sender->is_reading = !x->body.rest.is_spooled;
    ssize_t n = gateway_body_read(&x->body.rest, to, IOBUF_SIZE);
    sender->is_reading = false;
    sender->progress_ms = ioloop_now_ms(ioloop_current());
    return n;
}

static int send_piece(struct fastcgi_exchange *x, const char *at, size_t len)
{
    struct iostream *stream = &x->connection->stream;
    struct iovec iov = {(char *)at, len};
    int r = fcgi_write(stream, FCGI_STDIN, x->id, &iov, 1);
    if (r == 0 && len == 0)
        r = fcgi_put(stream, FCGI_STDIN, x->id, NULL, 0);
    return r < 0 ? r : iostream_push(stream);
}

/* The client has failed, and whoever reads the reply shall know it at once. */
static void give_up(struct fastcgi_exchange *x, int error)
{
    x->sender.error = error;
    if (subtask_is_stopping(&x->sender.subtask))
        return;
    (void)fcgi_put(&x->connection->stream, FCGI_ABORT_REQUEST, x->id, NULL, 0);
    (void)iostream_push(&x->connection->stream);
    iostream_break(&x->connection->stream, -EIO);
}

/* Returns 0, or -errno of the client's side. */
static int send_rest(struct fastcgi_exchange *x)
{
    char *block = iobuf_take();
    ssize_t n;
    int r;
    do {
        n = next_piece(x, block);
        x->body.is_gone |= n > 0;
        /* A server that reads no more may have answered already: that is for the reader to find. */
        r = n < 0 ? 0 : send_piece(x, block, (size_t)n);
    } while (n > 0 && r == 0);
    iobuf_give(block);
    x->sender.is_cut = n != 0 || r < 0;
    return n < 0 ? (int)n : 0;
}

static void send_task(void *data)
{
    struct fastcgi_exchange *x = data;
    int r = send_rest(x);
    if (r < 0)
        give_up(x, r);
}

static int start_sender(struct fastcgi_exchange *x)
{
    x->sender =
        (struct fastcgi_sender){.is_cut = true, .progress_ms = ioloop_now_ms(ioloop_current())};
    return subtask_start(&x->sender.subtask, send_task, x, &exchange_of_request(x->req)->label);
}

bool fastcgi_is_client_slow(const struct fastcgi_exchange *x)
{
    const struct fastcgi_sender *sender = &x->sender;
    int64_t since_ms = ioloop_now_ms(ioloop_current()) - sender->progress_ms;
    return subtask_is_running(&sender->subtask) &&
           (sender->is_reading || since_ms < x->fastcgi->settings->read_timeout_ms);
}

/* ---- all of it ---- */

int fastcgi_send(struct fastcgi_exchange *x)
{
    const struct fastcgi_body *body = &x->body;
    unsigned char head[FCGI_HEADER_SIZE], end[8 + FCGI_HEADER_SIZE] = {0};
    struct iovec iov[4] = {{x->prologue.at, x->prologue.len}};
    int count = 1;
    uint8_t padding = 0;
    number_prologue(x);
    if (body->first_len) {
        fcgi_record_encode(head, FCGI_STDIN, x->id, body->first_len, true, &padding);
        iov[count++] = (struct iovec){head, sizeof(head)};
        iov[count++] = (struct iovec){body->first, body->first_len};
    }
    fcgi_record_encode(end + padding, FCGI_STDIN, x->id, 0, false, NULL);
    iov[count++] = (struct iovec){end, padding + (body->is_whole ? FCGI_HEADER_SIZE : 0u)};
    int r = iostream_write(&x->connection->stream, iov, count);
    /* So much goes to an idle connection at once or not at all. */
    x->is_unsent =
        (r == -EPIPE || r == -ECONNRESET) && x->prologue.len + body->first_len < IOBUF_SIZE;
    if (r == 0 && !body->is_whole)
        r = start_sender(x);
    return r;
}
