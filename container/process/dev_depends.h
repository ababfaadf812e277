/* dev_depends.h - what a plugin was made of: dependency files of compilers, and what ld misses. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <gale/str.h>

struct buffer;
struct dev_command;

/* Paths, absolute, each once, ended by NULL; owned. Begins with a folder and zeros. */
struct dev_inputs {
    const char *folder; /* where relative ones start; borrowed */
    char **paths;
    size_t count;
};

void dev_inputs_finish(struct dev_inputs *inputs);
void dev_inputs_add(struct dev_inputs *inputs, struct gale_str path);
/* All that stand in a dependency file (make's format); nothing where there is none. */
void dev_inputs_add_depends(struct dev_inputs *inputs, const char *file);
/* The files in which a compiler found something: one that failed writes no dependencies. */
void dev_inputs_add_named(struct dev_inputs *inputs, struct gale_str text);

/* The text, owned, with the files where something was found told from the inputs' folder on: a tool
 * that was sent elsewhere (make -C, --manifest-path) tells them from there. What could be several
 * files stays as it is. */
char *dev_inputs_resolve(const struct dev_inputs *inputs, const char *text);

/* Whether what the command makes is there and younger than all it was made of, seen from the
 * folder. */
bool dev_depends_is_fresh(const struct dev_command *command, const char *folder);

/* ld was told to warn of what it does not find, which is all of gale, too. Takes away what it says
 * of gale's own functions, and makes errors of the rest; returns whether there was any. */
bool dev_depends_filter_linker(struct buffer *text);
