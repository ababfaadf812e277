/* iostream_write.c - sending: now, in the background, and from files.
 *
 *   out: [ sent | put or kept ..... | room ]      one iobuf block, so IOSTREAM_HIGH is its size
 *        0      out_start           out_end
 *
 * There is one way out, send_down: it sends what is in `out` and then the caller's bytes, and waits
 * while more than a mark is left. A write's mark is the high-water mark, so that it only waits when
 * its rest does not fit the block, and then down to the low-water mark; a flush's mark is 0. */
#include "net/iostream.h"

#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>

#include "loop/task.h"
#include "net/iostream_private.h"
#include "net/transport.h"

enum {
    IOV_BATCH = 16,                 /* pieces handed to the kernel at once */
    SEND_MAX = TASK_TURN_BYTES / 2, /* bytes handed to the kernel at once */
};

/* The caller's bytes, of which some have gone. */
struct rest {
    const struct iovec *iov;
    int count;
    size_t skip; /* bytes of the first piece that are gone */
    size_t len;
    bool is_begun;
};

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static struct rest rest_of(const struct iovec *iov, int count)
{
    struct rest rest = {.iov = iov, .count = count};
    for (int i = 0; i < count; i++)
        rest.len += iov[i].iov_len;
    return rest;
}

static void rest_skip(struct rest *rest, size_t n)
{
    rest->len -= n;
    rest->is_begun |= n > 0;
    rest->skip += n;
    while (rest->count > 0 && rest->skip >= rest->iov->iov_len) {
        rest->skip -= rest->iov->iov_len;
        rest->iov++;
        rest->count--;
    }
}

/* ---- the block of what is put or kept ---- */

static int state_of(const struct iostream *stream)
{
    return !stream->error && stream->is_sending ? -EBUSY : stream->error;
}

size_t iostream_unsent(const struct iostream *stream)
{
    return stream->out_end - stream->out_start;
}

static void give_out(struct iostream *stream)
{
    iobuf_give(stream->out);
    stream->out = NULL;
    stream->out_start = stream->out_end = 0;
}

char *iostream_reserve(struct iostream *stream, size_t len)
{
    size_t unsent = iostream_unsent(stream);
    if (state_of(stream) < 0 || len > IOBUF_SIZE - unsent)
        return NULL;
    if (!stream->out)
        stream->out = iobuf_take();
    if (len > IOBUF_SIZE - stream->out_end) {
        memmove(stream->out, stream->out + stream->out_start, unsent);
        stream->out_start = 0;
        stream->out_end = (uint32_t)unsent;
    }
    return stream->out + stream->out_end;
}

void iostream_commit(struct iostream *stream, size_t len)
{
    assert(stream->out && len <= IOBUF_SIZE - stream->out_end);
    stream->out_end += (uint32_t)len;
    if (iostream_unsent(stream) == 0)
        give_out(stream);
}

/* Copies the rest, which fits, behind what is unsent. */
static void keep(struct iostream *stream, struct rest *rest)
{
    char *to = rest->len ? iostream_reserve(stream, rest->len) : NULL;
    size_t len = rest->len;
    if (!to)
        return;
    while (rest->len > 0) {
        size_t n = rest->iov->iov_len - rest->skip;
        if (n > 0)
            memcpy(to, (const char *)rest->iov->iov_base + rest->skip, n);
        to += n;
        rest_skip(rest, n);
    }
    iostream_commit(stream, len);
}

/* ---- handing bytes to the transport ---- */

/* Lists what is unsent and then the rest, at most SEND_MAX bytes. Returns the number of pieces. */
static int gather(const struct iostream *stream, const struct rest *rest,
                  struct iovec out[IOV_BATCH], size_t *out_len)
{
    int n = 0;
    size_t len = iostream_unsent(stream), skip = rest->skip;
    if (len > 0)
        out[n++] = (struct iovec){stream->out + stream->out_start, len};
    for (int i = 0; i < rest->count && n < IOV_BATCH && len < SEND_MAX; i++, skip = 0) {
        size_t piece = min_size(rest->iov[i].iov_len - skip, SEND_MAX - len);
        if (piece > 0)
            out[n++] = (struct iovec){(char *)rest->iov[i].iov_base + skip, piece};
        len += piece;
    }
    *out_len = len;
    return n;
}

static void take_sent(struct iostream *stream, struct rest *rest, size_t n)
{
    size_t unsent = min_size(n, iostream_unsent(stream));
    stream->out_start += (uint32_t)unsent;
    if (iostream_unsent(stream) == 0)
        give_out(stream);
    rest_skip(rest, n - unsent);
}

/* Sends once. Returns 1 when everything listed went, 0 when the kernel is full, or -errno. */
static int send_once(struct iostream *stream, struct rest *rest, bool more)
{
    struct iovec iov[IOV_BATCH];
    size_t len;
    int count = gather(stream, rest, iov, &len);
    ssize_t n = stream->transport->write(stream, iov, count, more);
    if (n == -EAGAIN)
        return 0;
    if (n < 0)
        return (int)n;
    take_sent(stream, rest, (size_t)n);
    return (size_t)n == len;
}

/* The kernel asks for more only when a third of its buffer is free, which may take a slow peer
 * longer than the time-out. So what counts as progress is that its queue got shorter since the last
 * look. */
static bool see_progress(struct iostream *stream)
{
    int queued = 0, before = stream->queued;
    if (ioctl(stream->fd, SIOCOUTQ, &queued) < 0)
        return false;
    stream->queued = queued;
    return queued < before;
}

/* ---- the flush in the background ---- */

static void stop_flush(struct iostream *stream)
{
    if (!stream->is_flushing)
        return;
    stream->is_flushing = false;
    ioloop_unwatch(stream->loop, stream->fd, IOLOOP_WRITE);
    timer_stop(stream->loop, &stream->timer);
}

void iostream_drop_unsent(struct iostream *stream)
{
    stop_flush(stream);
    give_out(stream);
}

static void start_timer(struct iostream *stream)
{
    see_progress(stream);
    if (stream->write_timeout_ms >= 0)
        timer_start(stream->loop, &stream->timer, stream->write_timeout_ms);
}

void iostream_on_flush_timeout(void *data)
{
    struct iostream *stream = data;
    if (see_progress(stream))
        start_timer(stream);
    else
        iostream_fail(stream, -ETIMEDOUT);
}

static void on_writable(void *data, unsigned events)
{
    (void)events;
    struct iostream *stream = data;
    struct rest none = {0};
    size_t before = iostream_unsent(stream);
    int r = send_once(stream, &none, false);
    if (r < 0)
        iostream_fail(stream, r);
    else if (iostream_unsent(stream) == 0)
        stop_flush(stream);
    else if (iostream_unsent(stream) < before)
        start_timer(stream);
}

/* From now on the loop sends what is unsent. */
static int start_flush(struct iostream *stream)
{
    if (stream->is_flushing || iostream_unsent(stream) == 0)
        return 0;
    int r = ioloop_watch(stream->loop, stream->fd, IOLOOP_WRITE, on_writable, stream);
    if (r < 0)
        return iostream_fail(stream, r);
    stream->is_flushing = true;
    start_timer(stream);
    return 0;
}

/* ---- sending ---- */

static bool is_cancelled(void)
{
    return task_current() && task_cancelled(task_current()) != 0;
}

/* While a writer is away, whoever else runs (its own park hook, too) must not send between its
 * bytes: is_sending turns them away. */
static int pay(struct iostream *stream, size_t bytes)
{
    stream->is_sending = true;
    int r = iostream_pay(bytes);
    stream->is_sending = false;
    return stream->error ? stream->error : r;
}

static int wait_writable(struct iostream *stream)
{
    int r;
    stream->is_sending = true;
    see_progress(stream);
    do {
        r = task_wait_fd(stream->fd, IOLOOP_WRITE, stream->write_timeout_ms);
    } while (r == -ETIMEDOUT && !is_cancelled() && !stream->error && see_progress(stream));
    stream->is_sending = false;
    if (stream->error)
        return stream->error;
    return r < 0 ? r : 0;
}

/* What a wait that came to nothing means: a cancelled task that had sent nothing of its own leaves
 * a whole stream behind, anything else a broken one. */
static int interrupted(struct iostream *stream, bool is_begun, int r)
{
    if (!is_cancelled() || is_begun)
        return iostream_fail(stream, r);
    int flushed = start_flush(stream);
    return flushed < 0 ? flushed : r;
}

/* Sends what is unsent and then the rest until at most `mark` bytes of both are left, or fewer if
 * the kernel takes them. The turn's share is paid before each piece, so that one who must stop
 * stops between two. */
static int send_down(struct iostream *stream, struct rest *rest, size_t mark, bool more)
{
    size_t left;
    stop_flush(stream);
    while ((left = iostream_unsent(stream) + rest->len) > 0) {
        int r = pay(stream, min_size(left, SEND_MAX));
        if (r < 0)
            return interrupted(stream, rest->is_begun, r);
        r = send_once(stream, rest, more);
        if (r < 0)
            return iostream_fail(stream, r);
        if (r > 0)
            continue;
        if (iostream_unsent(stream) + rest->len <= mark)
            break;
        mark = min_size(mark, IOSTREAM_LOW);
        r = wait_writable(stream);
        if (r < 0)
            return interrupted(stream, rest->is_begun, r);
    }
    return 0;
}

int iostream_write(struct iostream *stream, const struct iovec *iov, int count)
{
    struct rest rest = rest_of(iov, count);
    int r = state_of(stream);
    if (r < 0)
        return r;
    /* While the loop flushes, the kernel is known to be full. */
    bool is_full = stream->is_flushing && rest.len <= IOBUF_SIZE - iostream_unsent(stream);
    r = is_full ? 0 : send_down(stream, &rest, IOSTREAM_HIGH, false);
    if (r < 0)
        return r;
    keep(stream, &rest);
    return start_flush(stream);
}

int iostream_put(struct iostream *stream, const void *data, size_t len)
{
    struct iovec iov = {(void *)data, len};
    struct rest rest = rest_of(&iov, 1);
    int r = state_of(stream);
    if (r < 0)
        return r;
    if (len > IOBUF_SIZE - iostream_unsent(stream))
        return iostream_write(stream, &iov, 1);
    keep(stream, &rest);
    return 0;
}

int iostream_push(struct iostream *stream)
{
    return stream->is_sending ? 0 : iostream_write(stream, NULL, 0);
}

int iostream_flush(struct iostream *stream)
{
    struct rest none = {0};
    int r = state_of(stream);
    return r < 0 ? r : send_down(stream, &none, 0, false);
}

int iostream_end(struct iostream *stream)
{
    int r = iostream_flush(stream);
    while (r == 0 && (r = stream->transport->end(stream)) == -EAGAIN)
        r = wait_writable(stream);
    if (r == 0)
        stream->is_out_ended = true;
    return r;
}

/* ---- files ---- */

struct file {
    int fd;
    off_t offset;
    uint64_t len;
    bool is_begun, is_copied;
};

/* Reads and writes where the kernel cannot send the file itself, or must not. */
static ssize_t copy_piece(struct iostream *stream, const struct file *file)
{
    char *block = iobuf_take();
    ssize_t n = pread(file->fd, block, min_size(file->len, IOBUF_SIZE), file->offset);
    int r = n < 0 ? iostream_fail(stream, -errno) : 0;
    struct iovec iov = {block, n > 0 ? (size_t)n : 0};
    if (n > 0)
        r = iostream_write(stream, &iov, 1);
    iobuf_give(block);
    return r < 0 ? r : n;
}

static ssize_t send_piece(struct iostream *stream, struct file *file)
{
    size_t len = min_size(file->len, SEND_MAX);
    int r = pay(stream, len);
    if (r < 0)
        return interrupted(stream, file->is_begun, r);
    ssize_t n = stream->transport->send_file(stream, file->fd, file->offset, len);
    if (n == -EINVAL || n == -ENOSYS) {
        file->is_copied = true;
        return copy_piece(stream, file);
    }
    if (n != -EAGAIN)
        return n < 0 ? iostream_fail(stream, (int)n) : n;
    r = wait_writable(stream);
    return r < 0 ? interrupted(stream, file->is_begun, r) : -EAGAIN;
}

static int send_pieces(struct iostream *stream, struct file *file)
{
    while (file->len > 0) {
        ssize_t n = file->is_copied ? copy_piece(stream, file) : send_piece(stream, file);
        if (n == -EAGAIN)
            continue;
        if (n < 0)
            return file->is_begun ? iostream_fail(stream, (int)n) : (int)n;
        if (n == 0)
            return -ENODATA;
        file->offset += n;
        file->len -= (uint64_t)n;
        file->is_begun = true;
    }
    return 0;
}

int iostream_send_file(struct iostream *stream, int fd, off_t offset, uint64_t len)
{
    struct file file = {.fd = fd, .offset = offset, .len = len};
    struct rest none = {0};
    file.is_copied = !stream->transport->send_file;
    int r = state_of(stream);
    if (r < 0 || len == 0)
        return r < 0 ? r : iostream_push(stream);
    if (!file.is_copied)
        r = send_down(stream, &none, 0, true);
    return r < 0 ? r : send_pieces(stream, &file);
}
