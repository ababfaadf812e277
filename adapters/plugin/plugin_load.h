/* plugin_load.h - from a file to a plugin's descriptor.
 *
 * The only place that calls dlopen. Nothing is ever unloaded: threads, destructors of threads and
 * whatever else the code has set up may still point into it, and a new generation is a new process
 * anyway. Two apps of one file share its code and have a state each. */
#pragma once
#include <gale/plugin.h>

struct buffer;
struct code;

/* Loads the file and copies its descriptor by the rules of gale/plugin.h: what an older, smaller
 * one does not have is zero. *out_handle is what dlsym takes. Returns 0, or -errno after adding a
 * sentence with the next step to why. */
int plugin_load(const struct code *code, struct gale_plugin *out_plugin, void **out_handle,
                struct buffer *why);
/* The rules alone: whether this gale can host what the descriptor at `from` says. */
int plugin_describe(const char *path, const struct gale_plugin *from,
                    struct gale_plugin *out_plugin, struct buffer *why);
/* What the loader's message means for who deploys the plugin; for plugin_load. Returns -errno. */
int plugin_explain(const char *path, const char *message, struct buffer *why);
