/* lease.c - fcntl with F_SETLEASE. */
#include "base/lease.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "base/macros.h"

/* The kernel tells the holder of somebody who waits by a signal, which by default would end the
 * process: SIGURG is ignored where nobody handles it. */
int lease_begin(int fd)
{
    if (fcntl(fd, F_SETSIG, SIGURG) < 0)
        return -errno;
    if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0)
        return 0;
    return errno == EAGAIN ? -EBUSY : -errno;
}

void lease_end(int fd)
{
    (void)fcntl(fd, F_SETLEASE, F_UNLCK);
}

bool lease_is_written(const char *path)
{
    scoped_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int r = fd < 0 ? fd : lease_begin(fd);
    if (r == 0)
        lease_end(fd);
    return r == -EBUSY;
}
