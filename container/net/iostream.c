/* iostream.c - a stream's life, how it fails, and waiting for it without reading. */
#include "net/iostream.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "loop/task.h"
#include "net/iostream_private.h"
#include "net/transport.h"

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

static void drop_wakeup(struct iostream *stream);

void iostream_close(struct iostream *stream)
{
    if (stream->fd < 0)
        return;
    drop_wakeup(stream);
    iostream_drop_unsent(stream);
    iostream_drop_buffered(stream);
    stream->transport->close(stream);
    ioloop_close(stream->loop, stream->fd);
    stream->fd = -1;
    stream->is_cut = true;
    if (!stream->error)
        stream->error = -EBADF;
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
    iostream_reset_on_close(stream);
    (void)shutdown(stream->fd, SHUT_RD); /* wakes a reader, and sends nothing */
    return r;
}

void iostream_break(struct iostream *stream, int error)
{
    (void)iostream_fail(stream, error);
}

int iostream_pay(size_t bytes)
{
    return task_current() ? task_spend(bytes) : 0;
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
    bool is_ready = iostream_buffered(stream).len > 0 || stream->transport->pending(stream) > 0;
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
