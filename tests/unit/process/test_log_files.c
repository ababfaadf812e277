/* test_log_files.c - opening, what stands for standard streams, and reopening after a rotation. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process/log_files.h"
#include "unit.h"

static char error_path[96], access_path[96];

static void make_paths(void)
{
    snprintf(error_path, sizeof(error_path), "%s/error.log", unit_folder);
    snprintf(access_path, sizeof(access_path), "%s/access.log", unit_folder);
}

static void remove_paths(void)
{
    unlink(error_path);
    unlink(access_path);
}

static off_t size_of(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 ? info.st_size : -1;
}

START_TEST(standard_streams_are_borrowed)
{
    struct log_files files;
    char *error = NULL;
    ck_assert_int_eq(log_files_open(&files, "-", "-", &error), 0);
    ck_assert_int_eq(files.error_fd, STDERR_FILENO);
    ck_assert_int_eq(files.access_fd, STDOUT_FILENO);
    ck_assert_int_eq(log_files_reopen(&files, &error), 0);
    log_files_close(&files);
    ck_assert_int_ge(fcntl(STDOUT_FILENO, F_GETFD), 0);
    ck_assert_int_eq(log_files_open(&files, "-", "off", &error), 0);
    ck_assert_int_eq(files.access_fd, -1);
    ck_assert_int_eq(log_files_reopen(&files, &error), 0);
    log_files_close(&files);
}
END_TEST

START_TEST(appends_and_reopens)
{
    struct log_files files;
    char *error = NULL, moved[128];
    struct stat info;
    make_paths();
    ck_assert_int_eq(log_files_open(&files, error_path, access_path, &error), 0);
    ck_assert_int_eq(write(files.error_fd, "abc", 3), 3);
    log_files_close(&files);
    ck_assert_int_eq(log_files_open(&files, error_path, access_path, &error), 0);
    ck_assert_int_eq(write(files.error_fd, "def", 3), 3);
    ck_assert_int_eq(size_of(error_path), 6);
    ck_assert_int_eq(stat(error_path, &info), 0);
    ck_assert_int_eq(info.st_mode & 0137, 0); /* at most 0640 */
    ck_assert_int_eq(fcntl(files.access_fd, F_GETFD), FD_CLOEXEC);

    snprintf(moved, sizeof(moved), "%s.1", error_path);
    ck_assert_int_eq(rename(error_path, moved), 0);
    ck_assert_int_eq(write(files.error_fd, "g", 1), 1);
    ck_assert_int_eq(size_of(moved), 7);
    ck_assert_int_eq(log_files_reopen(&files, &error), 0);
    ck_assert_int_eq(write(files.error_fd, "h", 1), 1);
    ck_assert_int_eq(size_of(error_path), 1);
    log_files_close(&files);
    unlink(moved);
    remove_paths();
}
END_TEST

START_TEST(keeps_the_old_file_where_a_new_one_cannot_be)
{
    struct log_files files;
    char *error = NULL;
    make_paths();
    ck_assert_int_eq(log_files_open(&files, error_path, "off", &error), 0);
    ck_assert_int_eq(unlink(error_path), 0);
    ck_assert_int_eq(mkdir(error_path, 0700), 0);
    int before = files.error_fd;
    ck_assert_int_eq(log_files_reopen(&files, &error), -EISDIR);
    ck_assert_ptr_nonnull(strstr(error, error_path));
    free(error);
    ck_assert_int_eq(files.error_fd, before);
    ck_assert_int_eq(write(files.error_fd, "x", 1), 1);
    log_files_close(&files);
    /* the second one failing closes the first */
    error = NULL;
    ck_assert_int_eq(log_files_open(&files, access_path, "/nowhere/access.log", &error), -ENOENT);
    ck_assert_ptr_nonnull(strstr(error, "/nowhere/access.log"));
    free(error);
    rmdir(error_path);
    remove_paths();
}
END_TEST

UNIT_MAIN(standard_streams_are_borrowed, appends_and_reopens,
          keeps_the_old_file_where_a_new_one_cannot_be)
