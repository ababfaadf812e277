/* Stacks of crashes: what is read, and what repeats (dev_stack.c). */
#include "unit.h"

#include <string.h>

#include "app/dev_stack.h"
#include "base/buffer.h"
#include "base/macros.h"
#include "base/str.h"

/* A letter a frame: its function; numbers where they are not the next. */
static const struct {
    const char *frames;
    unsigned jump_at, jump; /* the numbers of frames from there on are so much higher */
    const char *told;
} rows[] = {
    {"", 0, 0, ""},
    {"a", 0, 0, "a "},
    {"abc", 0, 0, "a b c "},
    {"aab", 0, 0, "a a b "},
    {"aaab", 0, 0, "a (2 frames more like this) b "},
    {"xaaaab", 0, 0, "x a (3 frames more like this) b "},
    {"xaaaab", 3, 8000, "x a (8,003 frames more like this) b "},
    {"xaaaab", 3, 1234567, "x a (1,234,570 frames more like this) b "},
    {"ababab", 0, 0, "a b (4 frames more like these 2) "},
    {"ababac", 0, 0, "a b a b a c "},
    {"xabababaac", 0, 0, "x a b (5 frames more like these 2) a c "},
    {"abcabcabcab", 4, 90, "a b c (98 frames more like these 3) "},
    {"abcd", 2, 1, "a b [1 frame is left out] c d "},
    {"abcd", 2, 40, "a b [40 frames are left out] c d "},
    {"aaabbb", 3, 40,
     "a (2 frames more like this) [40 frames are left out] b (2 frames more like "
     "this) "},
};

static char *tell(const char *stack)
{
    struct dev_frame frames[DEV_STACK_MOST];
    struct buffer out = {0};
    struct dev_fold fold;
    size_t count = dev_stack_read(stack, frames, ARRAY_LEN(frames));
    buffer_add_text(&out, "");
    for (size_t at = 0; at < count; at += fold.length) {
        fold = dev_stack_fold(&frames[at], count - at);
        for (size_t i = 0; i < fold.period; i++)
            buffer_printf(&out, "%.*s ", (int)frames[at + i].function.len,
                          frames[at + i].function.at);
        if (fold.more) {
            buffer_add_text(&out, "(");
            dev_stack_print_more(&fold, &out);
            buffer_add_text(&out, ") ");
        }
        if (fold.left_out) {
            buffer_add_text(&out, "[");
            dev_stack_print_left_out(&fold, &out);
            buffer_add_text(&out, "] ");
        }
    }
    return out.at;
}

START_TEST(what_repeats_is_told_once)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buffer stack = {0};
        buffer_add_text(&stack, "");
        for (unsigned n = 0; rows[i].frames[n]; n++)
            buffer_printf(&stack, "%c\ta.c\t7\t%u\n", rows[i].frames[n],
                          n + (rows[i].jump && n >= rows[i].jump_at ? rows[i].jump : 0));
        char *told = tell(stack.at);
        ck_assert_str_eq(told, rows[i].told);
        free(told);
        buffer_finish(&stack);
    }
}
END_TEST

START_TEST(reads_what_there_is)
{
    struct dev_frame frames[3];
    ck_assert_uint_eq(dev_stack_read("f\t/a b.c\t12\t4\ng\t\t\t\nlast", frames, 3), 3);
    ck_assert(str_equals(frames[0].function, STR("f")));
    ck_assert(str_equals(frames[0].file, STR("/a b.c")));
    ck_assert_uint_eq(frames[0].line, 12);
    ck_assert_uint_eq(frames[0].number, 4);
    ck_assert_uint_eq(frames[1].file.len, 0);
    ck_assert_uint_eq(frames[1].line, 0);
    ck_assert(str_equals(frames[2].function, STR("last")));
    ck_assert_uint_eq(frames[2].number, 2);
    ck_assert_uint_eq(dev_stack_read("a\nb\nc\nd", frames, 3), 3);
}
END_TEST

START_TEST(another_line_is_another_frame)
{
    char *told = tell("f\ta.c\t1\t0\nf\ta.c\t2\t1\nf\ta.c\t3\t2\nf\tb.c\t3\t3\n");
    ck_assert_str_eq(told, "f f f f ");
    free(told);
}
END_TEST

UNIT_MAIN(what_repeats_is_told_once, reads_what_there_is, another_line_is_another_frame)
