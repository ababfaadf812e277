/* Views of bytes: comparing, cutting, numbers without a second meaning. */
#include "unit.h"

#include <errno.h>
#include "base/macros.h"
#include "base/str.h"

START_TEST(compares)
{
    ck_assert(str_equals_nocase(STR("Content-Length"), STR("content-lengtH")));
    ck_assert(!str_equals_nocase(STR("a"), STR("ab")));
    ck_assert(!str_equals_nocase(STR("\xC3\xA9"), STR("\xC3\x89"))); /* no charset is guessed */
    ck_assert(str_equals(STR(""), STR("")));
    ck_assert(str_starts_with(STR("/hello"), STR("/h")));
    ck_assert(!str_starts_with(STR("/"), STR("/h")));
    ck_assert(str_ends_with(STR("a.php"), STR(".php")));
    ck_assert(!str_ends_with(STR("php"), STR(".php")));
}
END_TEST

START_TEST(trims_only_spaces_and_tabs)
{
    ck_assert(str_equals(str_trim(STR(" \t a b\t ")), STR("a b")));
    ck_assert(str_equals(str_trim(STR(" \t")), STR("")));
    ck_assert(str_equals(str_trim(STR("\xA0x\v")), STR("\xA0x\v")));
}
END_TEST

START_TEST(cuts)
{
    struct gale_str rest = STR("a,,b");
    ck_assert(str_equals(str_cut(&rest, ','), STR("a")));
    ck_assert(str_equals(str_cut(&rest, ','), STR("")));
    ck_assert(str_equals(str_cut(&rest, ','), STR("b")));
    ck_assert_ptr_null(rest.at);
}
END_TEST

START_TEST(reads_numbers_strictly)
{
    static const struct {
        const char *text;
        int result;
        uint64_t value;
    } rows[] = {
        {"0", 0, 0},
        {"007", 0, 7},
        {"18446744073709551615", 0, UINT64_MAX},
        {"18446744073709551616", -ERANGE, 0},
        {"99999999999999999999999", -ERANGE, 0},
        {"99999999999999999999999x", -EINVAL, 0},
        {"", -EINVAL, 0},
        {"+1", -EINVAL, 0},
        {"-1", -EINVAL, 0},
        {" 1", -EINVAL, 0},
        {"1_0", -EINVAL, 0},
        {"0x1", -EINVAL, 0},
        {"a", -EINVAL, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t value = 0;
        ck_assert_int_eq(str_to_u64(str_of(rows[i].text), &value), rows[i].result);
        ck_assert_uint_eq(value, rows[i].value);
    }
}
END_TEST

UNIT_MAIN(compares, trims_only_spaces_and_tabs, cuts, reads_numbers_strictly)
