/* The configuration of a plugin without one. */
#include "unit.h"

#include <string.h>

#include "base/macros.h"
#include "base/memory.h"
#include "cli/plugin_conf.h"

START_TEST(the_name_is_made_of_the_file)
{
    static const char *const cases[][2] = {
        {"/x/hello.so", "hello"},
        {"/x/My Shop 2.so", "my-shop-2"},
        {"/x/lib_a-b.so", "lib_a-b"},
        {"/x/so", "so"},
        {"/x/libx.so.1", "libx-so-1"},
        {"/x/\xc3\xa4.so", "--"},
        {"/x/0123456789012345678901234567890123456789xyz.so",
         "0123456789012345678901234567890123456789"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        scoped_free char *text = plugin_conf_write(cases[i][0]);
        scoped_free char *expected = memory_printf(
            "[server]\n\n[app %s]\nmount = /\nplugin = \"%s\"\n", cases[i][1], cases[i][0]);
        ck_assert_str_eq(text, expected);
    }
}
END_TEST

UNIT_MAIN(the_name_is_made_of_the_file)
