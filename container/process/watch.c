/* watch.c - folders in inotify, states of files, and a timer between them.
 *
 * What has to be watched for one path: the folder of each link on the way and of the file itself,
 * each for one name. When a folder is missing, the last one that is there is watched for its name.
 *
 *   /srv/app/current/hello.so       /srv/app           current     (a link to releases/7)
 *                                   /srv/app/releases/7   hello.so
 */
#include "process/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <linux/magic.h>

#include "base/file_state.h"
#include "base/lease.h"
#include "base/macros.h"
#include "base/memory.h"
#include "loop/ioloop.h"
#include "loop/timer.h"

enum {
    LOOK_MS = 500,         /* between two looks where there are no events */
    WRITER_MS = 10 * 1000, /* how long somebody may keep a file open for writing */
    LINKS_MAX = 16,        /* on the way to one file */
    EVENTS = IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE | IN_MOVED_FROM |
             IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK,
};

struct watched_file {
    char *path; /* owned */
    struct file_state was;
};

/* A name in a folder. */
struct watched_name {
    int folder; /* inotify's number */
    char *name; /* owned */
};

struct watch {
    struct ioloop *loop;
    struct watch_settings settings;
    struct watched_file *files; /* owned, as the others */
    size_t file_count;
    struct watched_name *names;
    size_t name_count;
    int fd;        /* inotify's; -1: none */
    bool is_blind; /* some folder tells nothing */
    struct timer timer;
    int64_t stirred_ms; /* the last event */
    int64_t missing_ms; /* since when a file is missing; 0: none is */
};

/* ---- what to watch for ---- */

static bool is_remote(const char *folder)
{
    static const long kinds[] = {
        NFS_SUPER_MAGIC,       V9FS_MAGIC,
        SMB_SUPER_MAGIC,       AFS_SUPER_MAGIC,
        CODA_SUPER_MAGIC,      0x65735546 /* FUSE */,
        0xFF534D42 /* CIFS */, 0xFE534D42 /* SMB 2 */,
    };
    struct statfs info;
    for (size_t i = 0; statfs(folder, &info) == 0 && i < ARRAY_LEN(kinds); i++)
        if ((long)info.f_type == kinds[i])
            return true;
    return false;
}

static bool has_name(const struct watch *watch, int folder, const char *name)
{
    for (size_t i = 0; i < watch->name_count; i++)
        if (watch->names[i].folder == folder && strcmp(watch->names[i].name, name) == 0)
            return true;
    return false;
}

/* Returns whether the folder is there. */
static bool add_name(struct watch *watch, const char *folder, const char *name)
{
    int number = watch->fd < 0 ? -1 : inotify_add_watch(watch->fd, folder, EVENTS);
    if (number < 0 && watch->fd >= 0 && (errno == ENOENT || errno == ENOTDIR))
        return false;
    watch->is_blind |= number < 0 || is_remote(folder);
    if (number < 0 || has_name(watch, number, name))
        return true;
    watch->names = memory_realloc(watch->names, (watch->name_count + 1) * sizeof(*watch->names));
    watch->names[watch->name_count++] =
        (struct watched_name){number, memory_copy(name, strlen(name))};
    return true;
}

static bool join(char out[PATH_MAX], const char *folder, const char *rest)
{
    char joined[PATH_MAX];
    int len = *rest == '/' ? snprintf(joined, PATH_MAX, "%s", rest)
                           : snprintf(joined, PATH_MAX, "%s/%s", folder, rest);
    if (len >= PATH_MAX)
        return false;
    memcpy(out, joined, (size_t)len + 1);
    return true;
}

/* Cuts the first part off *rest and appends it to `folder`: out_name gets the part. */
static void take_part(const char **rest, char out_name[NAME_MAX + 1])
{
    const char *at = *rest + strspn(*rest, "/");
    size_t len = strcspn(at, "/");
    size_t kept = len < NAME_MAX ? len : NAME_MAX;
    memcpy(out_name, at, kept);
    out_name[kept] = 0;
    *rest = at + len + strspn(at + len, "/");
}

/* Walks the path as the kernel would, and watches every place where a link or the file itself could
 * be exchanged, up to what is missing. */
static void watch_way(struct watch *watch, const char *path)
{
    char done[PATH_MAX] = "", left[PATH_MAX], next[PATH_MAX], target[PATH_MAX];
    char name[NAME_MAX + 1];
    int links = 0;
    if (!join(left, "", path))
        return;
    for (const char *rest = left; *(rest += strspn(rest, "/"));) {
        struct stat info;
        const char *folder = *done ? done : "/";
        take_part(&rest, name);
        if (!join(next, done, name))
            return;
        bool is_there = lstat(next, &info) == 0;
        bool is_link = is_there && S_ISLNK(info.st_mode);
        if (!*rest || is_link || !is_there)
            (void)add_name(watch, folder, name);
        if (!is_there)
            return;
        if (!is_link) {
            memcpy(done, next, sizeof(done));
            continue;
        }
        ssize_t len = readlink(next, target, sizeof(target) - 1);
        if (len < 0 || ++links > LINKS_MAX)
            return;
        target[len] = 0;
        if (*target == '/')
            *done = 0;
        char joined[PATH_MAX];
        if (!join(joined, *rest ? target : "", *rest ? rest : target))
            return;
        memcpy(left, joined, sizeof(left));
        rest = left;
    }
}

static void forget_names(struct watched_name *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(names[i].name);
    free(names);
}

static bool is_watched_folder(const struct watch *watch, int folder)
{
    for (size_t i = 0; i < watch->name_count; i++)
        if (watch->names[i].folder == folder)
            return true;
    return false;
}

/* Folders that are watched already keep their numbers. */
static void watch_ways(struct watch *watch)
{
    struct watched_name *before = watch->names;
    size_t count = watch->name_count;
    watch->names = NULL;
    watch->name_count = 0;
    watch->is_blind = false;
    for (size_t i = 0; i < watch->file_count; i++)
        watch_way(watch, watch->files[i].path);
    for (size_t i = 0; i < count; i++)
        if (!is_watched_folder(watch, before[i].folder))
            (void)inotify_rm_watch(watch->fd, before[i].folder);
    forget_names(before, count);
}

/* ---- looking ---- */

struct look {
    bool differs, misses, is_written, is_finished; /* some of them */
};

static struct look look_at_all(const struct watch *watch)
{
    struct look look = {0};
    for (size_t i = 0; i < watch->file_count; i++) {
        const struct watched_file *file = &watch->files[i];
        struct file_state is = file_state_look(file->path);
        bool differs = !file_state_equals(&file->was, &is);
        look.differs |= differs;
        look.misses |= differs && !is.is_there;
        bool is_written = differs && is.is_there && lease_is_written(file->path);
        look.is_written |= is_written;
        look.is_finished |= differs && is.is_there && !is_written;
    }
    return look;
}

/* Whether what is seen is not to be told yet. */
static bool is_to_wait(struct watch *watch, const struct look *look, int64_t now_ms)
{
    int64_t patience_ms = watch->settings.missing_ms;
    if (!look->misses)
        watch->missing_ms = 0;
    else if (!watch->missing_ms)
        watch->missing_ms = now_ms;
    if (look->misses && (patience_ms < 0 || now_ms - watch->missing_ms < patience_ms))
        return true;
    if (look->is_finished && watch->settings.is_hasty)
        return false;
    return look->is_written && now_ms - watch->stirred_ms < WRITER_MS;
}

static void wait_for(struct watch *watch, int64_t ms)
{
    timer_start(watch->loop, &watch->timer, ms);
}

static void on_quiet(void *data)
{
    struct watch *watch = data;
    watch_ways(watch);
    struct look look = look_at_all(watch);
    if (look.differs && is_to_wait(watch, &look, ioloop_now_ms(watch->loop))) {
        wait_for(watch, look.misses && watch->settings.missing_ms < 0 ? LOOK_MS
                                                                      : watch->settings.quiet_ms);
        return;
    }
    if (watch->is_blind && watch->file_count)
        wait_for(watch, LOOK_MS);
    if (!look.differs)
        return;
    watch->missing_ms = 0;
    for (size_t i = 0; i < watch->file_count; i++)
        watch->files[i].was = file_state_look(watch->files[i].path);
    watch->settings.fn(watch->settings.data);
}

/* ---- events ---- */

static bool concerns(const struct watch *watch, const struct inotify_event *event)
{
    if (event->mask & (IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT))
        return true;
    return event->len && has_name(watch, event->wd, event->name);
}

static void on_events(void *data, unsigned events)
{
    struct watch *watch = data;
    _Alignas(struct inotify_event) char bytes[16 * 1024];
    bool is_stirred = false;
    (void)events;
    ssize_t len = read(watch->fd, bytes, sizeof(bytes));
    for (ssize_t at = 0; at < len;) {
        const struct inotify_event *event = (const struct inotify_event *)(bytes + at);
        is_stirred |= concerns(watch, event);
        at += (ssize_t)(sizeof(*event) + event->len);
    }
    if (!is_stirred)
        return;
    watch->stirred_ms = ioloop_now_ms(watch->loop);
    wait_for(watch, watch->settings.quiet_ms);
}

/* ---- life ---- */

struct watch *watch_create(struct ioloop *loop, const struct watch_settings *settings)
{
    struct watch *watch = memory_zalloc(sizeof(*watch));
    watch->loop = loop;
    watch->settings = *settings;
    watch->timer = (struct timer){.fn = on_quiet, .data = watch};
    watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch->fd >= 0 && ioloop_watch(loop, watch->fd, IOLOOP_READ, on_events, watch) < 0)
        close(steal_fd(&watch->fd));
    return watch;
}

static void forget_files(struct watched_file *files, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(files[i].path);
    free(files);
}

void watch_destroy(struct watch *watch)
{
    if (!watch)
        return;
    timer_stop(watch->loop, &watch->timer);
    if (watch->fd >= 0)
        ioloop_close(watch->loop, watch->fd);
    forget_names(watch->names, watch->name_count);
    forget_files(watch->files, watch->file_count);
    free(watch);
}

static struct file_state state_known(const struct watch *watch, const char *path)
{
    for (size_t i = 0; i < watch->file_count; i++)
        if (strcmp(watch->files[i].path, path) == 0)
            return watch->files[i].was;
    return file_state_look(path);
}

/* What was missed between two sets is seen by a look soon. */
void watch_set(struct watch *watch, const char *const *paths, size_t count)
{
    struct watched_file *files = memory_zalloc((count + 1) * sizeof(*files));
    for (size_t i = 0; i < count; i++)
        files[i] = (struct watched_file){memory_copy(paths[i], strlen(paths[i])),
                                         state_known(watch, paths[i])};
    forget_files(watch->files, watch->file_count);
    watch->files = files;
    watch->file_count = count;
    watch->stirred_ms = ioloop_now_ms(watch->loop);
    watch_ways(watch);
    wait_for(watch, watch->settings.quiet_ms);
}
