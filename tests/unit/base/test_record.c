/* test_record.c - what is written is read, by other versions as well; nothing else is. */
#include <errno.h>
#include <string.h>

#include "base/buffer.h"
#include "base/macros.h"
#include "base/record.h"
#include "base/str.h"
#include "unit.h"

START_TEST(reads_what_is_written)
{
    static const int64_t numbers[] = {0, -1, INT64_MAX, 7};
    struct buffer out = {0};
    struct record record;
    record_add(&out, "first", STR("a text\nof two lines"), numbers, ARRAY_LEN(numbers));
    record_add(&out, "second", STR(""), NULL, 0);
    struct gale_str rest = buffer_str(&out);
    ck_assert_int_eq(record_next(&rest, &record), 1);
    ck_assert_str_eq(record.kind, "first");
    ck_assert(str_equals(record.text, STR("a text\nof two lines")));
    for (size_t i = 0; i < RECORD_NUMBERS; i++)
        ck_assert_int_eq(record.numbers[i], i < ARRAY_LEN(numbers) ? numbers[i] : 0);
    ck_assert_int_eq(record_next(&rest, &record), 1);
    ck_assert_str_eq(record.kind, "second");
    ck_assert_uint_eq(record.text.len, 0);
    ck_assert_int_eq(record_next(&rest, &record), 0);
    buffer_finish(&out);
}
END_TEST

START_TEST(passes_over_more_numbers_than_it_knows)
{
    struct gale_str rest = STR("x 14 1 2 3 4 5 6 7 8 9 10 11 12 13 14 1:t\n");
    struct record record;
    ck_assert_int_eq(record_next(&rest, &record), 1);
    ck_assert_int_eq(record.numbers[RECORD_NUMBERS - 1], RECORD_NUMBERS);
    ck_assert_uint_eq(rest.len, 0);
}
END_TEST

START_TEST(refuses_the_rest)
{
    static const char *const rows[] = {
        "x",
        "x\n",
        "x 0 0:",
        "x 0 1:\n",
        "x 0 2:a\n",
        "x 1 0:\n",
        "x -1 0:\n",
        "x 0 -1:\n",
        " 0 0:\n",
        "x 1 a 0:\n",
        "x 0 9:a\n",
        "x 0 99999999999999999999:\n",
        "averyverylongkind 0 0:\n",
        "x 1 99999999999999999999 0:\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gale_str rest = str_of(rows[i]);
        struct record record;
        ck_assert_msg(record_next(&rest, &record) == -EBADMSG, "%s", rows[i]);
    }
    struct gale_str zero = {"x\0y 0 0:\n", 9};
    struct record record;
    ck_assert_int_eq(record_next(&zero, &record), -EBADMSG);
}
END_TEST

UNIT_MAIN(reads_what_is_written, passes_over_more_numbers_than_it_knows, refuses_the_rest)
