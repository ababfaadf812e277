/* status_page.c - a calm page: what serves where, then a line for each worker. */
#include "cli/status_page.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "cli/terminal.h"
#include "process/coverage.h"

enum {
    DURATION_MAX = 40,
    COLUMNS = 80,
    NAME_COLUMNS = 20,
    MOUNT_COLUMNS = 26,
    REQUEST_COLUMNS = 28
};

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static long long number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

/* The two largest units: "3 d 4 h", "12 min 5 s", "7 s". */
static const char *duration(long long ms, char out[DURATION_MAX])
{
    long long s = ms / 1000;
    if (s >= 86400)
        snprintf(out, DURATION_MAX, "%lld d %lld h", s / 86400, s / 3600 % 24);
    else if (s >= 3600)
        snprintf(out, DURATION_MAX, "%lld h %lld min", s / 3600, s / 60 % 60);
    else if (s >= 60)
        snprintf(out, DURATION_MAX, "%lld min %lld s", s / 60, s % 60);
    else
        snprintf(out, DURATION_MAX, "%lld s", s);
    return out;
}

/* Green is as it should be, yellow is on its way. */
static enum ink ink_of_state(const char *state)
{
    return strcmp(state, "serving") == 0 || strcmp(state, "live") == 0 ? INK_GREEN : INK_YELLOW;
}

static void add_part(char *out, size_t size, const char *name, long long count)
{
    size_t len = strlen(out);
    if (count)
        snprintf(out + len, size - len, "%s%lld %s%s", len ? ", " : "", count, name,
                 count == 1 ? "" : "s");
}

/* ---- the instance ---- */

static void add_line(struct table *table, const char *label, enum ink ink, const char *text)
{
    table_cell(table, INK_DIM, "%s", label);
    table_cell(table, ink, "%s", text);
    table_end_row(table);
}

static void add_listeners(struct table *table, const json_t *listen)
{
    size_t i;
    json_t *address;
    json_array_foreach(listen, i, address)
    {
        const char *text = text_of(address, "address"), *bound = text_of(address, "bound");
        table_cell(table, INK_DIM, "%s", i ? "" : "listens");
        table_cell(table, INK_PLAIN, strcmp(text, bound) == 0 || !*bound ? "%s" : "%s (%s)", text,
                   bound);
        table_end_row(table);
    }
}

/* "3 connections, 1 request" */
static void add_limited(struct table *table, const json_t *limited)
{
    char text[160] = "";
    add_part(text, sizeof(text), "connection", number_of(limited, "connections"));
    add_part(text, sizeof(text), "request", number_of(limited, "requests"));
    if (*text)
        add_line(table, "refused", INK_YELLOW, text);
}

static void print_instance(const json_t *status, FILE *out)
{
    struct table table = {0};
    char text[DURATION_MAX];
    terminal_print(out, INK_BOLD, "gale %s", text_of(status, "gale"));
    fprintf(out, " with %s\n\n", text_of(status, "config"));
    add_line(&table, "state", ink_of_state(text_of(status, "state")), text_of(status, "state"));
    add_line(&table, "up", INK_PLAIN, duration(number_of(status, "uptime_ms"), text));
    snprintf(text, sizeof(text), "%lld", number_of(status, "pid"));
    add_line(&table, "pid", INK_PLAIN, text);
    if (*text_of(status, "user"))
        add_line(&table, "user", INK_PLAIN, text_of(status, "user"));
    add_listeners(&table, json_object_get(status, "listen"));
    add_limited(&table, json_object_get(status, "limited"));
    add_line(&table, "control", INK_PLAIN, text_of(status, "control"));
    table_print(&table, out);
}

/* ---- its apps ---- */

/* At most `columns` characters of the text; what is left out shows as "..." */
static void add_clipped(struct table *table, enum ink ink, const char *text, size_t columns)
{
    size_t width = table_width(text), kept = 0, len = 0;
    if (width <= columns) {
        table_cell(table, ink, "%s", text);
        return;
    }
    while (kept < columns - 3 || (text[len] & 0xC0) == 0x80)
        kept += (text[len++] & 0xC0) != 0x80;
    table_cell(table, ink, "%.*s...", (int)len, text);
}

static size_t widest(const json_t *apps, const char *key, size_t head, size_t most)
{
    size_t widest = head, i;
    json_t *app;
    json_array_foreach(apps, i, app)
    {
        size_t width = table_width(text_of(app, key));
        widest = width > widest ? width : widest;
    }
    return widest < most ? widest : most;
}

/* What the first three columns leave, two blanks before each. */
static size_t columns_left(const json_t *apps)
{
    return COLUMNS - widest(apps, "name", 3, NAME_COLUMNS) -
           widest(apps, "mount", 5, MOUNT_COLUMNS) - widest(apps, "adapter", 7, 10) - 4 * 2;
}

static void add_app(struct table *table, const json_t *app, size_t columns)
{
    char title[256];
    const char *version = text_of(app, "version");
    snprintf(title, sizeof(title), "%s%s%s", text_of(app, "title"), *version ? " " : "", version);
    add_clipped(table, INK_BOLD, text_of(app, "name"), NAME_COLUMNS);
    add_clipped(table, INK_PLAIN, text_of(app, "mount"), MOUNT_COLUMNS);
    table_cell(table, INK_DIM, "%s", text_of(app, "adapter"));
    add_clipped(table, INK_PLAIN, title, columns);
    table_end_row(table);
}

static void print_apps(const json_t *status, FILE *out)
{
    static const char *const heads[] = {"app", "mount", "adapter", "serves with", NULL};
    const json_t *apps = json_object_get(status, "apps");
    struct table table = {0};
    size_t i;
    json_t *app;
    if (!json_array_size(apps))
        return;
    fputc('\n', out);
    for (i = 0; heads[i]; i++)
        table_cell(&table, INK_DIM, "%s", heads[i]);
    table_end_row(&table);
    json_array_foreach(apps, i, app)
    {
        add_app(&table, app, columns_left(apps));
    }
    table_print(&table, out);
}

/* ---- its workers ---- */

static void add_heads(struct table *table)
{
    static const char *const heads[] = {"generation", "worker",   "pid",       "state",
                                        "up",         "restarts", "busy with", NULL};
    for (size_t i = 0; heads[i]; i++)
        table_cell(table, INK_DIM, "%s", heads[i]);
    table_end_row(table);
}

static void add_state(struct table *table, const json_t *worker)
{
    const char *state = text_of(worker, "state");
    char text[DURATION_MAX];
    long long silent = number_of(worker, "heartbeat_ms");
    if (strcmp(state, "serving") == 0 && silent > COVERAGE_STALE_MS)
        table_cell(table, INK_RED, "silent for %s", duration(silent, text));
    else
        table_cell(table, ink_of_state(state), "%s", state);
}

/* "2 requests, 5 connections, cut in 27 s" */
static void add_work(struct table *table, const json_t *worker)
{
    const json_t *draining = json_object_get(worker, "draining");
    char text[160] = "", left[DURATION_MAX];
    if (!draining) {
        table_cell(table, INK_PLAIN, "%s%s%s", text_of(worker, "app"),
                   *text_of(worker, "request") ? ": " : "", text_of(worker, "request"));
        return;
    }
    add_part(text, sizeof(text), "request", number_of(draining, "requests"));
    add_part(text, sizeof(text), "connection", number_of(draining, "connections"));
    add_part(text, sizeof(text), "task", number_of(draining, "tasks"));
    table_cell(table, INK_PLAIN, "%s%scut in %s", text, *text ? ", " : "",
               duration(number_of(draining, "cut_in_ms"), left));
}

static void add_worker(struct table *table, const json_t *worker)
{
    long long restarts = number_of(worker, "restarts");
    char text[DURATION_MAX];
    table_cell(table, INK_PLAIN, "%lld", number_of(worker, "place"));
    table_cell(table, INK_PLAIN, "%lld", number_of(worker, "pid"));
    add_state(table, worker);
    table_cell(table, INK_PLAIN, "%s", duration(number_of(worker, "age_ms"), text));
    table_cell(table, restarts ? INK_YELLOW : INK_PLAIN, "%lld", restarts);
    add_work(table, worker);
    table_end_row(table);
}

static void add_generation(struct table *table, const json_t *generation)
{
    const json_t *workers = json_object_get(generation, "workers");
    const char *state = text_of(generation, "state"), *group = text_of(generation, "group");
    size_t i;
    json_t *worker;
    json_array_foreach(workers, i, worker)
    {
        if (i == 0)
            table_cell(table, ink_of_state(state), "%s%s%lld %s", group, *group ? " " : "",
                       number_of(generation, "number"), state);
        else
            table_cell(table, INK_PLAIN, "%s", "");
        add_worker(table, worker);
    }
}

static void print_workers(const json_t *status, FILE *out)
{
    struct table table = {0};
    size_t i;
    json_t *generation;
    fputc('\n', out);
    add_heads(&table);
    json_array_foreach(json_object_get(status, "generations"), i, generation)
    {
        add_generation(&table, generation);
    }
    table_print(&table, out);
}

/* ---- the servers that it runs for apps ---- */

static void add_server(struct table *table, const json_t *server)
{
    long long restarts = number_of(server, "restarts");
    bool runs = strcmp(text_of(server, "state"), "running") == 0;
    char text[DURATION_MAX];
    table_cell(table, INK_BOLD, "%s", text_of(server, "app"));
    if (json_object_get(server, "pid"))
        table_cell(table, INK_PLAIN, "%lld", number_of(server, "pid"));
    else
        table_cell(table, INK_PLAIN, "%s", "-");
    table_cell(table, runs ? INK_GREEN : INK_YELLOW, "%s", text_of(server, "state"));
    table_cell(table, INK_PLAIN, "%s",
               json_object_get(server, "pid") ? duration(number_of(server, "age_ms"), text) : "-");
    table_cell(table, restarts ? INK_YELLOW : INK_PLAIN, "%lld", restarts);
    table_end_row(table);
}

static void print_servers(const json_t *servers, FILE *out)
{
    static const char *const heads[] = {"server of", "pid", "state", "up", "restarts", NULL};
    struct table table = {0};
    size_t i;
    json_t *server;
    if (!json_array_size(servers))
        return;
    fputc('\n', out);
    for (i = 0; heads[i]; i++)
        table_cell(&table, INK_DIM, "%s", heads[i]);
    table_end_row(&table);
    json_array_foreach(servers, i, server)
    {
        add_server(&table, server);
    }
    table_print(&table, out);
}

/* ---- the last reload, if it was refused ---- */

static void print_failure(const json_t *reload, FILE *out)
{
    char text[DURATION_MAX];
    const char *why = text_of(reload, "last_failure");
    if (!*why)
        return;
    fputc('\n', out);
    terminal_print(out, INK_RED, "The last reload was refused %s ago:",
                   duration(number_of(reload, "last_failure_age_ms"), text));
    fputc('\n', out);
    while (*why) {
        size_t len = strcspn(why, "\n");
        fprintf(out, "  %.*s\n", (int)len, why);
        why += len + (why[len] == '\n');
    }
}

/* ---- what went wrong ---- */

static void print_rollback(const json_t *rollback, FILE *out)
{
    char text[DURATION_MAX];
    if (!number_of(rollback, "from"))
        return;
    fputc('\n', out);
    terminal_print(out, INK_RED, "Generation %lld was rolled back to what generation %lld was",
                   number_of(rollback, "from"), number_of(rollback, "to"));
    fprintf(out, ", %s ago: %s\n", duration(number_of(rollback, "age_ms"), text),
            text_of(rollback, "why"));
}

static void add_crash(struct table *table, const json_t *crash)
{
    char text[DURATION_MAX];
    const char *app = text_of(crash, "app");
    table_cell(table, INK_BOLD, "%s", *app ? app : "-");
    table_cell(table, INK_RED, "%s", text_of(crash, "what"));
    table_cell(table, INK_PLAIN, "%lld", number_of(crash, "count"));
    table_cell(table, INK_PLAIN, "%s ago", duration(number_of(crash, "age_ms"), text));
    table_cell(table, INK_PLAIN, "%s", text_of(crash, "at"));
    add_clipped(table, INK_PLAIN, text_of(crash, "request"), REQUEST_COLUMNS);
    table_end_row(table);
}

static void print_crashes(const json_t *crashes, FILE *out)
{
    static const char *const heads[] = {"crashed", "by", "times", "last", "at", "request", NULL};
    struct table table = {0};
    size_t i;
    json_t *crash;
    if (!json_array_size(crashes))
        return;
    fputc('\n', out);
    for (i = 0; heads[i]; i++)
        table_cell(&table, INK_DIM, "%s", heads[i]);
    table_end_row(&table);
    json_array_foreach(crashes, i, crash)
    {
        add_crash(&table, crash);
    }
    table_print(&table, out);
}

int status_page_print(const char *json, FILE *out)
{
    json_t *status = json_loads(json, 0, NULL);
    if (!json_is_string(json_object_get(status, "gale"))) {
        json_decref(status);
        return -EPROTO;
    }
    print_instance(status, out);
    print_apps(status, out);
    print_workers(status, out);
    print_servers(json_object_get(status, "servers"), out);
    print_failure(json_object_get(status, "reload"), out);
    print_rollback(json_object_get(status, "rollback"), out);
    print_crashes(json_object_get(status, "crashes"), out);
    json_decref(status);
    return 0;
}
