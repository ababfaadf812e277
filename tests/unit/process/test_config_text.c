/* test_config_text.c - the options' own text goes before a file's. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/setting.h"
#include "base/str.h"
#include "process/config_text.h"
#include "process/master.h"

static void check(const struct master_options *options, const char *text, size_t errors_wanted)
{
    struct arena arena;
    arena_init(&arena, NULL, 0);
    struct setting_errors errors = {.arena = &arena};
    struct gale_str got = config_text_load(options, &errors);
    ck_assert_uint_eq(errors.len, errors_wanted);
    if (text)
        ck_assert_ptr_nonnull(strstr(got.at, text)); /* a file's begins with its name */
    free((char *)got.at);
    arena_finish(&arena);
}

START_TEST(comes_from_where_the_options_say)
{
    char path[] = "/tmp/gale-test-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_eq(write(fd, "[server]\n", 9), 9);
    close(fd);
    check(&(struct master_options){.path = path}, "[server]\n", 0);
    check(&(struct master_options){.path = path, .text = "[app a]"}, "[app a]", 0);
    unlink(path);
    check(&(struct master_options){.path = path}, NULL, 1);
}
END_TEST

UNIT_MAIN(comes_from_where_the_options_say)
