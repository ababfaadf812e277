/* Each type with every unit, at and beyond each edge. */
#include "unit.h"

#include "base/macros.h"
#include "base/setting_parse.h"
#include "made_up.h"

static struct arena arena;

static const char *parse(const char *key, const char *value, void *field)
{
    static const struct setting_place place = {"x.ini", 3, "/base"};
    struct setting_input input = {key, value, &place};
    return setting_parse(setting_find(made_up, key), &input, field, &arena);
}

static void expect_fault(const char *fault, const char *expected)
{
    if (expected)
        ck_assert_str_eq(fault, expected);
    else
        ck_assert_ptr_null(fault);
}

START_TEST(numbers)
{
    static const struct {
        const char *key, *value, *fault;
        int64_t result;
    } rows[] = {
        {"any_size", "0", NULL, 0},
        {"any_size", "512", NULL, 512},
        {"any_size", "16K", NULL, 16384},
        {"any_size", "8M", NULL, 8 << 20},
        {"any_size", "3G", NULL, 3LL << 30},
        {"any_size", "2T", NULL, 2LL << 40},
        {"any_size", "007", NULL, 7},
        {"any_size", "9223372036854775807", NULL, INT64_MAX},
        {"any_size", "8388607T", NULL, 8388607LL << 40},
        {"any_size", "8388608T", "is too large", 0},
        {"any_size", "9223372036854775808", "is too large", 0},
        {"any_size", "18446744073709551616", "is too large", 0},
        {"any_size", "99999999999999999999999999K", "is too large", 0},
        {"any_size", "16k", "is not a size", 0},
        {"any_size", "16KB", "is not a size", 0},
        {"any_size", "16 K", "is not a size", 0},
        {"any_size", "1.5M", "is not a size", 0},
        {"any_size", "-1", "is not a size", 0},
        {"any_size", "+1", "is not a size", 0},
        {"any_size", "0x10", "is not a size", 0},
        {"any_size", "K", "is not a size", 0},
        {"any_size", "", "is not a size", 0},
        {"buffer", "1024", NULL, 1024},
        {"buffer", "1023", "is too small", 0},
        {"buffer", "1G", NULL, 1 << 30},
        {"buffer", "1073741825", "is too large", 0},
        {"timeout", "1ms", NULL, 1},
        {"timeout", "0ms", "is too small", 0},
        {"timeout", "30s", NULL, 30000},
        {"timeout", "60m", NULL, 3600000},
        {"timeout", "1h", NULL, 3600000},
        {"timeout", "1d", "is too large", 0},
        {"timeout", "106751991167301d", "is too large", 0},
        {"timeout", "30", "has no unit", 0},
        {"timeout", "0", "has no unit", 0},
        {"timeout", "1h30m", "is not a time", 0},
        {"timeout", "5M", "is not a time", 0},
        {"timeout", "s", "is not a time", 0},
        {"level", "-5", NULL, -5},
        {"level", "-6", "is too small", 0},
        {"level", "5", NULL, 5},
        {"level", "6", "is too large", 0},
        {"level", "--5", "is not a count", 0},
        {"level", "-", "is not a count", 0},
        {"level", "-99999999999999999999", "is too small", 0},
        {"any_count", "-1", "is not a count", 0},
        {"any_count", "9223372036854775807", NULL, INT64_MAX},
        {"any_count", "1K", "is not a count", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t result = 0;
        expect_fault(parse(rows[i].key, rows[i].value, &result), rows[i].fault);
        ck_assert_int_eq(result, rows[i].result);
    }
}
END_TEST

START_TEST(words)
{
    static const struct {
        const char *value;
        bool flag;
    } flags[] = {{"yes", true},  {"no", false},  {"on", true},
                 {"off", false}, {"true", true}, {"false", false}};
    bool flag;
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        flag = !flags[i].flag;
        expect_fault(parse("compress", flags[i].value, &flag), NULL);
        ck_assert(flag == flags[i].flag);
    }
    expect_fault(parse("compress", "1", &flag), "is neither yes nor no");
    expect_fault(parse("compress", "Yes", &flag), "is neither yes nor no");
    int choice = 9;
    expect_fault(parse("poller", "select", &choice), NULL);
    ck_assert_int_eq(choice, 2);
    expect_fault(parse("poller", "sel", &choice), "is not one of the choices");
    ck_assert_int_eq(choice, 2);
}
END_TEST

START_TEST(texts_and_paths)
{
    static const struct {
        const char *value, *path;
    } rows[] = {
        {"/abs/x", "/abs/x"},  {"x", "/base/x"},       {"./x", "/base/x"},
        {".//./x", "/base/x"}, {"../x", "/base/../x"}, {".", "/base/."},
        {"./", "/base"},       {".x", "/base/.x"},     {"a b;c", "/base/a b;c"},
    };
    arena_init(&arena, NULL, 0);
    const char *text = NULL;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        expect_fault(parse("logs", rows[i].value, &text), NULL);
        ck_assert_str_eq(text, rows[i].path);
    }
    struct setting_place root = {"x.ini", 1, "/"};
    struct setting_input input = {"logs", "x", &root};
    expect_fault(setting_parse(setting_find(made_up, "logs"), &input, &text, &arena), NULL);
    ck_assert_str_eq(text, "/x");
    expect_fault(parse("name", "", &text), NULL);
    ck_assert_str_eq(text, "");
    arena_finish(&arena);
}
END_TEST

START_TEST(lists_and_pairs)
{
    arena_init(&arena, NULL, 0);
    struct setting_list list = {0};
    char many[4000] = "";
    for (int i = 0; i < 300; i++)
        strcat(many, " \tword");
    expect_fault(parse("words", "", &list), NULL);
    ck_assert_uint_eq(list.len, 0);
    expect_fault(parse("words", many, &list), NULL);
    expect_fault(parse("words", " last ", &list), NULL);
    ck_assert_uint_eq(list.len, 301);
    ck_assert_str_eq(list.items[0], "word");
    ck_assert_str_eq(list.items[300], "last");

    struct setting_pairs pairs = {0};
    expect_fault(parse("error_page", "404 \t my page.html", &pairs), NULL);
    ck_assert_str_eq(pairs.items[0].name, "404");
    ck_assert_str_eq(pairs.items[0].value, "my page.html");
    ck_assert_str_eq(pairs.items[0].file, "x.ini");
    ck_assert_uint_eq(pairs.items[0].line, 3);
    expect_fault(parse("error_page", "404", &pairs), "is not a name and a value");
    expect_fault(parse("error_page", "404 ", &pairs), "is not a name and a value");
    expect_fault(parse("error_page", "", &pairs), "is not a name and a value");
    ck_assert_uint_eq(pairs.len, 1);
    arena_finish(&arena);
}
END_TEST

UNIT_MAIN(numbers, words, texts_and_paths, lists_and_pairs)
