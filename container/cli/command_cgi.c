/* command_cgi.c - gale cgi: one plugin as a CGI program.
 *
 * Standard output is the web server's: whatever is wrong is said on standard error and answered
 * with an error page. Where only a part of an answer was sent, the process ends by a signal, since
 * nothing else tells a web server that it has not got the whole. */
#include "cli/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "app/app.h"
#include "app/config.h"
#include "base/log.h"
#include "cli/command_line.h"
#include "cli/plugin_operand.h"
#include "fastcgi/cgi_front.h"
#include "process/solo.h"

enum { DRAIN_MS = 1000 };

static struct solo solo;

struct answer {
    int output;
    const char *why; /* the page to answer with instead; NULL: none */
    enum cgi_end end;
};

/* Number 0 must not become the loop's. */
static void need_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

static void on_terminate(void *data)
{
    (void)data;
    task_cancel(data, -ECANCELED);
}

/* A plugin that blocks gives the loop no turn to hear of it: it ends at once. */
static void watch_terminate(struct task *task)
{
    if (!solo.apps || !solo.apps[0].may_block)
        (void)ioloop_on_signal(solo.loop, SIGTERM, on_terminate, task);
}

/* What a plugin prints is no answer: it goes to the error log. */
static int take_output(void)
{
    int output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    (void)dup2(STDERR_FILENO, STDOUT_FILENO);
    return output;
}

/* A whole answer ends at once; one that is not must not look ended before the process has died. */
static void answer(void *data)
{
    struct answer *what = data;
    int held = fcntl(what->output, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    watch_terminate(task_current());
    what->end = cgi_serve(&solo.http, environ, STDIN_FILENO, what->output, 500, what->why);
    if (held >= 0 && what->end != CGI_CUT)
        close(held);
    (void)ioloop_on_signal(solo.loop, SIGTERM, NULL, NULL);
}

static _Noreturn void die(void)
{
    sigset_t terminate;
    sigemptyset(&terminate);
    sigaddset(&terminate, SIGTERM);
    (void)signal(SIGTERM, SIG_DFL);
    log_flush();
    (void)raise(SIGTERM);
    (void)sigprocmask(SIG_UNBLOCK, &terminate, NULL);
    _exit(COMMAND_FAILED);
}

/* The command line is wrong: standard error has said how. */
static int apologize(void)
{
    fputs("Status: 500 Internal Server Error\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
          "500 Internal Server Error\n\nthe program is not set up well; the error log says why\n",
          stdout);
    return COMMAND_WRONG;
}

static int serve(struct config *config)
{
    if (!config)
        return apologize();
    struct answer what = {.output = take_output()};
    int r = solo_open(&solo, config);
    if (r < 0)
        what.why = "the application could not be opened; the error log says why";
    if (!solo.loop)
        return COMMAND_FAILED;
    solo_run(&solo, answer, &what, DRAIN_MS);
    if (what.end == CGI_CUT)
        die();
    solo_exit(&solo, r == 0 && what.end == CGI_WHOLE ? COMMAND_OK : COMMAND_FAILED);
}

static int explain(const char *file)
{
    fprintf(stderr,
            "gale cgi: a web server starts this, with the request in its environment, and there "
            "is none\n"
            "  in a browser:  gale run %s\n"
            "  by hand:       REQUEST_METHOD=GET PATH_INFO=/ gale cgi %s\n"
            "'gale help cgi' shows how to set it up in a web server\n",
            file, file);
    return COMMAND_WRONG;
}

static int run(const struct command_line *line)
{
    const char *file = command_line_operand(line, 0);
    if (!file) {
        fputs("gale cgi: name the plugin: gale cgi FILE.so\n", stderr);
        return COMMAND_WRONG;
    }
    need_descriptors();
    return cgi_is_asked(environ) ? serve(plugin_operand_read(line, file)) : explain(file);
}

static const struct command_option options[] = {
    {"--set", "NAME=VALUE", "a setting of the plugin; repeatable"},
    {"--mount", "PATH", "where the plugin stands below the program's own path; default /"},
    {0},
};

const struct command command_cgi = {
    .name = "cgi",
    .usage = "FILE.so [--set NAME=VALUE]... [--mount PATH]",
    .summary = "serve one request with a plugin, as a CGI program",
    .text = "Runs a plugin as a CGI program (RFC 3875): the request comes from the variables\n"
            "and standard input that a web server gives it, the answer goes to standard\n"
            "output, messages to standard error. The plugin is opened, serves the one request\n"
            "and is closed; where it waits, the process waits. Nothing listens.\n"
            "\n"
            "A web server starts a program, not a command line, so write a script such as\n"
            "\n"
            "  #!/bin/sh\n"
            "  exec gale cgi /srv/hello.so --set greeting=hi\n"
            "\n"
            "and name it in the server's configuration. To look at an answer by hand, set the\n"
            "variables yourself.\n",
    .examples = "  REQUEST_METHOD=GET PATH_INFO=/ QUERY_STRING=name=you gale cgi hello.so\n",
    .options = options,
    .operands = 1,
    .run = run,
};
