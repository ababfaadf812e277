/* worker_spawn.h - exec of this very program as a worker. */
#pragma once
#include <sys/types.h>

struct worker_arguments;

/* Starts `gale worker` with the master's environment and, of its descriptors, those of the
 * arguments and standard input, output and error; in a process group of its own, so that a
 * terminal's Ctrl-C reaches the master alone. Returns the pidfd (owned) and the process id, or
 * -errno. */
int worker_spawn(const struct worker_arguments *arguments, pid_t *out_pid);
