/* upload.c - temporary files, written in blocks. */
#include "http/upload.h"

#include <errno.h>
#include <unistd.h>

#include <gale/request.h>
#include "base/arena.h"
#include "base/str.h"
#include "base/temporary.h"
#include "loop/offload.h"
#include "loop/task.h"

enum { BLOCK = 64 * 1024 };

void upload_begin(struct upload *upload, uint64_t limit)
{
    upload->limit = limit;
    upload->held.len = 0;
    upload->fd = -1;
    upload->size = 0;
}

void upload_finish(struct upload *upload)
{
    buffer_finish(&upload->held);
    if (upload->fd >= 0)
        close(upload->fd);
    upload->fd = -1;
}

/* One block on its way into the file. */
struct writing {
    int fd;
    struct gale_str left;
    int result;
};

static void write_block(void *data)
{
    struct writing *writing = data;
    while (writing->left.len) {
        ssize_t n = write(writing->fd, writing->left.at, writing->left.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            writing->result = -errno;
            return;
        }
        writing->left.at += n;
        writing->left.len -= (size_t)n;
    }
}

SUSPENDS static int spill(struct upload *upload)
{
    struct writing writing = {upload->fd, buffer_str(&upload->held), 0};
    int r = task_current() ? offload_run(write_block, &writing) : -EAGAIN;
    if (r == -EAGAIN) /* no task, or the threads have too much to do: it is only a cache write */
        write_block(&writing);
    else if (r < 0)
        return r;
    upload->held.len = 0;
    return writing.result;
}

int upload_add(struct upload *upload, const char *at, size_t len)
{
    upload->size += (int64_t)len;
    if (upload->fd < 0 && (uint64_t)upload->size > upload->limit) {
        int fd = temporary_open();
        if (fd < 0)
            return fd;
        upload->fd = fd;
    }
    buffer_add(&upload->held, at, len);
    return upload->fd >= 0 && upload->held.len >= BLOCK ? spill(upload) : 0;
}

int upload_end(struct upload *upload, struct arena *arena, struct gale_file *out_file)
{
    if (upload->fd < 0) {
        out_file->data = arena_copy(arena, upload->held.at, upload->held.len);
        out_file->fd = -1;
        out_file->size = upload->size;
        return 0;
    }
    int r = spill(upload);
    if (r < 0)
        return r;
    if (lseek(upload->fd, 0, SEEK_SET) < 0)
        return -errno;
    out_file->data = STR("");
    out_file->fd = steal_fd(&upload->fd);
    out_file->size = upload->size;
    return 0;
}
