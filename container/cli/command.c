/* command.c - the table of commands, and the way from argv to one of them. */
#include "cli/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/setting.h"
#include "base/str.h"
#include "cli/command_line.h"
#include "cli/help.h"
#include "process/dev_inputs.h"

const struct command *const commands[] = {
    &command_run,     &command_dev,     &command_check,  &command_reload,   &command_rollback,
    &command_upgrade, &command_stop,    &command_status, &command_new,      &command_test,
    &command_cgi,     &command_version, &command_help,   &command_document, NULL,
};

const struct command *command_find(const char *name)
{
    for (const struct command *const *at = commands; *at; at++)
        if (strcmp((*at)->name, name) == 0)
            return *at;
    return NULL;
}

const char *command_nearest(const char *name)
{
    struct setting rows[ARRAY_LEN(commands)] = {0};
    const struct setting *const tables[] = {rows, NULL};
    size_t count = 0;
    for (const struct command *const *at = commands; *at; at++)
        if ((*at)->summary)
            rows[count++].key = (*at)->name;
    return setting_nearest(tables, name);
}

/* ---- what is no command ---- */

/* A source, or a folder that is there. */
static bool is_developed(const char *text)
{
    struct stat info;
    return dev_inputs_is_source(text) ||
           (!command_nearest(text) && stat(text, &info) == 0 && S_ISDIR(info.st_mode));
}

/* The command that takes a file of that name, or NULL. */
static const char *command_for(const char *text)
{
    struct gale_str name = str_of(text);
    if (str_ends_with(name, STR(".ini")) || str_ends_with(name, STR(".so")))
        return "run";
    return is_developed(text) ? "dev" : NULL;
}

static int refuse(const char *name)
{
    const char *nearest = command_nearest(name), *command = command_for(name);
    if (command)
        fprintf(stderr, "gale: '%s' is no command; did you mean 'gale %s %s'?\n", name, command,
                name);
    else if (nearest)
        fprintf(stderr, "gale: there is no command '%s'; did you mean '%s'?\n", name, nearest);
    else
        fprintf(stderr, "gale: there is no command '%s'\n", name);
    fputs("'gale help' lists the commands\n", stderr);
    return COMMAND_WRONG;
}

/* ---- running one ---- */

static int run_line(const struct command *command, int argc, char **argv)
{
    struct command_line line;
    int r = command_line_parse(command, argc - 2, argv + 2, &line);
    if (r < 0) {
        fprintf(stderr, "gale %s: %s\n", command->name, line.error);
        fprintf(stderr, "usage: gale %s%s%s ('gale help %s' tells more)\n", command->name,
                *command->usage ? " " : "", command->usage, command->name);
        r = COMMAND_WRONG;
    } else if (line.wants_help) {
        help_command(command, stdout);
        r = COMMAND_OK;
    } else {
        r = command->run(&line);
    }
    command_line_finish(&line);
    return r;
}

static int run(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : NULL;
    if (!name) {
        help_overview(stderr);
        return COMMAND_WRONG;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        name = "version";
    const struct command *command = command_find(name);
    return command ? run_line(command, argc, argv) : refuse(name);
}

int command_main(int argc, char **argv)
{
    int r = run(argc, argv);
    if ((fflush(stdout) != 0 || ferror(stdout)) && r == COMMAND_OK) {
        fprintf(stderr, "gale: cannot write to standard output: %s\n", strerror(errno));
        return COMMAND_FAILED;
    }
    return r;
}
