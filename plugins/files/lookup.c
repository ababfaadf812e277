/* lookup.c - from a path to an open file.
 *
 * The whole search is one function, look_up. It runs first on the loop with RESOLVE_CACHED, which
 * never waits for a disk; where the kernel would have to, it gives -EAGAIN, and the same search
 * runs once more on a thread. All names are resolved by openat2 relative to the root's descriptor,
 * so that neither dots nor links nor a folder that is moved meanwhile lead out of it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "files.h"

/* openat2 gives -EAGAIN, too, when something above was moved while it went through a "..". */
enum { TRIES = 8 };

int lookup_open_below(const struct lookup *lookup, const char *path, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY),
        .resolve = lookup->files->resolve | (lookup->is_on_loop ? RESOLVE_CACHED : 0),
    };
    long fd = -1;
    if (flags & O_PATH) /* knows nothing of the others */
        how.flags = (uint64_t)(flags | O_CLOEXEC);
    for (int i = 0; i < TRIES && fd < 0; i++) {
        fd = syscall(SYS_openat2, lookup->files->root, *path ? path : ".", &how, sizeof(how));
        if (fd < 0 && errno != EINTR && (errno != EAGAIN || lookup->is_on_loop))
            break;
    }
    return fd < 0 ? -errno : (int)fd;
}

/* Opens and looks at it: 0, or -errno and nothing is open. */
static int open_path(struct lookup *lookup, const char *path, int flags)
{
    int fd = lookup_open_below(lookup, path, O_RDONLY | flags);
    if (fd < 0)
        return fd;
    if (fstat(fd, &lookup->st) < 0) {
        int r = -errno;
        close(fd);
        return r;
    }
    lookup->fd = fd;
    lookup->modified = lookup->st.st_mtime;
    return 0;
}

void lookup_close(struct lookup *lookup)
{
    if (lookup->fd >= 0)
        close(lookup->fd);
    lookup->fd = -1;
}

bool lookup_is_visible(const struct files *files, const char *name, size_t len)
{
    static const char well_known[] = ".well-known"; /* RFC 8615: there to be found */
    if (!len || name[0] != '.')
        return len > 0;
    if (len == sizeof(well_known) - 1 && memcmp(name, well_known, len) == 0)
        return true;
    return files->shows_hidden && !(len == 1 || (len == 2 && name[1] == '.'));
}

/* The index of the folder whose path ends with a slash. */
static int open_index(struct lookup *lookup)
{
    char path[PATH_MAX];
    const char *index = lookup->files->index;
    if (snprintf(path, sizeof(path), "%s%s", lookup->path, index) >= PATH_MAX)
        return -ENAMETOOLONG;
    int r = open_path(lookup, path, 0);
    if (r == 0 && S_ISDIR(lookup->st.st_mode)) {
        lookup_close(lookup);
        r = -ENOENT;
    }
    if (r == 0)
        lookup->index = index;
    return r;
}

static int open_folder(struct lookup *lookup)
{
    int r = open_index(lookup);
    return r == -ENOENT ? open_path(lookup, lookup->path, O_DIRECTORY) : r;
}

/* Whether the folder whose slash is missing has an index: 1, or -errno. */
static int has_index(const struct lookup *lookup)
{
    char path[PATH_MAX];
    const char *slash = *lookup->path ? "/" : "";
    snprintf(path, sizeof(path), "%s%s%s", lookup->path, slash, lookup->files->index);
    int fd = lookup_open_below(lookup, path, O_PATH);
    if (fd < 0)
        return fd;
    close(fd);
    return 1;
}

/* With `missing = decline` a folder that has nothing to show belongs to the next app, with and
 * without its slash. */
static int leave_bare_folder(struct lookup *lookup)
{
    const struct files *files = lookup->files;
    if (!S_ISDIR(lookup->st.st_mode) || !files->declines || files->lists)
        return 0;
    int r = lookup->has_slash ? -ENOENT : has_index(lookup);
    if (r == 1)
        return 0;
    lookup_close(lookup);
    return r == -EAGAIN ? r : -ENOENT;
}

/* Takes the neighbour in the coding instead, if it is a file and no older. Only -EAGAIN is a
 * failure: anything else means that there is no such neighbour. */
static int try_neighbour(struct lookup *lookup, const char *extension, const char *coding)
{
    char path[PATH_MAX];
    struct stat st;
    if (snprintf(path, sizeof(path), "%s%s%s", lookup->path, lookup->index, extension) >= PATH_MAX)
        return 0;
    int fd = lookup_open_below(lookup, path, O_RDONLY);
    if (fd < 0)
        return fd == -EAGAIN ? fd : 0;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_mtime < lookup->modified) {
        close(fd);
        return 0;
    }
    lookup_close(lookup);
    lookup->fd = fd;
    lookup->st = st;
    lookup->coding = coding;
    return 0;
}

static int take_neighbour(struct lookup *lookup)
{
    int r = 0;
    if (!S_ISREG(lookup->st.st_mode))
        return 0;
    if (lookup->takes_br)
        r = try_neighbour(lookup, ".br", "br");
    if (r == 0 && lookup->takes_gzip && !lookup->coding)
        r = try_neighbour(lookup, ".gz", "gzip");
    return r;
}

static void look_up(void *data)
{
    struct lookup *lookup = data;
    lookup->index = "";
    lookup->coding = NULL;
    int r = lookup->has_slash ? open_folder(lookup) : open_path(lookup, lookup->path, 0);
    if (r == 0)
        r = leave_bare_folder(lookup);
    if (r == 0)
        r = take_neighbour(lookup);
    if (r < 0)
        lookup_close(lookup);
    lookup->result = r;
}

int lookup_open(struct lookup *lookup)
{
    lookup->is_on_loop = true;
    look_up(lookup);
    if (lookup->result != -EAGAIN)
        return lookup->result;
    lookup->is_on_loop = false;
    int r = gale_offload(look_up, lookup);
    return r < 0 ? r : lookup->result;
}
