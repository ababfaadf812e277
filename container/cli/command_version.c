/* command_version.c - gale version. */
#include "cli/command.h"

#include <stdio.h>

#include <gale/plugin.h>
#include "base/version.h"
#include "cli/command_line.h"

static int run(const struct command_line *line)
{
    (void)line;
    printf("gale %s (plugin interface %d)\n", GALE_VERSION, GALE_ABI);
    return COMMAND_OK;
}

const struct command command_version = {
    .name = "version",
    .usage = "",
    .summary = "print the version of gale and of its plugin interface",
    .text = "Prints the version of gale and of the plugin interface, which a plugin has to be\n"
            "built for; 'gale status' prints the version of the gale that runs.\n",
    .run = run,
};
