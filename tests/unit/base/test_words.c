/* Command lines in words: what quotes and backslashes keep, and what is no command line. */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/macros.h"
#include "base/words.h"

static const struct {
    const char *text, *words; /* each ended by '|' */
} right[] = {
    {"", ""},
    {" \t ", ""},
    {"a", "a|"},
    {"a b", "a|b|"},
    {"  a \t b  ", "a|b|"},
    {"'a b' c", "a b|c|"},
    {"\"a b\"", "a b|"},
    {"a'b c'd", "ab cd|"},
    {"''", "|"},
    {"a '' b", "a||b|"},
    {"a\\ b", "a b|"},
    {"'a\\b'", "a\\b|"},
    {"\"a\\b\"", "a\\b|"},
    {"\"a\\\"b\\\\c\\$\\`\"", "a\"b\\c$`|"},
    {"\"it's\"", "it's|"},
    {"'a\"b'", "a\"b|"},
    {"$HOME ~ *.c a;b", "$HOME|~|*.c|a;b|"},
    {"\\'", "'|"},
    {"a b c d e f g h", "a|b|c|d|e|f|g|h|"},
};

START_TEST(splits_as_a_shell_does)
{
    struct arena arena;
    arena_init(&arena, NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(right); i++) {
        const char **words, *why = NULL;
        char joined[100] = "";
        int count = words_split(right[i].text, &arena, &words, &why), n = 0;
        for (; words[n]; n++)
            strcat(strcat(joined, words[n]), "|");
        ck_assert_str_eq(joined, right[i].words);
        ck_assert_int_eq(count, n);
    }
    arena_finish(&arena);
}
END_TEST

START_TEST(refuses_what_has_no_end)
{
    static const char *const wrong[] = {"'a", "a \"b", "\"a\\\"", "a\\", "'", "a '\\'b'"};
    struct arena arena;
    arena_init(&arena, NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        const char **words = NULL, *why = NULL;
        ck_assert_int_eq(words_split(wrong[i], &arena, &words, &why), -EINVAL);
        ck_assert_ptr_nonnull(why);
        ck_assert_ptr_null(words);
    }
    arena_finish(&arena);
}
END_TEST

UNIT_MAIN(splits_as_a_shell_does, refuses_what_has_no_end)
