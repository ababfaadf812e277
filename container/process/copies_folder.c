/* copies_folder.c - directories and flock.
 *
 * A folder's lock is held by the instance that it is of: one that can be locked is nobody's. Who
 * makes one or looks for such holds the lock of the state folder meanwhile. */
#include "process/copies_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/memory.h"
#include "process/instance.h"

enum { DEPTH = 16 }; /* folders that are open at the same time while one is removed */

static const char prefix[] = "copies-";

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    (void)remove(path);
    return 0;
}

void copies_folder_remove(const char *path)
{
    (void)nftw(path, remove_one, DEPTH, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static int open_folder(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static void sweep(const char *state)
{
    DIR *dir = opendir(state);
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
            continue;
        scoped_free char *path = memory_printf("%s/%s", state, entry->d_name);
        scoped_close int fd = open_folder(path);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
            copies_folder_remove(path);
    }
    if (dir)
        closedir(dir);
}

static bool may_execute(const char *folder)
{
    struct statvfs info;
    return statvfs(folder, &info) == 0 && !(info.f_flag & ST_NOEXEC);
}

/* Nobody else may be able to put code there; and the workers, who may be somebody else, must be
 * able to pass through. */
static int make_state(const char *state)
{
    struct stat info;
    int r = instance_make_folder(state);
    if (r < 0)
        return r;
    if (!may_execute(state))
        return -EACCES;
    if (geteuid() == 0 && stat(state, &info) == 0 && (info.st_mode & 0111) != 0111)
        (void)chmod(state, (info.st_mode & 0777) | 0111);
    return 0;
}

static char *open_below(const char *configured, int *out_lock)
{
    char real[PATH_MAX];
    const char *state = realpath(configured, real) ? real : configured;
    int r = make_state(state);
    scoped_close int guard = r < 0 ? -1 : open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (guard < 0 || flock(guard, LOCK_EX) < 0) {
        errno = r < 0 ? -r : errno;
        return NULL;
    }
    sweep(state);
    scoped_free char *path = memory_printf("%s/%s%d", state, prefix, (int)getpid());
    scoped_close int fd = mkdir(path, 0711) < 0 ? -1 : open_folder(path);
    /* The umask must not keep workers of another user out. */
    if (fd < 0 || fchmod(fd, 0711) < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
        return NULL;
    *out_lock = steal_fd(&fd);
    return memory_copy(path, strlen(path));
}

/* $STATE_DIRECTORY may name several, separated by colons. */
static char *open_default(int *out_lock)
{
    char folder[INSTANCE_PATH], first[PATH_MAX];
    const char *given = getenv("STATE_DIRECTORY");
    int len = given ? (int)strcspn(given, ":") : 0;
    char *path = NULL;
    if (given && *given == '/' && len < PATH_MAX) {
        snprintf(first, sizeof(first), "%.*s", len, given);
        path = open_below(first, out_lock);
    }
    if (!path && instance_folder(folder))
        path = open_below(folder, out_lock);
    return path;
}

char *copies_folder_open(const char *state, int *out_lock)
{
    return state ? open_below(state, out_lock) : open_default(out_lock);
}
