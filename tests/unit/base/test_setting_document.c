/* The table in words. */
#include "unit.h"

#include <stdio.h>
#include "base/macros.h"
#include "made_up.h"

static char *document(const struct setting *table)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    setting_document(table, out);
    fclose(out);
    return text;
}

START_TEST(writes_each_key_with_its_default)
{
    static const char expected[] = "; What it is called.\n"
                                   "; name = hello world ; an example, there is no default\n"
                                   "\n"
                                   "; Where logs go.\n"
                                   "; logs = var/log\n"
                                   "\n"
                                   "; How much is gathered.\n"
                                   "; buffer = 16K\n"
                                   "\n"
                                   "; Any size.\n"
                                   "; any_size =\n"
                                   "\n";
    char *text = document(made_up);
    ck_assert_int_eq(strncmp(text, expected, strlen(expected)), 0);
    ck_assert_ptr_nonnull(strstr(text, "; error_page = 404 x.html ; an example"));
    ck_assert_ptr_nonnull(strstr(text, "\n; set greeting = hi ; an example"));
    ck_assert_int_eq(text[strlen(text) - 1], '\n');
    ck_assert_int_ne(text[strlen(text) - 2], '\n');
    free(text);
}
END_TEST

START_TEST(breaks_long_sentences)
{
    const struct setting table[] = {
        {.key = "k",
         .help = "Aaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb ccccccccccccc "
                 "dddddddddddddddddddd eeeeeeeeeeeeee ffffffffffff gggggg."},
        {0},
    };
    char *text = document(table);
    size_t longest = 0;
    for (char *line = text; *line; line = strchr(line, '\n') + 1) {
        ck_assert_int_eq(strncmp(line, "; ", 2), 0);
        size_t len = strcspn(line, "\n");
        longest = len > longest ? len : longest;
    }
    ck_assert_uint_le(longest, 100);
    ck_assert_uint_gt(longest, 80);
    free(text);
}
END_TEST

START_TEST(quotes_what_would_not_survive)
{
    const struct setting table[] = {
        {.key = "a", .initial = "x ;y", .help = "A."}, {.key = "b", .initial = " x", .help = "B."},
        {.key = "c", .initial = "x;y", .help = "C."},  {.key = "d", .initial = "", .help = "D."},
        {.key = "e", .initial = ";", .help = "E."},    {0},
    };
    char *text = document(table);
    ck_assert_ptr_nonnull(strstr(text, "; a = \"x ;y\"\n"));
    ck_assert_ptr_nonnull(strstr(text, "; b = \" x\"\n"));
    ck_assert_ptr_nonnull(strstr(text, "; c = x;y\n"));
    ck_assert_ptr_nonnull(strstr(text, "; d =\n"));
    ck_assert_ptr_nonnull(strstr(text, "; e = \";\"\n"));
    free(text);
}
END_TEST

START_TEST(says_what_is_expected)
{
    static const struct {
        struct setting row;
        const char *text;
    } rows[] = {
        {{.type = SETTING_TEXT}, "a text"},
        {{.type = SETTING_SIZE}, "a size such as 512, 16K or 8M"},
        {{.type = SETTING_SIZE, .min = 0, .max = 1536},
         "a size such as 512, 16K or 8M, from 0 to 1536"},
        {{.type = SETTING_COUNT, .min = 1, .max = INT64_MAX}, "a whole number, at least 1"},
        {{.type = SETTING_COUNT, .min = 0, .max = 7}, "a whole number, from 0 to 7"},
        {{.type = SETTING_MS, .min = 100, .max = 90000},
         "a time such as 500ms, 30s, 5m, 1h or 1d, from 100ms to 90s"},
        {{.type = SETTING_LIST}, "words separated by blanks"},
        {{.type = SETTING_RATE}, "off, or requests by time such as 10/s, 10/s burst 30 or 100/m"},
    };
    char text[200];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        setting_expectation(&rows[i].row, text, sizeof(text));
        ck_assert_str_eq(text, rows[i].text);
    }
    setting_expectation(&rows[1].row, text, 7);
    ck_assert_str_eq(text, "a size");
}
END_TEST

UNIT_MAIN(writes_each_key_with_its_default, breaks_long_sentences, quotes_what_would_not_survive,
          says_what_is_expected)
