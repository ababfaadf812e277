/* command_run.c - gale run: serves a configuration, or a plugin without one. */
#include "cli/command.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapters/plugin/plugin_file.h"
#include "base/buffer.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/str.h"
#include "cli/adapters.h"
#include "cli/command_line.h"
#include "cli/conf_file.h"
#include "cli/greeting.h"
#include "cli/listen_option.h"
#include "cli/plugin_conf.h"
#include "process/master.h"
#include "process/probe.h"

_Static_assert((int)MASTER_STOPPED == (int)COMMAND_OK &&
                   (int)MASTER_FAILED == (int)COMMAND_FAILED &&
                   (int)MASTER_WRONG_INPUT == (int)COMMAND_WRONG &&
                   (int)MASTER_CANNOT_LISTEN == (int)COMMAND_CANNOT_LISTEN,
               "the master's verdict is the exit code");

/* ---- the greeting: for terminals; a service manager has the log ---- */

static void greet_configuration(const struct config *config, unsigned workers)
{
    if (!isatty(STDERR_FILENO))
        return;
    log_flush();
    greeting_print(config, workers, false, stderr);
}

static void greet_plugin(const struct config *config, unsigned workers)
{
    if (!isatty(STDERR_FILENO))
        return;
    log_flush();
    greeting_print(config, workers, true, stderr);
}

/* ---- what is served ---- */

static int run_master(const struct command_line *line, struct master_options *options)
{
    const char **listen = command_line_values(line, "--listen");
    options->adapters = adapters;
    options->listen = listen[0] ? listen : NULL;
    options->control = command_line_value(line, "--control");
    int r = listen_option_check("run", listen);
    if (r == COMMAND_OK)
        r = (int)master_run(options);
    free(listen);
    return r;
}

static int run_plugin(const struct command_line *line, const char *file)
{
    struct buffer why = {0};
    char path[PATH_MAX];
    if (!realpath(file, path)) {
        fprintf(stderr, "gale run: %s: %s; build the plugin first, or correct its path\n", file,
                strerror(errno));
        return COMMAND_WRONG;
    }
    if (plugin_file_check(path, path, &why) < 0) {
        fprintf(stderr, "gale run: %s\n", why.at);
        buffer_finish(&why);
        return COMMAND_WRONG;
    }
    scoped_free char *text =
        probe_blocks(path) ? plugin_conf_write_blocking(path) : plugin_conf_write(path);
    struct master_options options = {
        .path = file, .text = text, .name = path, .on_serving = greet_plugin};
    return run_master(line, &options);
}

static int run(const struct command_line *line)
{
    const char *given = command_line_operand(line, 0);
    if (given && conf_file_is_plugin(given))
        return run_plugin(line, given);
    const char *path = conf_file_choose("run", given);
    if (!path)
        return COMMAND_WRONG;
    if (!given)
        log_info("no configuration is named, so this one is taken", LOG_TEXT("config", path));
    struct master_options options = {.path = path, .on_serving = greet_configuration};
    return run_master(line, &options);
}

static const struct command_option options[] = {
    {"--listen", "ADDR", "accept clients here and not where the configuration says; repeatable"},
    {"--control", "PATH", "the control socket, for gale reload, stop and status"},
    {0},
};

const struct command command_run = {
    .name = "run",
    .usage = "[CONF | FILE.so] [--listen ADDR]... [--control PATH]",
    .summary = "serve a configuration, or a plugin without one",
    .text = "Serves what a configuration says, in the foreground, until SIGTERM, Ctrl-C or\n"
            "'gale stop'. Without CONF it is ./gale.ini, or else ./conf/gale.ini.\n"
            "\n"
            "FILE.so is a plugin to be served without a configuration: at / on 127.0.0.1:8080,\n"
            "in processes of its own if it blocks while it serves (GALE_BLOCKING).\n"
            "\n"
            "ADDR is ADDRESS:PORT such as 127.0.0.1:8080, *:80 or [::1]:8080, or unix:PATH.\n"
            "Logs go to standard error, requests to standard output, unless the configuration\n"
            "says otherwise. In another terminal: 'gale status', 'gale reload', 'gale stop'.\n",
    .examples = "  gale run conf/gale.ini\n"
                "  gale run hello.so --listen 127.0.0.1:9000\n",
    .options = options,
    .operands = 1,
    .exits = COMMAND_EXITS_LISTENING,
    .run = run,
};
