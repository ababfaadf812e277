/* Colours only for terminals, and columns that align. */
#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "captured.h"
#include "cli/terminal.h"

START_TEST(no_terminal_gets_no_colour)
{
    struct captured captured;
    FILE *out = capture(&captured);
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
    ck_assert(!terminal_has_colour(out));
    terminal_print(out, INK_RED, "%d", 7);
    scoped_free char *text = captured_text(&captured);
    ck_assert_str_eq(text, "7");
}
END_TEST

/* The other end of a terminal of our own. */
static FILE *open_terminal(int *out_master)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    ck_assert_int_ge(master, 0);
    ck_assert_int_eq(grantpt(master), 0);
    ck_assert_int_eq(unlockpt(master), 0);
    *out_master = master;
    FILE *slave = fopen(ptsname(master), "r+");
    ck_assert_ptr_nonnull(slave);
    return slave;
}

START_TEST(a_terminal_gets_colour_unless_told_otherwise)
{
    static const struct {
        const char *term, *no_color;
        bool expected;
    } cases[] = {
        {"xterm", NULL, true}, {"xterm", "", true}, {"xterm", "1", false},
        {"dumb", NULL, false}, {NULL, NULL, false}, {"linux", "0", false},
    };
    int master;
    FILE *terminal = open_terminal(&master);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        unsetenv("TERM");
        unsetenv("NO_COLOR");
        if (cases[i].term)
            setenv("TERM", cases[i].term, 1);
        if (cases[i].no_color)
            setenv("NO_COLOR", cases[i].no_color, 1);
        ck_assert_int_eq(terminal_has_colour(terminal), cases[i].expected);
    }
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
    terminal_print(terminal, INK_GREEN, "ok");
    terminal_print(terminal, INK_PLAIN, "ok");
    fflush(terminal);
    char text[64] = "";
    ssize_t n = read(master, text, sizeof(text) - 1);
    ck_assert_int_gt(n, 0);
    ck_assert_str_eq(text, "\033[32mok\033[0mok");
    fclose(terminal);
    close(master);
}
END_TEST

static void add_row(struct table *table, const char *const *cells)
{
    for (; *cells; cells++)
        table_cell(table, INK_BOLD, "%s", *cells);
    table_end_row(table);
}

START_TEST(columns_align)
{
    static const char *const rows[][5] = {
        {"a", "bb", "c"}, {"long one", "x"}, {NULL}, {"", "y", "z", ""}, {"\xc3\xa4\xc3\xb6", "w"}};
    struct table table = {0};
    struct captured captured;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        add_row(&table, rows[i]);
    table_print(&table, capture(&captured));
    scoped_free char *text = captured_text(&captured);
    ck_assert_str_eq(text, "  a         bb  c\n"
                           "  long one  x\n"
                           "\n"
                           "            y   z\n"
                           "  \xc3\xa4\xc3\xb6        w\n");
}
END_TEST

START_TEST(more_columns_than_are_counted_are_fine)
{
    struct table table = {0};
    struct captured captured;
    for (int row = 0; row < 2; row++) {
        for (int i = 0; i < 40; i++)
            table_cell(&table, INK_PLAIN, row ? "%d" : "a long %d", i);
        table_end_row(&table);
    }
    table_print(&table, capture(&captured));
    scoped_free char *text = captured_text(&captured);
    ck_assert_ptr_nonnull(strstr(text, "39\n"));
    ck_assert_ptr_nonnull(strstr(text, "a long 39\n"));
}
END_TEST

START_TEST(an_empty_table_prints_nothing)
{
    struct table table = {0};
    struct captured captured;
    table_print(&table, capture(&captured));
    scoped_free char *text = captured_text(&captured);
    ck_assert_str_eq(text, "");
    table_cell(&table, INK_PLAIN, "dropped");
    table_finish(&table);
}
END_TEST

UNIT_MAIN(no_terminal_gets_no_colour, a_terminal_gets_colour_unless_told_otherwise, columns_align,
          more_columns_than_are_counted_are_fine, an_empty_table_prints_nothing)
