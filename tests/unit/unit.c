/* unit.c - runs a program's tests under Check, and counts descriptors round each. */
#include "unit.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

static int open_before;

static int open_descriptors(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");
    ck_assert_ptr_nonnull(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static void setup(void)
{
    open_before = open_descriptors();
}

static void teardown(void)
{
    ck_assert_msg(open_descriptors() <= open_before, "the test left a descriptor open");
}

int unit_run(const char *file, const TTest *const *tests)
{
    const char *slash = strrchr(file, '/');
    Suite *suite = suite_create(slash ? slash + 1 : file);
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    for (size_t i = 0; tests[i]; i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
