/* code.h - which file of code an app is to load: its own, or the copy that the master made of it.
 *
 * A worker is told of the copies (process/copies.h) before it reads its configuration; whoever was
 * told of none loads the originals. People know the originals only, so messages name those. */
#pragma once
#include <stddef.h>

struct code {
    const char *app;
    const char *original; /* the path that messages name */
    const char *path;     /* the one to load */
    const char *root;     /* what stands before an original's path in a copy's; "": nothing */
    const int *first;     /* descriptors of what is to be loaded before it */
    size_t first_count;
};

struct buffer;

/* From now on these (borrowed) are to be loaded by their apps. */
void code_set(const struct code *codes, size_t count);
/* That of the app, or NULL. */
const struct code *code_find(const char *app);
/* Adds a text of the loader's with the originals' names. */
void code_add_text(const struct code *code, const char *text, struct buffer *out);
