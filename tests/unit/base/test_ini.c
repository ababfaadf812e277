/* Whole texts: what the callbacks get, and every error with its line. */
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include "base/arena.h"
#include "base/buffer.h"
#include "base/ini.h"
#include "base/macros.h"
#include "base/setting.h"
#include "base/str.h"

static void on_section(void *data, const char *name, const char *file, unsigned line)
{
    buffer_printf(data, "%s:%u [%s]\n", file, line, name);
}

static void on_key(void *data, const char *key, const char *value, const char *file, unsigned line)
{
    buffer_printf(data, "%s:%u %s=%s\n", file, line, key, value);
}

/* Everything that came, then the errors, must be `expected`. */
static void expect(struct gale_str text, const char *expected)
{
    struct arena arena;
    arena_init(&arena, NULL, 0);
    struct buffer got = {0};
    struct setting_errors errors = {.arena = &arena};
    struct ini_handler handler = {on_section, on_key, &got};
    ini_parse_text("x", text, &handler, &errors);
    for (size_t i = 0; i < errors.len; i++)
        buffer_printf(&got, "%s:%u! %s\n", errors.items[i].file, errors.items[i].line,
                      errors.items[i].text);
    ck_assert_str_eq(buffer_str(&got).at, expected);
    buffer_finish(&got);
    arena_finish(&arena);
}

START_TEST(reads_sections_and_keys)
{
    expect(STR(""), "");
    expect(STR("\n\n"), "");
    expect(STR("\xEF\xBB\xBF[server]\r\n"
               "  listen = a:1   ; where\r\n"
               "\r\n"
               "    indented = is another key\r\n"
               "[app  hello]\r\n"
               "; plugin = x\r\n"
               "set   greeting=\"hi ; there\"\r\n"
               "set   greeting=again"),
           "x:1 [server]\n"
           "x:2 listen=a:1\n"
           "x:4 indented=is another key\n"
           "x:5 [app hello]\n"
           "x:7 set greeting=hi ; there\n"
           "x:8 set greeting=again\n");
    expect(STR("[a]\n[b]\n"), "x:1 [a]\nx:2 [b]\n"); /* empty ones count, too */
}
END_TEST

START_TEST(reports_each_wrong_line_and_goes_on)
{
    expect(STR("early = 1\n"
               "[a]\n"
               "what\n"
               "x = 1\n"
               "y : 2\n"
               "z = \xFF\n"
               "= 3\n"
               "ok = 4\n"),
           "x:2 [a]\n"
           "x:4 x=1\n"
           "x:8 ok=4\n"
           "x:1! this key stands outside any section; write a [SECTION] above it\n"
           "x:3! expected [SECTION], KEY = VALUE or ; COMMENT\n"
           "x:5! expected [SECTION], KEY = VALUE or ; COMMENT\n"
           "x:6! byte 5 of the line (0xFF) is not UTF-8\n"
           "x:7! there is no key before the '='; expected KEY = VALUE\n");
    expect(STR("[a]\nx\0y = 1\n"),
           "x:1 [a]\nx:2! byte 2 of the line is the control character 0x00\n");
}
END_TEST

START_TEST(a_section_stands_once)
{
    expect(STR("[app a]\nx = 1\n[b]\n[ app  a ]\ny = 2\n[c]\nz = 3\n"),
           "x:1 [app a]\n"
           "x:2 x=1\n"
           "x:3 [b]\n"
           "x:6 [c]\n"
           "x:7 z=3\n"
           "x:4! section [app a] is given twice; it stands at x:1 already\n");
}
END_TEST

START_TEST(keys_of_a_wrong_section_are_passed_over)
{
    expect(STR("[a]\nx = 1\n[b\ny = 2\nwrong\n[c]\nz = 3\n"),
           "x:1 [a]\n"
           "x:2 x=1\n"
           "x:6 [c]\n"
           "x:7 z=3\n"
           "x:3! the section's name is not closed; expected [NAME]\n"
           "x:5! expected [SECTION], KEY = VALUE or ; COMMENT\n");
}
END_TEST

START_TEST(long_names_are_not_cut)
{
    static char text[70000], expected[140000];
    strcpy(text, "[");
    memset(text + 1, 's', 300);
    strcat(text, "]\n");
    memset(text + strlen(text), 'k', 300);
    strcat(text, " = ");
    memset(text + strlen(text), 'v', 65000);
    sprintf(expected, "x:1 [%.300s]\nx:2 %.300s=%s\n", text + 1, strchr(text, 'k'),
            strchr(text, 'v'));
    expect(str_of(text), expected);

    memset(text, 'a', sizeof(text) - 1); /* too long, and the next line is right again */
    strcpy(text + 66000, "\n[a]\n");
    expect(str_of(text), "x:2 [a]\nx:1! the line is longer than 64 KiB\n");
}
END_TEST

START_TEST(markers_say_where_lines_come_from)
{
    expect(STR("\x01>1 dir/a b.ini\n"
               "[a]\n"
               "\x01>1 dir/b.ini\n"
               "early = 1\n"
               "[b]\n"
               "\x01<7 dir/a b.ini\n"
               "late = 1\n"
               "[b]\n"),
           "dir/a b.ini:1 [a]\n"
           "dir/b.ini:2 [b]\n"
           "dir/b.ini:1! this key stands outside any section; write a [SECTION] above it\n"
           "dir/a b.ini:7! this key follows an include; write a [SECTION] above it\n"
           "dir/a b.ini:8! section [b] is given twice; it stands at dir/b.ini:2 already\n");
}
END_TEST

static void add_path(void *data, struct gale_str path)
{
    buffer_add_str(data, path);
    buffer_add_text(data, "\n");
}

START_TEST(each_file_is_told_once)
{
    struct buffer got = {0};
    ini_each_file(STR("\x01>1 a b.ini\n[a]\n\x01>1 b.ini\n\x01<7 a b.ini\nx = \x01>1 y\n"
                      "\x01>1 c.ini\n"),
                  add_path, &got);
    ck_assert_str_eq(buffer_str(&got).at, "a b.ini\nb.ini\nc.ini\n");
    buffer_finish(&got);
}
END_TEST

START_TEST(what_only_looks_like_a_marker_is_an_error)
{
    static const char *const lines[] = {
        "\x01",     "\x01>",     "\x01>1", "\x01>1 ", "\x01>0 x", "\x01>a x", "\x01>99999999999 x",
        "\x01=1 x", " \x01>1 x",
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        char expected[100];
        snprintf(expected, sizeof(expected),
                 "x:1! byte %d of the line is the control character 0x01\n",
                 lines[i][0] == ' ' ? 2 : 1);
        expect(str_of(lines[i]), expected);
    }
    expect(STR("\x01\0001 x\n"), "x:1! byte 1 of the line is the control character 0x01\n");
}
END_TEST

START_TEST(includes_are_for_files)
{
    expect(STR("include = y\n[a]\ninclude = z\n"),
           "x:2 [a]\nx:1! include works in files only\nx:3! include works in files only\n");
}
END_TEST

UNIT_MAIN(reads_sections_and_keys, reports_each_wrong_line_and_goes_on, a_section_stands_once,
          keys_of_a_wrong_section_are_passed_over, long_names_are_not_cut,
          markers_say_where_lines_come_from, each_file_is_told_once,
          what_only_looks_like_a_marker_is_an_error, includes_are_for_files)
