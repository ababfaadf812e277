/* copies.c - which copies there are, and which of them will do. */
#include "process/copies.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/macros.h"
#include "base/memory.h"
#include "process/copies_folder.h"
#include "process/copies_make.h"

void copies_init(struct copies *copies)
{
    *copies = (struct copies){.lock = -1};
    list_init(&copies->all);
}

void copies_keep_in(struct copies *copies, const char *state)
{
    if (copies->is_open)
        return;
    free(copies->state);
    copies->state = state ? memory_copy(state, strlen(state)) : NULL;
}

static void remove_copy(struct copied *copied)
{
    if (*copied->root)
        copies_folder_remove(copied->root);
    copied_free(copied);
}

void copies_finish(struct copies *copies)
{
    list_each (&copies->all, link)
        remove_copy(container_of(link, struct copied, link));
    if (copies->folder)
        copies_folder_remove(copies->folder);
    if (copies->lock >= 0)
        close(steal_fd(&copies->lock));
    free(copies->folder);
    free(copies->state);
    copies->folder = copies->state = NULL;
}

static void forget_folder(struct copies *copies)
{
    if (copies->lock >= 0)
        close(steal_fd(&copies->lock));
    free(copies->folder);
    copies->folder = NULL;
    copies->is_open = false;
}

static void open_folder(struct copies *copies)
{
    if (copies->folder && access(copies->folder, F_OK) < 0 && errno == ENOENT)
        forget_folder(copies);
    if (copies->is_open)
        return;
    copies->is_open = true;
    copies->folder = copies_folder_open(copies->state, &copies->lock);
    if (!copies->folder)
        log_warn("plugins are copied to memory, not to files: set `state` in [server] to a folder "
                 "of gale's own on a file system without noexec",
                 LOG_TEXT("state", copies->state ? copies->state : "(the default)"),
                 LOG_ERRNO(-errno));
}

/* ---- what has not changed ---- */

/* Somebody may have tidied up. */
static bool is_there(const struct copied *copied)
{
    return !*copied->root || access(copied->path, F_OK) == 0;
}

static bool is_as_it_was(const struct copied *copied)
{
    for (size_t i = 0; i < copied->source_count; i++) {
        struct file_state is = file_state_look(copied->sources[i].path);
        if (!file_state_equals(&is, &copied->sources[i].state))
            return false;
    }
    return copied->is_settled;
}

static struct copied *find_unchanged(const struct copies *copies, const char *original)
{
    list_each (&copies->all, link) {
        struct copied *copied = container_of(link, struct copied, link);
        if (strcmp(copied->original, original) == 0 && is_there(copied) && is_as_it_was(copied))
            return copied;
    }
    return NULL;
}

static struct copied *find_same(const struct copies *copies, const struct copied *fresh)
{
    list_each (&copies->all, link) {
        struct copied *copied = container_of(link, struct copied, link);
        if (strcmp(copied->digest, fresh->digest) == 0 && is_there(copied))
            return copied;
    }
    return NULL;
}

/* The content is that of an earlier copy, only its files were touched: that one stays. */
static void take_sources(struct copied *copied, struct copied *fresh)
{
    struct copied_source *sources = copied->sources;
    size_t count = copied->source_count;
    copied->sources = fresh->sources;
    copied->source_count = fresh->source_count;
    copied->is_settled = fresh->is_settled;
    fresh->sources = sources;
    fresh->source_count = count;
}

/* ---- taking ---- */

static int make(struct copies *copies, const char *original, struct copied **out_copied,
                char **out_error)
{
    struct copies_order order = {original, copies->folder};
    bool is_full = false;
    int r = copied_make(&order, out_copied, &is_full, out_error);
    if (r == 0 || !is_full || !order.folder)
        return r;
    log_warn("a plugin is copied to memory, since its file cannot be written",
             LOG_TEXT("plugin", original), LOG_TEXT("folder", order.folder), LOG_ERRNO(r));
    free(*out_error);
    *out_error = NULL;
    order.folder = NULL;
    return copied_make(&order, out_copied, &is_full, out_error);
}

int copies_take(struct copies *copies, const char *original, const struct copied **out_copied,
                char **out_error)
{
    struct copied *copied = find_unchanged(copies, original);
    if (copied) {
        *out_copied = copied;
        return 0;
    }
    open_folder(copies);
    int r = make(copies, original, &copied, out_error);
    if (r < 0)
        return r;
    struct copied *same = find_same(copies, copied);
    if (same) {
        take_sources(same, copied);
        copied_free(copied);
        copied = same;
    } else {
        list_append(&copies->all, &copied->link);
    }
    *out_copied = copied;
    return 0;
}

/* ---- as another program ---- */

void copies_restore(struct copies *copies, const char *folder, int lock)
{
    copies->is_open = true;
    copies->folder = *folder ? memory_copy(folder, strlen(folder)) : NULL;
    copies->lock = lock;
}

struct copied *copies_restore_one(struct copies *copies, const struct copied *as)
{
    struct copied *copied = memory_zalloc(sizeof(*copied));
    copied->original = memory_copy(as->original, strlen(as->original));
    copied->digest = memory_copy(as->digest, strlen(as->digest));
    copied->root = memory_copy(as->root, strlen(as->root));
    copied->path = memory_copy(as->path, strlen(as->path));
    list_append(&copies->all, &copied->link);
    return copied;
}

void copies_restore_fd(struct copied *copied, int fd)
{
    copied->fds = memory_realloc(copied->fds, (copied->fd_count + 1) * sizeof(int));
    copied->fds[copied->fd_count++] = fd;
}

/* ---- names ---- */

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* "/memfd:hello.so (deleted)" */
static bool is_memory_of(const struct copied *copied, const char *path)
{
    static const char memory[] = "/memfd:", deleted[] = " (deleted)";
    const char *name = last_part(copied->original);
    size_t len = strlen(name);
    if (strncmp(path, memory, strlen(memory)) != 0)
        return false;
    path += strlen(memory);
    return strncmp(path, name, len) == 0 && (!path[len] || strcmp(path + len, deleted) == 0);
}

const char *copies_original(const struct copied *copied, const char *path)
{
    size_t len = strlen(copied->root);
    if (!len)
        return is_memory_of(copied, path) ? copied->original : NULL;
    return strncmp(path, copied->root, len) == 0 && path[len] == '/' ? path + len : NULL;
}

void copies_prune(struct copies *copies, bool (*is_used)(void *data, const struct copied *copied),
                  void *data)
{
    list_each (&copies->all, link) {
        struct copied *copied = container_of(link, struct copied, link);
        if (!is_used(data, copied))
            remove_copy(copied);
    }
}
