/* trial.c - fork, open, one message through a pipe.
 *
 *   child: "+"            it is open
 *          "-SENTENCE"    it is not
 *          nothing        it crashed, ended, or was killed when its time was over */
#include "process/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/app.h"
#include "app/config.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/memory.h"
#include "loop/ioloop.h"
#include "process/confinement.h"
#include "process/exit_text.h"
#include "process/identity.h"

enum { MESSAGE_MAX = 16 * 1024 };

static char *describe(const struct app_config *app, const char *what)
{
    return memory_printf("%s:%u: [app %s] %s", app->file, app->line, app->name, what);
}

/* ---- the child ---- */

static void tell(int fd, char verdict, const char *text)
{
    scoped_free char *message = memory_printf("%c%.*s", verdict, MESSAGE_MAX - 2, text);
    if (write(fd, message, strlen(message)) < 0)
        _exit(1);
}

/* It reads nothing of the terminal, dies with `gale check`, and logs nothing: what it has to say
 * becomes the sentence. */
static void isolate(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)dup2(null, STDIN_FILENO);
    log_set_fd(null);
}

/* As whom the app's workers run, and confined as they are. Only root can become somebody else. */
static int become_worker(const struct trial *trial, const struct app_config *app, char **out_why)
{
    const struct app_isolation *isolation = &app->isolation;
    struct identity own = *trial->identity;
    if (isolation->user || isolation->group) {
        int r = identity_find(isolation->user, isolation->group, &own, out_why);
        char *why = *out_why;
        *out_why = r == 0 || r == -EPERM ? NULL : describe(app, why);
        free(why);
        if (*out_why)
            return r;
    }
    int r = identity_assume(&own);
    return r == 0 && isolation->workers ? confinement_apply(app) : r;
}

static const char *open_app(const struct trial *trial, size_t index)
{
    struct config config = *trial->config;
    struct gale_app *apps;
    struct ioloop *loop;
    char *why = NULL;
    config.apps += index;
    config.app_count = 1;
    int r = become_worker(trial, config.apps, &why);
    if (why)
        return why;
    if (r == 0)
        r = ioloop_create(NULL, &loop);
    if (r < 0)
        return strerror(-r);
    apps_set_on_main_stack(config.apps->isolation.workers > 0);
    return apps_open(&config, &apps) < 0 ? apps_failure() : NULL;
}

static _Noreturn void child(const struct trial *trial, size_t index, int fd)
{
    isolate();
    const char *failure = open_app(trial, index);
    tell(fd, failure ? '-' : '+', failure ? failure : "");
    _exit(0);
}

/* ---- the parent ---- */

/* Waits for the child's end, or makes it end; its whole process group goes with it. Returns whether
 * it ended by itself. */
static bool await(pid_t pid, int64_t timeout_ms, siginfo_t *out_info)
{
    scoped_close int pidfd = pidfd_open(pid, 0);
    struct pollfd end = {.fd = pidfd, .events = POLLIN};
    bool has_ended = poll(&end, 1, (int)timeout_ms) == 1;
    if (!has_ended)
        (void)kill(pid, SIGKILL); /* it may be held up before it has its own group */
    (void)kill(-pid, SIGKILL);
    while (waitid(P_PID, (id_t)pid, out_info, WEXITED) < 0 && errno == EINTR)
        ;
    return has_ended;
}

static char *describe_end(const struct trial *trial, size_t index, const siginfo_t *info)
{
    char how[64];
    scoped_free char *what =
        info ? memory_printf("%s while it opened", exit_text(info, how, sizeof(how)))
             : memory_printf("did not open within %lld ms (start_timeout); what does it wait for?",
                             (long long)trial->timeout_ms);
    return describe(&trial->config->apps[index], what);
}

static int judge(const struct trial *trial, size_t index, pid_t pid, int fd, char **out_error)
{
    char message[MESSAGE_MAX + 1];
    siginfo_t info = {0};
    bool has_ended = await(pid, trial->timeout_ms, &info);
    ssize_t len = read(fd, message, MESSAGE_MAX);
    message[len > 0 ? len : 0] = 0;
    if (has_ended && message[0] == '+')
        return 0;
    if (has_ended && message[0] == '-')
        *out_error = memory_copy(message + 1, strlen(message + 1));
    else
        *out_error = describe_end(trial, index, has_ended ? &info : NULL);
    return -ECANCELED;
}

int trial_open(const struct trial *trial, size_t index, char **out_error)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0) {
        *out_error = describe(&trial->config->apps[index], strerror(errno));
        return -ECANCELED;
    }
    pid_t pid = fork();
    if (pid == 0)
        child(trial, index, fds[1]);
    close(fds[1]);
    int r = -ECANCELED;
    if (pid > 0)
        r = judge(trial, index, pid, fds[0], out_error);
    else
        *out_error = describe(&trial->config->apps[index], strerror(errno));
    close(fds[0]);
    return r;
}
