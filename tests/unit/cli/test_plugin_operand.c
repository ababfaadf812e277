/* FILE.so, --mount and --set: what they become, and what is said of wrong ones. */
#include "unit.h"

#include <string.h>

#include "app/config.h"
#include "base/macros.h"
#include "captured.h"
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/plugin_operand.h"
#include "folder.h"

static struct config *read_line(char **out_said, int argc, ...)
{
    char *argv[8];
    struct command_line line;
    va_list args;
    va_start(args, argc);
    for (int i = 0; i < argc; i++)
        argv[i] = va_arg(args, char *);
    va_end(args);
    ck_assert_int_eq(command_line_parse(&command_cgi, argc, argv, &line), 0);
    struct taken err = take(stderr);
    struct config *config = plugin_operand_read(&line, command_line_operand(&line, 0));
    *out_said = give_back(&err);
    command_line_finish(&line);
    return config;
}

START_TEST(wrong_ones_are_told)
{
    char folder[64];
    enter_folder(folder);
    write_file("text.so", "no plugin");
    {
        scoped_free char *said = NULL;
        ck_assert_ptr_null(read_line(&said, 1, "none.so"));
        ck_assert_str_eq(said, "gale cgi: none.so: No such file or directory; build the plugin "
                               "first, or correct its path\n");
    }
    {
        scoped_free char *said = NULL;
        ck_assert_ptr_null(read_line(&said, 1, "text.so"));
        ck_assert_ptr_nonnull(strstr(said, "text.so"));
    }
    leave_folder(folder);
}
END_TEST

START_TEST(options_reach_the_configuration)
{
    char program[4096];
    ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);
    ck_assert_int_gt(len, 0);
    program[len] = 0; /* an ELF file that the check takes, whatever it is */
    scoped_free char *said = NULL, *wrong = NULL, *bad = NULL;
    struct config *config = read_line(&said, 5, program, "--mount", "/shop", "--set", "a=b");
    ck_assert_msg(config, "%s", said);
    ck_assert_str_eq(said, "");
    ck_assert_uint_eq(config->app_count, 1);
    ck_assert_str_eq(config->apps[0].mount_text, "/shop");
    config_close(config);
    ck_assert_ptr_null(read_line(&wrong, 3, program, "--mount", "no path"));
    ck_assert_ptr_nonnull(strstr(wrong, "gale cgi: mount: "));
    ck_assert_ptr_null(read_line(&bad, 3, program, "--set", "nothing"));
    ck_assert_str_eq(bad, "gale cgi: 'nothing' is no setting; expected NAME=VALUE\n");
}
END_TEST

UNIT_MAIN(wrong_ones_are_told, options_reach_the_configuration)
