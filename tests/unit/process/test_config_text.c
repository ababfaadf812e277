/* test_config_text.c - sealed for good, told line by line. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/setting.h"
#include "base/str.h"
#include "process/config_text.h"
#include "unit.h"

START_TEST(nobody_changes_it)
{
    char text[8] = "";
    int fd = config_text_seal(STR("[server]"));
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pread(fd, text, sizeof(text), 0), 8);
    ck_assert_int_eq(memcmp(text, "[server]", 8), 0);
    ck_assert_int_eq(pwrite(fd, "x", 1, 0), -1);
    ck_assert_int_eq(ftruncate(fd, 0), -1);
    ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close(fd);
}
END_TEST

START_TEST(errors_are_lines)
{
    struct arena arena;
    arena_init(&arena, NULL, 0);
    struct setting_errors errors = {.arena = &arena};
    setting_errors_add(&errors, "a.ini", 3, "wrong");
    setting_errors_add(&errors, "a.ini", 5, "wrong again");
    char *text = config_text_errors(&errors);
    ck_assert_str_eq(text, "a.ini:3: wrong\na.ini:5: wrong again");
    free(text);
    arena_finish(&arena);
}
END_TEST

UNIT_MAIN(nobody_changes_it, errors_are_lines)
