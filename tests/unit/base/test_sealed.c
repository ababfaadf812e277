/* Texts in sealed memory: nobody changes them, and they come back whole. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sealed.h"
#include "base/str.h"

START_TEST(nobody_changes_it)
{
    int fd = sealed_make("gale-test", STR("[server]"));
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, "x", 1, 0), -1);
    ck_assert_int_eq(pwrite(fd, "x", 1, 8), -1);
    ck_assert_int_eq(ftruncate(fd, 0), -1);
    ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close(fd);
}
END_TEST

static void check(struct gale_str text)
{
    struct gale_str back;
    int fd = sealed_make("gale-test", text);
    ck_assert_int_ge(fd, 0);
    for (int i = 0; i < 2; i++) { /* reading moves nothing */
        ck_assert_int_eq(sealed_read(fd, &back), 0);
        ck_assert(str_equals(back, text));
        ck_assert_int_eq(back.at[back.len], 0);
        free((char *)back.at);
    }
    close(fd);
}

START_TEST(comes_back_whole)
{
    static char large[3 * 1024 * 1024];
    memset(large, 'x', sizeof(large));
    check(STR(""));
    check(STR("a\0b"));
    check((struct gale_str){large, sizeof(large)});
}
END_TEST

START_TEST(refuses_what_cannot_be_read)
{
    struct gale_str text;
    char path[] = "/tmp/gale-test-XXXXXX";
    ck_assert_int_eq(sealed_read(-1, &text), -EBADF);
    int both = mkstemp(path);
    ck_assert_int_eq(write(both, "abc", 3), 3);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ck_assert_int_eq(sealed_read(fd, &text), -EBADF);
    close(fd);
    close(both);
    unlink(path);
}
END_TEST

UNIT_MAIN(nobody_changes_it, comes_back_whole, refuses_what_cannot_be_read)
