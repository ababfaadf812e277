/* iostream_read.c - the input buffer, and reading.
 *
 *   in:  [ consumed | buffered ........ | room ]      an iobuf block; while one frame needs more,
 *        0          in_start            in_end  in_cap  heap memory of up to that frame's limit
 *
 * Whatever reads asks the kernel once and waits only if that brought nothing: a request that is
 * there already costs one recv. Before a task waits with an empty buffer, the block goes back. */
#include "net/iostream.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "loop/task.h"
#include "net/iostream_private.h"
#include "net/transport.h"

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- the input buffer ---- */

void iostream_drop_buffered(struct iostream *stream)
{
    if (stream->in_cap > IOBUF_SIZE)
        free(stream->in);
    else
        iobuf_give(stream->in);
    stream->in = NULL;
    stream->in_start = stream->in_end = stream->in_cap = 0;
}

static size_t held(const struct iostream *stream)
{
    return stream->in_end - stream->in_start;
}

struct gale_str iostream_buffered(const struct iostream *stream)
{
    return (struct gale_str){stream->in ? stream->in + stream->in_start : "", held(stream)};
}

void iostream_consume(struct iostream *stream, size_t n)
{
    assert(n <= held(stream));
    stream->in_start += (uint32_t)n;
    if (stream->in_start == stream->in_end)
        iostream_drop_buffered(stream);
}

static void compact(struct iostream *stream)
{
    size_t len = held(stream);
    memmove(stream->in, stream->in + stream->in_start, len);
    stream->in_start = 0;
    stream->in_end = (uint32_t)len;
}

/* Doubling keeps the copying linear. */
static void grow(struct iostream *stream, size_t limit)
{
    size_t cap = min_size((size_t)stream->in_cap * 2, limit);
    if (stream->in_cap > IOBUF_SIZE) {
        stream->in = memory_realloc(stream->in, cap);
    } else {
        char *block = stream->in;
        stream->in = memory_alloc(cap);
        memcpy(stream->in, block, stream->in_end);
        iobuf_give(block);
    }
    stream->in_cap = (uint32_t)cap;
}

/* Makes room behind what is buffered, which is less than limit. A frame is moved to the front at
 * most once, since nothing is consumed before it is whole. */
static size_t make_room(struct iostream *stream, size_t limit)
{
    if (!stream->in) {
        stream->in = iobuf_take();
        stream->in_cap = IOBUF_SIZE;
    }
    if (stream->in_start > 0 && stream->in_cap - stream->in_end < stream->in_cap / 4)
        compact(stream);
    if (stream->in_end == stream->in_cap)
        grow(stream, limit);
    return min_size(stream->in_cap - stream->in_end, limit - held(stream));
}

/* ---- reading without waiting ---- */

static ssize_t read_once(struct iostream *stream, void *to, size_t len)
{
    if (stream->is_cut || stream->is_ended)
        return stream->error;
    ssize_t n = stream->transport->read(stream, to, min_size(len, IOSTREAM_READ_MAX));
    if (n > 0)
        return n;
    if (n < 0 && n != -EAGAIN)
        return iostream_fail(stream, (int)n);
    if (n == 0)
        stream->is_ended = true;
    return stream->error ? stream->error : n;
}

ssize_t iostream_fill(struct iostream *stream, size_t limit)
{
    limit = min_size(limit, INT32_MAX);
    if (held(stream) >= limit)
        return -EMSGSIZE;
    size_t room = make_room(stream, limit);
    ssize_t n = read_once(stream, stream->in + stream->in_end, room);
    if (n > 0)
        stream->in_end += (uint32_t)n;
    else if (held(stream) == 0)
        iostream_drop_buffered(stream);
    return n;
}

bool iostream_discard(struct iostream *stream)
{
    iostream_consume(stream, iostream_buffered(stream).len);
    ssize_t n = iostream_fill(stream, IOBUF_SIZE);
    return n > 0 || n == -EAGAIN;
}

/* ---- reading ---- */

static int64_t deadline_of(const struct iostream *stream, int64_t timeout_ms)
{
    return timeout_ms < 0 ? INT64_MAX : ioloop_now_ms(stream->loop) + timeout_ms;
}

static int wait_readable(struct iostream *stream, int64_t deadline_ms)
{
    int64_t left_ms = -1;
    if (deadline_ms != INT64_MAX)
        left_ms = deadline_ms - ioloop_now_ms(stream->loop);
    if (left_ms <= 0 && deadline_ms != INT64_MAX)
        return -ETIMEDOUT;
    int r = task_wait_fd(stream->fd, IOLOOP_READ, left_ms);
    return r < 0 ? r : 0;
}

/* Reads once, waiting for it: into `to` (at most `len`), or into the buffer (growing it up to
 * `len`) when that is NULL. The turn's share is paid beforehand, so that no byte is lost when it
 * turns out that the task is cancelled; and a peer that never lets the read wait does not outlast
 * the deadline. */
static ssize_t read_some(struct iostream *stream, void *to, size_t len, int64_t deadline_ms)
{
    for (;;) {
        int r = iostream_pay(min_size(len, IOSTREAM_READ_MAX));
        if (r < 0)
            return r;
        if (ioloop_now_ms(stream->loop) > deadline_ms)
            return -ETIMEDOUT;
        ssize_t n = to ? read_once(stream, to, len) : iostream_fill(stream, len);
        if (n != -EAGAIN)
            return n;
        r = wait_readable(stream, deadline_ms);
        if (r < 0)
            return r;
    }
}

static size_t take_buffered(struct iostream *stream, void *to, size_t len)
{
    size_t n = min_size(len, held(stream));
    if (n == 0)
        return 0;
    memcpy(to, stream->in + stream->in_start, n);
    iostream_consume(stream, n);
    return n;
}

ssize_t iostream_read(struct iostream *stream, void *to, size_t len, int64_t timeout_ms)
{
    size_t n = take_buffered(stream, to, len);
    if (n > 0 || len == 0)
        return (ssize_t)n;
    return read_some(stream, to, len, deadline_of(stream, timeout_ms));
}

int iostream_read_exactly(struct iostream *stream, void *to, size_t len, int64_t timeout_ms)
{
    int64_t deadline_ms = deadline_of(stream, timeout_ms);
    size_t done = take_buffered(stream, to, len);
    while (done < len) {
        ssize_t n = read_some(stream, (char *)to + done, len - done, deadline_ms);
        if (n <= 0)
            return n == 0 ? -ENODATA : (int)n;
        done += (size_t)n;
    }
    return 0;
}

/* ---- frames ---- */

/* The frame at the front of what is buffered: its length, 0 when more is needed, or negative. The
 * framer never sees more than limit bytes, so the outcome does not depend on how they came. */
static long find_frame(struct iostream *stream, iostream_framer_fn *framer, void *data,
                       size_t limit)
{
    size_t len = held(stream);
    if (len == 0)
        return 0;
    long n = framer(data, stream->in + stream->in_start, min_size(len, limit));
    if (n < 0)
        return n;
    if ((size_t)n > limit || (n == 0 && len >= limit))
        return -EMSGSIZE;
    return (size_t)n <= len ? n : 0;
}

long iostream_read_frame(struct iostream *stream, iostream_framer_fn *framer, void *data,
                         size_t limit, int64_t timeout_ms, char **out_data)
{
    int64_t deadline_ms = deadline_of(stream, timeout_ms);
    size_t cap = limit > IOBUF_SIZE ? limit : IOBUF_SIZE; /* a block is filled whole */
    for (;;) {
        long len = find_frame(stream, framer, data, limit);
        if (len > 0)
            *out_data = stream->in + stream->in_start;
        if (len != 0)
            return len;
        ssize_t n = read_some(stream, NULL, cap, deadline_ms);
        if (n < 0)
            return (long)n;
        if (n == 0)
            return held(stream) > 0 ? -ENODATA : 0;
    }
}

struct delimiter {
    struct gale_str text;
    size_t searched; /* bytes known not to begin one */
};

static long find_delimiter(void *data, const char *at, size_t len)
{
    struct delimiter *delimiter = data;
    const char *found = memmem(at + delimiter->searched, len - delimiter->searched,
                               delimiter->text.at, delimiter->text.len);
    if (found)
        return (long)(found + delimiter->text.len - at);
    if (len >= delimiter->text.len)
        delimiter->searched = len - delimiter->text.len + 1;
    return 0;
}

long iostream_read_until(struct iostream *stream, struct gale_str delimiter, size_t limit,
                         int64_t timeout_ms, char **out_data)
{
    assert(delimiter.len > 0);
    struct delimiter state = {.text = delimiter};
    return iostream_read_frame(stream, find_delimiter, &state, limit, timeout_ms, out_data);
}

long iostream_read_until_close(struct iostream *stream, size_t limit, int64_t timeout_ms,
                               char **out_data)
{
    int64_t deadline_ms = deadline_of(stream, timeout_ms);
    limit = min_size(limit, INT32_MAX - 1);
    while (held(stream) <= limit) {
        ssize_t n = read_some(stream, NULL, limit + 1, deadline_ms);
        if (n < 0)
            return (long)n;
        if (n > 0)
            continue;
        if (held(stream) > 0)
            *out_data = stream->in + stream->in_start;
        return (long)held(stream);
    }
    return -EMSGSIZE;
}
