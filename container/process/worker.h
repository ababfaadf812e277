/* worker.h - the process that serves: `gale worker`, started by a master and by nobody else.
 *
 * It becomes unprivileged, opens every app, says ready, waits for go, accepts; told to drain, or
 * when its master dies, it ends its requests and then itself. Its configuration and code never
 * change. */
#pragma once

struct adapter;

/* How long after the end of its drain a worker that is still there is killed. */
enum { WORKER_KILL_AFTER_MS = 5000 };

/* Runs the worker; argv as worker_arguments.h has it, `adapters` ended by NULL. Returns the exit
 * status: 0 after a drain, 1 when it could not start, 2 when no master wrote argv. */
int worker_main(int argc, char **argv, const struct adapter *const *adapters);
