/* child_process.c - from fork to reaping.
 *
 * The child runs on the worker's own memory until its exec, the worker standing still meanwhile
 * (CLONE_VM and CLONE_VFORK), so nothing is copied, however large the worker is. That is why
 * enter_program calls system calls only: no malloc, no lock, no function of the C library that
 * knows threads (its setresuid would ask the worker's threads to change, too), and why every signal
 * is blocked: a handler of the worker's must not run in the child. */
#include "net/child_process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/macros.h"
#include "loop/ioloop.h"

enum { STACK_SIZE = 64 * 1024 };

/* What goes to the child and what comes back from it: both see the same memory. */
struct start {
    const struct child_options *options;
    volatile int error;
};

/* ---- in the child ---- */

/* exec keeps what is ignored, as gale ignores SIGPIPE; programs expect the default. */
static void reset_signals(void)
{
    const struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t none;
    for (int i = 1; i < _NSIG; i++)
        (void)sigaction(i, &action, NULL);
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static int source_of(int fd, int flags)
{
    int source = fd < 0 ? open("/dev/null", flags | O_CLOEXEC) : fd;
    /* Away from where the others will go. */
    return source >= 0 && source < 3 ? fcntl(source, F_DUPFD_CLOEXEC, 3) : source;
}

static int place_descriptors(const struct child_options *options)
{
    int in = source_of(options->in, O_RDONLY), out = source_of(options->out, O_WRONLY);
    int err = source_of(options->err, O_WRONLY);
    if (in < 0 || out < 0 || err < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
        return -errno;
    /* Closed by the exec, when the worker goes on already: ten thousand of them take a while. */
    return syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC) < 0 ? -errno : 0;
}

static int limit(int resource, int64_t value)
{
    struct rlimit limit;
    if (!value)
        return 0;
    if (getrlimit(resource, &limit) < 0)
        return -errno;
    if ((rlim_t)value < limit.rlim_max)
        limit.rlim_max = (rlim_t)value;
    limit.rlim_cur = limit.rlim_max;
    /* SIGXCPU first, a second later SIGKILL. */
    if (resource == RLIMIT_CPU && limit.rlim_max < RLIM_INFINITY)
        limit.rlim_max++;
    return setrlimit(resource, &limit) < 0 ? -errno : 0;
}

static int set_limits(const struct child_limits *limits)
{
    int r = limit(RLIMIT_CPU, limits->cpu_seconds);
    if (r == 0)
        r = limit(RLIMIT_AS, limits->memory);
    if (r == 0)
        r = limit(RLIMIT_NOFILE, limits->files);
    return r == 0 ? limit(RLIMIT_NPROC, limits->processes) : r;
}

static int become(const struct child_options *options)
{
    if (!options->has_user)
        return 0;
    if (syscall(SYS_setgroups, options->group_count, options->groups) < 0 ||
        syscall(SYS_setresgid, options->gid, options->gid, options->gid) < 0 ||
        syscall(SYS_setresuid, options->uid, options->uid, options->uid) < 0)
        return -errno;
    return 0;
}

static int prepare(const struct child_options *options)
{
    if (setpgid(0, 0) < 0)
        return -errno;
    int r = place_descriptors(options);
    if (r == 0)
        r = set_limits(&options->limits);
    if (r == 0)
        r = become(options);
    if (r == 0 && options->folder && chdir(options->folder) < 0)
        r = -errno;
    /* What lets the master bind low ports is not for programs. */
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    /* After the change of user, which would forget it. */
    if (r == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        r = -errno;
    return r;
}

static int enter_program(void *data)
{
    struct start *start = data;
    const struct child_options *options = start->options;
    reset_signals();
    int r = prepare(options);
    if (r == 0) {
        execve(options->program, (char *const *)options->argv, (char *const *)options->envp);
        r = -errno;
    }
    start->error = r;
    _exit(127);
}

/* ---- in the worker ---- */

static void reap(const struct child_process *child)
{
    siginfo_t info;
    while (waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED) < 0 && errno == EINTR)
        ;
}

static int start_program(struct child_process *child, struct start *start)
{
    /* One is enough: the worker goes on only when the child is done with it. */
    static alignas(16) char stack[STACK_SIZE];
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    child->pid = clone(enter_program, stack + sizeof(stack),
                       CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, start, &child->pidfd);
    int r = child->pid < 0 ? -errno : 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

int child_process_spawn(struct child_process *child, const struct child_options *options)
{
    struct start start = {.options = options};
    struct child_process spawned = {.pidfd = -1};
    int r = start_program(&spawned, &start);
    if (r < 0)
        return r;
    if (start.error) {
        reap(&spawned);
        close(spawned.pidfd);
        return start.error;
    }
    *child = spawned;
    return 0;
}

void child_process_resume(struct child_process *child, pid_t pid, int pidfd)
{
    *child = (struct child_process){.pid = pid, .pidfd = pidfd};
}

/* ---- its end ---- */

static int status_of(const siginfo_t *info)
{
    if (info->si_code == CLD_EXITED)
        return (info->si_status & 0xff) << 8;
    return info->si_status | (info->si_code == CLD_DUMPED ? 0x80 : 0);
}

static void on_pidfd(void *data, unsigned events)
{
    struct child_process *child = data;
    siginfo_t info = {0};
    (void)events;
    int r = waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED | WNOHANG | WNOWAIT);
    if (r == 0 && !info.si_pid)
        return;
    /* ECHILD: a plugin waits for everybody's children. It has ended, nobody knows how. */
    child->status = r == 0 ? status_of(&info) : 0;
    child->has_ended = true;
    ioloop_unwatch(child->loop, child->pidfd, IOLOOP_READ);
    timer_stop(child->loop, &child->timer);
    child->on_end(child->data);
}

static void on_grace_over(void *data)
{
    child_process_kill(data, SIGKILL);
}

void child_process_watch(struct child_process *child, struct ioloop *loop, child_end_fn *on_end,
                         void *data)
{
    child->loop = loop;
    child->on_end = on_end;
    child->data = data;
    child->timer = (struct timer){.fn = on_grace_over, .data = child};
    /* The one reason to fail is a descriptor beyond what select can hold: then close waits. */
    (void)ioloop_watch(loop, child->pidfd, IOLOOP_READ, on_pidfd, child);
}

void child_process_kill(const struct child_process *child, int signal_number)
{
    if (child->pidfd >= 0)
        (void)kill(-child->pid, signal_number);
}

void child_process_end(struct child_process *child, int64_t grace_ms)
{
    if (child->pidfd < 0 || child->is_ending)
        return;
    child->is_ending = true;
    if (child->has_ended)
        return;
    child_process_kill(child, SIGTERM);
    timer_start(child->loop, &child->timer, grace_ms);
}

void child_process_resume_end(struct child_process *child, int64_t grace_ms)
{
    child->is_ending = true;
    timer_start(child->loop, &child->timer, grace_ms);
}

void child_process_close(struct child_process *child)
{
    if (child->pidfd < 0)
        return;
    if (!child->has_ended || child->is_ending)
        child_process_kill(child, SIGKILL);
    reap(child);
    if (child->loop) {
        timer_stop(child->loop, &child->timer);
        ioloop_close(child->loop, child->pidfd);
    } else {
        close(child->pidfd);
    }
    child->pidfd = -1;
    child->has_ended = true;
}

const char *child_process_describe(int status, char *out, size_t size)
{
    const char *name = WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : NULL;
    if (WIFEXITED(status))
        snprintf(out, size, "exit status %d", WEXITSTATUS(status));
    else if (name)
        snprintf(out, size, "SIG%s%s", name, WCOREDUMP(status) ? " (core dumped)" : "");
    else
        snprintf(out, size, "signal %d", WTERMSIG(status));
    return out;
}
