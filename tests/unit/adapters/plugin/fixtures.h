/* fixtures.h - the plugins of tests/fixtures/plugins, as built beside this test. */
#pragma once
#include <check.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* BUILD/fixtures, from BUILD/unit/.../test_x. */
static inline const char *fixtures_folder(void)
{
    static char folder[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", folder, sizeof(folder) - 1);
    ck_assert_int_gt(len, 0);
    folder[len] = 0;
    char *unit = strstr(folder, "/unit/");
    ck_assert_ptr_nonnull(unit);
    strcpy(unit, "/fixtures");
    return folder;
}

static inline const char *fixture(const char *name)
{
    static char path[PATH_MAX + 64];
    snprintf(path, sizeof(path), "%s/%s", fixtures_folder(), name);
    return path;
}
