/* isolation.h - isolated apps on the master's side: which ones a configuration starts anew, what
 * their workers and those of the front inherit, and when nobody needs them any more.
 *
 * An isolated app goes on with the same processes over reloads, as long as its section, the keys of
 * [server] that it depends on and its files stay what they were. */
#pragma once
#include <stdbool.h>
#include "process/master.h"

struct arena;
struct generation;
struct master;
struct worker_arguments;

/* Prepares a generation for each isolated app of `front`, which is one that may be prepared itself
 * afterwards and has its copies. Returns MASTER_STOPPED, or what gale would exit with and why in
 * *out_error (owned); *out_is_passing as generation_load has it. */
enum master_exit isolation_prepare(struct generation *front, char **out_error,
                                   bool *out_is_passing);
/* Whether that is all there is to do: isolated apps have changed, and nothing of the front has, so
 * that its connections of any kind need not notice. */
bool isolation_is_all(const struct generation *front);
/* Whether what was replaced takes no request any more: from then on the new code alone answers. */
bool isolation_is_turned_over(const struct master *master);
/* Ends isolated apps that no generation of the front knows any more. */
void isolation_prune(struct master *master);

/* Calls fn for each socket that a worker of the generation accepts from. */
void isolation_each_socket(const struct generation *generation,
                           void (*fn)(void *data, int fd, int place), void *data);
/* Adds what tells a worker whose it is: its app, or the doors to isolated apps (on the arena). */
void isolation_add_arguments(const struct generation *generation, struct arena *arena,
                             struct worker_arguments *arguments);
