/* iostream.c - a stream's life, its input buffer, and reading.
 *
 *   in:  [ consumed | buffered ........ | room ]      an iobuf block; while one frame needs more,
 *        0          in_start            in_end  in_cap  heap memory of up to that frame's limit
 *
 * Whatever reads asks the kernel once and waits only if that brought nothing: a request that is
 * there already costs one recv. Before a task waits with an empty buffer, the block goes back. */
#include "net/iostream.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "loop/task.h"
#include "net/iostream_private.h"
#include "net/transport.h"

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- life cycle ---- */

void iostream_init(struct iostream *stream, struct ioloop *loop, int fd,
                   const struct transport *transport, int32_t write_timeout_ms)
{
    *stream = (struct iostream){
        .loop = loop,
        .transport = transport,
        .fd = fd,
        .write_timeout_ms = write_timeout_ms,
        .timer = {.fn = iostream_on_flush_timeout, .data = stream},
    };
}

static void give_in(struct iostream *stream)
{
    if (stream->in_cap > IOBUF_SIZE)
        free(stream->in);
    else
        iobuf_give(stream->in);
    stream->in = NULL;
    stream->in_start = stream->in_end = stream->in_cap = 0;
}

static void drop_wakeup(struct iostream *stream);

void iostream_close(struct iostream *stream)
{
    if (stream->fd < 0)
        return;
    drop_wakeup(stream);
    iostream_drop_unsent(stream);
    give_in(stream);
    stream->transport->close(stream);
    ioloop_close(stream->loop, stream->fd);
    stream->fd = -1;
    stream->is_cut = true;
    if (!stream->error)
        stream->error = -EBADF;
}

/* Without this the kernel would keep what it holds for a peer that takes nothing, for many minutes
 * after the close. */
static void reset_on_close(int fd)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

int iostream_fail(struct iostream *stream, int r)
{
    if (stream->error)
        return stream->error;
    stream->error = r;
    iostream_drop_unsent(stream);
    if (r == -EPIPE || r == -ECONNRESET)
        return r;
    stream->is_cut = true;
    if (r == -ETIMEDOUT)
        reset_on_close(stream->fd);
    (void)shutdown(stream->fd, SHUT_RDWR);
    return r;
}

int iostream_pay(size_t bytes)
{
    return task_current() ? task_spend(bytes) : 0;
}

/* ---- the input buffer ---- */

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
        give_in(stream);
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
        give_in(stream);
    return n;
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

/* ---- waiting without reading ---- */

/* The kernel says nothing about bytes that were taken from it, so a call in the next turn does. On
 * the heap, since streams that nobody reads seldom have any. */
struct iostream_wakeup {
    struct ioloop_call call;
    struct iostream *stream;
    ioloop_io_fn *fn;
    void *data;
};

static void drop_wakeup(struct iostream *stream)
{
    if (!stream->wakeup)
        return;
    ioloop_undefer(stream->loop, &stream->wakeup->call);
    free(stream->wakeup);
    stream->wakeup = NULL;
}

/* Level-triggered as the kernel is: it comes again until it is taken away or the bytes are. */
static void on_wakeup(void *data)
{
    struct iostream_wakeup *wakeup = data;
    struct iostream *stream = wakeup->stream;
    ioloop_io_fn *fn = wakeup->fn;
    void *fn_data = wakeup->data;
    drop_wakeup(stream);
    iostream_on_readable(stream, fn, fn_data);
    fn(fn_data, IOLOOP_READ);
}

static void wake_next_turn(struct iostream *stream, ioloop_io_fn *fn, void *data)
{
    struct iostream_wakeup *wakeup = memory_zalloc(sizeof(*wakeup));
    *wakeup = (struct iostream_wakeup){
        .call = {.fn = on_wakeup, .data = wakeup}, .stream = stream, .fn = fn, .data = data};
    stream->wakeup = wakeup;
    ioloop_defer(stream->loop, &wakeup->call);
}

void iostream_on_readable(struct iostream *stream, ioloop_io_fn *fn, void *data)
{
    drop_wakeup(stream);
    if (stream->fd < 0)
        return;
    ioloop_unwatch(stream->loop, stream->fd, IOLOOP_READ);
    if (!fn)
        return;
    int r = 0;
    bool is_ready = held(stream) > 0 || stream->transport->pending(stream) > 0;
    if (!is_ready)
        r = ioloop_watch(stream->loop, stream->fd, IOLOOP_READ, fn, data);
    if (r < 0) /* whoever is woken meets the error */
        iostream_fail(stream, r);
    if (is_ready || r < 0)
        wake_next_turn(stream, fn, data);
}

void iostream_on_hangup(struct iostream *stream, ioloop_io_fn *fn, void *data)
{
    /* A failure is met by whoever reads next. */
    if (fn)
        (void)ioloop_watch(stream->loop, stream->fd, IOLOOP_HANGUP, fn, data);
    else
        ioloop_unwatch(stream->loop, stream->fd, IOLOOP_HANGUP);
}

static int socket_error(int fd)
{
    int error = 0;
    socklen_t len = sizeof(error);
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? -errno : -error;
}

int iostream_peer_state(struct iostream *stream)
{
    struct pollfd state = {.fd = stream->fd, .events = POLLRDHUP};
    if (stream->error)
        return stream->error;
    int r = socket_error(stream->fd); /* asking clears it, so it is kept here */
    if (r < 0)
        return iostream_fail(stream, r);
    if (poll(&state, 1, 0) < 0)
        return -errno;
    if ((state.revents & POLLHUP) && !stream->is_out_ended)
        return iostream_fail(stream, -EPIPE);
    return state.revents & (POLLRDHUP | POLLHUP) ? 1 : 0;
}
