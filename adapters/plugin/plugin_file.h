/* plugin_file.h - finding a plugin's file and looking at it without running any of it.
 *
 * `gale check` and the master look; only workers load (plugin_load.h). What is wrong is told in one
 * sentence that ends with the next step. */
#pragma once
#include <limits.h>

struct buffer;

/* Where `plugin = TEXT` points. A text with a slash or with the ending .so is a path below base;
 * any other is the name of a plugin that stands in the folder plugins/ beside the running gale, in
 * lib/gale/plugins of its prefix, or in GALE_PLUGIN_DIR. Returns 0, or -ENOENT after adding the
 * sentence to why. */
int plugin_file_find(const char *text, const char *base, char out_path[PATH_MAX],
                     struct buffer *why);
/* Whether the file is a whole shared object for this machine; messages call it `name`. Returns 0,
 * or -errno and why. */
int plugin_file_check(const char *path, const char *name, struct buffer *why);
