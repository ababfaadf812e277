/* apps_table.c - apps and addresses in words. */
#include "cli/apps_table.h"

#include <string.h>

#include "app/adapter.h"
#include "app/config.h"
#include "base/setting.h"
#include "base/str.h"
#include "cli/terminal.h"

/* Every address of this machine has a name that works in a browser on it. */
static bool is_any(struct gale_str host)
{
    return str_equals(host, STR("*")) || str_equals(host, STR("0.0.0.0")) ||
           str_equals(host, STR("[::]"));
}

const char *address_of_clients(const char *listen, char out[ADDRESS_MAX])
{
    const char *colon = strrchr(listen, ':');
    struct gale_str host = {listen, colon ? (size_t)(colon - listen) : strlen(listen)};
    const char *port = colon ? colon : "";
    if (strncmp(listen, "unix:", 5) == 0 || strncmp(listen, "fastcgi://", 10) == 0)
        snprintf(out, ADDRESS_MAX, "%s", listen);
    else if (is_any(host))
        snprintf(out, ADDRESS_MAX, "http://localhost%s", strcmp(port, ":80") == 0 ? "" : port);
    else
        snprintf(out, ADDRESS_MAX, "http://%.*s%s", (int)host.len, host.at,
                 strcmp(port, ":80") == 0 ? "" : port);
    return out;
}

/* What the app serves with, as its section says: a path, or the servers. */
static void add_source(struct table *table, const struct app_config *app)
{
    const struct setting *row = setting_find(app->adapter->table, app->adapter->name);
    const char *at = (const char *)app->settings + row->offset, *text = NULL;
    struct setting_list list = {0};
    if (row->type == SETTING_LIST)
        memcpy(&list, at, sizeof(list));
    else if (row->type == SETTING_TEXT || row->type == SETTING_PATH)
        memcpy(&text, at, sizeof(text));
    if (list.len > 1)
        table_cell(table, INK_PLAIN, "%s and %zu more", list.items[0], list.len - 1);
    else
        table_cell(table, INK_PLAIN, "%s", list.len ? list.items[0] : text ? text : "");
}

static void add_heads(struct table *table)
{
    static const char *const heads[] = {"app", "mount", "adapter", "serves with"};
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
        table_cell(table, INK_DIM, "%s", heads[i]);
    table_end_row(table);
}

void apps_table_print(const struct config *config, bool heads, FILE *out)
{
    struct table table = {0};
    if (heads)
        add_heads(&table);
    for (size_t i = 0; i < config->app_count; i++) {
        const struct app_config *app = &config->apps[i];
        table_cell(&table, INK_BOLD, "%s", app->name);
        table_cell(&table, INK_PLAIN, "%s", app->mount_text);
        table_cell(&table, INK_DIM, "%s", app->adapter->name);
        add_source(&table, app);
        table_end_row(&table);
    }
    table_print(&table, out);
}
