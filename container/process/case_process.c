/* case_process.c - fork, run, wait; what the child writes to its standard error is its report. */
#include "process/case_process.h"

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "app/app.h"
#include "app/testing.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/symbol.h"
#include "base/temporary.h"
#include "process/exit_text.h"
#include "process/solo.h"

enum { SAID_MAX = 64 * 1024, DRAIN_MS = 1000, FRAMES = 32, STACK_TEXT = 4000 };

/* What the child exits with: nobody else's codes. Sanitizers have 1 and 23. */
enum { EXIT_PASSED = 0, EXIT_FAILED = 41, EXIT_CLOSED = 42 };

static struct solo solo;

/* ---- the child ---- */

struct running {
    const struct gale_test_case *test;
    struct gale_test state;
};

/* Not what a signal handler may do; but the process is lost anyway, and has just one task. */
static void on_crash(int number)
{
    void *frames[FRAMES];
    char text[STACK_TEXT];
    int count = backtrace(frames, FRAMES), skipped = count > 2 ? 2 : 0;
    (void)signal(number, SIG_DFL);
    fprintf(stderr, "%s at %s\n", strsignal(number),
            symbol_describe_stack(frames + skipped, (size_t)(count - skipped), text, sizeof(text)));
    (void)raise(number);
}

static void watch_crashes(void)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    struct sigaction before, action = {.sa_handler = on_crash, .sa_flags = SA_ONSTACK};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
            (void)sigaction(numbers[i], &action, NULL); /* a sanitizer's own tells more */
}

static void run(void *data)
{
    struct running *running = data;
    testing_init(&running->state, &solo.apps[0], &solo.router, stderr);
    running->test->run(&running->state);
    testing_finish(&running->state);
}

static _Noreturn void child(const struct gale_test_case *test, struct config *config, int said)
{
    struct running running = {.test = test};
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)dup2(null, STDIN_FILENO);
    (void)dup2(said, STDOUT_FILENO);
    (void)dup2(said, STDERR_FILENO);
    watch_crashes();
    if (solo_open(&solo, config) < 0)
        _exit(EXIT_CLOSED);
    solo_run(&solo, run, &running, DRAIN_MS);
    solo_exit(&solo, running.state.failures ? EXIT_FAILED : EXIT_PASSED);
}

/* ---- the parent ---- */

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Its whole process group goes with it. Returns whether it ended by itself. */
static bool await(pid_t pid, int64_t timeout_ms, siginfo_t *out_info)
{
    scoped_close int pidfd = pidfd_open(pid, 0);
    struct pollfd end = {.fd = pidfd, .events = POLLIN};
    bool has_ended = poll(&end, 1, (int)timeout_ms) == 1;
    if (!has_ended)
        (void)kill(pid, SIGKILL);
    (void)kill(-pid, SIGKILL);
    while (waitid(P_PID, (id_t)pid, out_info, WEXITED) < 0 && errno == EINTR)
        ;
    return has_ended;
}

static enum case_end judge(const siginfo_t *info)
{
    if (info->si_code != CLD_EXITED)
        return CASE_CRASHED;
    switch (info->si_status) {
    case EXIT_PASSED:
        return CASE_PASSED;
    case EXIT_CLOSED:
        return CASE_CLOSED;
    default:
        return info->si_status == EXIT_FAILED ? CASE_FAILED : CASE_CRASHED;
    }
}

static char *read_said(int fd)
{
    char *text = memory_alloc(SAID_MAX + 1);
    ssize_t len = pread(fd, text, SAID_MAX, 0);
    text[len > 0 ? len : 0] = 0;
    return text;
}

int case_process_run(const struct gale_test_case *test, struct config *config, int64_t timeout_ms,
                     struct case_result *out_result)
{
    scoped_close int said = temporary_open();
    siginfo_t info = {0};
    if (said < 0)
        return said;
    (void)fcntl(said, F_SETFL, O_APPEND);
    int64_t began_us = now_us();
    pid_t pid = fork();
    if (pid == 0)
        child(test, config, said);
    if (pid < 0)
        return -errno;
    bool has_ended = await(pid, timeout_ms, &info);
    struct case_result result = {.end = has_ended ? judge(&info) : CASE_LATE};
    result.took_us = now_us() - began_us;
    exit_text(&info, result.how, sizeof(result.how));
    result.said = read_said(said);
    *out_result = result;
    return 0;
}
