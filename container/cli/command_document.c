/* command_document.c - gale document: for gale's own Makefile, so it is not listed in the help. */
#include "cli/command.h"

#include <stdio.h>
#include <string.h>

#include "cli/command_line.h"
#include "cli/document.h"

static int run(const struct command_line *line)
{
    const char *format = command_line_operand(line, 0);
    bool is_mdoc = format && strcmp(format, "mdoc") == 0;
    if (format && !is_mdoc && strcmp(format, "ini") != 0) {
        fprintf(stderr, "gale document: it is ini or mdoc, not '%s'\n", format);
        return COMMAND_WRONG;
    }
    if (is_mdoc)
        document_mdoc(stdout);
    else
        document_ini(stdout);
    return COMMAND_OK;
}

const struct command command_document = {
    .name = "document",
    .usage = "[ini | mdoc]",
    .text = "Prints every key of the configuration with its default: as conf/full.ini has\n"
            "them, or as the manual page gale.ini(5) does.\n",
    .operands = 1,
    .run = run,
};
