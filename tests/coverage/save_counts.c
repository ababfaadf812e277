/* save_counts.c - linked in VARIANT=coverage only: what a process has counted is kept however it
 * ends.
 *
 * gcov's counts are written at exit(). Workers end by _exit(), crashes by raise() or by a fault
 * whose handler was taken away, and an upgrade replaces the program, so the linker leads these
 * calls here
 * (-Wl,--wrap), and nothing in gale knows of it. Whoever is killed takes its counts along, and so
 * do confined workers, which may not write them. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void __gcov_dump(void);
void __gcov_reset(void);

_Noreturn void __real__exit(int status);
int __real_raise(int number);
int __real_sigaction(int number, const struct sigaction *action, struct sigaction *out_before);
int __real_fexecve(int fd, char *const argv[], char *const envp[]);
_Noreturn void __wrap__exit(int status);
int __wrap_raise(int number);
int __wrap_sigaction(int number, const struct sigaction *action, struct sigaction *out_before);
int __wrap_fexecve(int fd, char *const argv[], char *const envp[]);

static pid_t process; /* not that of a vfork's child, which counts in its parent's memory */

static void remember_process(void)
{
    process = getpid();
}

/* Workers of other users write to the same files; confined ones may not, and gcov would say so
 * where tests look at what gale says. */
static void save(void)
{
    if (getpid() != process)
        return;
    mode_t mask = umask(0);
    int said = dup(STDERR_FILENO), nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    (void)dup2(nowhere, STDERR_FILENO);
    __gcov_dump();
    (void)dup2(said, STDERR_FILENO);
    (void)close(said);
    (void)close(nowhere);
    (void)umask(mask);
}

static __attribute__((constructor)) void start(void)
{
    remember_process();
    (void)pthread_atfork(NULL, NULL, remember_process);
    (void)atexit(save);
}

void __wrap__exit(int status)
{
    save();
    __real__exit(status);
}

/* Which may be survived: counting goes on from zero. */
int __wrap_raise(int number)
{
    save();
    __gcov_reset();
    return __real_raise(number);
}

/* The crash handler's last act. */
int __wrap_sigaction(int number, const struct sigaction *action, struct sigaction *out_before)
{
    if (number == SIGSEGV && action && action->sa_handler == SIG_DFL) {
        save();
        __gcov_reset();
    }
    return __real_sigaction(number, action, out_before);
}

int __wrap_fexecve(int fd, char *const argv[], char *const envp[])
{
    save();
    __gcov_reset();
    return __real_fexecve(fd, argv, envp);
}
