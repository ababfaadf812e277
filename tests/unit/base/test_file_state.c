/* test_file_state.c - what makes two looks differ. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_state.h"
#include "unit.h"

static char folder[] = "/tmp/gale-state-XXXXXX";
static char path[64], other[64];

static void write_file(const char *to, const char *text)
{
    int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void set_up(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/a", folder);
    snprintf(other, sizeof(other), "%s/b", folder);
    write_file(path, "one");
}

static void tear_down(void)
{
    unlink(path);
    unlink(other);
    rmdir(folder);
}

static bool is_as(const struct file_state *before)
{
    struct file_state now = file_state_look(path);
    return file_state_equals(before, &now);
}

static void age(void)
{
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

START_TEST(stays_equal)
{
    set_up();
    struct file_state before = file_state_look(path);
    ck_assert(before.is_there);
    ck_assert(is_as(&before));
    tear_down();
}
END_TEST

START_TEST(differs)
{
    set_up();
    age();
    struct file_state before = file_state_look(path);
    write_file(path, "two");
    ck_assert(!is_as(&before));

    before = file_state_look(path);
    write_file(other, "two");
    ck_assert_int_eq(rename(other, path), 0);
    ck_assert(!is_as(&before));

    before = file_state_look(path);
    unlink(path);
    ck_assert(!is_as(&before));
    before = file_state_look(path);
    ck_assert(!before.is_there);
    ck_assert(is_as(&before));
    tear_down();
}
END_TEST

UNIT_MAIN(stays_equal, differs)
