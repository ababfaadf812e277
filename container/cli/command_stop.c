/* command_stop.c - gale stop: ends an instance, and waits until it has ended. */
#include "cli/command.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>

#include "base/macros.h"
#include "cli/command_line.h"
#include "cli/control_client.h"
#include "cli/target.h"

/* The descriptor of the master's process, from before it is told, so that it can't be another's. */
static int hold(const struct target *target)
{
    return target->pid > 0 ? pidfd_open(target->pid, 0) : -1;
}

static void await_end(int pidfd)
{
    struct pollfd end = {.fd = pidfd, .events = POLLIN};
    while (pidfd >= 0 && poll(&end, 1, -1) <= 0)
        ;
}

static int stop(const struct command_line *line, const struct target *target)
{
    struct control_answer answer;
    bool is_graceful = command_line_has(line, "--graceful");
    scoped_close int pidfd = hold(target);
    int r = target_ask(line, target, "POST",
                       is_graceful ? "/stop?mode=graceful" : "/stop?mode=quick", &answer);
    if (r != COMMAND_OK)
        return r;
    bool is_told = answer.status / 100 == 2;
    if (!is_told)
        fprintf(stderr, "gale stop: it answers %d: %s", answer.status, answer.body);
    free(answer.body);
    if (!is_told)
        return COMMAND_FAILED;
    await_end(pidfd);
    printf("pid %d has %s\n", (int)target->pid, pidfd >= 0 ? "ended" : "been told");
    return COMMAND_OK;
}

static int run(const struct command_line *line)
{
    struct target target;
    if (command_line_has(line, "--graceful") && command_line_has(line, "--quick")) {
        fputs("gale stop: --graceful or --quick, not both\n", stderr);
        return COMMAND_WRONG;
    }
    int r = target_find(line, &target);
    return r == COMMAND_OK ? stop(line, &target) : r;
}

static const struct command_option options[] = {
    {"--graceful", NULL, "let running requests finish, at most `drain_timeout` long"},
    {"--quick", NULL, "give running requests half a second; this is the default"},
    {"--control", "PATH", "the control socket of the instance that is meant"},
    {0},
};

const struct command command_stop = {
    .name = "stop",
    .usage = "[CONF | --control PATH] [--graceful | --quick]",
    .summary = "end a running gale",
    .text = "Ends a running gale and returns when it has ended. Signals do the same to the\n"
            "master: SIGTERM and SIGINT quickly, SIGQUIT gracefully.\n"
            "\n"
            "Without CONF the only instance that you run is meant.\n",
    .examples = "  gale stop\n"
                "  gale stop conf/gale.ini --graceful\n",
    .options = options,
    .operands = 1,
    .exits = COMMAND_EXITS_ASKING,
    .run = run,
};
