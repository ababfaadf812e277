/* help.c - texts put together from the tables. */
#include "cli/help.h"

#include <string.h>

#include "app/adapter.h"
#include "app/config.h"
#include "base/macros.h"
#include "base/setting.h"
#include "base/version.h"
#include "cli/adapters.h"
#include "cli/command.h"
#include "cli/terminal.h"

enum { TABLES_MAX = 10, EXPECTATION_MAX = 200 };

/* ---- the commands ---- */

void help_overview(FILE *out)
{
    struct table table = {0};
    fprintf(out, "gale %s hosts compiled applications, CGI programs and FastCGI servers.\n\n",
            GALE_VERSION);
    fputs("usage: gale COMMAND [ARGUMENTS]\n\n", out);
    for (const struct command *const *at = commands; *at; at++) {
        if (!(*at)->summary)
            continue;
        table_cell(&table, INK_BOLD, "%s", (*at)->name);
        table_cell(&table, INK_PLAIN, "%s", (*at)->summary);
        table_end_row(&table);
    }
    table_print(&table, out);
    fputs("\nBegin with a plugin, 'gale dev hello.c', or a configuration, 'gale run gale.ini'.\n"
          "'gale help COMMAND' explains a command, 'gale help KEY' a key of the configuration.\n"
          "Manual pages: gale(1), gale.ini(5), gale_plugin(3).\n",
          out);
}

static void print_options(const struct command *command, FILE *out)
{
    struct table table = {0};
    for (const struct command_option *at = command->options; at && at->name; at++) {
        table_cell(&table, INK_BOLD, "%s%s%s", at->name, at->value ? " " : "",
                   at->value ? at->value : "");
        table_cell(&table, INK_PLAIN, "%s", at->help);
        table_end_row(&table);
    }
    if (command->options)
        fputc('\n', out);
    table_print(&table, out);
}

static void print_exit_codes(const struct command *command, FILE *out)
{
    fprintf(out, "\nexit codes: 0 done, 1 failed, 2 wrong command line or configuration%s%s\n",
            command->exits ? ",\n" : "", command->exits ? command->exits : "");
}

void help_command(const struct command *command, FILE *out)
{
    fputs("usage: ", out);
    terminal_print(out, INK_BOLD, "gale %s", command->name);
    fprintf(out, "%s%s\n\n%s", *command->usage ? " " : "", command->usage, command->text);
    print_options(command, out);
    if (command->examples)
        fprintf(out, "\nexamples:\n%s", command->examples);
    print_exit_codes(command, out);
}

/* ---- the keys ---- */

struct help_table {
    const char *of;      /* which apps have these keys, behind "[app NAME]"; NULL: [server] */
    const char *adapter; /* the key that chooses it; "" */
    const struct setting *rows;
};

/* Every table of keys; ended by NULL rows. */
static void list_tables(struct help_table out[TABLES_MAX])
{
    size_t count = 0;
    out[count++] = (struct help_table){NULL, "", server_table};
    out[count++] = (struct help_table){"", "", app_table};
    for (const struct adapter *const *at = adapters; *at && count + 2 < TABLES_MAX; at++)
        out[count++] = (struct help_table){" with the key ", (*at)->name, (*at)->table};
    out[count++] =
        (struct help_table){" with worker processes of its own (isolate)", "", isolation_table};
    out[count] = (struct help_table){0};
}

static void print_key(const struct help_table *table, const struct setting *row, FILE *out)
{
    char allowed[EXPECTATION_MAX];
    terminal_print(out, INK_BOLD, "%s", row->key);
    fprintf(out, "  in %s%s%s\n\n  %s\n\n", table->of ? "[app NAME]" : "[server]",
            table->of ? table->of : "", table->adapter, row->help);
    if (row->initial)
        fprintf(out, "  default: %s\n", row->initial);
    else if (row->example)
        fprintf(out, "  no default; for example: %s%s %s\n", row->key,
                row->type == SETTING_NAMED ? "" : " =", row->example);
    setting_expectation(row, allowed, sizeof(allowed));
    if (!row->parse)
        fprintf(out, "  allowed: %s\n", allowed);
}

bool help_key(const char *key, FILE *out)
{
    struct help_table tables[TABLES_MAX];
    bool is_found = false;
    list_tables(tables);
    for (size_t i = 0; tables[i].rows; i++) {
        const struct setting *row = setting_find(tables[i].rows, key);
        if (!row)
            continue;
        if (is_found)
            fputc('\n', out);
        print_key(&tables[i], row, out);
        is_found = true;
    }
    return is_found;
}

const char *help_nearest_key(const char *key)
{
    struct help_table tables[TABLES_MAX];
    const struct setting *rows[TABLES_MAX] = {0};
    list_tables(tables);
    for (size_t i = 0; tables[i].rows; i++)
        rows[i] = tables[i].rows;
    return setting_nearest(rows, key);
}
