/* Every kind of line, right and wrong. */
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include "base/arena.h"
#include "base/ini_line.h"
#include "base/macros.h"
#include "base/str.h"

static struct arena arena;

START_TEST(faults_are_named)
{
    static const char not_ini[] = "expected [SECTION], KEY = VALUE or ; COMMENT";
    static const char alone[] = "text stands behind the section's name; expected [NAME] alone";
    static const struct {
        const char *line, *fault;
        enum ini_line_kind kind;
    } rows[] = {
        {"", NULL, INI_LINE_NOTHING},
        {" \t", NULL, INI_LINE_NOTHING},
        {"; x = 1", NULL, INI_LINE_NOTHING},
        {"  # [x", NULL, INI_LINE_NOTHING},
        {"[a]", NULL, INI_LINE_SECTION},
        {"  [a b]  ; why", NULL, INI_LINE_SECTION},
        {"[a]\t;", NULL, INI_LINE_SECTION},
        {"[a=b:c]", NULL, INI_LINE_SECTION},
        {"[a", "the section's name is not closed; expected [NAME]", INI_LINE_SECTION},
        {"[", "the section's name is not closed; expected [NAME]", INI_LINE_SECTION},
        {"[]", "the section has no name; expected [NAME]", INI_LINE_SECTION},
        {"[ \t]", "the section has no name; expected [NAME]", INI_LINE_SECTION},
        {"[a] b", alone, INI_LINE_SECTION},
        {"[a];b", alone, INI_LINE_SECTION},
        {"[a]]", alone, INI_LINE_SECTION},
        {"[a] # b", alone, INI_LINE_SECTION},
        {"a=", NULL, INI_LINE_KEY},
        {" a = b = c : d", NULL, INI_LINE_KEY},
        {"set a;b = c", NULL, INI_LINE_KEY},
        {"a", not_ini, INI_LINE_KEY},
        {"a ; b = c", not_ini, INI_LINE_KEY},
        {"a b c", not_ini, INI_LINE_KEY},
        {"= b", "there is no key before the '='; expected KEY = VALUE", INI_LINE_KEY},
        {"a : b = c", "a key holds no ':'; expected KEY = VALUE", INI_LINE_KEY},
        {"a: b", not_ini, INI_LINE_KEY},
        {"a = \"b", "the quote is not closed", INI_LINE_KEY},
        {"a = \"b ; c", "the quote is not closed", INI_LINE_KEY},
        {"a = b\"", NULL, INI_LINE_KEY},
        {"a = \"", "the quote is not closed", INI_LINE_KEY},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *fault = ini_line_fault(str_of(rows[i].line));
        ck_assert_str_eq(fault ? fault : "none", rows[i].fault ? rows[i].fault : "none");
        ck_assert_int_eq(ini_line_kind(str_of(rows[i].line)), rows[i].kind);
    }
}
END_TEST

START_TEST(bytes_that_are_no_text)
{
    static const struct {
        struct gale_str line;
        const char *fault;
    } rows[] = {
        {STR(""), NULL},
        {STR("gr\xC3\xBC\xC3\x9F\tx"), NULL},
        {STR("ab\0c"), "byte 3 of the line is the control character 0x00"},
        {STR("\x01>1 x"), "byte 1 of the line is the control character 0x01"},
        {STR("a\rb"), "byte 2 of the line is the control character 0x0D"},
        {STR("a\x7F"), "byte 2 of the line is the control character 0x7F"},
        {STR("a\fb"), "byte 2 of the line is the control character 0x0C"},
        {STR("x = \xFC"), "byte 5 of the line (0xFC) is not UTF-8"},
        {STR("\xC0\x80"), "byte 1 of the line (0xC0) is not UTF-8"},
    };
    arena_init(&arena, NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *fault = ini_line_text_fault(rows[i].line, &arena);
        ck_assert_str_eq(fault ? fault : "none", rows[i].fault ? rows[i].fault : "none");
    }
    static char line[INI_LINE_MAX + 1];
    memset(line, 'x', sizeof(line));
    ck_assert_ptr_null(ini_line_text_fault((struct gale_str){line, INI_LINE_MAX}, &arena));
    ck_assert_str_eq(ini_line_text_fault((struct gale_str){line, INI_LINE_MAX + 1}, &arena),
                     "the line is longer than 64 KiB");
    arena_finish(&arena);
}
END_TEST

START_TEST(values_lose_comment_and_quotes)
{
    static const struct {
        const char *text, *value;
    } rows[] = {
        {"", ""},
        {"a b", "a b"},
        {"  a \t", "a"},
        {"a ; b", "a"},
        {"a\t;b", "a"},
        {"a;b", "a;b"},
        {"a;b ;c ;d", "a;b"},
        {"; all", ""},
        {";all", ""},
        {"a # b", "a # b"},
        {"\"a\"", "a"},
        {"\" a ; b \"", " a ; b "},
        {"\"a\" ; b \"c\"", "a"},
        {"\"\"", ""},
        {"\"a\" b", "\"a\" b"},
        {"\"a\" \"b\" ; c", "\"a\" \"b\""},
        {"\"a\";b", "\"a\";b"},
        {"say \"a ; b\"", "say \"a"},
        {"'a'", "'a'"},
        {"a = b", "a = b"},
        {"a\\", "a\\"},
    };
    arena_init(&arena, NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ck_assert_str_eq(ini_line_value(str_of(rows[i].text), &arena), rows[i].value);
    arena_finish(&arena);
}
END_TEST

START_TEST(names_have_single_blanks)
{
    arena_init(&arena, NULL, 0);
    ck_assert_str_eq(ini_line_section(STR(" [ app \t hello ] ; x"), &arena), "app hello");
    ck_assert_str_eq(ini_line_section(STR("[a]"), &arena), "a");
    ck_assert_str_eq(ini_line_words(STR("\tset  x  "), &arena), "set x");
    arena_finish(&arena);
}
END_TEST

START_TEST(lines_are_cut)
{
    struct gale_str rest = STR("\xEF\xBB\xBF[a]\r\n\xEF\xBB\xBFx\n\nlast\r");
    ck_assert(str_equals(ini_line_cut(&rest, true), STR("[a]")));
    ck_assert(str_equals(ini_line_cut(&rest, false), STR("\xEF\xBB\xBFx")));
    ck_assert(str_equals(ini_line_cut(&rest, false), STR("")));
    ck_assert(str_equals(ini_line_cut(&rest, false), STR("last")));
    ck_assert_uint_eq(rest.len, 0);
}
END_TEST

static bool pass_keys(void *data, struct gale_str line)
{
    (void)data;
    return ini_line_kind(line) == INI_LINE_KEY && !ini_line_fault(line);
}

static void note(void *data, const char *key, const char *value)
{
    char *text = data;
    sprintf(text + strlen(text), "%s(%zu)=%s|", key, strlen(value),
            strlen(value) < 99 ? value : "");
}

/* inih's own traps: cut lines, indentation, ':', ` ;`, multi-line values. */
START_TEST(inih_splits_only)
{
    static char text[100000];
    char noted[500] = "";
    struct ini_feed feed = {pass_keys, note, noted};
    strcpy(text, "[s]\na=1\n  b=2\n   c : d\n c = x ; y\n\tstill\nlong = ");
    memset(text + strlen(text), 'v', 60000);
    strcat(text, "\nend = \r\nz=\"\"");
    ini_line_feed(str_of(text), &feed);
    ck_assert_str_eq(noted, "a(1)=1|b(1)=2|c(5)=x ; y|long(60000)=|end(0)=|z(2)=\"\"|");
}
END_TEST

UNIT_MAIN(faults_are_named, bytes_that_are_no_text, values_lose_comment_and_quotes,
          names_have_single_blanks, lines_are_cut, inih_splits_only)
