/* copy_file.c - read, digest, write; the write is left out where blocks can be shared. */
#include "process/copy_file.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/lease.h"
#include "base/macros.h"
#include "base/memory.h"

enum { PIECE = 256 * 1024 };

static int look(int fd, struct file_state *out_state)
{
    struct stat info;
    if (fstat(fd, &info) < 0)
        return -errno;
    *out_state = file_state_of(&info);
    return 0;
}

static ssize_t read_piece(int fd, char *to, off_t offset)
{
    size_t done = 0;
    while (done < PIECE) {
        ssize_t n = pread(fd, to + done, PIECE - done, offset + (off_t)done);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n == 0)
            break;
        done += n > 0 ? (size_t)n : 0;
    }
    return (ssize_t)done;
}

static int write_piece(int fd, const char *at, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, at + done, len - done);
        if (n < 0 && errno != EINTR)
            return -errno;
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int take_bytes(int from, int to, struct copy_file *copy)
{
    scoped_free char *piece = memory_alloc(PIECE);
    bool is_shared = ioctl(to, FICLONE, from) == 0;
    off_t offset = 0;
    for (;;) {
        ssize_t n = read_piece(from, piece, offset);
        if (n <= 0)
            return (int)n;
        digest_add(&copy->digest, piece, (size_t)n);
        int r = is_shared ? 0 : write_piece(to, piece, (size_t)n);
        if (r < 0) {
            copy->is_full = true;
            return r;
        }
        offset += n;
        if (n < PIECE)
            return 0;
    }
}

static int take(int from, int to, struct copy_file *copy)
{
    struct file_state after;
    int r = look(from, &copy->state);
    if (r == 0)
        r = take_bytes(from, to, copy);
    if (r == 0)
        r = look(from, &after);
    return r < 0 ? r : file_state_equals(&copy->state, &after) ? 0 : -EBUSY;
}

int copy_file(int from, int to, struct copy_file *out_copy)
{
    struct copy_file copy = {.is_full = false};
    digest_init(&copy.digest);
    *out_copy = copy;
    int leased = lease_begin(from);
    if (leased == -EBUSY)
        return leased;
    int r = take(from, to, &copy);
    if (leased == 0)
        lease_end(from);
    *out_copy = copy;
    return r;
}
