/* Lists and parameters: quotes hold pieces together, and nothing has two readings. */
#include "unit.h"

#include <errno.h>
#include <time.h>
#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"
#include "http/field.h"

START_TEST(cuts_outside_of_quotes)
{
    static const struct {
        struct gale_str text;
        const char *pieces[5];
    } rows[] = {
        {STR(""), {""}},
        {STR("a"), {"a"}},
        {STR(" a ,\tb\t"), {"a", "b"}},
        {STR(",a,,"), {"", "a", "", ""}},
        {STR("\"a,b\",c"), {"\"a,b\"", "c"}},
        {STR("x\"a,b\"y,c"), {"x\"a,b\"y", "c"}},
        {STR("\"\\\",\",c"), {"\"\\\",\"", "c"}},
        {STR("\"\\\\\",c"), {"\"\\\\\"", "c"}},
        {STR("a,\"b,c"), {"a", "\"b,c"}}, /* never closed */
        {STR("a,\"b\\"), {"a", "\"b\\"}},
        {STR("a,\"b\\\""), {"a", "\"b\\\""}},
        {STR("a\\,b"), {"a\\", "b"}}, /* no escapes outside of quotes */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gale_str rest = rows[i].text;
        for (size_t n = 0; rows[i].pieces[n]; n++) {
            ck_assert_ptr_nonnull(rest.at);
            ck_assert_msg(str_equals(field_cut(&rest, ','), str_of(rows[i].pieces[n])),
                          "row %zu piece %zu", i, n);
        }
        ck_assert_msg(!rest.at, "row %zu", i);
        ck_assert_uint_eq(field_cut(&rest, ',').len, 0);
    }
}
END_TEST

START_TEST(reads_parameters)
{
    static const struct {
        struct gale_str text;
        const char *name, *value; /* of the last parameter */
        int result;               /* after it */
    } rows[] = {
        {STR("x"), NULL, NULL, 0},
        {STR("x;"), NULL, NULL, 0},
        {STR("x ; ;;"), NULL, NULL, 0},
        {STR(""), NULL, NULL, 0},
        {STR("x;a=b"), "a", "b", 0},
        {STR("x ; a=b ; "), "a", "b", 0},
        {STR("x;c=d;a=b;"), "a", "b", 0},
        {STR("x;A=/=?:"), "A", "/=?:", 0},
        {STR("x;a=\xC3\xA9"), "a", "\xC3\xA9", 0},
        {STR("x;a=\"\""), "a", "", 0},
        {STR("x;a=\"b;c=d\""), "a", "b;c=d", 0},
        {STR("x;a=\"b\\\"c\""), "a", "b\"c", 0},
        {STR("x;a=\"\\\";\""), "a", "\";", 0},
        {STR("x;a=\"\\\\\""), "a", "\\", 0},
        {STR("x;a=\"\\\\\\\"\""), "a", "\\\"", 0},
        {STR("x;a=\"C:\\dir\\b\""), "a", "C:\\dir\\b", 0},
        {STR("x;a=b\\c"), "a", "b\\c", 0},
        {STR("x;a=b\\\\c"), "a", "b\\\\c", 0}, /* escapes only in quotes */
        {STR("x;a=\" b\t\""), "a", " b\t", 0},
        {STR("x;f*=UTF-8''%41"), "f*", "UTF-8''%41", 0},
        {STR("x;a"), NULL, NULL, -EINVAL},
        {STR("x;a="), NULL, NULL, -EINVAL},
        {STR("x;=b"), NULL, NULL, -EINVAL},
        {STR("x;a =b"), NULL, NULL, -EINVAL},
        {STR("x;a= b"), NULL, NULL, -EINVAL},
        {STR("x;a=b c"), NULL, NULL, -EINVAL},
        {STR("x;a=b\"c\""), NULL, NULL, -EINVAL},
        {STR("x;a=\"b\"c"), NULL, NULL, -EINVAL},
        {STR("x;a=\"b"), NULL, NULL, -EINVAL},
        {STR("x;a=\""), NULL, NULL, -EINVAL},
        {STR("x;a=\"\\\""), NULL, NULL, -EINVAL},
        {STR("x;a=\"b\" c=d"), NULL, NULL, -EINVAL},
        {STR("x;a=b\0"), NULL, NULL, -EINVAL},
        {STR("x;a=\"b\0\""), NULL, NULL, -EINVAL},
        {STR("x;a=\"b\r\""), NULL, NULL, -EINVAL},
        {STR("x;a=\"b\b\""), NULL, NULL, -EINVAL},
        {STR("x;a=\"b\x7F\""), NULL, NULL, -EINVAL},
        {STR("x;c=d;a"), "c", "d", -EINVAL},
    };
    struct arena arena;
    arena_init(&arena, NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gale_str rest = rows[i].text;
        struct field_param param = {0};
        int r;
        field_cut(&rest, ';');
        while ((r = field_next_param(&rest, &param)) > 0)
            ;
        ck_assert_msg(r == rows[i].result, "row %zu: %d", i, r);
        ck_assert_msg(!param.name.at == !rows[i].name, "row %zu", i);
        if (!rows[i].name)
            continue;
        ck_assert(str_equals(param.name, str_of(rows[i].name)));
        ck_assert_str_eq(field_param_value(&param, &arena).at, rows[i].value);
    }
    arena_finish(&arena);
}
END_TEST

static double seconds_for(const char *piece, size_t times)
{
    size_t len = strlen(piece);
    char *text = malloc(len * times);
    for (size_t i = 0; i < times; i++)
        memcpy(text + i * len, piece, len);
    struct gale_str rest = {text, len * times};
    struct field_param param;
    clock_t start = clock();
    while (field_next_param(&rest, &param) > 0)
        ;
    double spent = (double)(clock() - start) / CLOCKS_PER_SEC;
    free(text);
    return spent;
}

START_TEST(takes_linear_time)
{
    static const char *const pieces[] = {";", "\"", "\\", "a=\";\\\"\";", "a=b;", "\";"};
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        double once = seconds_for(pieces[i], 100000);
        ck_assert_msg(seconds_for(pieces[i], 400000) < 12 * once + 0.2, "of %s", pieces[i]);
    }
}
END_TEST

UNIT_MAIN(cuts_outside_of_quotes, reads_parameters, takes_linear_time)
