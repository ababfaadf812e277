/* Loading tests: what is taken and what is said of the rest. */
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include "adapters/plugin/tests_load.h"
#include "base/buffer.h"
#include "base/macros.h"
#include "fixtures.h"

START_TEST(others_are_told_apart)
{
    static const char *const rows[][2] = {
        {"smallest.so", "is a plugin, not its tests; name both: gale test PLUGIN.so TESTS.so"},
        {"not_a_plugin.so", "has no gale_tests_v1; define the tests with GALE_TESTS"},
        {"tests_none.so", "describes no tests; define them with GALE_TESTS"},
        {"tests_abi.so", "was built for version 2 of gale/testing.h and this gale has version 1"},
        {"tests_flags.so", "sets flags (0x4) that this gale does not know"},
        {"undefined.so", "needs the symbol ioloop_current"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buffer why = {0};
        ck_assert_ptr_null(tests_load(fixture(rows[i][0]), &why));
        ck_assert_msg(strstr(why.at, rows[i][1]), "%s", why.at);
        buffer_finish(&why);
    }
}
END_TEST

static void nothing(struct gale_test *t)
{
    (void)t;
}

/* Rows of another gale are shorter or longer. */
START_TEST(rows_may_have_another_size)
{
    struct longer {
        struct gale_test_case row;
        const char *more;
    };
    static const struct longer longer[] = {
        {{"a", nothing, "x = 1", "/m"}, "?"}, {{"b", nothing, 0, 0}, "?"}, {{0}, 0}};
    static const struct {
        const char *name;
        void (*run)(struct gale_test *t);
    } shorter[] = {{"a", nothing}, {"b", nothing}, {0, 0}};
    const struct gale_tests of_longer = {.case_size = sizeof(longer[0]), .cases = &longer[0].row};
    const struct gale_tests of_shorter = {.case_size = sizeof(shorter[0]),
                                          .cases = (const struct gale_test_case *)shorter};
    struct gale_test_case found;
    ck_assert(tests_case(&of_longer, 0, &found));
    ck_assert_str_eq(found.mount, "/m");
    ck_assert(tests_case(&of_longer, 1, &found) && !tests_case(&of_longer, 2, &found));
    ck_assert(tests_case(&of_shorter, 1, &found));
    ck_assert_str_eq(found.name, "b");
    ck_assert_ptr_null(found.settings);
    ck_assert(!tests_case(&of_shorter, 2, &found));
}
END_TEST

UNIT_MAIN(others_are_told_apart, rows_may_have_another_size)
