/* child_process.h - programs that a worker or the master starts: spawn, talk, end, reap.
 *
 * Spawning costs the same however large the worker is (vfork semantics); an exec that fails is
 * reported as its -errno, not as a process that ends oddly. The child gets exactly the descriptors
 * it is given, default signals, its own process group, and an environment from nothing; it is
 * killed when whoever started it dies. It is waited for by pidfd alone, since plugins may have
 * children of their own, and nobody has to wait: ending goes on by itself, and whoever started the
 * child is told.
 *
 *   spawn --> watch --> on_end: it has ended, its status is known --> close: reaped
 *               `--> end: TERM to its group, after `grace` KILL --'
 *
 * Until it is closed its number is nobody else's, so signals never reach a stranger. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "loop/timer.h"

struct ioloop;

struct child_limits {
    int64_t cpu_seconds, memory, files, processes; /* rlimits; 0: as inherited */
};

struct child_options {
    const char *program;     /* absolute */
    const char *const *argv; /* NULL-terminated */
    const char *const *envp; /* NULL-terminated */
    const char *folder;      /* working directory; NULL: as the worker */
    int in, out, err;        /* become 0, 1, 2; borrowed; -1: /dev/null */
    struct child_limits limits;
    bool has_user;
    uid_t uid;
    gid_t gid;
    const gid_t *groups; /* supplementary ones, with has_user; all others are dropped */
    size_t group_count;
};

typedef void child_end_fn(void *data);

struct child_process {
    pid_t pid;
    bool has_ended;
    int status; /* as waitpid tells, once it has ended */
    int pidfd;  /* owned; -1: closed */
    /* private */
    bool is_ending;
    struct ioloop *loop;
    struct timer timer; /* KILL, when the grace is over */
    child_end_fn *on_end;
    void *data;
};

/* Starts a program. Returns 0 and the child, or the -errno of what failed, exec included. On the
 * loop's thread only. */
int child_process_spawn(struct child_process *child, const struct child_options *options);
/* For a program that goes on as another one: a child of the earlier one, with its pidfd (taken).
 * It is watched as one that was spawned. */
void child_process_resume(struct child_process *child, pid_t pid, int pidfd);
/* It was told to end, and has so much time left. Watched children only. */
void child_process_resume_end(struct child_process *child, int64_t grace_ms);
/* Calls on_end(data) once it has ended; it may be closed there. The child stays where it is. */
void child_process_watch(struct child_process *child, struct ioloop *loop, child_end_fn *on_end,
                         void *data);
/* Signals its whole process group. */
void child_process_kill(const struct child_process *child, int signal_number);
/* TERM to the group now, KILL after grace_ms. Watched children only; fine when it has ended. */
void child_process_end(struct child_process *child, int64_t grace_ms);
/* Reaps it. What has not ended yet is killed and waited for; what was told to end takes its whole
 * group along. Fine on one that is closed. */
void child_process_close(struct child_process *child);
/* "exit status 3", "SIGSEGV (core dumped)". Returns out. */
const char *child_process_describe(int status, char *out, size_t size);
