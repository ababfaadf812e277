/* greeting.c - a few lines for whoever has just started gale. */
#include "cli/greeting.h"

#include <string.h>

#include "app/config.h"
#include "base/version.h"
#include "cli/apps_table.h"
#include "cli/terminal.h"

static void print_addresses(const struct setting_list *listen, FILE *out)
{
    char address[ADDRESS_MAX];
    for (size_t i = 0; i < listen->len; i++) {
        fputs("  ", out);
        terminal_print(out, INK_GREEN, "%s", address_of_clients(listen->items[i], address));
        fputc('\n', out);
    }
}

/* The first address that speaks HTTP, or NULL. */
static const char *http_address(const struct setting_list *listen)
{
    for (size_t i = 0; i < listen->len; i++) {
        struct gale_str text = {listen->items[i], strlen(listen->items[i])};
        if (!config_listen_is_fastcgi(&text))
            return listen->items[i];
    }
    return NULL;
}

/* The first app that clients can reach. */
static const struct app_config *first_mounted(const struct config *config)
{
    size_t i = 0;
    while (i + 1 < config->app_count && !config->apps[i].has_mount)
        i++;
    return &config->apps[i];
}

/* A request that reaches it. */
static void add_try(struct table *table, const struct config *config)
{
    const char *mount = first_mounted(config)->mount_text, *slash = strchr(mount, '/');
    char address[ADDRESS_MAX];
    const char *first = http_address(&config->server.listen);
    if (!first)
        return;
    table_cell(table, INK_DIM, "try");
    if (strncmp(first, "unix:", 5) == 0)
        table_cell(table, INK_PLAIN, "curl --unix-socket %s http://localhost%s", first + 5, slash);
    else
        table_cell(table, INK_PLAIN, "curl %s%s", address_of_clients(first, address), slash);
    table_end_row(table);
}

static void add_line(struct table *table, const char *label, const char *text)
{
    table_cell(table, INK_DIM, "%s", label);
    table_cell(table, INK_PLAIN, "%s", text);
    table_end_row(table);
}

void greeting_print(const struct config *config, unsigned workers, bool is_plugin, FILE *out)
{
    struct table table = {0};
    fputc('\n', out);
    terminal_print(out, INK_BOLD, "gale %s", GALE_VERSION);
    fprintf(out, " serves %s with %u worker%s\n\n", config->path, workers, workers == 1 ? "" : "s");
    print_addresses(&config->server.listen, out);
    fputc('\n', out);
    if (!is_plugin) {
        apps_table_print(config, false, out);
        fputc('\n', out);
    }
    add_try(&table, config);
    add_line(&table, "change",
             is_plugin ? "build the plugin again, then, in another terminal: gale reload"
                       : "edit and build, then, in another terminal: gale reload");
    add_line(&table, "stop", "Ctrl-C, or gale stop");
    table_print(&table, out);
    fputc('\n', out);
    fflush(out);
}
