/* Files without a name: there for reading and writing, in no folder, refused where none is. */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/temporary.h"

static int entries(const char *folder)
{
    int n = 0;
    DIR *dir = opendir(folder);
    ck_assert_ptr_nonnull(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n - 2;
}

START_TEST(has_no_name)
{
    char folder[] = "/tmp/gale-test-XXXXXX", back[3];
    struct stat st;
    ck_assert_ptr_nonnull(mkdtemp(folder));
    setenv("TMPDIR", folder, 1);
    int fd = temporary_open();
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(entries(folder), 0);
    ck_assert_int_eq(write(fd, "abc", 3), 3);
    ck_assert_int_eq(pread(fd, back, 3, 0), 3);
    ck_assert_mem_eq(back, "abc", 3);
    ck_assert_int_eq(fstat(fd, &st), 0);
    ck_assert_uint_eq(st.st_nlink, 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    close(fd);
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(needs_a_folder)
{
    setenv("TMPDIR", "/nowhere/at/all", 1);
    ck_assert_int_eq(temporary_open(), -ENOENT);
    setenv("TMPDIR", "", 1);
    int fd = temporary_open();
    ck_assert_int_ge(fd, 0);
    close(fd);
}
END_TEST

UNIT_MAIN(has_no_name, needs_a_folder)
