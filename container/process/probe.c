/* probe.c - fork, load, an exit code. */
#include "process/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapters/plugin/plugin_load.h"
#include "app/code.h"
#include "base/buffer.h"
#include "base/macros.h"

enum { TIMEOUT_MS = 5000, EXIT_BLOCKS = 43 };

/* What it prints is printed when it is opened in earnest. */
static _Noreturn void child(const char *path)
{
    const struct code code = {.original = path, .path = path, .root = ""};
    struct gale_plugin plugin = {0};
    struct buffer why = {0};
    void *handle;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        (void)dup2(null, fd);
    int r = plugin_load(&code, &plugin, &handle, &why);
    _exit(r == 0 && plugin.flags & GALE_BLOCKING ? EXIT_BLOCKS : 0);
}

bool probe_blocks(const char *path)
{
    siginfo_t info = {0};
    pid_t pid = fork();
    if (pid == 0)
        child(path);
    if (pid < 0)
        return false;
    scoped_close int pidfd = pidfd_open(pid, 0);
    struct pollfd end = {.fd = pidfd, .events = POLLIN};
    if (poll(&end, 1, TIMEOUT_MS) != 1)
        (void)kill(pid, SIGKILL);
    while (waitid(P_PID, (id_t)pid, &info, WEXITED) < 0 && errno == EINTR)
        ;
    return info.si_code == CLD_EXITED && info.si_status == EXIT_BLOCKS;
}
