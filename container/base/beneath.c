/* beneath.c - openat2, and what its errors mean. */
#include "base/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { TRIES = 16 };

int beneath_open_folder(const char *path)
{
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int probe = beneath_open(fd, "", O_PATH);
    if (probe >= 0) {
        close(probe);
        return fd;
    }
    close(fd);
    return probe;
}

bool beneath_find_again(int *folder, const char *path)
{
    struct stat st;
    if (fstat(*folder, &st) < 0 || st.st_nlink)
        return false;
    int fd = beneath_open_folder(path);
    if (fd < 0)
        return false;
    close(*folder);
    *folder = fd;
    return true;
}

static int meaning(int error)
{
    switch (error) {
    case ENOTDIR:
    case ENAMETOOLONG:
        return -ENOENT;
    case EXDEV: /* it would have left the folder */
    case ELOOP:
    case EPERM:
        return -EACCES;
    default:
        return -error;
    }
}

int beneath_open(int folder, const char *path, int flags)
{
    struct open_how how = {
        .flags = (unsigned)flags | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    path += strspn(path, "/");
    for (int i = 0;; i++) {
        long fd = syscall(SYS_openat2, folder, *path ? path : ".", &how, sizeof(how));
        if (fd >= 0)
            return (int)fd;
        /* EAGAIN: something was renamed while it went through a "..". */
        if (errno != EINTR && (errno != EAGAIN || i == TRIES))
            return meaning(errno);
    }
}
