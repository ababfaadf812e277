/* origin.h - where the loader looks, beside a file, for the libraries that the file needs.
 *
 * Search paths (DT_RUNPATH, or the older DT_RPATH, which also counts for what a file loads) may
 * hold $ORIGIN, the folder of the file. What is found through it stands with the file and is
 * copied with it; what is found elsewhere is the system's. */
#pragma once
#include <stdbool.h>

struct elf_facts;

struct origin {
    const struct elf_facts *facts;
    const char *folder;          /* of the file */
    const struct origin *loader; /* whose library it is; NULL: nobody's */
};

/* A place where a library may be; returns whether it is there, which ends the search for it. */
typedef bool origin_fn(void *data, const char *path);

/* Calls fn for each place below $ORIGIN in which the loader looks for what the file needs, in its
 * order, until the library is there, or in a place without $ORIGIN before that. */
void origin_each(const struct origin *origin, origin_fn *fn, void *data);
