/* Bytes, tokens, values and lists, against the grammar spelled out. */
#include "unit.h"

#include <stdio.h>

#include "base/macros.h"
#include "base/str.h"
#include "http/http_token.h"

static bool is_alnum(int c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Every byte alone, and at each place of a longer text, where eight are looked at together. */
START_TEST(classes_of_bytes)
{
    for (int c = 0; c < 256; c++) {
        bool is_token = is_alnum(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
        bool is_value = c == '\t' || (c >= ' ' && c != 0x7F);
        ck_assert_int_eq(http_is_byte((char)c, HTTP_BYTE_TARGET), c > ' ' && c != 0x7F);
        ck_assert_int_eq(http_is_byte((char)c, HTTP_BYTE_HOST),
                         is_alnum(c) || (c && strchr("-._~", c)));
        for (size_t len = 1; len < 27; len++)
            for (size_t at = 0; at < len; at++) {
                char text[32];
                memset(text, 'a', sizeof(text));
                text[at] = (char)c;
                ck_assert_int_eq(http_is_token((struct gale_str){text, len}), is_token);
                ck_assert_int_eq(http_is_field_value((struct gale_str){text, len}), is_value);
            }
    }
}
END_TEST

START_TEST(values)
{
    ck_assert(http_is_field_value(STR("")));
    ck_assert(!http_is_token(STR("")));
    ck_assert(http_is_field_value(STR("\t\t\t\t\t\t\t\t\t\t")));
    ck_assert(http_is_field_value(STR("\xFF\x80\x81\xC2\x85\xE2\x80\xA8\xA0")));
    ck_assert(!http_is_field_value(STR("\t\t\t\t\t\t\t\n")));
    ck_assert(!http_is_field_value(STR("\x80\x80\x80\x7F\x80\x80\x80\x80")));
    ck_assert(!http_is_field_value(STR("12345678\r\n345678")));
}
END_TEST

START_TEST(elements)
{
    struct gale_str list = STR(" a b , ,c"), element;
    ck_assert(http_list_next(&list, &element) && str_equals(element, STR("a b")));
    ck_assert(http_list_next(&list, &element) && str_equals(element, STR("")));
    ck_assert(http_list_next(&list, &element) && str_equals(element, STR("c")));
    ck_assert(!http_list_next(&list, &element));
}
END_TEST

UNIT_MAIN(classes_of_bytes, values, elements)
