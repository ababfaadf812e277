/* plugin_conf.h - the configuration of `gale run FILE.so`. */
#pragma once

/* A text as a file would hold it: the plugin at that absolute path serves / under a name made of
 * the file's. Returns owned. */
char *plugin_conf_write(const char *path);
