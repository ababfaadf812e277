/* unit.c - runs a program's tests under Check, and counts descriptors round each. */
#include "unit.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char unit_folder[32];

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

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *at)
{
    (void)info;
    (void)type;
    (void)at;
    return remove(path);
}

static void setup(void)
{
    strcpy(unit_folder, "/tmp/gale-unit-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(unit_folder));
    open_before = open_descriptors();
}

static void teardown(void)
{
    nftw(unit_folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
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
