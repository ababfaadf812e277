/* worker_spawn.c - posix_spawn, and which descriptors stay open over the exec.
 *
 * /proc/self/exe is the program that runs, also when its file has been replaced meanwhile. Every
 * descriptor of the master is close-on-exec; dup2 onto itself takes that away in the child. */
#include "process/worker_spawn.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/setting.h"
#include "process/worker_arguments.h"

static void keep_open(void *actions, int fd)
{
    /* Its only failure is memory, which posix_spawn would report as a missing descriptor. */
    (void)posix_spawn_file_actions_adddup2(actions, fd, fd);
}

/* Signals as a fresh process has them: the master blocks those that its loop reads. */
static void set_signals(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &all);
    posix_spawnattr_setpgroup(attributes, 0);
    posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                             POSIX_SPAWN_SETPGROUP);
}

static int spawn(const struct worker_arguments *arguments, char **argv, char **environment,
                 pid_t *out_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    set_signals(&attributes);
    worker_arguments_each_fd(arguments, keep_open, &actions);
    int r = posix_spawn(out_pid, "/proc/self/exe", &actions, &attributes, argv, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return -r;
}

static bool is_replaced(const char *variable, const struct setting_pairs *env)
{
    size_t len = strcspn(variable, "=");
    for (size_t i = 0; i < env->len; i++)
        if (strncmp(env->items[i].name, variable, len) == 0 && !env->items[i].name[len])
            return true;
    return false;
}

/* The master's own, with `env` in place of variables of those names. */
static char **make_environment(const struct setting_pairs *env, struct arena *arena)
{
    size_t count = 0, n = 0;
    if (!env)
        return environ;
    while (environ[count])
        count++;
    char **environment = arena_zalloc(arena, (count + env->len + 1) * sizeof(*environment));
    for (size_t i = 0; i < count; i++)
        if (!is_replaced(environ[i], env))
            environment[n++] = environ[i];
    for (size_t i = 0; i < env->len; i++)
        environment[n++] =
            (char *)arena_printf(arena, "%s=%s", env->items[i].name, env->items[i].value).at;
    return environment;
}

int worker_spawn(const struct worker_arguments *arguments, pid_t *out_pid)
{
    struct arena arena;
    pid_t pid;
    arena_init(&arena, NULL, 0);
    int r = spawn(arguments, worker_arguments_print(arguments, &arena),
                  make_environment(arguments->env, &arena), &pid);
    arena_finish(&arena);
    if (r < 0)
        return r;
    /* Nobody else reaps it, so the process id is still its own. */
    int pidfd = pidfd_open(pid, 0);
    if (pidfd < 0) {
        r = -errno;
        kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        return r;
    }
    *out_pid = pid;
    return pidfd;
}
