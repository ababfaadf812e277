/* command_document.c - gale document: for gale's own Makefile, so it is not listed in the help. */
#include "cli/command.h"

#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "cli/command_line.h"
#include "cli/document.h"

static const struct {
    const char *name;
    void (*write)(FILE *out);
} formats[] = {{"ini", document_ini}, {"mdoc", document_mdoc}, {"markdown", document_markdown}};

static int run(const struct command_line *line)
{
    const char *format = command_line_operand(line, 0);
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        if (!format || strcmp(format, formats[i].name) == 0) {
            formats[i].write(stdout);
            return COMMAND_OK;
        }
    fprintf(stderr, "gale document: it is ini, mdoc or markdown, not '%s'\n", format);
    return COMMAND_WRONG;
}

const struct command command_document = {
    .name = "document",
    .usage = "[ini | mdoc | markdown]",
    .text = "Prints every key of the configuration with its default: as conf/full.ini has\n"
            "them, as the manual page gale.ini(5), or as docs/configuration.md does.\n",
    .operands = 1,
    .run = run,
};
