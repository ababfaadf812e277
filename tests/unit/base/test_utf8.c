/* Well-formed UTF-8 and everything that only looks like it. */
#include "unit.h"

#include <string.h>
#include "base/macros.h"
#include "base/str.h"
#include "base/utf8.h"

START_TEST(decodes_one_character)
{
    static const struct {
        const char *text;
        size_t len;
        uint32_t code;
    } rows[] = {
        {"a", 1, 'a'},
        {"\x7F", 1, 0x7F},
        {"\xC2\x80", 2, 0x80},
        {"\xDF\xBFx", 2, 0x7FF},
        {"\xE0\xA0\x80", 3, 0x800},
        {"\xED\x9F\xBF", 3, 0xD7FF},
        {"\xEE\x80\x80", 3, 0xE000},
        {"\xEF\xBF\xBF", 3, 0xFFFF},
        {"\xF0\x90\x80\x80", 4, 0x10000},
        {"\xF4\x8F\xBF\xBF", 4, 0x10FFFF},
        {"", 0, 0},
        {"\x80", 0, 0}, /* a continuation alone */
        {"\xBF", 0, 0},
        {"\xC0\x80", 0, 0}, /* overlong */
        {"\xC1\xBF", 0, 0},
        {"\xE0\x9F\xBF", 0, 0},
        {"\xF0\x8F\xBF\xBF", 0, 0},
        {"\xED\xA0\x80", 0, 0},     /* a surrogate */
        {"\xF4\x90\x80\x80", 0, 0}, /* above U+10FFFF */
        {"\xF5\x80\x80\x80", 0, 0},
        {"\xFF", 0, 0},
        {"\xC2", 0, 0}, /* cut short */
        {"\xE2\x82", 0, 0},
        {"\xF0\x90\x80", 0, 0},
        {"\xC2x", 0, 0},
        {"\xE2\x82x", 0, 0},
        {"\xF0\x90\x80x", 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint32_t code = 0;
        ck_assert_uint_eq(utf8_next(str_of(rows[i].text), &code), rows[i].len);
        ck_assert_uint_eq(code, rows[i].code);
    }
}
END_TEST

START_TEST(finds_the_first_bad_byte)
{
    ck_assert_uint_eq(utf8_valid_len(STR("")), 0);
    ck_assert_uint_eq(utf8_valid_len(STR("gr\xC3\xBC\xC3\x9F")), 6);
    ck_assert_uint_eq(utf8_valid_len(STR("gr\xC3\xBC\xC3")), 4);
    ck_assert_uint_eq(utf8_valid_len(STR("a\0b")), 3); /* a zero is a character, too */
    ck_assert_uint_eq(utf8_valid_len(STR("\xFF")), 0);
}
END_TEST

UNIT_MAIN(decodes_one_character, finds_the_first_bad_byte)
