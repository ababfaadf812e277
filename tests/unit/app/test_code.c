/* test_code.c - people read the originals' names. */
#include "app/code.h"
#include "base/buffer.h"
#include "base/macros.h"
#include "unit.h"

static const struct code codes[] = {
    {.app = "a", .original = "/srv/a.so", .path = "/run/c/12/srv/a.so", .root = "/run/c/12"},
    {.app = "b", .original = "/srv/b.so", .path = "/proc/7/fd/3", .root = ""},
};

START_TEST(finds_by_app)
{
    ck_assert_ptr_null(code_find("a"));
    code_set(codes, ARRAY_LEN(codes));
    ck_assert_ptr_eq(code_find("b"), &codes[1]);
    ck_assert_ptr_null(code_find("c"));
}
END_TEST

START_TEST(names_originals)
{
    static const struct {
        int code;
        const char *text, *expected;
    } rows[] = {
        {0, "/run/c/12/srv/a.so: undefined symbol: x", "/srv/a.so: undefined symbol: x"},
        {0, "in /run/c/12/srv/lib/b.so and /run/c/12/srv/a.so", "in /srv/lib/b.so and /srv/a.so"},
        {0, "/run/c", "/run/c"},
        {0, "", ""},
        {1, "/proc/7/fd/3: no", "/srv/b.so: no"},
        {1, "/run/c/12/x", "/run/c/12/x"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buffer out = {0};
        buffer_add_text(&out, "");
        code_add_text(&codes[rows[i].code], rows[i].text, &out);
        ck_assert_str_eq(out.at ? out.at : "", rows[i].expected);
        buffer_finish(&out);
    }
}
END_TEST

UNIT_MAIN(finds_by_app, names_originals)
