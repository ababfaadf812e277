/* command_check.c - gale check: everything that is wrong with a configuration, without serving it.
 *
 * First the text, by the tables; then, when that is right, each app is opened in a process of its
 * own, so that a broken plugin is found here and not by a reload. */
#include "cli/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/config.h"
#include "base/macros.h"
#include "cli/apps_table.h"
#include "cli/command_line.h"
#include "cli/conf_file.h"
#include "cli/terminal.h"
#include "process/identity.h"
#include "process/surroundings.h"
#include "process/trial.h"

static int refuse(const char *path, size_t errors)
{
    fprintf(stderr, "gale check: %s has %zu mistake%s\n", path, errors, errors == 1 ? "" : "s");
    return COMMAND_WRONG;
}

/* Opens every app; says on standard error which do not open, and returns how many. */
static size_t try_apps(const struct config *config, const struct identity *identity)
{
    const struct trial trial = {config, identity, config->server.start_timeout_ms};
    size_t failures = 0;
    for (size_t i = 0; i < config->app_count; i++) {
        scoped_free char *why = NULL;
        if (trial_open(&trial, i, &why) == 0)
            continue;
        fprintf(stderr, "%s\n", why);
        failures++;
    }
    return failures;
}

static void print_summary(const struct config *config)
{
    const struct server_settings *server = &config->server;
    terminal_print(stdout, INK_GREEN, "%s is right", config->path);
    fputs(": ", stdout);
    for (size_t i = 0; i < server->listen.len; i++)
        printf("%s%s", i ? ", " : "", server->listen.items[i]);
    if (server->workers)
        printf(", %lld worker%s\n\n", (long long)server->workers, server->workers == 1 ? "" : "s");
    else
        printf(", a worker for each CPU\n\n");
    apps_table_print(config, true, stdout);
}

/* Whom the workers will run as; who is not root checks as himself. */
static int find_identity(const struct config *config, struct identity *out_identity)
{
    const struct server_settings *server = &config->server;
    scoped_free char *why = NULL, *never = NULL;
    int r = identity_find(server->user, server->group, out_identity, &why);
    if (r == -EPERM)
        r = identity_find(NULL, NULL, out_identity, &never);
    if (r == 0)
        return COMMAND_OK;
    fprintf(stderr, "%s: %s\n", config->path, why);
    return refuse(config->path, 1);
}

static int check_surroundings(const struct config *config)
{
    struct arena arena;
    arena_init(&arena, NULL, 0);
    struct setting_errors errors = {.arena = &arena};
    surroundings_check(config, geteuid() == 0 ? 0 : SURROUNDINGS_NO_ROOT, &errors);
    setting_errors_print(&errors, stderr);
    int r = errors.len ? refuse(config->path, errors.len) : COMMAND_OK;
    arena_finish(&arena);
    return r;
}

static int check(const struct config *config)
{
    struct identity identity;
    int r = check_surroundings(config);
    if (r == COMMAND_OK)
        r = find_identity(config, &identity);
    if (r != COMMAND_OK)
        return r;
    size_t failures = try_apps(config, &identity);
    if (!failures) {
        print_summary(config);
        return COMMAND_OK;
    }
    fprintf(stderr, "gale check: the text of %s is right, but %zu of %zu app%s not open\n",
            config->path, failures, config->app_count, config->app_count == 1 ? " does" : "s do");
    return COMMAND_FAILED;
}

static int run(const struct command_line *line)
{
    const char *path = conf_file_choose("check", command_line_operand(line, 0));
    size_t errors;
    if (!path)
        return COMMAND_WRONG;
    struct config *config = conf_file_read(path, false, &errors);
    int r = errors ? refuse(path, errors) : check(config);
    config_close(config);
    return r;
}

const struct command command_check = {
    .name = "check",
    .usage = "[CONF]",
    .summary = "find everything that is wrong with a configuration",
    .text = "Reads a configuration and tells every line that is wrong, with what is allowed\n"
            "there, or what is missing on this machine: folders of logs and sockets, users,\n"
            "host names. When all is right, each app is opened once, in a process of its own:\n"
            "a plugin that cannot be loaded, fails, crashes or hangs (`start_timeout`) in its\n"
            "open is reported. Nothing listens, and no gale that runs is disturbed.\n"
            "\n"
            "Without CONF it is ./gale.ini, or else ./conf/gale.ini. It exits with 2 when the\n"
            "text is wrong, and with 1 when an app does not open.\n",
    .examples = "  gale check conf/gale.ini && gale reload conf/gale.ini\n",
    .operands = 1,
    .run = run,
};
