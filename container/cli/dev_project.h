/* dev_project.h - what `gale dev` was pointed at, as a recipe and a configuration.
 *
 *   FILE.c, FILE.cc     the compiler, for this file
 *   FOLDER              make, where there is a Makefile; else the compiler for all its sources;
 *                       its gale.ini, where there is one
 *   CONF                what it says */
#pragma once
#include <stdbool.h>
#include "base/arena.h"
#include "process/dev_command.h"

struct dev_project {
    struct arena arena;
    const char *path;      /* of the configuration, or what stands for it in messages */
    const char *text;      /* the configuration; NULL: that of the path */
    const char *name;      /* of the app that the recipe builds; NULL: as the configuration says */
    const char *temporary; /* a folder that goes when the project is closed; NULL: none */
    struct dev_recipe recipe; /* with a name */
    const char *include;      /* where <gale/gale.h> stands; NULL: where compilers find it */
};

/* Returns COMMAND_OK, or what to exit with after saying on standard error what is wrong.
 * dev_project_close is due in both cases. */
int dev_project_open(struct dev_project *project, const char *given, bool has_asan);
void dev_project_close(struct dev_project *project);
