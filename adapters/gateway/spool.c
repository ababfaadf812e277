/* spool.c - the memory, the circle in the file, and moving bytes without holding the loop. */
#include "adapters/gateway/spool.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/temporary.h"
#include "loop/offload.h"
#include "loop/task.h"

void spool_init(struct spool *spool, size_t memory_max, uint64_t limit)
{
    *spool = (struct spool){.memory_max = memory_max, .limit = limit, .fd = -1};
}

void spool_finish(struct spool *spool)
{
    free(spool->memory);
    if (spool->fd >= 0)
        close(spool->fd);
    spool_init(spool, spool->memory_max, spool->limit);
}

static size_t in_memory(const struct spool *spool)
{
    return spool->memory_end - spool->memory_start;
}

uint64_t spool_left(const struct spool *spool)
{
    return in_memory(spool) + (spool->file_end - spool->file_start);
}

/* ---- the file ---- */

/* One piece on its way into the file or out of it; it does not cross the end of the circle. */
struct piece {
    int fd;
    bool is_write;
    struct iovec iov;
    off_t at;
    ssize_t result;
};

static ssize_t move(const struct piece *piece, int flags)
{
    ssize_t n = piece->is_write ? pwritev2(piece->fd, &piece->iov, 1, piece->at, flags)
                                : preadv2(piece->fd, &piece->iov, 1, piece->at, flags);
    return n < 0 ? -errno : n;
}

static void move_waiting(void *data)
{
    struct piece *piece = data;
    do
        piece->result = move(piece, 0);
    while (piece->result == -EINTR);
}

/* Moves some of the piece: at once if the kernel can, else on a thread. */
SUSPENDS static ssize_t move_some(struct piece *piece)
{
    ssize_t n = move(piece, RWF_NOWAIT);
    if (n > 0)
        return n;
    int r = task_current() ? offload_run(move_waiting, piece) : -EAGAIN;
    if (r == -EAGAIN) /* no task, or the threads have too much to do */
        move_waiting(piece);
    else if (r < 0)
        return r;
    /* Neither end has a reason to move nothing but a file that somebody else cut. */
    return piece->result == 0 ? -EIO : piece->result;
}

/* The piece at a position, as far as the circle goes on in one. */
static struct piece piece_at(const struct spool *spool, uint64_t position, void *data, size_t len)
{
    uint64_t at = position % spool->limit;
    if (len > spool->limit - at)
        len = (size_t)(spool->limit - at);
    return (struct piece){.fd = spool->fd, .iov = {data, len}, .at = (off_t)at};
}

static int write_file(struct spool *spool, const char *data, size_t len, size_t *written)
{
    if (spool->fd < 0) {
        int fd = temporary_open();
        if (fd < 0)
            return fd;
        spool->fd = fd;
    }
    while (len > 0) {
        struct piece piece = piece_at(spool, spool->file_end, (void *)data, len);
        piece.is_write = true;
        ssize_t n = move_some(&piece);
        if (n < 0)
            return (int)n;
        spool->file_end += (uint64_t)n;
        *written += (size_t)n;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

static ssize_t read_file(struct spool *spool, void *to, size_t len)
{
    uint64_t left = spool->file_end - spool->file_start;
    if (!left)
        return 0;
    struct piece piece = piece_at(spool, spool->file_start, to, len < left ? len : (size_t)left);
    ssize_t n = move_some(&piece);
    if (n > 0)
        spool->file_start += (uint64_t)n;
    return n;
}

/* ---- memory ---- */

/* Moves what is held to the front, if that is worth its cost: else the file comes next. */
static void compact(struct spool *spool)
{
    size_t held = in_memory(spool);
    if (spool->memory_start < spool->memory_cap / 4)
        return;
    memmove(spool->memory, spool->memory + spool->memory_start, held);
    spool->memory_start = 0;
    spool->memory_end = held;
}

static void grow(struct spool *spool, size_t wanted)
{
    size_t cap = spool->memory_cap ? spool->memory_cap : 4096;
    while (cap < spool->memory_max && cap < spool->memory_end + wanted)
        cap *= 2;
    spool->memory_cap = cap < spool->memory_max ? cap : spool->memory_max;
    spool->memory = memory_realloc(spool->memory, spool->memory_cap);
}

/* The room behind what is in memory, which may be less than wanted. */
static size_t make_room(struct spool *spool, size_t wanted)
{
    if (wanted > spool->memory_cap - spool->memory_end && spool->memory_cap)
        compact(spool);
    if (wanted > spool->memory_cap - spool->memory_end && spool->memory_cap < spool->memory_max)
        grow(spool, wanted);
    return spool->memory_cap - spool->memory_end;
}

/* As much as memory has room for: nothing while there are bytes in the file, which come later. */
static size_t write_memory(struct spool *spool, const char *data, size_t len)
{
    if (spool->file_end > spool->file_start || !spool->memory_max)
        return 0;
    size_t room = make_room(spool, len);
    if (len > room)
        len = room;
    if (len)
        memcpy(spool->memory + spool->memory_end, data, len);
    spool->memory_end += len;
    return len;
}

static size_t read_memory(struct spool *spool, void *to, size_t len)
{
    if (len > in_memory(spool))
        len = in_memory(spool);
    if (!len)
        return 0;
    memcpy(to, spool->memory + spool->memory_start, len);
    spool->memory_start += len;
    if (spool->memory_start == spool->memory_end)
        spool->memory_start = spool->memory_end = 0;
    return len;
}

/* ---- both ---- */

int spool_write(struct spool *spool, const void *data, size_t len, size_t *out_written)
{
    int r = 0;
    size_t written = 0;
    if (len > spool->limit || spool_left(spool) > spool->limit - len)
        return -EMSGSIZE;
    if (len)
        written = write_memory(spool, data, len);
    if (written < len)
        r = write_file(spool, (const char *)data + written, len - written, &written);
    if (out_written)
        *out_written = written;
    return r;
}

bool spool_is_full(int error)
{
    return error == -ENOSPC || error == -EDQUOT || error == -EFBIG || error == -EMFILE ||
           error == -ENFILE;
}

ssize_t spool_read(struct spool *spool, void *to, size_t len)
{
    size_t n = read_memory(spool, to, len);
    return n || !len ? (ssize_t)n : read_file(spool, to, len);
}
