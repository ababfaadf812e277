/* document.c - the tables as INI, as mdoc and as Markdown. */
#include "cli/document.h"

#include <stdbool.h>
#include <string.h>

#include "app/adapter.h"
#include "app/config.h"
#include "base/setting.h"
#include "cli/adapters.h"

enum { ALLOWED_MAX = 200, WIDTH = 78 };

/* ---- INI ---- */

void document_ini(FILE *out)
{
    fputs("; Every key of gale: what it does and its default, or an example where there is none.\n"
          "; `make keys` writes this file from the tables by which gale itself reads one;\n"
          "; docs/configuration.md and gale.ini(5) say how a file is written.\n"
          "\n"
          "[server]\n\n",
          out);
    setting_document(server_table, out);
    fputs("\n; A section for each app, [app NAME]; a name is made of a-z, 0-9, _ and -.\n"
          "[app status]\n"
          "mount  = /status\n"
          "plugin = status\n\n",
          out);
    setting_document(app_table, out);
    for (const struct adapter *const *at = adapters; *at; at++) {
        fprintf(out, "\n; ---- keys of an app that has the key `%s` ----\n\n", (*at)->name);
        setting_document((*at)->table, out);
    }
    fputs(
        "\n; ---- keys of an app with worker processes of its own, unless its kind has its own key "
        "of that\n; name ----\n\n",
        out);
    setting_document(isolation_table, out);
}

/* ---- mdoc ---- */

/* A backslash starts an escape, a quote ends an argument. */
static void print_argument(const char *text, FILE *out)
{
    fputs("\"\\&", out);
    for (; *text; text++)
        if (*text == '\\')
            fputs("\\e", out);
        else if (*text == '"')
            fputs("\\(dq", out);
        else
            fputc(*text, out);
    fputc('"', out);
}

/* Each sentence begins a line, and no line is long: that is how mdoc is written. */
static void print_text(const char *text, FILE *out)
{
    size_t column = 0;
    while (*text) {
        size_t len = strcspn(text, " ");
        bool ends = text[len] && text[len - 1] == '.';
        if (column && column + 1 + len > WIDTH) {
            fputc('\n', out);
            column = 0;
        }
        const char *before = column ? " " : strchr(".'", *text) ? "\\&" : "";
        column += (size_t)fprintf(out, "%s%.*s", before, (int)len, text);
        text += len + strspn(text + len, " ");
        if (ends)
            column = (size_t)fprintf(out, "\n") - 1;
    }
    fputc('\n', out);
}

static const char *placeholder(enum setting_type type)
{
    static const char *const words[] = {
        [SETTING_TEXT] = "text",   [SETTING_PATH] = "path",    [SETTING_SIZE] = "size",
        [SETTING_MS] = "time",     [SETTING_COUNT] = "number", [SETTING_FLAG] = "yes | no",
        [SETTING_CHOICE] = "word", [SETTING_LIST] = "words",   [SETTING_PAIRS] = "NAME VALUE",
        [SETTING_RATE] = "rate",   [SETTING_NAMED] = "VALUE",
    };
    return words[type];
}

static void print_value(const char *label, const char *value, FILE *out)
{
    fprintf(out, "%s\n.Ql ", label);
    print_argument(value, out);
    fputs(" .\n", out);
}

static void print_row(const struct setting *row, FILE *out)
{
    char allowed[ALLOWED_MAX];
    bool has_range = row->type == SETTING_CHOICE || row->min || row->max;
    fprintf(out, ".It Ic %s%s No = Ar %s\n", row->key, row->type == SETTING_NAMED ? " Ar NAME" : "",
            placeholder(row->type));
    print_text(row->help, out);
    if (has_range && !row->parse) {
        setting_expectation(row, allowed, sizeof(allowed) - 1);
        strcat(allowed, ".");
        fputs("Allowed:\n", out);
        print_text(allowed, out);
    }
    if (row->initial)
        print_value("The default is", row->initial, out);
    else if (row->example && row->type != SETTING_NAMED)
        print_value("For example", row->example, out);
}

static void print_table(const struct setting *table, FILE *out)
{
    fputs(".Bl -tag -width Ds\n", out);
    for (const struct setting *row = table; row->key; row++)
        print_row(row, out);
    fputs(".El\n", out);
}

void document_mdoc(FILE *out)
{
    fputs(".Ss Keys of the server\n", out);
    print_table(server_table, out);
    fputs(".Ss Keys of an app\n", out);
    print_table(app_table, out);
    for (const struct adapter *const *at = adapters; *at; at++) {
        fprintf(out, "Of an app that has the key\n.Ic %s :\n", (*at)->name);
        print_table((*at)->table, out);
    }
    fputs("Of an app with worker processes of its own, unless its kind has a key of that name:\n",
          out);
    print_table(isolation_table, out);
}

/* ---- Markdown ---- */

/* A bar would end the cell. */
static void print_cell(const char *text, FILE *out)
{
    for (; *text; text++)
        fprintf(out, "%s%c", *text == '|' ? "\\" : "", *text);
}

static void print_table_row(const struct setting *row, FILE *out)
{
    fprintf(out, "| `%s%s` | ", row->key, row->type == SETTING_NAMED ? " NAME" : "");
    if (row->initial)
        fprintf(out, "`%s`", row->initial);
    fputs(" | ", out);
    print_cell(row->help, out);
    fputs(" |\n", out);
}

static void print_markdown(const char *title, const struct setting *table, FILE *out)
{
    fprintf(out, "\n### %s\n\n| key | default | |\n|---|---|---|\n", title);
    for (const struct setting *row = table; row->key; row++)
        print_table_row(row, out);
}

void document_markdown(FILE *out)
{
    print_markdown("Keys of [server]", server_table, out);
    print_markdown("Keys of [app NAME]", app_table, out);
    for (const struct adapter *const *at = adapters; *at; at++) {
        char title[64];
        snprintf(title, sizeof(title), "Keys of an app with `%s`", (*at)->name);
        print_markdown(title, (*at)->table, out);
    }
    print_markdown("Keys of an app with worker processes of its own, unless its kind has a key of "
                   "that name",
                   isolation_table, out);
}
