/* plugin.c - the adapter: a plugin's verbs behind an adapter's. */
#include "adapters/plugin/plugin.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "app/code.h"
#include "app/config.h"
#include "base/buffer.h"
#include "base/crash_record.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/setting.h"
#include "loop/task.h"
#include "adapters/plugin/plugin_file.h"
#include "adapters/plugin/plugin_load.h"

enum { STACK_DEFAULT = 256 * 1024 };

struct plugin_settings {
    const char *plugin;
    struct setting_pairs set;
};

struct plugin {
    struct gale_plugin descriptor;
    void *state; /* the plugin's own */
};

static const struct setting table[] = {
    {"plugin", SETTING_TEXT, offsetof(struct plugin_settings, plugin),
     .example = "build/plugins/hello.so",
     .help = "The compiled plugin to serve with: a file, or the name of an installed one."},
    {"set", SETTING_NAMED, offsetof(struct plugin_settings, set), .example = "greeting = hi",
     .help = "A setting of the plugin itself; which there are, its documentation says."},
    {.key = NULL},
};

static int find(const struct app_config *config, char out_path[PATH_MAX], struct buffer *why)
{
    const struct plugin_settings *settings = config->settings;
    return plugin_file_find(settings->plugin, config->server->base, out_path, why);
}

/* The copy, where the master made one: the original may have gone since. */
static int look(const struct app_config *config, char path[PATH_MAX], struct code *out_code,
                struct buffer *why)
{
    const struct code *copy = code_find(config->name);
    int r = copy ? 0 : find(config, path, why);
    *out_code = copy ? *copy : (struct code){.original = path, .path = path, .root = ""};
    return r < 0 ? r : plugin_file_check(out_code->path, out_code->original, why);
}

static int plugin_file(const struct app_config *config, char out_path[PATH_MAX])
{
    struct buffer why = {0};
    int r = find(config, out_path, &why);
    buffer_finish(&why);
    return r;
}

static void plugin_check(const struct app_config *config, struct setting_errors *errors)
{
    char path[PATH_MAX];
    struct code code;
    struct buffer why = {0};
    if (look(config, path, &code, &why) < 0)
        setting_errors_add(errors, config->file, config->line, "[app %s] %s", config->name, why.at);
    buffer_finish(&why);
}

static void plugin_each_file(const struct app_config *config,
                             void (*fn)(void *data, const char *path), void *data)
{
    char path[PATH_MAX];
    struct code code;
    struct buffer why = {0};
    if (look(config, path, &code, &why) == 0)
        fn(data, *code.root ? code.root : code.path); /* of a copy, all that came along */
    buffer_finish(&why);
}

/* The plugin that serves folders comes with gale, so its key is known. */
static int plugin_folder(const struct app_config *config, char out_path[PATH_MAX])
{
    const struct plugin_settings *settings = config->settings;
    const char *slash = strrchr(settings->plugin, '/');
    const char *name = slash ? slash + 1 : settings->plugin, *root = NULL;
    for (size_t i = 0; i < settings->set.len; i++)
        if (strcmp(settings->set.items[i].name, "root") == 0)
            root = settings->set.items[i].value;
    if (!root || (strcmp(name, "files") != 0 && strcmp(name, "files.so") != 0))
        return -ENOENT;
    bool is_absolute = *root == '/';
    int len = snprintf(out_path, PATH_MAX, "%s%s%s", is_absolute ? "" : config->server->base,
                       is_absolute ? "" : "/", root);
    return len < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* ---- the plugin's own keys ---- */

static bool has_key(const struct gale_plugin *plugin, const char *name)
{
    for (const char *const *key = plugin->keys; key && *key; key++)
        if (strcmp(*key, name) == 0)
            return true;
    return false;
}

static void refuse_key(const struct gale_plugin *plugin, const struct setting_pair *pair,
                       struct buffer *why)
{
    size_t count = 0;
    while (plugin->keys && plugin->keys[count])
        count++;
    struct setting *rows = memory_zalloc((count + 1) * sizeof(*rows));
    for (size_t i = 0; i < count; i++)
        rows[i].key = plugin->keys[i];
    const struct setting *const tables[] = {rows, NULL};
    const char *nearest = setting_nearest(tables, pair->name);
    buffer_printf(why, "%s'set %s'", why->len ? "; " : "", pair->name);
    if (pair->file[0] != '(') /* the command line has no lines */
        buffer_printf(why, " on line %u", pair->line);
    buffer_add_text(why, " is not a setting of this plugin");
    if (nearest)
        buffer_printf(why, "; did you mean 'set %s'?", nearest);
    else if (!count)
        buffer_add_text(why, ", which has none");
    for (size_t i = 0; !nearest && i < count; i++)
        buffer_printf(why, "%s%s", i ? ", " : "; its settings are ", plugin->keys[i]);
    free(rows);
}

static int check_keys(const struct gale_plugin *plugin, const struct setting_pairs *set,
                      struct buffer *why)
{
    for (size_t i = 0; i < set->len; i++)
        if (!has_key(plugin, set->items[i].name))
            refuse_key(plugin, &set->items[i], why);
    return why->len ? -EINVAL : 0;
}

/* ---- open ---- */

/* Where the plugin's C++ runtime keeps the exceptions of this thread, or NULL. */
static void *find_exception_globals(void *handle)
{
    void *(*get)(void);
    *(void **)&get = dlsym(handle, "__cxa_get_globals");
    return get ? get() : NULL;
}

static int check_mode(const struct gale_plugin *plugin, const char *path, struct buffer *why)
{
    if (!(plugin->flags & GALE_BLOCKING) || apps_are_on_main_stack())
        return 0;
    buffer_printf(why,
                  "%s blocks while it serves (GALE_BLOCKING), which needs workers of its own; add "
                  "mode = process to the app",
                  path);
    return -EPROTO;
}

/* Should its code abort, the C library and the C++ runtime can say why. Neither name is promised:
 * debuggers read them, too. */
static void find_last_words(void *handle)
{
    if (!crash_sources.abort_message)
        crash_sources.abort_message = dlvsym(RTLD_DEFAULT, "__abort_msg", "GLIBC_PRIVATE");
    if (!crash_sources.exception_type)
        *(void **)&crash_sources.exception_type = dlsym(handle, "__cxa_current_exception_type");
}

static int load(struct gale_app *app, struct plugin *plugin, struct buffer *why)
{
    const struct plugin_settings *settings = app->config->settings;
    char path[PATH_MAX];
    void *handle = NULL;
    struct code code;
    int r = look(app->config, path, &code, why);
    if (r == 0)
        r = plugin_load(&code, &plugin->descriptor, &handle, why);
    if (r == 0)
        r = check_mode(&plugin->descriptor, path, why);
    if (r == 0)
        r = check_keys(&plugin->descriptor, &settings->set, why);
    if (r < 0)
        return r;
    app->sets = &settings->set;
    app->title = plugin->descriptor.name;
    app->version = plugin->descriptor.version;
    app->may_block = plugin->descriptor.flags & GALE_BLOCKING;
    find_last_words(handle);
    app->exception_globals = find_exception_globals(handle);
    app->stack_size =
        plugin->descriptor.stack_size > STACK_DEFAULT ? plugin->descriptor.stack_size : 0;
    return 0;
}

static int open_state(struct gale_app *app, struct plugin *plugin, struct buffer *why)
{
    const struct gale_plugin *descriptor = &plugin->descriptor;
    int r = descriptor->open ? descriptor->open(app, &plugin->state) : 0;
    if (r == 0)
        return 0;
    const char *said = app_said(app);
    if (r > 0)
        buffer_printf(why, "the plugin did not open: it returned %d, which is no negative errno",
                      r);
    else
        buffer_printf(why, "the plugin did not open: %s", log_errno_name(r));
    buffer_printf(why, "%s%s", *said ? "; it said: " : "", said);
    return r < 0 ? r : -EINVAL;
}

static int plugin_open(struct gale_app *app)
{
    struct plugin *plugin = memory_zalloc(sizeof(*plugin));
    struct buffer why = {0};
    int r = load(app, plugin, &why);
    if (r == 0)
        r = open_state(app, plugin, &why);
    if (r == 0)
        app->state = plugin;
    else {
        (void)app_fail(app, r, "%s", why.at);
        free(plugin);
    }
    buffer_finish(&why);
    return r;
}

/* ---- serve, drain, close ---- */

static int plugin_serve(struct gale_app *app, struct gale_request *req, struct gale_response *res)
{
    const struct plugin *plugin = app->state;
    struct task *task = app->exception_globals ? task_current() : NULL;
    if (task)
        task_set_exception_globals(task, app->exception_globals);
    int verdict = plugin->descriptor.serve(plugin->state, req, res);
    if (task)
        task_set_exception_globals(task, NULL);
    return verdict;
}

static void plugin_drain(struct gale_app *app)
{
    const struct plugin *plugin = app->state;
    if (plugin->descriptor.drain)
        plugin->descriptor.drain(plugin->state);
}

static void plugin_close(struct gale_app *app)
{
    struct plugin *plugin = app->state;
    if (plugin->descriptor.close)
        plugin->descriptor.close(plugin->state);
    free(plugin);
}

const struct adapter plugin_adapter = {
    .name = "plugin",
    .table = table,
    .settings_size = sizeof(struct plugin_settings),
    .check = plugin_check,
    .file = plugin_file,
    .each_file = plugin_each_file,
    .folder = plugin_folder,
    .open = plugin_open,
    .serve = plugin_serve,
    .drain = plugin_drain,
    .close = plugin_close,
};
