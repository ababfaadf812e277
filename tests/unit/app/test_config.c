/* A whole configuration: sections, unknown keys with their suggestions, and where paths start. */
#include "unit.h"

#include <sys/stat.h>
#include <unistd.h>
#include "made_up.h"

#define APP "[app a]\nmount = /\nmade = x\n"

START_TEST(reads_sections_in_the_files_order)
{
    struct made_up made;
    made_up_parse(&made, "[app b]\nmade = 1\nmount = example.org/b/\n"
                         "[server]\nworkers = 3\n"
                         "[app a]\nmount = /\nset word = hi\nset x = \"  \"\nmade = 2\n");
    ck_assert_str_eq(made.text, "");
    const struct config *config = made.config;
    ck_assert_str_eq(config->path, "/nowhere/gale.ini");
    ck_assert_str_eq(config->base, "/nowhere");
    ck_assert_int_eq(config->server.workers, 3);
    ck_assert_uint_eq(config->app_count, 2);
    ck_assert_str_eq(config->apps[0].name, "b");
    ck_assert_str_eq(config->apps[0].host.at, "example.org");
    ck_assert_str_eq(config->apps[0].prefix.at, "/b");
    ck_assert_str_eq(config->apps[0].file, "/nowhere/gale.ini");
    ck_assert_uint_eq(config->apps[0].line, 1);
    ck_assert_str_eq(config->apps[1].name, "a");
    ck_assert_uint_eq(config->apps[1].line, 6);
    const struct made_up_settings *settings = config->apps[1].settings;
    ck_assert_str_eq(settings->made, "2");
    ck_assert_uint_eq(settings->set.len, 1 + 1);
    ck_assert_str_eq(settings->set.items[1].name, "x");
    ck_assert_str_eq(settings->set.items[1].value, "  ");
    ck_assert_uint_eq(settings->set.items[1].line, 9);
    made_up_finish(&made);
}
END_TEST

START_TEST(refuses_sections)
{
    static const struct made_up_row rows[] = {
        {"", "0: there is nothing to serve: add a section [app NAME]\n"},
        {"[server]\n", "0: there is nothing to serve: add a section [app NAME]\n"},
        {APP "[sever]\nx = 1\n", "4: unknown section [sever]; did you mean [server]?\n"},
        {APP "[apps b]\n", "4: unknown section [apps b]; did you mean [app NAME]?\n"},
        {APP "[tls]\n", "4: unknown section [tls]; there are [server] and [app NAME]\n"},
        {APP "[listen web]\n",
         "4: [listen web] is reserved for a later version of gale; use the key 'listen'\n"},
        {APP "[host example.org]\n", "4: [host example.org] is reserved for a later version of "
                                     "gale; use the key 'mount = HOST/PATH'\n"},
        {APP "[app a]\nmount = /b\nmade = y\n",
         "4: section [app a] is given twice; it stands at /nowhere/gale.ini:1 already\n"},
        {APP "[server x]\n", "4: unknown section [server x]; did you mean [server]?\n"},
    };
    made_up_check_rows(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(refuses_keys)
{
    static const struct made_up_row rows[] = {
        {"[server]\nlisen = *:80\n" APP,
         "2: 'lisen' is not a key of this section; did you mean 'listen'?\n"},
        {"[server]\nmount = /\n" APP,
         "2: 'mount' is not a key of [server]; it belongs in an [app NAME] section\n"},
        {"[server]\nset a = b\n" APP,
         "2: 'set a' is not a key of [server]; it belongs to apps with the key 'made'\n"},
        {APP "workers = 2\n", "4: 'workers' is not a key of [app a]; it belongs in [server]\n"},
        {APP "tone = 2\n",
         "4: 'tone' is not a key of [app a]; it belongs to apps with the key 'other'; if it is for "
         "the app itself, write 'set tone = VALUE'\n"},
        {APP "moutn = /b\n", "4: 'moutn' is not a key of this section; did you mean 'mount'?\n"},
        {APP "sett x = 1\n", "4: 'sett x' is not a key of this section; did you mean 'set'?\n"},
        {APP "elephant = 1\n",
         "4: 'elephant' is not a key of this section; if it is for the app itself, write 'set "
         "elephant "
         "= VALUE'\n"
         "    its keys are mount, authorize, max_body, body_timeout, write_timeout,\n"
         "    form_memory, deadline, limit_rate, watch, build, made, set, isolate, mode,\n"
         "    user, group, env, memory, files, max_processes, read, write, connections,\n"
         "    queue, queue_timeout\n"},
        {APP "set x = 1\nset y = 2\nset x = 3\n",
         "6: 'set x' is given twice; it stands on line 4 already\n"},
        {APP "mount = /b\n", "4: mount: given twice; it stands at /nowhere/gale.ini:2 already\n"},
    };
    made_up_check_rows(rows, ARRAY_LEN(rows));
}
END_TEST

/* Each pass finds its own errors; they are told in the order of the file. */
START_TEST(tells_all_errors_in_order)
{
    static const struct made_up_row row = {
        "[app a]\nmade = x\nmax_body = lots\nnonsense\n"
        "[server]\nworkers = 999\nlisten = 80\n[oops]\n[app b]\nmount = x\n",
        "1: [app a] has no mount; add for example mount = /a\n"
        "3: max_body: 'lots' is not a size; expected a size such as 512, 16K or 8M\n"
        "4: expected [SECTION], KEY = VALUE or ; COMMENT\n"
        "6: workers: '999' is not a count; expected 'auto' (one for each CPU) or a number from 1 "
        "to 120\n"
        "7: listen: '80' is no address; for port 80 write *:80 or 127.0.0.1:80\n"
        "8: unknown section [oops]; there are [server] and [app NAME]\n"
        "9: [app b] does not say what it serves; add the key made or other\n"
        "10: mount: 'x' is no mount: it begins with '/', or is HOST/PATH; did you mean '/x'?\n"};
    made_up_check_rows(&row, 1);
}
END_TEST

/* `base` counts for every path, wherever it stands. */
START_TEST(paths_start_at_base)
{
    char folder[] = "/tmp/gale-config-XXXXXX", path[64], text[256];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/conf", folder);
    mkdir(path, 0700);
    strcat(path, "/gale.ini");
    struct arena arena;
    arena_init(&arena, NULL, 0);
    struct setting_errors errors = {.arena = &arena};
    snprintf(text, sizeof(text), "%s",
             "[server]\npid_file = run/pid\nbase = ..\naccess_log = log\nerror_log = -\n" APP);
    struct config *config = config_parse(path, str_of(text), made_up_adapters, &errors);
    setting_errors_print(&errors, stderr);
    ck_assert_uint_eq(errors.len, 0);
    ck_assert_str_eq(config->base, folder);
    ck_assert_str_eq(config->server.base, folder);
    snprintf(text, sizeof(text), "%s/run/pid", folder);
    ck_assert_str_eq(config->server.pid_file, text);
    snprintf(text, sizeof(text), "%s/log", folder);
    ck_assert_str_eq(config->server.access_log, text);
    ck_assert_str_eq(config->server.error_log, "-");
    config_close(config);
    arena_finish(&arena);
    *strrchr(path, '/') = 0;
    rmdir(path);
    rmdir(folder);
}
END_TEST

START_TEST(base_must_be_a_folder)
{
    static const struct made_up_row rows[] = {
        {"[server]\nbase = x\n" APP, "2: base: there is no folder '/nowhere/x'\n"},
        {"[server]\nbase = /etc/passwd\n" APP, "2: base: there is no folder '/etc/passwd'\n"},
    };
    made_up_check_rows(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(what_was_right_before_is_not_looked_at_again)
{
    static const char text[] =
        "[server]\nbase = gone\nerror_page = 404 none.html\n[app a]\nmount = /\nmade = x\n";
    static const struct adapter *const adapters[] = {&made_up_adapter, NULL};
    struct arena arena;
    arena_init(&arena, NULL, 0);
    struct setting_errors errors = {.arena = &arena};
    config_close(config_parse("/nowhere/gale.ini", str_of(text), adapters, &errors));
    ck_assert_uint_eq(errors.len, 2);
    errors = (struct setting_errors){.arena = &arena};
    struct config *config =
        config_parse_again("/nowhere/gale.ini", str_of(text), "/was/there", adapters, &errors);
    ck_assert_uint_eq(errors.len, 0);
    ck_assert_str_eq(config->base, "/was/there");
    ck_assert_str_eq(config->server.base, "/was/there");
    config_close(config);
    arena_finish(&arena);
}
END_TEST

START_TEST(without_a_file_paths_start_here)
{
    char cwd[512];
    ck_assert_ptr_nonnull(getcwd(cwd, sizeof(cwd)));
    struct arena arena;
    arena_init(&arena, NULL, 0);
    struct setting_errors errors = {.arena = &arena};
    struct config *config = config_parse("(command line)", STR(APP), made_up_adapters, &errors);
    ck_assert_str_eq(config->base, cwd);
    config_close(config);
    arena_finish(&arena);
    config_close(NULL);
}
END_TEST

UNIT_MAIN(reads_sections_in_the_files_order, refuses_sections, refuses_keys,
          tells_all_errors_in_order, paths_start_at_base, base_must_be_a_folder,
          what_was_right_before_is_not_looked_at_again, without_a_file_paths_start_here)
