/* terminal.h - text for people: colours where a terminal shows them, and columns that align.
 *
 * A stream gets colours when it is a terminal that can show them and NO_COLOR is unset or empty. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum ink { INK_PLAIN, INK_BOLD, INK_DIM, INK_GREEN, INK_YELLOW, INK_RED };

bool terminal_has_colour(FILE *out);
/* printf in a colour. */
void terminal_print(FILE *out, enum ink ink, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Rows of cells. A column is as wide as its widest cell; the last cell of a row may be any length.
 * {0} is an empty table. */
struct table {
    /* private */
    struct table_cell *cells;
    size_t count, cap;
    size_t row_start;
};

void table_cell(struct table *table, enum ink ink, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void table_end_row(struct table *table);
/* Columns that a text takes. */
size_t table_width(const char *text);
/* Writes the rows, indented by two blanks, with two blanks between columns; empties the table. */
void table_print(struct table *table, FILE *out);
/* Empties the table. */
void table_finish(struct table *table);
