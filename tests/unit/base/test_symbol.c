/* Names of addresses: exported, static, of a file that changed, of nothing. */
#include "unit.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/symbol.h"

static char text[SYMBOL_TEXT];

static __attribute__((noinline)) int quiet_function(int x)
{
    return x * 3 + 1;
}

START_TEST(names_functions_that_nobody_exports)
{
    const char *at = (const char *)(uintptr_t)quiet_function;
    ck_assert_str_eq(symbol_describe(at, text), "quiet_function+0x0 (test_symbol)");
    ck_assert_str_eq(symbol_describe(at + 2, text), "quiet_function+0x2 (test_symbol)");
    ck_assert_int_eq(quiet_function(1), 4);
}
END_TEST

START_TEST(names_functions_of_libraries)
{
    const char *at = dlsym(RTLD_DEFAULT, "qsort");
    symbol_describe(at + 1, text);
    ck_assert_msg(strncmp(text, "qsort+0x1 (", 11) == 0 || strstr(text, "interceptor"), "%s", text);
}
END_TEST

START_TEST(what_has_no_name_is_a_number)
{
    static int data;
    const void *nowhere = (const void *)16;
    ck_assert_str_eq(symbol_describe(nowhere, text), "0x10");
    symbol_describe(&data, text);
    ck_assert_msg(strncmp(text, "0x", 2) == 0 && strstr(text, " (test_symbol)"), "%s", text);
}
END_TEST

/* ---- a file that was loaded ---- */

static char folder[] = "/tmp/gale-unit-XXXXXX", path[64];

static void build(const char *source)
{
    char command[300];
    snprintf(command, sizeof(command), "cd %s && printf '%s' >x.c && cc -shared -fPIC -o x.so x.c",
             folder, source);
    ck_assert_int_eq(system(command), 0);
}

static void *load(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/x.so", folder);
    build("static int deep(void) { return 1; } void *get(void) { return (void *)deep; }");
    void *handle = dlopen(path, RTLD_NOW);
    ck_assert_ptr_nonnull(handle);
    return handle;
}

static void clean(void *handle)
{
    char command[100];
    dlclose(handle);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

static const char *describe_deep(void *handle)
{
    void *(*get)(void);
    *(void **)&get = dlsym(handle, "get");
    return symbol_describe(get(), text);
}

START_TEST(names_what_a_library_hides)
{
    void *handle = load();
    ck_assert_str_eq(describe_deep(handle), "deep+0x0 (x.so)");
    clean(handle);
}
END_TEST

START_TEST(trusts_no_file_that_was_built_anew)
{
    void *handle = load();
    unlink(path);
    build("static int other(void) { return 1; } void *get(void) { return (void *)other; }");
    describe_deep(handle);
    ck_assert_msg(strncmp(text, "0x", 2) == 0 && strstr(text, " (x.so)"), "%s", text);
    unlink(path);
    describe_deep(handle);
    ck_assert_msg(strncmp(text, "0x", 2) == 0, "%s", text);
    clean(handle);
}
END_TEST

/* ---- stacks ---- */

static size_t depth;
static void *stack[16];

static __attribute__((noinline)) int outer_function(void)
{
    depth = (size_t)backtrace(stack, 16);
    return quiet_function((int)depth);
}

START_TEST(describes_stacks)
{
    char all[2000], some[100];
    ck_assert_int_gt(outer_function(), 4);
    symbol_describe_stack(stack, depth, all, sizeof(all));
    ck_assert_msg(strstr(all, "outer_function+0x") && strstr(all, " (test_symbol), "), "%s", all);
    symbol_describe_stack(stack, depth, some, sizeof(some));
    ck_assert_uint_lt(strlen(some), sizeof(some));
    ck_assert_msg(strncmp(all, some, strlen(some)) == 0, "%s", some);
    ck_assert_str_eq(symbol_describe_stack(stack, 0, some, sizeof(some)), "");
}
END_TEST

UNIT_MAIN(names_functions_that_nobody_exports, names_functions_of_libraries,
          what_has_no_name_is_a_number, names_what_a_library_hides,
          trusts_no_file_that_was_built_anew, describes_stacks)
