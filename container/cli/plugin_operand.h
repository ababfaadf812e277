/* plugin_operand.h - FILE.so of a command line as a configuration, for commands that host one
 * plugin in their own process. */
#pragma once

struct command_line;
struct config;

/* The configuration that serves the plugin `file` with --mount and --set as given. Returns owned,
 * or NULL after saying on standard error what is wrong. */
struct config *plugin_operand_read(const struct command_line *line, const char *file);
/* The same at `mount` (NULL: /) and with these settings, "NAME=VALUE" each and ended by NULL. */
struct config *plugin_operand_read_with(const struct command_line *line, const char *file,
                                        const char *mount, const char *const *settings);
