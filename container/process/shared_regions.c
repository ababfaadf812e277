/* shared_regions.c - a list of memfds by app and name. */
#include "process/shared_regions.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/memory.h"

struct shared_region {
    char *app, *name;
    size_t size;
    int fd;
};

/* A region that cannot shrink below anybody's mapping. */
static int open_region(size_t size)
{
    if (!size || size > INT64_MAX)
        return -EINVAL;
    scoped_close int fd = memfd_create("gale-shared", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || ftruncate(fd, (off_t)size) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        return -errno;
    return steal_fd(&fd);
}

static struct shared_region *find(struct shared_regions *regions, const char *app, const char *name)
{
    for (size_t i = 0; i < regions->len; i++)
        if (strcmp(regions->at[i].app, app) == 0 && strcmp(regions->at[i].name, name) == 0)
            return &regions->at[i];
    return NULL;
}

void shared_regions_restore(struct shared_regions *regions, const char *app, const char *name,
                            size_t size, int fd)
{
    regions->at = memory_realloc(regions->at, (regions->len + 1) * sizeof(*regions->at));
    regions->at[regions->len++] = (struct shared_region){memory_copy(app, strlen(app)),
                                                         memory_copy(name, strlen(name)), size, fd};
}

static int add(struct shared_regions *regions, const char *app, const char *name, size_t size)
{
    if (regions->len >= SHARED_REGIONS_MAX)
        return -ENOSPC;
    int fd = open_region(size);
    if (fd >= 0)
        shared_regions_restore(regions, app, name, size, fd);
    return fd;
}

void shared_regions_each(const struct shared_regions *regions,
                         void (*fn)(void *data, const char *app, const char *name, size_t size,
                                    int fd),
                         void *data)
{
    for (size_t i = 0; i < regions->len; i++)
        fn(data, regions->at[i].app, regions->at[i].name, regions->at[i].size, regions->at[i].fd);
}

int shared_regions_find(struct shared_regions *regions, const char *app, const char *name,
                        size_t size)
{
    struct shared_region *region = find(regions, app, name);
    if (!region)
        return add(regions, app, name, size);
    if (region->size == size)
        return region->fd;
    int fd = open_region(size);
    if (fd < 0)
        return fd;
    close(region->fd);
    region->fd = fd;
    region->size = size;
    return fd;
}

void shared_regions_finish(struct shared_regions *regions)
{
    for (size_t i = 0; i < regions->len; i++) {
        close(regions->at[i].fd);
        free(regions->at[i].app);
        free(regions->at[i].name);
    }
    free(regions->at);
    *regions = (struct shared_regions){0};
}
