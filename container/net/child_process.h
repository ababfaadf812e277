/* child_process.h - programs started by a worker: spawn, talk, end, reap.
 *
 * Spawning costs the same however large the worker is (vfork semantics); an exec that fails is
 * reported as its -errno, not as a process that ends oddly. The child gets exactly the descriptors it
 * is given, default signals, its own process group, and an environment from nothing. It is waited for
 * by pidfd alone, since plugins may have children of their own. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/macros.h"

struct ioloop;

struct child_limits {
    int64_t cpu_seconds, memory, files, processes; /* rlimits; 0: as inherited */
};

struct child_options {
    const char *program;         /* absolute */
    const char *const *argv;     /* NULL-terminated */
    const char *const *envp;     /* NULL-terminated */
    const char *folder;          /* working directory; NULL: as the worker */
    int in, out, err;            /* become 0, 1, 2; borrowed; -1: /dev/null */
    int program_fd;              /* executed instead of `program` if >= 0 (no race with renames) */
    struct child_limits limits;
    bool has_user;
    uid_t uid;
    gid_t gid;                   /* with has_user; supplementary groups are dropped */
};

struct child_process {
    pid_t pid;
    int pidfd; /* owned; -1 when it has been reaped */
    int status; /* as waitpid tells, once reaped */
};

/* Starts a program. Returns 0 and the child, or the -errno of what failed, exec included. */
int child_process_spawn(struct child_process *child, const struct child_options *options);
/* Waits for its end and reaps it: 0, -ETIMEDOUT, -ECANCELED. */
SUSPENDS int child_process_wait(struct child_process *child, int64_t timeout_ms);
/* Signals its whole process group. */
void child_process_kill(const struct child_process *child, int signal_number);
/* TERM, `grace_ms`, KILL, reap; waits even on a cancelled task. Fine when it has ended already. */
SUSPENDS void child_process_end(struct child_process *child, int64_t grace_ms);
bool child_process_is_running(const struct child_process *child);
/* "exit status 3", "SIGSEGV (core dumped)". Returns out. */
const char *child_process_describe(int status, char *out, size_t size);
