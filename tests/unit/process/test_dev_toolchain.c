/* test_dev_toolchain.c - what compilers say of themselves, which here are scripts. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process/dev_toolchain.h"

static char folder[64], compiler[128], library[128];

static void write_script(const char *text)
{
    FILE *out = fopen(compiler, "w");
    fprintf(out, "#!/bin/sh\necho x >>%s/runs\n%s\n", folder, text);
    fclose(out);
    ck_assert_int_eq(chmod(compiler, 0700), 0);
}

static void begin(const char *script)
{
    snprintf(folder, sizeof(folder), "/tmp/gale-chain-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(compiler, sizeof(compiler), "%s/cc", folder);
    snprintf(library, sizeof(library), "%s/libours.so.3", folder);
    write_script(script);
}

static void end(void)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -r %s", folder);
    ck_assert_int_eq(system(command), 0);
}

START_TEST(knows_clang)
{
    begin("echo 'Nobody clang version 14.0.6'");
    ck_assert(dev_toolchain_is_clang(compiler));
    write_script("echo 'cc (Nobody 12.2.0) 12.2.0'"); /* is not asked again */
    ck_assert(dev_toolchain_is_clang(compiler));
    char words[160];
    snprintf(words, sizeof(words), "%s -m32", compiler);
    ck_assert(!dev_toolchain_is_clang(words));
    ck_assert(!dev_toolchain_is_clang("/nowhere/clang"));
    end();
}
END_TEST

START_TEST(finds_a_library)
{
    begin("case $1 in *=libours.so.3) echo \"${0%/*}/libours.so.3\";; *) echo ${1#*=};; esac");
    setenv("CC", compiler, 1);
    ck_assert_ptr_null(dev_toolchain_find_library("libours.so.4"));
    ck_assert_ptr_null(dev_toolchain_find_library("x; touch /tmp/owned"));
    FILE *out = fopen(library, "w");
    fclose(out);
    ck_assert_str_eq(dev_toolchain_find_library("libours.so.3"), library);
    end();
}
END_TEST

UNIT_MAIN(knows_clang, finds_a_library)
