/* command_help.c - gale help: of everything, of a command, of a key of the configuration. */
#include "cli/command.h"

#include <stdio.h>

#include "cli/command_line.h"
#include "cli/help.h"

static int refuse(const char *topic)
{
    const char *command = command_nearest(topic), *key = help_nearest_key(topic);
    if (command || key)
        fprintf(stderr, "gale help: '%s' is neither a command nor a key; did you mean '%s'?\n",
                topic, command ? command : key);
    else
        fprintf(stderr,
                "gale help: '%s' is neither a command nor a key of the configuration; 'gale help' "
                "lists the commands, gale.ini(5) the keys\n",
                topic);
    return COMMAND_WRONG;
}

static int run(const struct command_line *line)
{
    const char *topic = command_line_operand(line, 0);
    const struct command *command = topic ? command_find(topic) : NULL;
    if (!topic)
        help_overview(stdout);
    else if (command)
        help_command(command, stdout);
    else if (!help_key(topic, stdout))
        return refuse(topic);
    return COMMAND_OK;
}

const struct command command_help = {
    .name = "help",
    .usage = "[COMMAND | KEY]",
    .summary = "explain a command, or a key of the configuration",
    .text = "Without an argument it lists the commands. With the name of a command it says\n"
            "what that does, its options and examples; with a key of the configuration what\n"
            "the key does, its default and what may be written.\n",
    .examples = "  gale help run\n"
                "  gale help max_body\n",
    .operands = 1,
    .run = run,
};
