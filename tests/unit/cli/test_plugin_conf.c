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

START_TEST(settings_become_lines)
{
    static const char *const settings[] = {"greeting=hi ; there", "empty=", "a=b=c", NULL};
    const char *wrong = NULL;
    scoped_free char *text = plugin_conf_write_with("/x/a.so", "h.example/s", settings, &wrong);
    ck_assert_str_eq(text, "[server]\n\n[app a]\nmount = h.example/s\nplugin = \"/x/a.so\"\n"
                           "set greeting = \"hi ; there\"\nset empty = \"\"\n"
                           "set a = \"b=c\"\n");
    ck_assert_ptr_null(wrong);
}
END_TEST

START_TEST(other_texts_are_no_settings)
{
    static const char *const cases[] = {"", "=x", "name", "na me=x", "a=b\nc=d", "[x]=y"};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *const settings[] = {"fine=1", cases[i], NULL}, *wrong = NULL;
        ck_assert_ptr_null(plugin_conf_write_with("/x/a.so", NULL, settings, &wrong));
        ck_assert_ptr_eq(wrong, cases[i]);
    }
}
END_TEST

UNIT_MAIN(the_name_is_made_of_the_file, settings_become_lines, other_texts_are_no_settings)
