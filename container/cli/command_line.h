/* command_line.h - what stands behind a command's name: operands and options, strictly.
 *
 * `--name VALUE` and `--name=VALUE` are the same, options and operands may be mixed, and `--` ends
 * the options. Every command knows -h and --help. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct command;
struct command_option;

struct command_line {
    const struct command *command;
    const char **operands; /* borrowed texts of argv, ended by NULL */
    size_t operand_count;
    bool wants_help;
    char *error; /* owned; why parsing failed */
    /* private */
    struct command_given *given;
    size_t given_count;
};

/* Reads the arguments behind the command's name. Returns 0, or -EINVAL and a sentence in
 * out->error. command_line_finish is due in both cases. */
int command_line_parse(const struct command *command, int argc, char **argv,
                       struct command_line *out);
void command_line_finish(struct command_line *line);

/* The operand of that index, or NULL. */
const char *command_line_operand(const struct command_line *line, size_t index);
/* Whether an option was given; its last value; all its values, ended by NULL (owned). */
bool command_line_has(const struct command_line *line, const char *name);
const char *command_line_value(const struct command_line *line, const char *name);
const char **command_line_values(const struct command_line *line, const char *name);
