/* watch_tree.c - folders by inotify's numbers, and a timer that waits until they are quiet. */
#include "process/watch_tree.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_state.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/str.h"
#include "loop/ioloop.h"
#include "loop/timer.h"
#include "process/dev_inputs.h"

enum {
    DEPTH_MAX = 32,
    LOOK_MS = 1000, /* between two looks at the folder itself */
    EVENTS = IN_CREATE | IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF |
             IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK,
};

struct watched_folder {
    int number; /* inotify's */
    char *path; /* from the root on, "" or "css/"; owned */
};

struct watch_tree {
    struct ioloop *loop;
    struct watch_tree_settings settings;
    char *root; /* owned, as the others */
    struct watched_folder *folders;
    size_t count;
    int fd;
    bool is_cut;              /* some folder is not watched */
    struct file_state is;     /* of the root, when it was watched */
    struct timer quiet, look; /* until it is told; for the root */
    int64_t stirred_ms;       /* the first change that was not told yet; 0: none */
    size_t changes;
    char *last; /* what changed last */
};

/* ---- folders ---- */

static bool is_passed_over(const char *name)
{
    static const char *const tools[] = {"node_modules", "target", "zig-cache", "__pycache__"};
    for (size_t i = 0; i < ARRAY_LEN(tools); i++)
        if (strcmp(name, tools[i]) == 0)
            return true;
    return name[0] == '.';
}

static struct watched_folder *find(const struct watch_tree *tree, int number)
{
    for (size_t i = 0; i < tree->count; i++)
        if (tree->folders[i].number == number)
            return &tree->folders[i];
    return NULL;
}

/* Returns whether it is new: a link may lead back to where one came from. */
static bool add_folder(struct watch_tree *tree, const char *full, const char *path)
{
    if (tree->count >= tree->settings.folders_max) {
        tree->is_cut = true;
        return false;
    }
    int number = inotify_add_watch(tree->fd, full, EVENTS);
    if (number < 0)
        tree->is_cut |= errno == ENOSPC;
    if (number < 0 || find(tree, number))
        return false;
    tree->folders = memory_realloc(tree->folders, (tree->count + 1) * sizeof(*tree->folders));
    tree->folders[tree->count++] = (struct watched_folder){number, memory_copy(path, strlen(path))};
    return true;
}

/* `path` is "" or ends in a slash. */
static void add_all(struct watch_tree *tree, const char *path, int depth)
{
    struct stat info;
    scoped_free char *full = memory_printf("%s/%s", tree->root, path);
    DIR *dir = depth < DEPTH_MAX && add_folder(tree, full, path) ? opendir(full) : NULL;
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        bool may_be_one =
            entry->d_type == DT_DIR || entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN;
        if (!may_be_one || is_passed_over(entry->d_name) ||
            fstatat(dirfd(dir), entry->d_name, &info, 0) < 0 || !S_ISDIR(info.st_mode))
            continue;
        scoped_free char *below = memory_printf("%s%s/", path, entry->d_name);
        add_all(tree, below, depth + 1);
    }
    if (dir)
        closedir(dir);
}

static void forget(struct watch_tree *tree, struct watched_folder *folder)
{
    free(folder->path);
    *folder = tree->folders[--tree->count];
}

static void forget_below(struct watch_tree *tree, const char *path)
{
    for (size_t i = tree->count; i-- > 0;) {
        struct watched_folder *folder = &tree->folders[i];
        if (!str_starts_with(str_of(folder->path), str_of(path)))
            continue;
        (void)inotify_rm_watch(tree->fd, folder->number);
        forget(tree, folder);
    }
}

static void watch_root(struct watch_tree *tree)
{
    forget_below(tree, "");
    tree->is_cut = false;
    tree->is = file_state_look(tree->root);
    add_all(tree, "", 0);
}

/* ---- changes ---- */

static void on_quiet(void *data)
{
    struct watch_tree *tree = data;
    size_t changes = tree->changes;
    scoped_free char *last = tree->last;
    tree->last = NULL;
    tree->changes = 0;
    tree->stirred_ms = 0;
    tree->settings.fn(tree->settings.data, last, changes);
}

static void stir(struct watch_tree *tree, const char *path, const char *name)
{
    int64_t now_ms = ioloop_now_ms(tree->loop), quiet_ms = tree->settings.quiet_ms;
    char *last = memory_printf("%s%s", path, name);
    tree->changes += !tree->last || strcmp(tree->last, last) != 0;
    free(tree->last);
    tree->last = last;
    if (!tree->stirred_ms)
        tree->stirred_ms = now_ms;
    int64_t left_ms = tree->stirred_ms + tree->settings.patience_ms - now_ms;
    timer_start(tree->loop, &tree->quiet,
                left_ms < quiet_ms ? (left_ms > 0 ? left_ms : 0) : quiet_ms);
}

static void take_folder(struct watch_tree *tree, const char *path,
                        const struct inotify_event *event)
{
    scoped_free char *below = memory_printf("%s%s/", path, event->name);
    if (event->mask & (IN_MOVED_FROM | IN_DELETE))
        forget_below(tree, below);
    else
        add_all(tree, below, 0);
}

static void take_event(struct watch_tree *tree, const struct inotify_event *event)
{
    struct watched_folder *folder = find(tree, event->wd);
    if (!folder)
        return;
    if (event->mask & IN_IGNORED) {
        forget(tree, folder);
        return;
    }
    scoped_free char *path = memory_copy(folder->path, strlen(folder->path));
    if (!event->len || is_passed_over(event->name) || !dev_inputs_is_input(event->name) ||
        dev_inputs_is_source(event->name))
        return;
    if (event->mask & IN_ISDIR)
        take_folder(tree, path, event);
    else if (event->mask & IN_CREATE) /* it is being written */
        return;
    stir(tree, path, event->name);
}

static void on_events(void *data, unsigned events)
{
    struct watch_tree *tree = data;
    _Alignas(struct inotify_event) char bytes[16 * 1024];
    bool is_too_much = false;
    (void)events;
    ssize_t len = read(tree->fd, bytes, sizeof(bytes));
    for (ssize_t at = 0; at < len;) {
        const struct inotify_event *event = (const struct inotify_event *)(bytes + at);
        is_too_much |= (event->mask & IN_Q_OVERFLOW) != 0;
        take_event(tree, event);
        at += (ssize_t)(sizeof(*event) + event->len);
    }
    if (is_too_much) {
        watch_root(tree);
        stir(tree, "", "");
    }
}

/* Another folder may have been put in its place, or a link to it may lead elsewhere. */
static void on_look(void *data)
{
    struct watch_tree *tree = data;
    struct file_state is = file_state_look(tree->root);
    timer_start(tree->loop, &tree->look, LOOK_MS);
    if (is.is_there == tree->is.is_there && is.device == tree->is.device &&
        is.inode == tree->is.inode)
        return;
    watch_root(tree);
    if (is.is_there)
        stir(tree, "", "");
}

/* ---- life ---- */

struct watch_tree *watch_tree_create(struct ioloop *loop, const char *folder,
                                     const struct watch_tree_settings *settings)
{
    struct watch_tree *tree = memory_zalloc(sizeof(*tree));
    tree->loop = loop;
    tree->settings = *settings;
    tree->root = memory_copy(folder, strlen(folder));
    tree->quiet = (struct timer){.fn = on_quiet, .data = tree};
    tree->look = (struct timer){.fn = on_look, .data = tree};
    tree->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (tree->fd < 0 || ioloop_watch(loop, tree->fd, IOLOOP_READ, on_events, tree) < 0) {
        if (tree->fd >= 0)
            close(steal_fd(&tree->fd));
        watch_tree_destroy(tree);
        return NULL;
    }
    watch_root(tree);
    timer_start(loop, &tree->look, LOOK_MS);
    return tree;
}

void watch_tree_destroy(struct watch_tree *tree)
{
    if (!tree)
        return;
    timer_stop(tree->loop, &tree->quiet);
    timer_stop(tree->loop, &tree->look);
    if (tree->fd >= 0)
        ioloop_close(tree->loop, tree->fd);
    for (size_t i = 0; i < tree->count; i++)
        free(tree->folders[i].path);
    free(tree->folders);
    free(tree->root);
    free(tree->last);
    free(tree);
}

bool watch_tree_is_whole(const struct watch_tree *tree)
{
    return !tree->is_cut;
}
