/* dev_command.h - which programs build an app in `gale dev`, with which arguments.
 *
 *   one source          cc ... -shared hello.c -o hello.so.new
 *   several             cc ... -c for each; then cc -shared of the objects
 *   a command           sh -c COMMAND
 *
 * CC, CXX, CPPFLAGS, CFLAGS, CXXFLAGS, LDFLAGS and LDLIBS mean what they mean to make. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <gale/str.h>

struct arena;

/* What is to be built. */
struct dev_recipe {
    const char *folder;         /* where it runs, absolute */
    const char *output;         /* the .so that comes of it, absolute */
    bool is_link;               /* the output is a link to the newest .so that the command made */
    const char *command;        /* for sh; NULL: the compiler */
    const char *const *sources; /* for that, as seen from the folder; ended by NULL */
    bool takes_all;             /* they are all that the folder has, also later */
    const char *scratch;        /* a folder for objects and dependencies, absolute */
    const char *include;        /* where <gale/gale.h> stands; NULL: where the compiler finds it */
    bool has_asan;
    bool is_clang[2];      /* CC and CXX are: then ASan is linked in another way */
    bool is_forced;        /* make is to build everything anew, whatever it finds */
    const char *asan_mark; /* a file that is there while what make finds may be built with ASan;
                            * NULL: it is not make */
};

/* One program to run; all on the arena. */
struct dev_command {
    const char *program;     /* absolute; NULL: it was not found */
    const char *const *argv; /* argv[0] as it was asked for */
    const char *object;      /* what it makes */
    const char *depends;     /* where it writes what that was made of; NULL: it does not */
};

/* Looks at the compilers, and at what make would find: is_clang and is_forced. Runs compilers. */
void dev_command_look(struct dev_recipe *recipe);

/* Compiles the source of that index to an object; the only one of a recipe is linked at once. */
void dev_command_compile(const struct dev_recipe *recipe, size_t index, struct arena *arena,
                         struct dev_command *out);
/* Links the objects of several. */
void dev_command_link(const struct dev_recipe *recipe, struct arena *arena,
                      struct dev_command *out);
/* The recipe's own command. */
void dev_command_shell(const struct dev_recipe *recipe, struct arena *arena,
                       struct dev_command *out);
size_t dev_command_sources(const struct dev_recipe *recipe);
/* The environment of all of them: gale's own, where its headers are, and messages in English. */
const char *const *dev_command_environment(const struct dev_recipe *recipe, struct arena *arena);
/* What people read of it: "cc hello.c". */
struct gale_str dev_command_title(const struct dev_recipe *recipe, struct arena *arena);
/* Writes compile_commands.json for editors into the recipe's folder, unless somebody else's is
 * there. Returns 0, -EEXIST or another -errno. */
int dev_command_write_database(const struct dev_recipe *recipe);
