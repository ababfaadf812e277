/* iostream.h - a buffered byte stream over a socket, read and written by tasks.
 *
 * Reading: bytes are taken from the kernel only when a read asks for more than is buffered, at most
 * 64 KiB at once, and a task that moved TASK_TURN_BYTES in one turn of the loop lets the others run
 * first. What ends a read (its framing) is a function of the bytes, apart from what happens then.
 *
 * Writing: iostream_write sends at once. What the kernel does not take is kept up to the high-water
 * mark and sent by the loop while the task goes on; beyond that the write waits until no more than
 * the low-water mark is left. iostream_put only gathers: those bytes leave with the next write
 * or flush, in one sendmsg.
 *
 * Errors stick: once reading or writing failed, each later call returns the same -errno; but what a
 * peer had sent before it took no more (-EPIPE, -ECONNRESET) is read first. Nothing failed when a
 * wait was cancelled or a read ran out of time: what came stays buffered. A write that was cut
 * short in the midst of its bytes did fail, and so did one without progress: then the close resets
 * the connection, so that the peer cannot take what it has got for the whole (RFC 9112 8).
 *
 * Embedded by its owner, on the loop's thread only; at most one task reads and one writes at a
 * time. An idle stream holds no buffer. The process ignores SIGPIPE (sendfile cannot be told to).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <gale/str.h>
#include "base/macros.h"
#include "loop/ioloop.h"
#include "loop/timer.h"
#include "net/iobuf.h"

struct endpoint;
struct transport;
struct iostream_wakeup;

enum {
    IOSTREAM_READ_MAX = 64 * 1024,
    IOSTREAM_HIGH = IOBUF_SIZE, /* bytes kept for the kernel before a write waits */
    IOSTREAM_LOW = 4 * 1024,    /* bytes left when it goes on */
};

struct iostream {
    struct ioloop *loop; /* borrowed */
    const struct transport *transport;
    void *transport_data; /* owned by the transport */
    int fd;               /* owned; -1 when closed */
    int error;            /* the first failure, -errno; 0 */
    bool is_ended;        /* the peer's end was read */
    /* private */
    bool is_cut;       /* `error` holds for reading at once */
    bool is_out_ended; /* iostream_end was called */
    bool is_sending;   /* a task is in the midst of it: others get -EBUSY */
    bool is_flushing;  /* the loop sends what is kept */
    char *in, *out;    /* iobuf blocks, or larger heap memory for `in`; NULL while empty */
    uint32_t in_start, in_end, in_cap;
    uint32_t out_start, out_end;
    int32_t write_timeout_ms;
    int32_t queued;     /* bytes in the kernel when somebody looked last */
    struct timer timer; /* of the flush in the background */
    struct iostream_wakeup
        *wakeup; /* owned; only while bytes are buffered and no task reads them */
};

/* Makes a stream of a connected non-blocking descriptor (taken). write_timeout_ms limits the time
 * in which a write makes no progress (the peer takes no byte); -1: none. */
void iostream_init(struct iostream *stream, struct ioloop *loop, int fd,
                   const struct transport *transport, int32_t write_timeout_ms);
/* Closes at once, dropping what was not sent; fine twice. No task may be waiting in the stream. */
void iostream_close(struct iostream *stream);

/* ---- reading: what is buffered first. 0 is the end where a count is returned ---- */

/* Some bytes, at least one, at most len; straight into `to` when nothing is buffered. Returns their
 * number, 0 at the end, -ETIMEDOUT after timeout_ms (-1: none), or -errno. */
SUSPENDS ssize_t iostream_read(struct iostream *stream, void *to, size_t len, int64_t timeout_ms);
/* Exactly len bytes: 0, -ENODATA when the end came first, or as above; on failure the bytes that
 * had come are in `to`, and nobody knows how many. */
SUSPENDS int iostream_read_exactly(struct iostream *stream, void *to, size_t len,
                                   int64_t timeout_ms);

/* A framer looks at the bytes buffered so far (the same ones as before and more, at most `limit`)
 * and says how long the frame is, which may be more than there is yet; 0 for "more bytes are
 * needed", or a negative result that ends the read. */
typedef long iostream_framer_fn(void *framer, const char *data, size_t len);
/* Reads until the framer is content. Returns the frame's length and where it is in *out_data, valid
 * until the next read or iostream_consume (it stays buffered: consume it); -EMSGSIZE when the frame
 * is longer than `limit` or `limit` bytes are buffered and there is still none, -ENODATA at an end
 * in mid-frame, 0 at an end before its first byte, the framer's own negative result, or as above.
 * The time-out is for the whole frame. */
SUSPENDS long iostream_read_frame(struct iostream *stream, iostream_framer_fn *framer, void *data,
                                  size_t limit, int64_t timeout_ms, char **out_data);
/* Reads up to and with the delimiter: iostream_read_frame with a search that resumes where it left
 * off (linear in total). */
SUSPENDS long iostream_read_until(struct iostream *stream, struct gale_str delimiter, size_t limit,
                                  int64_t timeout_ms, char **out_data);
/* Everything to the peer's end, as a frame; -EMSGSIZE beyond the limit. */
SUSPENDS long iostream_read_until_close(struct iostream *stream, size_t limit, int64_t timeout_ms,
                                        char **out_data);
/* Takes n bytes off the front of what is buffered, and gives the buffer back when it is empty. */
void iostream_consume(struct iostream *stream, size_t n);
/* What is buffered, without reading (a view). */
struct gale_str iostream_buffered(const struct iostream *stream);
/* Reads more behind what is buffered, without waiting or growing past `limit`: the number of bytes,
 * 0 at the end, -EAGAIN, -EMSGSIZE when limit bytes are buffered, or -errno. */
ssize_t iostream_fill(struct iostream *stream, size_t limit);
/* Throws away what is buffered and what has come meanwhile, without waiting: false once no more
 * will come. */
bool iostream_discard(struct iostream *stream);

/* ---- writing; 0 on success ---- */

/* Room for `len` bytes (at most IOSTREAM_HIGH) behind what was put, to be filled and committed
 * before anything else is done with the stream; NULL when they do not fit or the stream failed:
 * flush first. */
char *iostream_reserve(struct iostream *stream, size_t len);
void iostream_commit(struct iostream *stream, size_t len);
/* Gathers: copies if it fits, else writes everything. */
SUSPENDS int iostream_put(struct iostream *stream, const void *data, size_t len);
/* Sends what was put and then these, in as few system calls as possible. The bytes are the caller's
 * again on return. */
SUSPENDS int iostream_write(struct iostream *stream, const struct iovec *iov, int count);
/* Sends what was put, without waiting for the kernel to take all of it. Nothing to do while a task
 * is sending, so a park hook may call it at any time. */
SUSPENDS int iostream_push(struct iostream *stream);
/* Waits until the kernel has taken everything. */
SUSPENDS int iostream_flush(struct iostream *stream);
/* Sends len bytes of the file from offset (sendfile, or read and write where the transport must see
 * the bytes), after what was put. -ENODATA when the file is shorter than that: the stream itself is
 * well then, and the peer has got what there was. */
SUSPENDS int iostream_send_file(struct iostream *stream, int fd, off_t offset, uint64_t len);
/* Bytes put or kept that the kernel does not have yet. */
size_t iostream_unsent(const struct iostream *stream);
/* Flushes and ends the sending side: the peer reads an end, reading goes on. */
SUSPENDS int iostream_end(struct iostream *stream);

/* ---- the socket ---- */

/* The address that the peer reached. 0 or -errno. */
int iostream_local(const struct iostream *stream, struct endpoint *out_endpoint);
/* From another task: makes `error` (-errno) the stream's, so that whoever waits in it wakes up and
 * gets it, and drops what is unsent. The close will be a reset. */
void iostream_break(struct iostream *stream, int error);
/* iostream_close with a reset, which no peer takes for an orderly end. */
void iostream_abort(struct iostream *stream);

/* ---- waiting without reading ---- */

/* Calls fn(data) on the loop when the stream is readable (also: ended, failed), or at once in the
 * next turn if bytes are buffered; NULL takes it away. For streams without a task. */
void iostream_on_readable(struct iostream *stream, ioloop_io_fn *fn, void *data);
/* Calls fn(data) when the peer hangs up or the connection breaks while nobody reads, in each turn
 * until NULL takes it away. */
void iostream_on_hangup(struct iostream *stream, ioloop_io_fn *fn, void *data);
/* What a hang-up means: 0 still open, 1 the peer ended its sending side only, -errno it is reset
 * or broken. Reads nothing. */
int iostream_peer_state(struct iostream *stream);
