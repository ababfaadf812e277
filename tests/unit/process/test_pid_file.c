/* test_pid_file.c - stale files are replaced, those of a living gale are not. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/pid_file.h"
#include "unit.h"

static char path[64];

static void put(const char *text)
{
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
}

static long number_in_file(void)
{
    long number = -1;
    FILE *file = fopen(path, "r");
    if (file && fscanf(file, "%ld", &number) != 1)
        number = -2;
    if (file)
        fclose(file);
    return number;
}

START_TEST(replaces_what_is_stale)
{
    static const char *const stale[] = {"", "nonsense\n", "999999999\n", "1\n", "-1\n", "0\n"};
    pid_t owner = 0;
    snprintf(path, sizeof(path), "%s/gale.pid", unit_folder);
    ck_assert_int_eq(pid_file_write(path, &owner), 0);
    ck_assert_int_eq(number_in_file(), getpid());
    ck_assert_int_eq(pid_file_write(path, &owner), 0); /* its own */
    for (size_t i = 0; i < sizeof(stale) / sizeof(*stale); i++) {
        put(stale[i]);
        ck_assert_int_eq(pid_file_write(path, &owner), 0);
        ck_assert_int_eq(number_in_file(), getpid());
    }
    pid_file_remove(path);
    ck_assert_int_eq(number_in_file(), -1);
    pid_file_remove(path);
}
END_TEST

START_TEST(respects_another_that_runs)
{
    char text[32];
    pid_t owner = 0, other = fork();
    if (other == 0) {
        pause();
        _exit(0);
    }
    snprintf(path, sizeof(path), "%s/gale.pid", unit_folder);
    snprintf(text, sizeof(text), "%d\n", other);
    put(text);
    ck_assert_int_eq(pid_file_write(path, &owner), -EEXIST);
    ck_assert_int_eq(owner, other);
    pid_file_remove(path); /* is not ours */
    ck_assert_int_eq(number_in_file(), other);
    kill(other, SIGKILL);
    waitpid(other, NULL, 0);
    ck_assert_int_eq(pid_file_write(path, &owner), 0);
    pid_file_remove(path);
}
END_TEST

START_TEST(leaves_nothing_behind_where_it_cannot_write)
{
    pid_t owner = 0;
    ck_assert_int_eq(pid_file_write("/nowhere/gale.pid", &owner), -ENOENT);
    snprintf(path, sizeof(path), "%s/gale.pid", unit_folder);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    ck_assert_int_lt(pid_file_write(path, &owner), 0);
    char fresh[100];
    snprintf(fresh, sizeof(fresh), "%s.%d", path, getpid());
    ck_assert_int_eq(access(fresh, F_OK), -1);
    rmdir(path);
}
END_TEST

UNIT_MAIN(replaces_what_is_stale, respects_another_that_runs,
          leaves_nothing_behind_where_it_cannot_write)
