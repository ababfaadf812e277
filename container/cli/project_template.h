/* project_template.h - the files of a new plugin, as `gale new` writes them.
 *
 * They lie in container/cli/templates and are part of the program. Words such as @NAME@ in them are
 * replaced. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct project {
    const char *name;   /* of plugin and files: a-z, 0-9, _ and - */
    bool is_cxx;        /* C++, not C */
    const char *gale;   /* how the Makefile calls gale */
    const char *cflags; /* and where it finds the headers */
};

/* The name and the text of the file of that index, both owned; false behind the last. */
bool project_template_file(const struct project *project, size_t index, char **out_name,
                           char **out_text);
