/* dev_inputs.h - which files a build by `make` or by a command may be made of: those of its folder.
 *
 * Not what builds make, what editors leave behind, and what tools keep (.git, node_modules, target
 * and the like). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct dev_inputs;
struct stat;

/* A folder, and what below it is none of the build's, by what stat says of it. */
struct dev_inputs_place {
    const char *folder;
    bool (*is_passed)(const void *data, const struct stat *info); /* NULL: all are the build's */
    const void *data;
};

/* Adds every such file below the folder. */
void dev_inputs_add_folder(struct dev_inputs *inputs, const struct dev_inputs_place *place);
/* A number that is another one when files have come or gone there; with `is_code` only sources and
 * headers of C and C++. */
uint64_t dev_inputs_stamp(const struct dev_inputs_place *place, bool is_code);
/* The names of the C and C++ sources in the folder, in order, ended by NULL; on the arena. */
const char *const *dev_inputs_list_sources(const char *folder, struct arena *arena);
bool dev_inputs_is_source(const char *name);
/* Whether it may be somebody's own: neither what builds make nor what editors leave behind. */
bool dev_inputs_is_input(const char *path);
/* The newest .so below the folder, build folders included, or NULL. Returns owned. */
char *dev_inputs_find_plugin(const char *folder);
