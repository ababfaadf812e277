/* Builds of gale dev: what is run, what is said, what is watched then (dev_build.c, dev_command.c,
 * dev_depends.c, dev_inputs.c). dev_master.c, dev_app.c, dev_conf.c, dev_sites.c, dev_tell.c and
 * dev_crash.c, which tie them to a master, are for the system tests. */
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/macros.h"
#include "base/str.h"
#include "loop/ioloop.h"
#include "process/dev_build.h"
#include "process/dev_depends.h"
#include "process/dev_inputs.h"

static char folder[64], output[128], scratch[128];
static struct ioloop *loop;
static struct dev_recipe recipe;
static struct dev_build *build;
static int told;
static bool is_ok;
static char said[8192];

static const char *at(const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(at(name), "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static void on_done(void *data, const struct dev_outcome *outcome)
{
    ck_assert_ptr_eq(data, &told);
    told++;
    is_ok = outcome->is_ok;
    ck_assert_int_ge(outcome->ms, 0);
    snprintf(said, sizeof(said), "%s", outcome->text);
}

static void begin(const char *const *sources, const char *command)
{
    snprintf(folder, sizeof(folder), "/tmp/gale-build-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(output, sizeof(output), "%s/x.so", folder);
    snprintf(scratch, sizeof(scratch), "%s/.scratch", folder);
    ck_assert_int_eq(mkdir(scratch, 0700), 0);
    ck_assert_int_eq(ioloop_create(NULL, &loop), 0);
    recipe = (struct dev_recipe){.folder = folder,
                                 .output = output,
                                 .command = command,
                                 .sources = sources,
                                 .scratch = scratch,
                                 .include = "/somewhere/include"};
    build = dev_build_create(loop, &recipe, on_done, &told);
    told = 0;
}

static void end(void)
{
    char command[128];
    dev_build_destroy(build);
    ioloop_destroy(loop);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1); /* no child at all */
    snprintf(command, sizeof(command), "rm -r %s", folder);
    ck_assert_int_eq(system(command), 0);
}

static void wait_until_told(int times)
{
    for (int64_t until = clock_mono_ms() + 60000; told < times && clock_mono_ms() < until;)
        ck_assert_int_eq(ioloop_turn(loop, 100), 0);
    ck_assert_int_eq(told, times);
}

static void run(void)
{
    int before = told;
    dev_build_start(build);
    ck_assert(dev_build_is_running(build));
    wait_until_told(before + 1);
    ck_assert(!dev_build_is_running(build));
}

static bool is_input(const char *name)
{
    struct dev_inputs inputs = {.folder = folder};
    bool is_there = false;
    dev_build_inputs(build, &inputs);
    for (size_t i = 0; i < inputs.count; i++)
        is_there = is_there || strcmp(inputs.paths[i], at(name)) == 0;
    dev_inputs_finish(&inputs);
    return is_there;
}

static const char *const one[] = {"a b.c", NULL};
static const char *const two[] = {"a.c", "b.c", NULL};

START_TEST(one_source)
{
    begin(one, NULL);
    write_file("a b.h", "#define N 1\n");
    write_file("a b.c",
               "#include \"a b.h\"\nint gale_x(void);\nint f(void) { return gale_x() + N; }\n");
    run();
    ck_assert_str_eq(said, "");
    ck_assert(is_ok);
    ck_assert_int_eq(access(output, R_OK), 0);
    ck_assert(is_input("a b.c"));
    ck_assert(is_input("a b.h"));
    write_file("a b.h", "#define N 1 +\n");
    run();
    ck_assert(!is_ok);
    ck_assert_ptr_nonnull(strstr(said, "error: expected"));
    ck_assert(is_input("a b.h"));
    ck_assert_int_eq(access(output, R_OK), 0); /* the one before is still whole */
    end();
}
END_TEST

START_TEST(warnings_are_no_errors)
{
    begin(one, NULL);
    write_file("a b.c", "int f(void) { int unused; return 0; }\n");
    run();
    ck_assert(is_ok);
    ck_assert_ptr_nonnull(strstr(said, "warning: unused variable"));
    end();
}
END_TEST

START_TEST(what_nobody_has_is_an_error_with_a_line)
{
    begin(one, NULL);
    write_file("a b.c", "int gale_x(void);\nint nobodys(void);\n"
                        "int f(void) { return gale_x(); }\nint g(void) { return nobodys(); }\n");
    run();
    ck_assert(!is_ok);
    ck_assert_ptr_nonnull(strstr(said, "a b.c:4: error: undefined reference to `nobodys'"));
    ck_assert_ptr_null(strstr(said, "gale_x"));
    ck_assert_int_ne(access(output, R_OK), 0);
    end();
}
END_TEST

static struct timespec made(const char *name)
{
    struct stat info;
    ck_assert_int_eq(stat(at(name), &info), 0);
    return info.st_mtim;
}

START_TEST(several_sources)
{
    begin(two, NULL);
    write_file("a.c", "int g(void);\nint f(void) { return g(); }\n");
    write_file("b.c", "int g(void) { return 1; }\n");
    run();
    ck_assert_msg(is_ok, "%s", said);
    struct timespec before = made(".scratch/b.c.o");
    usleep(20000);
    write_file("a.c", "int g(void);\nint f(void) { return g() + 1; }\n");
    run();
    ck_assert(is_ok);
    struct timespec after = made(".scratch/b.c.o");
    ck_assert(before.tv_sec == after.tv_sec && before.tv_nsec == after.tv_nsec);
    write_file("b.c", "int f(void) { return 1; }\n");
    run();
    ck_assert(!is_ok);
    ck_assert_ptr_nonnull(strstr(said, "multiple definition of `f'"));
    end();
}
END_TEST

START_TEST(no_compiler)
{
    begin(one, NULL);
    write_file("a b.c", "int f;\n");
    setenv("CC", "no-such-compiler -x", 1);
    run();
    ck_assert(!is_ok);
    ck_assert_ptr_nonnull(strstr(said, "no-such-compiler: not found; install a compiler"));
    unsetenv("CC");
    run();
    ck_assert(is_ok);
    end();
}
END_TEST

START_TEST(no_source)
{
    begin(one, NULL);
    run();
    ck_assert(!is_ok);
    ck_assert_ptr_nonnull(strstr(said, "No such file"));
    end();
}
END_TEST

START_TEST(the_newest_start_wins)
{
    begin(NULL, "echo run >>runs; [ -e fast ] || sleep 1000; touch x.so; echo done");
    dev_build_start(build);
    while (access(at("runs"), F_OK) < 0)
        ck_assert_int_eq(ioloop_turn(loop, 10), 0);
    write_file("fast", "");
    dev_build_start(build);
    dev_build_start(build);
    wait_until_told(1);
    ck_assert(is_ok);
    ck_assert_str_eq(said, "done\n");
    ck_assert(!dev_build_is_running(build));
    end();
}
END_TEST

START_TEST(ends_what_hangs)
{
    begin(NULL, "trap '' TERM; touch began; while :; do sleep 1; done");
    dev_build_start(build);
    while (access(at("began"), F_OK) < 0)
        ck_assert_int_eq(ioloop_turn(loop, 10), 0);
    end();
}
END_TEST

START_TEST(commands)
{
    begin(NULL, "echo one; echo two >&2; exit 3");
    run();
    ck_assert(!is_ok);
    ck_assert_str_eq(said, "one\ntwo\n");
    end();
    begin(NULL, "true");
    run();
    ck_assert(!is_ok); /* it made nothing */
    ck_assert_ptr_nonnull(strstr(said, "has made no "));
    end();
    begin(NULL, "kill -SEGV $$");
    run();
    ck_assert_ptr_nonnull(strstr(said, "SIGSEGV"));
    end();
    begin(NULL, "mkdir -p build && touch build/real.so; echo \"$GALE_CFLAGS\"");
    recipe.is_link = true;
    run();
    ck_assert(is_ok);
    ck_assert_str_eq(said, "-I/somewhere/include\n");
    char target[256] = "";
    ck_assert_int_gt(readlink(output, target, sizeof(target) - 1), 0);
    ck_assert_str_eq(target, at("build/real.so"));
    end();
}
END_TEST

/* ---- without running ---- */

static const char *find_variable(struct arena *arena, const char *name)
{
    const char *found = NULL;
    size_t len = strlen(name), count = 0;
    for (const char *const *at = dev_command_environment(&recipe, arena); *at; at++)
        if (strncmp(*at, name, len) == 0 && (*at)[len] == '=') {
            found = *at + len + 1;
            count++;
        }
    ck_assert_uint_le(count, 1);
    return found;
}

START_TEST(has_make_build_anew)
{
    static const struct {
        const char *own, *expected;
    } flags[] = {{NULL, "-B "},
                 {"k", "-B -k"},
                 {"-j4 --no-print-directory", "-B -j4 --no-print-directory"},
                 {"CFLAGS=-O2", "-B CFLAGS=-O2"},
                 {" -- X=1", "-B  -- X=1"}};
    struct arena arena;
    begin(two, "make");
    arena_init(&arena, NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        unsetenv("MAKEFLAGS");
        if (flags[i].own)
            setenv("MAKEFLAGS", flags[i].own, 1);
        recipe.is_forced = false;
        ck_assert_pstr_eq(find_variable(&arena, "MAKEFLAGS"), flags[i].own);
        recipe.is_forced = true;
        ck_assert_str_eq(find_variable(&arena, "MAKEFLAGS"), flags[i].expected);
    }
    recipe.has_asan = true;
    ck_assert_ptr_null(strstr(find_variable(&arena, "GALE_CFLAGS"), "-shared-libasan"));
    recipe.is_clang[false] = true;
    ck_assert_ptr_nonnull(strstr(find_variable(&arena, "GALE_CFLAGS"), "-shared-libasan"));
    arena_finish(&arena);
    end();
}
END_TEST

START_TEST(says_what_it_runs)
{
    struct arena arena;
    struct dev_command command;
    static const char *const cxx[] = {"x.cc", NULL};
    begin(cxx, NULL);
    arena_init(&arena, NULL, 0);
    recipe.has_asan = true;
    dev_command_compile(&recipe, 0, &arena, &command);
    struct buffer all = {0};
    for (size_t i = 0; command.argv[i]; i++)
        buffer_printf(&all, "%s ", command.argv[i]);
    ck_assert(str_starts_with(buffer_str(&all), STR("c++ -g ")));
    ck_assert_ptr_nonnull(strstr(all.at, " -fsanitize=address "));
    ck_assert_ptr_null(strstr(all.at, " -shared-libasan "));
    recipe.is_clang[true] = true;
    dev_command_compile(&recipe, 0, &arena, &command);
    bool is_shared = false;
    for (size_t i = 0; command.argv[i]; i++)
        is_shared = is_shared || strcmp(command.argv[i], "-shared-libasan") == 0;
    ck_assert(is_shared);
    ck_assert_ptr_nonnull(strstr(all.at, " -I/somewhere/include "));
    ck_assert_ptr_nonnull(strstr(all.at, " -Wall "));
    ck_assert_str_eq(dev_command_title(&recipe, &arena).at, "c++ x.cc");
    recipe.command = "make x";
    ck_assert_str_eq(dev_command_title(&recipe, &arena).at, "make x");
    buffer_finish(&all);
    arena_finish(&arena);
    end();
}
END_TEST

START_TEST(writes_a_database_but_over_no_other)
{
    char text[4096] = "";
    begin(two, NULL);
    ck_assert_int_eq(dev_command_write_database(&recipe), 0);
    ck_assert_int_eq(dev_command_write_database(&recipe), 0);
    FILE *file = fopen(at("compile_commands.json"), "r");
    ck_assert_uint_gt(fread(text, 1, sizeof(text) - 1, file), 0);
    fclose(file);
    ck_assert_ptr_nonnull(strstr(text, "\"file\": \"b.c\""));
    ck_assert_ptr_nonnull(strstr(text, "\"-c\", \"b.c\""));
    write_file("compile_commands.json", "[]\n");
    ck_assert_int_eq(dev_command_write_database(&recipe), -EEXIST);
    end();
}
END_TEST

static bool is_served(const void *data, const struct stat *info)
{
    struct stat own;
    return stat(at(data), &own) == 0 && own.st_ino == info->st_ino;
}

START_TEST(knows_what_a_folder_holds)
{
    struct dev_inputs inputs = {0};
    begin(two, NULL);
    ck_assert_ptr_null(dev_inputs_find_plugin(folder));
    write_file("a.c", "");
    write_file("a.o", "");
    write_file(".a.c.swp", "");
    write_file("a.c~", "");
    ck_assert_int_eq(mkdir(at("target"), 0700) | mkdir(at("src"), 0700), 0);
    write_file("target/made.c", "");
    write_file("src/b.rs", "");
    ck_assert_int_eq(mkdir(at("site"), 0700), 0);
    write_file("site/index.html", "");
    const struct dev_inputs_place place = {folder, is_served, "site"};
    uint64_t before = dev_inputs_stamp(&place, false), code = dev_inputs_stamp(&place, true);
    dev_inputs_add_folder(&inputs, &place);
    ck_assert_uint_eq(inputs.count, 2);
    dev_inputs_finish(&inputs);
    write_file("a.c", "changed");
    write_file("x.so", "");
    ck_assert(before == dev_inputs_stamp(&place, false));
    write_file("c.txt", "");
    ck_assert(before != dev_inputs_stamp(&place, false));
    ck_assert(code == dev_inputs_stamp(&place, true));
    write_file("c.h", "");
    ck_assert(code != dev_inputs_stamp(&place, true));
    usleep(20000);
    write_file("target/newer.so", "");
    char *plugin = dev_inputs_find_plugin(folder);
    ck_assert_str_eq(plugin, at("target/newer.so"));
    free(plugin);
    end();
}
END_TEST

START_TEST(finds_files_of_tools_that_were_sent_elsewhere)
{
    static const struct {
        const char *text, *expected;
    } texts[] = {
        {"src/lib.rs:3:1: error: x\n", "rs/src/lib.rs:3:1: error: x\n"},
        {"error[E1]: bad\n  --> src/lib.rs:3:5\n", "error[E1]: bad\n  --> rs/src/lib.rs:3:5\n"},
        {"two.c:1:1: error: x\n", "two.c:1:1: error: x\n"},           /* two of them */
        {"ib.rs:1:1: error: x\n", "ib.rs:1:1: error: x\n"},           /* no name of a file */
        {"/x/src/lib.rs:1:1: e\nlast", "/x/src/lib.rs:1:1: e\nlast"}, /* told in full */
        {"no place\n", "no place\n"},
        {"", ""},
    };
    static const char *const paths[] = {"/f/rs/src/lib.rs", "/f/a/two.c", "/f/b/two.c"};
    struct dev_inputs inputs = {.folder = "/f"};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        dev_inputs_add(&inputs, str_of(paths[i]));
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        char *text = dev_inputs_resolve(&inputs, texts[i].text);
        ck_assert_str_eq(text, texts[i].expected);
        free(text);
    }
    dev_inputs_finish(&inputs);
}
END_TEST

START_TEST(reads_dependencies)
{
    static const char text[] = "x.o: a.c \\\n  dir/b\\ c.h /abs.h a.c\n";
    static const char *const expected[] = {"/f/a.c", "/f/dir/b c.h", "/abs.h", NULL};
    struct dev_inputs inputs = {.folder = "/f"};
    begin(two, NULL);
    write_file("x.d", text);
    dev_inputs_add_depends(&inputs, at("x.d"));
    for (size_t i = 0; expected[i]; i++)
        ck_assert_str_eq(inputs.paths[i], expected[i]);
    ck_assert_uint_eq(inputs.count, 3);
    dev_inputs_add_depends(&inputs, at("nothing.d"));
    write_file("x.d", "no dependencies");
    dev_inputs_add_depends(&inputs, at("x.d"));
    ck_assert_uint_eq(inputs.count, 3);
    dev_inputs_finish(&inputs);
    end();
}
END_TEST

UNIT_MAIN(one_source, warnings_are_no_errors, what_nobody_has_is_an_error_with_a_line,
          several_sources, no_compiler, no_source, the_newest_start_wins, ends_what_hangs, commands,
          says_what_it_runs, has_make_build_anew, writes_a_database_but_over_no_other,
          knows_what_a_folder_holds, finds_files_of_tools_that_were_sent_elsewhere,
          reads_dependencies)
