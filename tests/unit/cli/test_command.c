/* The table of commands and its rows: command.c, command_run.c, command_dev.c, command_check.c,
 * command_reload.c, command_rollback.c, command_upgrade.c, command_stop.c, command_status.c,
 * command_new.c, command_test.c, command_cgi.c, command_version.c, command_help.c,
 * command_document.c; and adapters.c. What they do to an instance is for the system tests. */
#include "unit.h"

#include <string.h>

#include "app/adapter.h"
#include "base/macros.h"
#include "base/version.h"
#include "captured.h"
#include "cli/adapters.h"
#include "cli/command.h"

enum { WIDTH = 84 };

static void check_lines(const char *text)
{
    while (text && *text) {
        size_t len = strcspn(text, "\n");
        ck_assert_uint_le(len, WIDTH);
        ck_assert_int_eq(text[len], '\n');
        ck_assert(!len || text[len - 1] != ' ');
        text += len + 1;
    }
}

START_TEST(each_command_explains_itself)
{
    for (const struct command *const *at = commands; *at; at++) {
        const struct command *command = *at;
        ck_assert_ptr_eq(command_find(command->name), command);
        ck_assert_ptr_nonnull(command->usage);
        ck_assert_ptr_nonnull(command->run);
        ck_assert_uint_gt(strlen(command->text), 60);
        check_lines(command->text);
        check_lines(command->examples);
        for (const struct command_option *o = command->options; o && o->name; o++) {
            ck_assert_int_eq(strncmp(o->name, "--", 2), 0);
            ck_assert_ptr_nonnull(strstr(command->usage, o->name));
            ck_assert_uint_gt(strlen(o->help), 10);
        }
    }
}
END_TEST

START_TEST(names_are_found_and_suggested)
{
    static const struct {
        const char *given, *expected;
    } cases[] = {
        {"statsu", "status"}, {"relaod", "reload"},   {"chek", "check"}, {"rum", "run"},
        {"halp", "help"},     {"versoin", "version"}, {"xyz", NULL},     {"documen", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ck_assert_ptr_null(command_find(cases[i].given));
        ck_assert_pstr_eq(command_nearest(cases[i].given), cases[i].expected);
    }
}
END_TEST

static const struct {
    const char *argv[6];
    int code;
    const char *out, *err; /* what they contain; NULL: nothing */
} runs[] = {
    {{"gale", "version"}, 0, "gale " GALE_VERSION " ", NULL},
    {{"gale", "--version"}, 0, "plugin interface", NULL},
    {{"gale", "-V"}, 0, "gale", NULL},
    {{"gale", "help"}, 0, "usage: gale COMMAND", NULL},
    {{"gale", "--help"}, 0, "usage: gale COMMAND", NULL},
    {{"gale", "-h"}, 0, "  reload ", NULL},
    {{"gale", "help", "stop"}, 0, "usage: gale stop", NULL},
    {{"gale", "stop", "--help"}, 0, "--graceful", NULL},
    {{"gale", "stop", "x", "-h"}, 0, "--graceful", NULL},
    {{"gale", "help", "max_head"}, 0, "default: 32K", NULL},
    {{"gale", "help", "max_haed"}, 2, NULL, "did you mean 'max_head'?"},
    {{"gale", "help", "reloda"}, 2, NULL, "did you mean 'reload'?"},
    {{"gale", "help", "xxxxxx"}, 2, NULL, "neither a command nor a key"},
    {{"gale"}, 2, NULL, "usage: gale COMMAND"},
    {{"gale", "stauts"}, 2, NULL, "did you mean 'status'?"},
    {{"gale", "whatever"}, 2, NULL, "there is no command 'whatever'"},
    {{"gale", "x.so"}, 2, NULL, "did you mean 'gale run x.so'?"},
    {{"gale", "c/x.ini"}, 2, NULL, "did you mean 'gale run c/x.ini'?"},
    {{"gale", "x/y.c"}, 2, NULL, "did you mean 'gale dev x/y.c'?"},
    {{"gale", "/usr"}, 2, NULL, "did you mean 'gale dev /usr'?"},
    {{"gale", "version", "x"}, 2, NULL, "'x' is one argument too many"},
    {{"gale", "status", "--jso"}, 2, NULL, "did you mean --json?"},
    {{"gale", "stop", "--quick", "--graceful"}, 2, NULL, "not both"},
    {{"gale", "run", "nowhere.so"}, 2, NULL, "nowhere.so: No such file"},
    {{"gale", "check", "nowhere.ini"}, 2, NULL, "nowhere.ini: cannot be read"},
    {{"gale", "document"}, 0, "\n[server]\n", NULL},
    {{"gale", "document", "mdoc"}, 0, "\n.It Ic listen", NULL},
    {{"gale", "document", "markdown"}, 0, "\n| `listen` | `127.0.0.1:8080` | Where", NULL},
    {{"gale", "document", "html"}, 2, NULL, "ini, mdoc or markdown"},
};

static void check_run(const char *const *argv, int expected, const char *out_part,
                      const char *err_part)
{
    int argc = 0;
    while (argc < 5 && argv[argc])
        argc++;
    struct taken out = take(stdout), err = take(stderr);
    int code = command_main(argc, (char **)argv);
    scoped_free char *complained = give_back(&err), *said = give_back(&out);
    ck_assert_int_eq(code, expected);
    ck_assert_msg(strstr(said, out_part ? out_part : "") != NULL, "said: %s", said);
    ck_assert_msg(strstr(complained, err_part ? err_part : "") != NULL, "complained: %s",
                  complained);
    ck_assert(out_part || !*said);
    ck_assert(err_part || !*complained);
}

START_TEST(command_lines_end_as_documented)
{
    for (size_t i = 0; i < ARRAY_LEN(runs); i++)
        check_run(runs[i].argv, runs[i].code, runs[i].out, runs[i].err);
}
END_TEST

START_TEST(plugins_are_hosted)
{
    ck_assert_str_eq(adapters[0]->name, "plugin");
}
END_TEST

UNIT_MAIN(each_command_explains_itself, names_are_found_and_suggested,
          command_lines_end_as_documented, plugins_are_hosted)
