/* temporary.c - O_TMPFILE, or a name for a moment. */
#include "base/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* For a file system without O_TMPFILE. */
static int open_named(const char *folder)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/gale-XXXXXX", folder);
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return -errno;
    unlink(path);
    return fd;
}

int temporary_open(void)
{
    const char *folder = getenv("TMPDIR");
    if (!folder || !*folder)
        folder = P_tmpdir;
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)
        return -errno;
    return open_named(folder);
}
