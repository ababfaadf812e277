/* setting_document.c - the rows in words: for errors, for conf/full.ini, for the manual. */
#include "base/setting.h"

#include <stdarg.h>
#include <string.h>

#include "base/buffer.h"
#include "base/setting_parse.h"

enum { WIDTH = 98 };

/* The number in the largest unit that leaves no rest. */
static void add_number(struct buffer *out, int64_t number, const struct setting_unit *units)
{
    while (units->factor > 1 && (number == 0 || number % units->factor))
        units++;
    buffer_printf(out, "%lld%s", (long long)(number / units->factor), units->name);
}

static void add_range(struct buffer *out, const struct setting *row, const char *what,
                      const struct setting_unit *units)
{
    buffer_add_text(out, what);
    bool is_open = !row->min && !row->max;
    if (is_open)
        return;
    buffer_add_text(out, row->max == INT64_MAX ? ", at least " : ", from ");
    add_number(out, row->min, units);
    if (row->max == INT64_MAX)
        return;
    buffer_add_text(out, " to ");
    add_number(out, row->max, units);
}

static void add_choices(struct buffer *out, const char *const *choices)
{
    for (size_t i = 0; choices[i]; i++) {
        const char *between = !i ? "" : choices[i + 1] ? ", " : " or ";
        buffer_printf(out, "%s%s", between, choices[i]);
    }
}

static void add_expectation(struct buffer *out, const struct setting *row)
{
    switch (row->type) {
    case SETTING_TEXT:
        buffer_add_text(out, "a text");
        break;
    case SETTING_PATH:
        buffer_add_text(out, "a path");
        break;
    case SETTING_SIZE:
        add_range(out, row, "a size such as 512, 16K or 8M", setting_units_size);
        break;
    case SETTING_MS:
        add_range(out, row, "a time such as 500ms, 30s, 5m, 1h or 1d", setting_units_ms);
        break;
    case SETTING_COUNT:
        add_range(out, row, "a whole number", setting_units_none);
        break;
    case SETTING_FLAG:
        buffer_add_text(out, "yes or no");
        break;
    case SETTING_CHOICE:
        add_choices(out, row->choices);
        break;
    case SETTING_LIST:
        buffer_add_text(out, "words separated by blanks");
        break;
    case SETTING_PAIRS:
        buffer_printf(out, "`%s = NAME VALUE`", row->key);
        break;
    case SETTING_RATE:
        buffer_add_text(out, "off, or requests by time such as 10/s, 10/s burst 30 or 100/m");
        break;
    case SETTING_NAMED:
        buffer_printf(out, "`%s NAME = VALUE`", row->key);
        break;
    }
}

void setting_expectation(const struct setting *row, char *out, size_t size)
{
    struct buffer text = {0};
    add_expectation(&text, row);
    snprintf(out, size, "%s", buffer_str(&text).at);
    buffer_finish(&text);
}

/* A sentence as comment lines, broken between words. */
static void print_comment(const char *text, FILE *out)
{
    size_t column = 0;
    while (*text) {
        size_t len = strcspn(text, " ");
        if (column && column + 1 + len > WIDTH) {
            fputc('\n', out);
            column = 0;
        }
        column += (size_t)fprintf(out, "%s%.*s", column ? " " : "; ", (int)len, text);
        text += len;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

/* Only quotes keep blanks at the ends and ` ;` in a value. */
static bool needs_quotes(const char *value)
{
    size_t len = strlen(value);
    return len && (strchr(" \t", value[0]) || strchr(" \t", value[len - 1]) || value[0] == ';' ||
                   strstr(value, " ;") || strstr(value, "\t;"));
}

static void print_row(const struct setting *row, FILE *out)
{
    bool has_default = row->initial != NULL;
    const char *value = has_default ? row->initial : row->example ? row->example : "";
    const char *quote = needs_quotes(value) ? "\"" : "";
    const char *between = row->type == SETTING_NAMED ? "" : "=";
    print_comment(row->help, out);
    fprintf(out, "; %s %s%s%s%s%s%s\n", row->key, between, between[0] && value[0] ? " " : "", quote,
            value, quote, has_default || !value[0] ? "" : " ; an example, there is no default");
}

void setting_document(const struct setting *table, FILE *out)
{
    for (const struct setting *row = table; row->key; row++) {
        if (row != table)
            fputc('\n', out);
        print_row(row, out);
    }
}
