/* command_test.c - gale test: the tests of a plugin, one line each. */
#include "cli/command.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapters/plugin/plugin_file.h"
#include "adapters/plugin/tests_load.h"
#include "app/config.h"
#include "base/buffer.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/str.h"
#include "cli/command_line.h"
#include "cli/plugin_operand.h"
#include "cli/terminal.h"
#include "process/case_process.h"
#include "process/dev_inputs.h"

enum { TIMEOUT_MS = 10000, NAME_WIDTH = 48 };

struct testing {
    const struct command_line *line;
    const char *plugin;
    const struct gale_tests *tests;
    const char **filters; /* owned, ended by NULL */
    bool is_verbose;
    int64_t timeout_ms;
    size_t run, passed;
    int64_t took_us;
};

/* ---- which ---- */

/* hello.so has its tests in hello_test.so. */
static char *tests_beside(const char *plugin)
{
    struct gale_str name = str_of(plugin);
    size_t len = str_ends_with(name, STR(".so")) ? name.len - 3 : name.len;
    return memory_printf("%.*s_test.so", (int)len, plugin);
}

/* Before its tests are looked for: else a wrong name of the plugin is told as one of theirs. */
static bool has_plugin(const struct testing *testing)
{
    struct buffer why = {0};
    char path[PATH_MAX];
    bool is_source = dev_inputs_is_source(testing->plugin);
    int r = realpath(testing->plugin, path) ? 0 : -errno;
    if (r < 0 || is_source)
        buffer_printf(&why, "%s%s%s; build the plugin, and name the .so that comes of it",
                      testing->plugin, r < 0 ? ": " : " is a source", r < 0 ? strerror(-r) : "");
    else
        r = plugin_file_check(path, testing->plugin, &why);
    if (why.len)
        fprintf(stderr, "gale test: %s\n", why.at);
    buffer_finish(&why);
    return r == 0 && !is_source;
}

static bool find_tests(struct testing *testing)
{
    const char *given = command_line_operand(testing->line, 1);
    scoped_free char *beside = tests_beside(testing->plugin);
    struct buffer why = {0};
    char path[PATH_MAX];
    if (access(testing->plugin, F_OK) < 0) {
        fprintf(stderr, "gale test: %s: %s; build the plugin first, or correct its path\n",
                testing->plugin, strerror(errno));
        return false;
    }
    if (!realpath(given ? given : beside, path)) {
        fprintf(stderr, "gale test: %s: %s; %s\n", given ? given : beside, strerror(errno),
                given ? "build the tests first, or correct their path"
                      : "build the tests there, or name them: gale test PLUGIN.so TESTS.so");
        return false;
    }
    if (plugin_file_check(path, path, &why) == 0)
        testing->tests = tests_load(path, &why);
    if (!testing->tests)
        fprintf(stderr, "gale test: %s\n", why.at);
    buffer_finish(&why);
    return testing->tests;
}

/* A function's name read as words. */
static char *words_of(const char *name)
{
    char *words = memory_copy(name, strlen(name));
    for (char *at = words; *at; at++)
        if (*at == '_')
            *at = ' ';
    return words;
}

static bool is_wanted(const struct testing *testing, const char *name, const char *words)
{
    const char **filter = testing->filters;
    for (; *filter; filter++)
        if (strstr(name, *filter) || strstr(words, *filter))
            return true;
    return filter == testing->filters;
}

/* ---- running ---- */

static void print_said(const char *said)
{
    for (struct gale_str rest = str_of(said); rest.len;) {
        struct gale_str text = str_cut(&rest, '\n');
        printf("        %.*s\n", (int)text.len, text.at);
    }
}

static void print_result(const struct testing *testing, const char *words,
                         const struct case_result *result)
{
    static const struct {
        const char *word, *text;
        enum ink ink;
    } rows[] = {
        [CASE_PASSED] = {"ok", "", INK_GREEN},
        [CASE_FAILED] = {"FAIL", "", INK_RED},
        [CASE_CRASHED] = {"CRASH", "the process ", INK_RED},
        [CASE_LATE] = {"LATE", "it did not end in its time", INK_RED},
        [CASE_CLOSED] = {"FAIL", "the plugin did not open", INK_RED},
    };
    bool is_crash = result->end == CASE_CRASHED;
    terminal_print(stdout, rows[result->end].ink, "%-6s", rows[result->end].word);
    printf("%-*s %7.1f ms\n", NAME_WIDTH, words, (double)result->took_us / 1000);
    if (*rows[result->end].text)
        printf("        %s%s\n", rows[result->end].text, is_crash ? result->how : "");
    if (result->end != CASE_PASSED || testing->is_verbose)
        print_said(result->said);
}

/* The lines of a row's settings are as --set has them, but for the blanks round the equals sign. */
static struct config *read_config(const struct testing *testing, const struct gale_test_case *test)
{
    size_t count = 0;
    const char **all = command_line_values(testing->line, "--set");
    while (all[count])
        count++;
    struct gale_str rest = str_of(test->settings ? test->settings : "");
    size_t given = count;
    while (rest.len) {
        struct gale_str value = str_cut(&rest, '\n'), name = str_trim(str_cut(&value, '='));
        value = str_trim(value);
        all = memory_realloc(all, (count + 2) * sizeof(*all));
        if (name.len)
            all[count++] = memory_printf("%.*s%s%.*s", (int)name.len, name.at, value.at ? "=" : "",
                                         (int)value.len, value.at ? value.at : "");
        all[count] = NULL;
    }
    struct config *config =
        plugin_operand_read_with(testing->line, testing->plugin, test->mount, all);
    for (size_t i = given; i < count; i++)
        free((char *)all[i]);
    free(all);
    return config;
}

static int run_case(struct testing *testing, const struct gale_test_case *test, const char *words)
{
    struct case_result result;
    struct config *config = read_config(testing, test);
    if (!config)
        return COMMAND_WRONG;
    int r = case_process_run(test, config, testing->timeout_ms, &result);
    config_close(config);
    if (r < 0) {
        fprintf(stderr, "gale test: no process can be had: %s\n", strerror(-r));
        return COMMAND_FAILED;
    }
    testing->run++;
    testing->passed += result.end == CASE_PASSED;
    testing->took_us += result.took_us;
    print_result(testing, words, &result);
    free(result.said);
    fflush(stdout);
    return COMMAND_OK;
}

static int run_cases(struct testing *testing)
{
    struct gale_test_case test;
    int r = COMMAND_OK;
    for (size_t i = 0; r == COMMAND_OK && tests_case(testing->tests, i, &test); i++) {
        scoped_free char *words = words_of(test.name);
        if (is_wanted(testing, test.name, words))
            r = run_case(testing, &test, words);
    }
    return r;
}

static int summarize(const struct testing *testing)
{
    bool is_good = testing->passed == testing->run;
    if (!testing->run) {
        fputs(*testing->filters ? "gale test: --filter names none of the tests\n"
                                : "gale test: there are no tests in that file\n",
              stderr);
        return COMMAND_WRONG;
    }
    terminal_print(stdout, is_good ? INK_GREEN : INK_RED, "%zu of %zu passed", testing->passed,
                   testing->run);
    printf(" (%.0f ms)\n", (double)testing->took_us / 1000);
    return is_good ? COMMAND_OK : COMMAND_FAILED;
}

static int run_all(const struct command_line *line)
{
    const char *timeout = command_line_value(line, "--timeout");
    uint64_t seconds = TIMEOUT_MS / 1000;
    struct testing testing = {
        .line = line,
        .plugin = command_line_operand(line, 0),
        .is_verbose = command_line_has(line, "--verbose"),
    };
    if (timeout && (str_to_u64(str_of(timeout), &seconds) < 0 || !seconds || seconds > 86400)) {
        fprintf(stderr, "gale test: --timeout %s: that is no number of seconds\n", timeout);
        return COMMAND_WRONG;
    }
    testing.timeout_ms = (int64_t)seconds * 1000;
    if (!has_plugin(&testing) || !find_tests(&testing))
        return COMMAND_WRONG;
    testing.filters = command_line_values(line, "--filter");
    int r = run_cases(&testing);
    if (r == COMMAND_OK)
        r = summarize(&testing);
    free(testing.filters);
    return r;
}

static int run(const struct command_line *line)
{
    if (command_line_operand(line, 0))
        return run_all(line);
    fputs("gale test: name the plugin: gale test FILE.so [TESTS.so]\n", stderr);
    return COMMAND_WRONG;
}

static const struct command_option options[] = {
    {"--filter", "TEXT", "run the tests with TEXT in their names only; repeatable"},
    {"--set", "NAME=VALUE", "a setting of the plugin in every test; repeatable"},
    {"--timeout", "SECONDS", "how long one test may take; 10"},
    {"--verbose", NULL, "show what tests that pass have logged, too"},
    {0},
};

const struct command command_test = {
    .name = "test",
    .usage = "FILE.so [TESTS.so] [--filter TEXT] [--set N=V] [--timeout S] [--verbose]",
    .summary = "run the tests of a plugin",
    .text = "Runs tests that were written with gale/testing.h: they make up requests, hand\n"
            "them to the plugin without a socket, and look at its answers. TESTS.so holds\n"
            "them; without it, it is FILE_test.so beside FILE.so.\n"
            "\n"
            "Each test runs in a process of its own, with the plugin opened anew, so that one\n"
            "that crashes or hangs is reported and the others run on.\n",
    .examples = "  gale test hello.so\n"
                "  gale test build/hello.so build/hello_test.so --filter name\n",
    .options = options,
    .operands = 2,
    .run = run,
};
