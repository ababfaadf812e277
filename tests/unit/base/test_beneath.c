/* What is below a folder is opened, what leads out of it is not. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/macros.h"

static void put(const char *path)
{
    int fd = open(path, O_CREAT | O_WRONLY, 0644);
    ck_assert_int_ge(fd, 0);
    close(fd);
}

START_TEST(stays_below)
{
    static const struct {
        const char *path;
        int result; /* 0: opened */
    } rows[] = {
        {"file", 0},
        {"/file", 0},
        {"///file", 0},
        {"sub/file", 0},
        {"sub/../file", 0},
        {"", 0},
        {"/", 0},
        {"inner", 0},
        {"nothing", -ENOENT},
        {"file/x", -ENOENT},
        {"sub/nothing/x", -ENOENT},
        {"..", -EACCES},
        {"../outside", -EACCES},
        {"sub/../../outside", -EACCES},
        {"outer", -EACCES},
        {"absolute", -EACCES},
        {"loop", -EACCES},
        {"/proc/self/root/etc/passwd", -ENOENT},
        {"updir/outside", -EACCES},
    };
    char top[] = "/tmp/gale-test-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(top));
    ck_assert_int_eq(chdir(top), 0);
    ck_assert_int_eq(mkdir("root", 0755) | mkdir("root/sub", 0755), 0);
    put("outside");
    put("root/file");
    put("root/sub/file");
    ck_assert_int_eq(symlink("sub/file", "root/inner") | symlink("../outside", "root/outer") |
                         symlink("/etc/passwd", "root/absolute") | symlink("loop", "root/loop") |
                         symlink("..", "root/updir"),
                     0);
    int root = beneath_open_folder("root");
    ck_assert_int_ge(root, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int fd = beneath_open(root, rows[i].path, O_RDONLY);
        ck_assert_msg(rows[i].result ? fd == rows[i].result : fd >= 0, "%s: %d", rows[i].path, fd);
        if (fd >= 0) {
            ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
            close(fd);
        }
    }
    char path[6000];
    memset(path, 'a', sizeof(path));
    path[sizeof(path) - 1] = 0;
    ck_assert_int_eq(beneath_open(root, path, O_RDONLY), -ENOENT);
    close(root);
    ck_assert_int_eq(chdir("/"), 0);
    char command[64];
    snprintf(command, sizeof(command), "rm -r %s", top);
    ck_assert_int_eq(system(command), 0);
}
END_TEST

START_TEST(needs_a_folder)
{
    ck_assert_int_eq(beneath_open_folder("/nowhere"), -ENOENT);
    ck_assert_int_eq(beneath_open_folder("/etc/passwd"), -ENOTDIR);
}
END_TEST

START_TEST(finds_a_folder_that_was_deleted)
{
    char top[] = "/tmp/gale-test-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(top));
    int folder = beneath_open_folder(top);
    ck_assert(!beneath_find_again(&folder, top));
    ck_assert_int_eq(rmdir(top), 0);
    ck_assert(!beneath_find_again(&folder, top));
    ck_assert_int_eq(mkdir(top, 0755), 0);
    ck_assert_int_lt(beneath_open(folder, "file", O_CREAT | O_WRONLY), 0);
    ck_assert(beneath_find_again(&folder, top));
    ck_assert(!beneath_find_again(&folder, top));
    int file = beneath_open(folder, "file", O_CREAT | O_WRONLY);
    ck_assert_int_ge(file, 0);
    close(file);
    close(folder);
    ck_assert_int_eq(chdir(top) | unlink("file") | rmdir(top), 0);
}
END_TEST

UNIT_MAIN(finds_a_folder_that_was_deleted, stays_below, needs_a_folder)
