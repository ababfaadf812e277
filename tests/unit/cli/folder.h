/* A folder of the test's own, which it works in. */
#pragma once
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static inline void enter_folder(char path[64])
{
    snprintf(path, 64, "/tmp/gale-cli-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(path));
    ck_assert_int_eq(chdir(path), 0);
}

static inline void leave_folder(const char *path)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -r %s", path);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(system(command), 0);
}

static inline void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}
