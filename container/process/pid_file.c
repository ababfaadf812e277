/* pid_file.c - written beside and renamed, so that nobody ever reads half of it. */
#include "process/pid_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/memory.h"

/* The id in the file, 0 when there is none. */
static pid_t read_pid(const char *path)
{
    char text[32];
    scoped_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (n <= 0)
        return 0;
    text[n] = 0;
    return (pid_t)strtol(text, NULL, 10);
}

static ssize_t read_name(pid_t pid, char *out, size_t size)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
    scoped_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -1 : read(fd, out, size);
}

/* Process ids are used again: only a process of our own name is taken for another master. */
static bool is_running_gale(pid_t pid)
{
    char theirs[32], ours[32];
    if (pid <= 0 || pid == getpid())
        return false;
    ssize_t n = read_name(pid, theirs, sizeof(theirs));
    ssize_t m = read_name(getpid(), ours, sizeof(ours));
    return n > 0 && n == m && memcmp(theirs, ours, (size_t)n) == 0;
}

static int write_whole(const char *path)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "%d\n", (int)getpid());
    scoped_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return -errno;
    ssize_t n = write(fd, text, (size_t)len);
    return n == len ? 0 : n < 0 ? -errno : -ENOSPC;
}

int pid_file_write(const char *path, pid_t *out_owner)
{
    pid_t owner = read_pid(path);
    if (is_running_gale(owner)) {
        *out_owner = owner;
        return -EEXIST;
    }
    scoped_free char *fresh = memory_printf("%s.%d", path, (int)getpid());
    int r = write_whole(fresh);
    if (r == 0 && rename(fresh, path) < 0)
        r = -errno;
    if (r < 0)
        (void)unlink(fresh);
    return r;
}

void pid_file_remove(const char *path)
{
    if (read_pid(path) == getpid())
        (void)unlink(path);
}
