/* Growing text. */
#include "unit.h"

#include <string.h>
#include "base/buffer.h"

START_TEST(grows_and_ends_in_zero)
{
    struct buffer buffer = {0};
    ck_assert_str_eq(buffer_str(&buffer).at, "");
    for (int i = 0; i < 1000; i++)
        buffer_printf(&buffer, "%d,", i);
    buffer_add_text(&buffer, "end");
    ck_assert_uint_eq(strlen(buffer.at), buffer.len);
    ck_assert_int_eq(memcmp(buffer.at, "0,1,2,", 6), 0);
    ck_assert_str_eq(buffer.at + buffer.len - 7, "999,end");
    buffer_finish(&buffer);
}
END_TEST

START_TEST(steals)
{
    struct buffer buffer = {0};
    char *text = buffer_steal(&buffer);
    ck_assert_str_eq(text, "");
    free(text);
    buffer_add(&buffer, "a\0b", 3);
    text = buffer_steal(&buffer);
    ck_assert_int_eq(memcmp(text, "a\0b", 4), 0);
    ck_assert_ptr_null(buffer.at);
    free(text);
}
END_TEST

UNIT_MAIN(grows_and_ends_in_zero, steals)
