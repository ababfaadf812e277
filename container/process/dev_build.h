/* dev_build.h - one build of `gale dev`: compilers or a command, what they say, how it ended.
 *
 *   start --> compile, as many at once as there are CPUs --> link --> on_done
 *     `-- while one runs: that is ended with all it has started, and the new one begins
 *
 * What the compiler makes appears under its name only when it is whole, and what is up to date is
 * not compiled again. The loop never waits for a program. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "process/dev_command.h"

struct dev_inputs;
struct ioloop;
struct dev_build;

struct dev_outcome {
    bool is_ok;
    int64_t ms;
    const char *text; /* what was said; valid in the call */
};

typedef void dev_build_fn(void *data, const struct dev_outcome *outcome);

/* A build that was not started; the recipe is borrowed. Returns owned. */
struct dev_build *dev_build_create(struct ioloop *loop, const struct dev_recipe *recipe,
                                   dev_build_fn *on_done, void *data);
void dev_build_destroy(struct dev_build *build); /* takes NULL; ends what runs */
/* Starts it, or starts it over. */
void dev_build_start(struct dev_build *build);
bool dev_build_is_running(const struct dev_build *build);

/* Adds the files that the last build was made of, without system headers, as far as it told; those
 * where it found something wrong, too. */
void dev_build_inputs(const struct dev_build *build, struct dev_inputs *inputs);
