/* command_line.c - reading argv by a command's table of options. */
#include "cli/command_line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/setting.h"
#include "cli/command.h"

enum { OPTIONS_MAX = 8 };

struct command_given {
    const struct command_option *option;
    const char *value;
};

static bool is_named(const char *argument, const char *name)
{
    size_t len = strlen(name);
    return strncmp(argument, name, len) == 0 && (!argument[len] || argument[len] == '=');
}

static const struct command_option *find(const struct command *command, const char *argument)
{
    for (const struct command_option *at = command->options; at && at->name; at++)
        if (is_named(argument, at->name))
            return at;
    return NULL;
}

static const char *nearest(const struct command *command, const char *argument)
{
    struct setting rows[OPTIONS_MAX + 1] = {0};
    const struct setting *const tables[] = {rows, NULL};
    size_t count = 0;
    for (const struct command_option *at = command->options; at && at->name; at++)
        if (count < OPTIONS_MAX)
            rows[count++].key = at->name;
    return setting_nearest(tables, argument);
}

/* ---- what is wrong ---- */

static int refuse_option(struct command_line *line, const char *argument)
{
    const struct command *command = line->command;
    scoped_free char *name = memory_copy(argument, strcspn(argument, "="));
    const char *near = nearest(command, name);
    struct buffer text = {0};
    buffer_printf(&text, "there is no option %s", name);
    if (near)
        buffer_printf(&text, "; did you mean %s?", near);
    else if (!command->options)
        buffer_add_text(&text, ", and no other");
    for (const struct command_option *at = command->options; !near && at && at->name; at++)
        buffer_printf(&text, "%s%s", at == command->options ? "; there is " : ", ", at->name);
    line->error = buffer_steal(&text);
    return -EINVAL;
}

static int refuse_value(struct command_line *line, const struct command_option *option)
{
    line->error = option->value ? memory_printf("%s wants a value: %s %s", option->name,
                                                option->name, option->value)
                                : memory_printf("%s takes no value", option->name);
    return -EINVAL;
}

/* ---- reading ---- */

static int take_operand(struct command_line *line, const char *argument)
{
    if (line->operand_count == line->command->operands) {
        line->error = memory_printf("'%s' is one argument too many", argument);
        return -EINVAL;
    }
    line->operands[line->operand_count++] = argument;
    return 0;
}

/* Returns how many of the arguments that follow were used, or -EINVAL. */
static int take_option(struct command_line *line, char **rest)
{
    const struct command_option *option = find(line->command, rest[0]);
    if (!option)
        return refuse_option(line, rest[0]);
    const char *equals = strchr(rest[0], '=');
    const char *value = equals ? equals + 1 : option->value ? rest[1] : NULL;
    if ((option->value && (!value || !*value)) || (!option->value && equals))
        return refuse_value(line, option);
    line->given[line->given_count++] = (struct command_given){option, value};
    return option->value && !equals;
}

int command_line_parse(const struct command *command, int argc, char **argv,
                       struct command_line *out)
{
    size_t room = argc > 0 ? (size_t)argc + 1 : 1;
    bool is_ended = false;
    *out = (struct command_line){.command = command};
    out->operands = memory_zalloc(room * sizeof(*out->operands));
    out->given = memory_zalloc(room * sizeof(*out->given));
    for (int i = 0; i < argc; i++) {
        const char *argument = argv[i];
        int used = 0;
        if (is_ended || argument[0] != '-' || !argument[1])
            used = take_operand(out, argument);
        else if (strcmp(argument, "--") == 0)
            is_ended = true;
        else if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0)
            out->wants_help = true;
        else
            used = take_option(out, argv + i);
        if (used < 0)
            return used;
        i += used;
    }
    return 0;
}

void command_line_finish(struct command_line *line)
{
    free(line->operands);
    free(line->given);
    free(line->error);
}

/* ---- asking ---- */

const char *command_line_operand(const struct command_line *line, size_t index)
{
    return index < line->operand_count ? line->operands[index] : NULL;
}

bool command_line_has(const struct command_line *line, const char *name)
{
    for (size_t i = 0; i < line->given_count; i++)
        if (strcmp(line->given[i].option->name, name) == 0)
            return true;
    return false;
}

const char *command_line_value(const struct command_line *line, const char *name)
{
    for (size_t i = line->given_count; i-- > 0;)
        if (strcmp(line->given[i].option->name, name) == 0)
            return line->given[i].value;
    return NULL;
}

const char **command_line_values(const struct command_line *line, const char *name)
{
    const char **values = memory_zalloc((line->given_count + 1) * sizeof(*values));
    size_t count = 0;
    for (size_t i = 0; i < line->given_count; i++)
        if (strcmp(line->given[i].option->name, name) == 0)
            values[count++] = line->given[i].value;
    return values;
}
