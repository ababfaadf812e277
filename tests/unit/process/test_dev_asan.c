/* What ASan says, as a sentence and a stack; where it goes, and what a worker needs for it
 * (dev_asan.c). */
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/setting.h"
#include "base/str.h"
#include "process/dev_asan.h"
#include "process/dev_command.h"

static const char report[] =
    "=====\n"
    "==71==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x61 at pc 0x7f bp 0x7f\n"
    "READ of size 4 at 0x61 thread T0 (gale-hello-0)\n"
    "    #0 0x7f95 in sum /srv/he llo.c:9\n"
    "    #1 0x7f96 in ns::serve(int, char) /srv/hello.cc:17:5\n"
    "    #2 0x555f in coroutine_start (/usr/bin/gale+0x71c88)\n"
    "\n"
    "0x61 is located 0 bytes to the right of 12-byte region\n"
    "allocated by thread T0 here:\n"
    "    #0 0x7f95 in calloc asan_malloc_linux.cpp:77\n"
    "SUMMARY: AddressSanitizer: heap-buffer-overflow /srv/hello.c:9 in sum\n";

static void reads_as(const char *text, const char *what, const char *stack)
{
    struct buffer is = {0}, at = {0};
    dev_asan_read(str_of(text), &is, &at);
    ck_assert_str_eq(is.at, what);
    ck_assert_str_eq(at.at, stack);
    buffer_finish(&is);
    buffer_finish(&at);
}

START_TEST(reads)
{
    reads_as(report, "AddressSanitizer: heap-buffer-overflow on address 0x61: READ of size 4",
             "sum\t/srv/he llo.c\t9\t0\n"
             "ns::serve(int, char)\t/srv/hello.cc\t17\t1\n"
             "coroutine_start\t\t\t2\n");
    reads_as("", "", "");
    reads_as("==1==ERROR: AddressSanitizer: bad\n    #0 0x1 in f /a.c:2:3\n"
             "    #1 0x2 in plugin_serve /src/adapters/plugin/plugin.c:246:19\n"
             "    #2 0x3 in serve_one /src/container/app/router.c:1:1\n",
             "AddressSanitizer: bad", "f\t/a.c\t2\t0\n");
    reads_as("==1==ERROR: AddressSanitizer: SEGV on unknown address 0x0 (pc 0x1)\n    #0 0x1 in f "
             "/a.c:2\n",
             "AddressSanitizer: SEGV on unknown address 0x0 (pc 0x1)", "f\t/a.c\t2\t0\n");
}
END_TEST

static char folder[64];

static struct dev_recipe begin(bool has_asan)
{
    snprintf(folder, sizeof(folder), "/tmp/gale-asan-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    return (struct dev_recipe){
        .folder = folder, .scratch = folder, .output = "/nowhere/x.so", .has_asan = has_asan};
}

static void write_report(int pid)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/asan-report.%d", folder, pid);
    FILE *file = fopen(path, "w");
    fputs("text\n", file);
    fclose(file);
}

START_TEST(takes_reports)
{
    struct dev_recipe recipe = begin(true), plain = recipe;
    plain.has_asan = false;
    write_report(7);
    write_report(8);
    ck_assert_ptr_null(dev_asan_take_report(&plain, 7));
    char *text = dev_asan_take_report(&recipe, 7);
    ck_assert_str_eq(text, "text\n");
    free(text);
    ck_assert_ptr_null(dev_asan_take_report(&recipe, 7));
    dev_asan_sweep(&plain);
    dev_asan_sweep(&recipe);
    ck_assert_ptr_null(dev_asan_take_report(&recipe, 8));
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(marks_what_make_will_find)
{
    struct dev_recipe recipe = begin(true), plain = recipe;
    char mark[128];
    snprintf(mark, sizeof(mark), "%s/mark", folder);
    dev_asan_mark(&recipe); /* nobody's */
    recipe.asan_mark = plain.asan_mark = mark;
    plain.has_asan = false;
    dev_asan_mark(&plain);
    dev_command_look(&plain);
    ck_assert(!plain.is_forced);
    dev_asan_mark(&recipe);
    dev_command_look(&recipe);
    dev_command_look(&plain);
    ck_assert(recipe.is_forced && plain.is_forced);
    ck_assert_int_eq(unlink(mark), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(leaves_other_plugins_alone)
{
    struct dev_recipe recipe = begin(true);
    struct arena arena;
    static const struct setting_pairs env = {0};
    arena_init(&arena, NULL, 0);
    ck_assert_ptr_eq(dev_asan_environment(&recipe, &env, &arena), &env);
    ck_assert_ptr_null(dev_asan_environment(&recipe, NULL, &arena));
    arena_finish(&arena);
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

UNIT_MAIN(reads, takes_reports, marks_what_make_will_find, leaves_other_plugins_alone)
