/* fcgi_stream.c - a record's header is a frame, its content is shown as it comes. */
#include "fastcgi/fcgi_stream.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "net/iostream.h"

enum {
    GATHER_MAX = 4096,    /* less than this is copied, to leave with what follows */
    CONTENT_WHOLE = 65528 /* the longest content that needs no padding */
};

/* ---- reading ---- */

void fcgi_reader_init(struct fcgi_reader *reader, struct iostream *stream)
{
    *reader = (struct fcgi_reader){.stream = stream};
}

static void consume_shown(struct fcgi_reader *reader)
{
    iostream_consume(reader->stream, reader->shown);
    reader->left -= reader->shown;
    reader->shown = 0;
}

/* A framer that is content with anything. */
static long whatever(void *data, const char *at, size_t len)
{
    (void)data;
    (void)at;
    return (long)len;
}

static long whole_header(void *data, const char *at, size_t len)
{
    (void)data;
    (void)at;
    return len < FCGI_HEADER_SIZE ? 0 : FCGI_HEADER_SIZE;
}

/* Some bytes, buffered: their number, at most `max`. */
static long read_some(struct fcgi_reader *reader, size_t max, int64_t timeout_ms, char **out_at)
{
    long n = iostream_read_frame(reader->stream, whatever, NULL, IOBUF_SIZE, timeout_ms, out_at);
    if (n == 0)
        return -ENODATA;
    return n > 0 && (size_t)n > max ? (long)max : n;
}

static int pass_over(struct fcgi_reader *reader, int64_t timeout_ms)
{
    consume_shown(reader);
    size_t rest = reader->left + reader->padding;
    while (rest > 0) {
        char *at;
        long n = read_some(reader, rest, timeout_ms, &at);
        if (n < 0)
            return (int)n;
        iostream_consume(reader->stream, (size_t)n);
        rest -= (size_t)n;
        reader->padding = rest < reader->padding ? rest : reader->padding;
        reader->left = rest - reader->padding;
    }
    return 0;
}

int fcgi_read_record(struct fcgi_reader *reader, int64_t timeout_ms)
{
    char *at;
    int r = pass_over(reader, timeout_ms);
    if (r < 0)
        return r;
    long n = iostream_read_frame(reader->stream, whole_header, NULL, IOBUF_SIZE, timeout_ms, &at);
    if (n <= 0)
        return (int)n;
    r = fcgi_record_decode((const unsigned char *)at, &reader->record);
    if (r < 0)
        return r;
    iostream_consume(reader->stream, FCGI_HEADER_SIZE);
    reader->left = reader->record.length;
    reader->padding = reader->record.padding;
    return 1;
}

int fcgi_read_piece(struct fcgi_reader *reader, int64_t timeout_ms, struct gale_str *out_piece)
{
    char *at;
    consume_shown(reader);
    if (reader->left == 0)
        return 0;
    long n = read_some(reader, reader->left, timeout_ms, &at);
    if (n < 0)
        return (int)n;
    reader->shown = (size_t)n;
    *out_piece = (struct gale_str){at, (size_t)n};
    return 1;
}

int fcgi_read_exactly(struct fcgi_reader *reader, void *to, size_t len, int64_t timeout_ms)
{
    size_t done = 0;
    struct gale_str piece = {0};
    while (done < len) {
        int r = fcgi_read_piece(reader, timeout_ms, &piece);
        if (r <= 0)
            return r < 0 ? r : -EPROTO;
        size_t n = piece.len < len - done ? piece.len : len - done;
        memcpy((char *)to + done, piece.at, n);
        fcgi_reader_keep(reader, piece.len - n);
        done += n;
    }
    return 0;
}

void fcgi_reader_keep(struct fcgi_reader *reader, size_t len)
{
    assert(len <= reader->shown);
    reader->shown -= len;
}

bool fcgi_reader_settle(struct fcgi_reader *reader)
{
    consume_shown(reader);
    if (reader->left > 0)
        return false;
    size_t have = iostream_buffered(reader->stream).len;
    size_t n = have < reader->padding ? have : reader->padding;
    iostream_consume(reader->stream, n);
    reader->padding -= n;
    return reader->padding == 0;
}

bool fcgi_reader_is_clean(const struct fcgi_reader *reader)
{
    return reader->left == reader->shown && reader->padding == 0 &&
           iostream_buffered(reader->stream).len == reader->shown;
}

/* ---- writing ---- */

static const char zeros[8];

int fcgi_put(struct iostream *stream, uint8_t type, uint16_t id, const void *content, size_t len)
{
    unsigned char header[FCGI_HEADER_SIZE];
    uint8_t padding;
    assert(len <= FCGI_CONTENT_MAX);
    fcgi_record_encode(header, type, id, len, true, &padding);
    int r = iostream_put(stream, header, sizeof(header));
    if (r == 0 && len)
        r = iostream_put(stream, content, len);
    if (r == 0 && padding)
        r = iostream_put(stream, zeros, padding);
    return r;
}

/* The caller's bytes that are still to be sent. */
struct source {
    const struct iovec *iov;
    size_t skip; /* bytes of the first piece that are gone */
    size_t left; /* of all */
};

/* Lists the next `len` bytes. Returns the number of pieces. */
static int take(struct source *source, size_t len, struct iovec *out)
{
    int count = 0;
    source->left -= len;
    while (len > 0) {
        size_t have = source->iov->iov_len - source->skip;
        size_t n = have < len ? have : len;
        if (n)
            out[count++] = (struct iovec){(char *)source->iov->iov_base + source->skip, n};
        source->skip += n;
        len -= n;
        if (source->skip == source->iov->iov_len) {
            source->iov++;
            source->skip = 0;
        }
    }
    return count;
}

static int send_record(struct iostream *stream, uint8_t type, uint16_t id, size_t len,
                       struct source *source)
{
    struct iovec out[FCGI_PIECES_MAX + 2];
    unsigned char header[FCGI_HEADER_SIZE];
    uint8_t padding;
    int r = 0;
    fcgi_record_encode(header, type, id, len, true, &padding);
    out[0] = (struct iovec){header, sizeof(header)};
    int count = 1 + take(source, len, out + 1);
    if (padding)
        out[count++] = (struct iovec){(char *)zeros, padding};
    if (len > GATHER_MAX)
        return iostream_write(stream, out, count);
    for (int i = 0; i < count && r == 0; i++)
        r = iostream_put(stream, out[i].iov_base, out[i].iov_len);
    return r;
}

int fcgi_write(struct iostream *stream, uint8_t type, uint16_t id, const struct iovec *iov,
               int count)
{
    struct source source = {.iov = iov};
    int r = 0;
    assert(count <= FCGI_PIECES_MAX);
    for (int i = 0; i < count; i++)
        source.left += iov[i].iov_len;
    while (source.left > 0 && r == 0) {
        size_t len = source.left < CONTENT_WHOLE ? source.left : CONTENT_WHOLE;
        r = send_record(stream, type, id, len, &source);
    }
    return r;
}
