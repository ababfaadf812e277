/* log_sink.c - gathered lines and the write that never waits. */
#include "base/log_sink.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/memory.h"

static void set_fd(struct log_sink *sink, int fd)
{
    struct stat st;
    sink->fd = fd;
    sink->is_file = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    sink->polls = false;
}

void log_sink_init(struct log_sink *sink, int fd, size_t cap)
{
    *sink = (struct log_sink){.at = memory_alloc(cap), .cap = cap};
    set_fd(sink, fd);
}

void log_sink_finish(struct log_sink *sink)
{
    log_sink_flush(sink);
    free(sink->at);
    *sink = (struct log_sink){.fd = -1};
}

void log_sink_set_fd(struct log_sink *sink, int fd)
{
    log_sink_flush(sink);
    set_fd(sink, fd);
}

/* How much to write at once: a file takes all, others whole lines that fit PIPE_BUF together. */
static size_t next_piece(const struct log_sink *sink)
{
    if (sink->is_file || sink->len <= PIPE_BUF)
        return sink->len;
    const char *newline = memrchr(sink->at, '\n', PIPE_BUF);
    return newline ? (size_t)(newline - sink->at) + 1 : PIPE_BUF;
}

/* For descriptors (terminals; pipes before Linux 6.4) that know no RWF_NOWAIT. Ready means room
 * for PIPE_BUF bytes in a pipe, so this waits only if another process takes that room first. */
static ssize_t polled_write(int fd, const char *at, size_t len)
{
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    int r = poll(&ready, 1, 0);
    if (r < 0)
        return -errno;
    if (r == 0)
        return -EAGAIN;
    ssize_t n = write(fd, at, len);
    return n < 0 ? -errno : n;
}

static ssize_t write_piece(struct log_sink *sink, size_t len)
{
    if (sink->is_file) {
        ssize_t n = write(sink->fd, sink->at, len);
        return n < 0 ? -errno : n;
    }
    if (!sink->polls) {
        struct iovec piece = {sink->at, len};
        ssize_t n = pwritev2(sink->fd, &piece, 1, -1, RWF_NOWAIT);
        if (n >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL))
            return n < 0 ? -errno : n;
        sink->polls = true;
    }
    return polled_write(sink->fd, sink->at, len);
}

static void drop_all(struct log_sink *sink)
{
    for (size_t i = 0; i < sink->len; i++)
        sink->dropped += sink->at[i] == '\n';
    sink->len = 0;
}

void log_sink_flush(struct log_sink *sink)
{
    if (sink->fd < 0)
        sink->len = 0;
    while (sink->len) {
        ssize_t n = write_piece(sink, next_piece(sink));
        if (n == -EINTR)
            continue;
        if (n == -EAGAIN)
            return;
        if (n < 0)
            sink->error = (int)n;
        if (n < 0 && sink->is_file) /* a full disk may have room again */
            return;
        if (n < 0) {
            drop_all(sink);
            return;
        }
        sink->len -= (size_t)n;
        memmove(sink->at, sink->at + n, sink->len);
    }
}

char *log_sink_reserve(struct log_sink *sink, size_t len)
{
    if (len > sink->cap - sink->len)
        log_sink_flush(sink);
    if (len > sink->cap - sink->len) {
        sink->dropped++;
        return NULL;
    }
    return sink->at + sink->len;
}

void log_sink_commit(struct log_sink *sink, size_t len)
{
    sink->len += len;
}
