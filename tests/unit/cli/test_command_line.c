/* Operands and options, and how they are refused. */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "base/macros.h"
#include "cli/command.h"
#include "cli/command_line.h"

static const struct command_option options[] = {
    {"--listen", "ADDR", "where"}, {"--json", NULL, "how"}, {"--control", "PATH", "who"}, {0}};
static const struct command with = {.name = "with", .options = options, .operands = 2};
static const struct command without = {.name = "without"};

enum { ARGUMENTS = 8 };

static int parse(const struct command *command, const char *const *argv, struct command_line *line)
{
    int argc = 0;
    while (argv[argc])
        argc++;
    return command_line_parse(command, argc, (char **)argv, line);
}

START_TEST(refuses_with_a_sentence)
{
    static const struct {
        const struct command *command;
        const char *argv[ARGUMENTS];
        const char *error;
    } cases[] = {
        {&with, {"--jsno"}, "there is no option --jsno; did you mean --json?"},
        {&with, {"--jsno=1"}, "there is no option --jsno; did you mean --json?"},
        {&with, {"-j"}, "there is no option -j; there is --listen, --json, --control"},
        {&with, {"---"}, "there is no option ---; there is --listen, --json, --control"},
        {&with, {"--jsonx"}, "there is no option --jsonx; did you mean --json?"},
        {&with, {"--listen"}, "--listen wants a value: --listen ADDR"},
        {&with, {"--listen", ""}, "--listen wants a value: --listen ADDR"},
        {&with, {"--listen="}, "--listen wants a value: --listen ADDR"},
        {&with, {"--json=yes"}, "--json takes no value"},
        {&with, {"a", "b", "c"}, "'c' is one argument too many"},
        {&with, {"a", "b", "--", "--json"}, "'--json' is one argument too many"},
        {&without, {"a"}, "'a' is one argument too many"},
        {&without, {"--json"}, "there is no option --json, and no other"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct command_line line;
        ck_assert_int_eq(parse(cases[i].command, cases[i].argv, &line), -EINVAL);
        ck_assert_str_eq(line.error, cases[i].error);
        command_line_finish(&line);
    }
}
END_TEST

START_TEST(reads_operands_and_options_in_any_order)
{
    static const char *const argv[] = {"--listen", "one", "a", "--json", "b", NULL, "--listen=2"};
    struct command_line line;
    ck_assert_int_eq(parse(&with, argv, &line), 0);
    ck_assert_uint_eq(line.operand_count, 2);
    ck_assert_str_eq(command_line_operand(&line, 0), "a");
    ck_assert_str_eq(command_line_operand(&line, 1), "b");
    ck_assert_ptr_null(command_line_operand(&line, 2));
    ck_assert(command_line_has(&line, "--json"));
    ck_assert(!command_line_has(&line, "--control"));
    ck_assert_ptr_null(command_line_value(&line, "--control"));
    ck_assert(!line.wants_help);
    command_line_finish(&line);
}
END_TEST

START_TEST(keeps_every_value_of_an_option)
{
    static const char *const argv[] = {"--listen", "one",    "--listen=two",
                                       "--listen", "--json", NULL};
    struct command_line line;
    ck_assert_int_eq(parse(&with, argv, &line), 0);
    const char **values = command_line_values(&line, "--listen");
    ck_assert_str_eq(values[0], "one");
    ck_assert_str_eq(values[1], "two");
    ck_assert_str_eq(values[2], "--json"); /* what follows is its value, whatever it is */
    ck_assert_ptr_null(values[3]);
    ck_assert_str_eq(command_line_value(&line, "--listen"), "--json");
    ck_assert(!command_line_has(&line, "--json"));
    free(values);
    values = command_line_values(&line, "--control");
    ck_assert_ptr_null(values[0]);
    free(values);
    command_line_finish(&line);
}
END_TEST

START_TEST(two_dashes_end_the_options)
{
    static const char *const argv[] = {"--", "--json", "-", NULL};
    struct command_line line;
    ck_assert_int_eq(parse(&with, argv, &line), 0);
    ck_assert_str_eq(command_line_operand(&line, 0), "--json");
    ck_assert_str_eq(command_line_operand(&line, 1), "-");
    command_line_finish(&line);
}
END_TEST

START_TEST(help_is_an_option_of_every_command)
{
    static const char *const forms[][2] = {{"-h", NULL}, {"--help", NULL}};
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct command_line line;
        ck_assert_int_eq(parse(&without, forms[i], &line), 0);
        ck_assert(line.wants_help);
        command_line_finish(&line);
    }
}
END_TEST

UNIT_MAIN(refuses_with_a_sentence, reads_operands_and_options_in_any_order,
          keeps_every_value_of_an_option, two_dashes_end_the_options,
          help_is_an_option_of_every_command)
