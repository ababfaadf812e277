/* Files that include files: their order, their line numbers, and what may go wrong. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/buffer.h"
#include "base/ini.h"
#include "base/macros.h"
#include "base/setting.h"
#include "base/str.h"

static char root[] = "/tmp/gale-ini-[x]-XXXXXX"; /* a name that glob must not read as a pattern */
static char before[200];

static void begin(void)
{
    ck_assert_ptr_nonnull(getcwd(before, sizeof(before)));
    ck_assert_ptr_nonnull(mkdtemp(root));
    ck_assert_int_eq(chdir(root), 0);
    mkdir("conf.d", 0755);
}

static void finish(void)
{
    char command[100];
    ck_assert_int_eq(chdir(before), 0);
    snprintf(command, sizeof(command), "rm -rf '%s'", root);
    ck_assert_int_eq(system(command), 0);
}

static void write_file(const char *path, const char *text, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
    close(fd);
}

static void file(const char *path, const char *text)
{
    write_file(path, text, strlen(text));
}

static void on_section(void *data, const char *name, const char *where, unsigned line)
{
    buffer_printf(data, "%s:%u [%s]\n", where, line, name);
}

static void on_key(void *data, const char *key, const char *value, const char *where, unsigned line)
{
    buffer_printf(data, "%s:%u %s=%s\n", where, line, key, value);
}

/* Loads, parses as a worker does, and returns the calls and then the errors; free it. */
static char *load(const char *path)
{
    struct arena arena;
    size_t len;
    arena_init(&arena, NULL, 0);
    struct buffer got = {0};
    struct setting_errors errors = {.arena = &arena};
    struct ini_handler handler = {on_section, on_key, &got};
    char *text = ini_load(path, &len, &errors);
    ck_assert_ptr_nonnull(text);
    ini_parse_text("ignored", (struct gale_str){text, len}, &handler, &errors);
    free(text);
    for (size_t i = 0; i < errors.len; i++)
        buffer_printf(&got, "%s:%u! %s\n", errors.items[i].file, errors.items[i].line,
                      errors.items[i].text);
    arena_finish(&arena);
    return buffer_steal(&got);
}

static void expect(const char *path, const char *expected)
{
    char *got = load(path);
    ck_assert_str_eq(got, expected);
    free(got);
}

START_TEST(includes_stand_where_they_are_written)
{
    begin();
    file("a.ini", "include = conf.d/*.ini\n"
                  "[server]\n"
                  "x = 1\n"
                  "include = conf.d/last ; a file\n"
                  "\n"
                  "[end]\n"
                  "y = 2");
    file("conf.d/2.ini", "[two]\nz = 3");
    file("conf.d/1.ini", "\xEF\xBB\xBF; one\r\n[one]\r\n");
    file("conf.d/.hidden.ini", "[hidden]\n");
    file("conf.d/last", "[last]\ninclude = ../deeper\n");
    file("deeper", "[deeper]\n");
    expect("a.ini", "conf.d/1.ini:2 [one]\n"
                    "conf.d/2.ini:1 [two]\n"
                    "conf.d/2.ini:2 z=3\n"
                    "a.ini:2 [server]\n"
                    "a.ini:3 x=1\n"
                    "conf.d/last:1 [last]\n"
                    "conf.d/../deeper:1 [deeper]\n"
                    "a.ini:6 [end]\n"
                    "a.ini:7 y=2\n");
    char absolute[100], expected[300];
    snprintf(absolute, sizeof(absolute), "%s/b.ini", root);
    file("b.ini", "include = conf.d/[2]*\n");
    snprintf(expected, sizeof(expected), "%s/conf.d/2.ini:1 [two]\n%s/conf.d/2.ini:2 z=3\n", root,
             root);
    expect(absolute, expected);
    finish();
}
END_TEST

START_TEST(a_pattern_may_match_nothing_but_a_file_must_be_there)
{
    begin();
    file("a.ini", "include = none.d/*.ini\n[a]\ninclude = none.ini\ninclude =\ninclude = conf.d\n");
    expect("a.ini", "a.ini:2 [a]\n"
                    "a.ini:3! include: none.ini cannot be read: No such file or directory\n"
                    "a.ini:4! include: the value is missing; expected a file or a pattern such as "
                    "conf.d/*.ini\n"
                    "a.ini:5! include: conf.d cannot be read: Is a directory\n");
    expect("missing.ini", "missing.ini:0! cannot be read: No such file or directory\n");
    expect(".", ".:0! cannot be read: Is a directory\n");
    finish();
}
END_TEST

START_TEST(loops_are_found)
{
    begin();
    file("a.ini", "[a]\ninclude = b.ini\n");
    file("b.ini", "[b]\n\ninclude = ./*.ini\n");
    expect("a.ini", "a.ini:1 [a]\n"
                    "b.ini:1 [b]\n"
                    "b.ini:3! include: ./a.ini includes itself, directly or through others\n"
                    "b.ini:3! include: ./b.ini includes itself, directly or through others\n");
    finish();
}
END_TEST

START_TEST(depth_is_limited)
{
    char name[20], text[60];
    begin();
    for (int i = 0; i <= 17; i++) {
        snprintf(name, sizeof(name), "%d.ini", i);
        snprintf(text, sizeof(text), "[%d]\ninclude = %d.ini\n", i, i + 1);
        file(name, i == 17 ? "[17]\n" : text);
    }
    char *got = load("0.ini");
    ck_assert_ptr_nonnull(strstr(got, "16.ini:1 [16]\n"));
    ck_assert_ptr_null(strstr(got, "[17]"));
    ck_assert_ptr_nonnull(
        strstr(got, "16.ini:2! include: 17.ini is included more than 16 files deep\n"));
    free(got);
    finish();
}
END_TEST

/* Two includes a file are 2^16 files sixteen deep. */
START_TEST(size_is_limited)
{
    static char large[17 * 1024 * 1024];
    char name[20], text[60];
    begin();
    for (int i = 0; i < 16; i++) {
        snprintf(name, sizeof(name), "%d.ini", i);
        snprintf(text, sizeof(text), "include = %d.ini\ninclude = %d.ini\n", i + 1, i + 1);
        file(name, text);
    }
    file("16.ini", "");
    char *got = load("0.ini");
    const char *error = strstr(got, "larger than 16 MiB or 1000 files\n");
    ck_assert_ptr_nonnull(error);
    ck_assert_ptr_null(strstr(error + 1, "larger"));
    free(got);
    memset(large, '\n', sizeof(large));
    write_file("large.ini", large, sizeof(large));
    expect("large.ini", "large.ini:0! makes the configuration larger than 16 MiB or 1000 files\n");
    expect("/dev/zero", "/dev/zero:0! makes the configuration larger than 16 MiB or 1000 files\n");
    finish();
}
END_TEST

START_TEST(what_is_no_text_is_reported_once)
{
    static const char text[] = "[a]\nx = \0\n\x01>7 forged\ny = 1\nz = \xFF\nwrong\n"
                               "[b\xFF]\nof = b\n[c]\nd = e\n";
    begin();
    write_file("a.ini", text, sizeof(text) - 1);
    expect("a.ini", "a.ini:1 [a]\n"
                    "a.ini:4 y=1\n"
                    "a.ini:9 [c]\n"
                    "a.ini:10 d=e\n"
                    "a.ini:2! byte 5 of the line is the control character 0x00\n"
                    "a.ini:3! byte 1 of the line is the control character 0x01\n"
                    "a.ini:5! byte 5 of the line (0xFF) is not UTF-8\n"
                    "a.ini:7! byte 3 of the line (0xFF) is not UTF-8\n"
                    "a.ini:6! expected [SECTION], KEY = VALUE or ; COMMENT\n");
    finish();
}
END_TEST

START_TEST(keys_after_an_include_need_a_section)
{
    begin();
    file("a.ini", "[a]\ninclude = b.ini\nlate = 1\n");
    file("b.ini", "early = 1\n[b]\n");
    expect("a.ini", "a.ini:1 [a]\n"
                    "b.ini:2 [b]\n"
                    "b.ini:1! this key stands outside any section; write a [SECTION] above it\n"
                    "a.ini:3! this key follows an include; write a [SECTION] above it\n");
    finish();
}
END_TEST

START_TEST(names_of_files_cannot_forge_lines)
{
    begin();
    file("conf.d/a\n[forged]", "[real]\n");
    file("a.ini", "include = conf.d/*\n");
    expect("a.ini", "conf.d/a?[forged]:1 [real]\n");
    finish();
}
END_TEST

UNIT_MAIN(includes_stand_where_they_are_written,
          a_pattern_may_match_nothing_but_a_file_must_be_there, loops_are_found, depth_is_limited,
          size_is_limited, what_is_no_text_is_reported_once, keys_after_an_include_need_a_section,
          names_of_files_cannot_forge_lines)
