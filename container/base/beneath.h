/* beneath.h - files below a folder, and never outside of it.
 *
 * The kernel confines the whole walk (openat2): neither dots nor symbolic links nor a folder that
 * is moved meanwhile lead out of the folder. Links that stay below it are followed. */
#pragma once
#include <stdbool.h>

/* Opens a folder to look below of. Returns its descriptor (owned, O_PATH), or -errno; -ENOSYS where
 * the kernel has no openat2. */
int beneath_open_folder(const char *path);
/* If the folder was deleted and another one stands at the path by now, *folder becomes that one. */
bool beneath_find_again(int *folder, const char *path);
/* Opens what stands at `path` below the folder; leading slashes count for nothing, "" is the folder
 * itself. CLOEXEC is added to flags. Returns a descriptor (owned), -ENOENT when there is no such
 * thing, -EACCES when it may not be had, because of its mode or because it leads out, or -errno. */
int beneath_open(int folder, const char *path, int flags);
