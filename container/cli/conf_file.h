/* conf_file.h - which configuration a command means, and reading it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct config;

/* The file that stands for none: ./gale.ini, else ./conf/gale.ini, or NULL when neither is there.
 */
const char *conf_file_default(void);
/* The file that the command line names in `given`, or the default one. NULL after saying on
 * standard error, in the name of `command`, that there is none. */
const char *conf_file_choose(const char *command, const char *given);
/* Whether the text names a plugin, or what somebody may take for one: .so, .o, .c and so on. */
bool conf_file_is_plugin(const char *text);

/* Reads and parses a configuration for a short-lived command. What is wrong is written to standard
 * error, a line each, unless `quietly`; *out_count is how many that were. Returns owned
 * (config_close), to be used only as far as it was understood; NULL if it could not be read. */
struct config *conf_file_read(const char *path, bool quietly, size_t *out_count);
