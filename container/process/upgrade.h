/* upgrade.h - another gale takes this one's place: same process, listeners and workers.
 *
 *   running master                        the program at its path, newer
 *     -- tries it: can it read this state, this configuration, open these apps? -->  a child
 *     <------------------------------------------------------------------- yes --
 *     exec, with the state in a memfd ----> reads it, is the master, and reloads: workers of its
 *                                           own take over from those of the old program
 *
 * A program that fails the trial changes nothing. One that fails after the exec hands the state
 * back: the old program, whose file may be gone, is still there as a descriptor. */
#pragma once
#include <stdbool.h>
#include "base/macros.h"
#include "process/master.h"

struct buffer;
struct master;

/* What this program was started for. */
enum upgrade_role {
    UPGRADE_NONE,  /* nothing of the kind */
    UPGRADE_TRIAL, /* to say whether it could take over */
    UPGRADE_TAKES, /* to take over */
};

/* The role, and what there is to take over (bytes; to be finished). Forgets that it was asked, so
 * that no child is. */
enum upgrade_role upgrade_role(struct buffer *out_state);

/* Whether this is the old program again, which another could not replace. */
bool upgrade_came_back(void);
/* TRIAL: says on standard error what is wrong; returns what to exit with. */
enum master_exit upgrade_trial(const struct buffer *state, const struct master_options *options);
/* TAKES, but cannot: the old program again, with the state and whatever is open. Returns only when
 * it has failed itself, or cannot be started. */
void upgrade_go_back(const struct buffer *state);

/* Tries the program at the path of this one. Returns 0, or -errno and *out_error (owned) for
 * whoever asked. On a task. */
SUSPENDS int upgrade_try(struct master *master, char **out_error);
/* Becomes it; returns if that fails, after logging. */
void upgrade_become(struct master *master);
