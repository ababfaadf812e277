/* watch_tree.h - being told that something has changed below a folder.
 *
 * For folders whose files are served as they are: what is in them is nobody's list, so every folder
 * below is watched (inotify), up to a number of them. What is hidden, what editors and compilers
 * leave behind and what tools keep is passed over. A folder that goes and comes is waited for. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ioloop;
struct watch_tree;

/* `name` is that of the last file that changed, from the folder on; `count` is how many did. */
typedef void watch_tree_fn(void *data, const char *name, size_t count);

struct watch_tree_settings {
    size_t folders_max;
    int64_t quiet_ms; /* after the last change; never longer than `patience_ms` after the first */
    int64_t patience_ms;
    watch_tree_fn *fn;
    void *data;
};

/* Watches from now on. Returns owned, or NULL where the kernel gives no inotify. */
struct watch_tree *watch_tree_create(struct ioloop *loop, const char *folder,
                                     const struct watch_tree_settings *settings);
void watch_tree_destroy(struct watch_tree *tree); /* takes NULL */
/* Whether all folders are watched: there are not too many, and the kernel has room for them. */
bool watch_tree_is_whole(const struct watch_tree *tree);
