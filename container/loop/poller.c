/* poller.c - the table of pollers, and what those share that the kernel helps less. */
#include "loop/poller.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/macros.h"

const struct poller_kind *poller_find(const char *name)
{
    static const struct poller_kind *const kinds[] = {&poller_epoll, &poller_poll, &poller_select};
    if (!name)
        return &poller_epoll;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    return NULL;
}

int poller_check(int fd)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    return S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode) ? -EPERM : 0;
}
