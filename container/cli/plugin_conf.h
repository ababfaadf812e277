/* plugin_conf.h - the configuration of a plugin without one: `gale run FILE.so`, cgi, test. */
#pragma once

/* A text as a file would hold it: the plugin at that absolute path serves / under a name made of
 * the file's. Returns owned. */
char *plugin_conf_write(const char *path);
/* The same for one that blocks: with workers of its own. */
char *plugin_conf_write_blocking(const char *path);
/* The same at a mount of its own (NULL: /) and with settings of the plugin, "NAME=VALUE" each and
 * ended by NULL. Returns owned, or NULL and in *out_wrong the one that is not written so. */
char *plugin_conf_write_with(const char *path, const char *mount, const char *const *settings,
                             const char **out_wrong);
