/* project_template.h - the files of a new plugin, as `gale new` writes them.
 *
 * They lie in container/cli/templates and are part of the program. Words such as @NAME@ in them are
 * replaced. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct project {
    const char *name; /* of plugin and files: a-z, 0-9, _ and - */
    bool is_cxx;      /* C++, not C */
    const char *gale; /* where gale is, for make; NULL: in PATH, as the Makefile has it anywhere */
    const char *cflags; /* and how its headers are found then */
};

/* The name and the text of the file of that index, both owned; false behind the last. */
bool project_template_file(const struct project *project, size_t index, char **out_name,
                           char **out_text);
