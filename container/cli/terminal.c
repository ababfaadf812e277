/* terminal.c - escape sequences and padding. */
#include "cli/terminal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

enum { COLUMNS_MAX = 16 };

struct table_cell {
    char *text; /* owned */
    enum ink ink;
    bool ends_row;
};

static const char *const escapes[] = {
    [INK_PLAIN] = "",         [INK_BOLD] = "\033[1m",    [INK_DIM] = "\033[2m",
    [INK_GREEN] = "\033[32m", [INK_YELLOW] = "\033[33m", [INK_RED] = "\033[31m",
};

bool terminal_has_colour(FILE *out)
{
    const char *refusal = getenv("NO_COLOR"), *kind = getenv("TERM");
    if (refusal && *refusal)
        return false;
    return kind && strcmp(kind, "dumb") != 0 && isatty(fileno(out));
}

void terminal_print(FILE *out, enum ink ink, const char *format, ...)
{
    bool is_coloured = ink != INK_PLAIN && terminal_has_colour(out);
    va_list args;
    if (is_coloured)
        fputs(escapes[ink], out);
    va_start(args, format);
    vfprintf(out, format, args);
    va_end(args);
    if (is_coloured)
        fputs("\033[0m", out);
}

/* ---- tables ---- */

static void add(struct table *table, struct table_cell cell)
{
    if (table->count == table->cap) {
        table->cap = table->cap ? table->cap * 2 : 32;
        table->cells = memory_realloc(table->cells, table->cap * sizeof(*table->cells));
    }
    table->cells[table->count++] = cell;
}

void table_cell(struct table *table, enum ink ink, const char *format, ...)
{
    char *text;
    va_list args;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        abort();
    va_end(args);
    add(table, (struct table_cell){.text = text, .ink = ink});
}

void table_end_row(struct table *table)
{
    if (table->count == table->row_start) /* an empty line */
        table_cell(table, INK_PLAIN, "%s", "");
    table->cells[table->count - 1].ends_row = true;
    table->row_start = table->count;
}

/* Characters, so that names in any language align: bytes that do not continue one. */
size_t table_width(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

/* Beyond the last column that is counted, all are as wide as the widest of them. */
static size_t next_column(size_t column, bool ends_row)
{
    if (ends_row)
        return 0;
    return column + 1 < COLUMNS_MAX ? column + 1 : column;
}

static void measure(const struct table *table, size_t widths[COLUMNS_MAX])
{
    size_t column = 0;
    for (size_t i = 0; i < table->count; i++) {
        const struct table_cell *cell = &table->cells[i];
        size_t width = table_width(cell->text);
        if (!cell->ends_row && width > widths[column])
            widths[column] = width;
        column = next_column(column, cell->ends_row);
    }
}

/* Blanks are written only once text follows them: no line ends in any. */
void table_print(struct table *table, FILE *out)
{
    size_t widths[COLUMNS_MAX] = {0}, column = 0, blanks = 2;
    measure(table, widths);
    for (size_t i = 0; i < table->count; i++) {
        struct table_cell *cell = &table->cells[i];
        size_t width = table_width(cell->text);
        if (width) {
            fprintf(out, "%*s", (int)blanks, "");
            terminal_print(out, cell->ink, "%s", cell->text);
            blanks = 0;
        }
        if (cell->ends_row)
            fputc('\n', out);
        blanks = cell->ends_row ? 2 : blanks + widths[column] - width + 2;
        column = next_column(column, cell->ends_row);
    }
    table_finish(table);
}

void table_finish(struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->cells[i].text);
    free(table->cells);
    *table = (struct table){0};
}
