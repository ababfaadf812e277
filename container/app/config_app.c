/* config_app.c - [app NAME]: its name, its mount, its adapter and what it may set for itself. */
#include "app/config_private.h"

#include <string.h>

#include "app/adapter.h"
#include "app/mount.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/macros.h"
#include "base/str.h"

enum { NAME_MAX_LEN = 40, DAY_MS = 24 * 60 * 60 * 1000 };

/* clang-format off: one row a key reads best in two lines */
#define AT(field) .offset = offsetof(struct app_config, field)
const struct setting app_table[] = {
    {"mount", SETTING_TEXT, AT(mount_text), .example = "/hello",
     .help = "Where the app stands: a path prefix such as /hello, or HOST/PATH; required but for "
             "apps that others name in `authorize`."},
    {"authorize", SETTING_TEXT, AT(authorize), .example = "door",
     .help =
         "The FastCGI app that is asked first, as an authorizer: it lets the request through by "
         "status 200, its Variable-NAME fields going on to this app; else its answer counts."},
    {"max_body", SETTING_SIZE, AT(limits.max_body), .example = "100M",
     .help = "The longest body of a request to this app; without it as in [server]."},
    {"body_timeout", SETTING_MS, AT(limits.body_timeout_ms), .min = 1, .max = DAY_MS,
     .example = "10s",
     .help = "How long a request's body may make no progress; without it as in [server]."},
    {"write_timeout", SETTING_MS, AT(limits.write_timeout_ms), .min = 1, .max = DAY_MS,
     .example = "10s",
     .help = "How long a client may take nothing of a response; without it as in [server]."},
    {"form_memory", SETTING_SIZE, AT(limits.form_memory), .example = "1M",
     .help = "Uploaded files above this size go to a temporary file; without it as in [server]."},
    {"deadline", SETTING_MS, AT(limits.deadline_ms), .initial = "0s", .max = DAY_MS,
     .help = "How long one request may take in all before it is cancelled; 0s: no limit."},
    {"limit_rate", SETTING_RATE, AT(limits.rate), .example = "2/s burst 10",
     .help = "How many requests to this app a client may send, counted apart from those to others, "
             "or off; without it as in [server]."},
    {"watch", SETTING_FLAG, AT(watch), .initial = "no",
     .help = "Reload by itself when the plugin's file, or a library that it finds through $ORIGIN, "
             "has changed."},
    {"build", SETTING_TEXT, AT(build), .example = "make -C hello",
     .help = "The command by which gale dev builds the plugin; run in the folder of `base`."},
    {.key = NULL},
};
#undef AT
/* clang-format on */

/* ---- the name ---- */

bool config_is_app_name(const char *text)
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    return len > 0 && len <= NAME_MAX_LEN && !text[len];
}

static void read_name(struct config_reader *reader, const struct config_section *section,
                      struct app_config *app)
{
    app->name = section->name[3] ? section->name + 4 : "";
    if (!*app->name)
        setting_errors_add(reader->errors, section->file, section->line,
                           "[app] has no name; write for example [app hello]");
    else if (!config_is_app_name(app->name))
        setting_errors_add(reader->errors, section->file, section->line,
                           "'%s' is no name for an app; a name is 1 to %d of a-z, 0-9, _ and -",
                           app->name, NAME_MAX_LEN);
}

/* ---- the mount ---- */

static void read_mount(struct config_reader *reader, const struct config_section *section,
                       struct app_config *app)
{
    const struct config_key *key = config_find_key(section, "mount");
    app->has_mount = key;
    if (!key)
        return;
    struct mount mount;
    const char *why;
    if (mount_parse(key->value, &reader->config->arena, &mount, &why) < 0) {
        const char *hint = strchr(key->value, '/') ? "" : key->value;
        bool is_host = strchr(hint, '.') != NULL;
        setting_errors_add(reader->errors, key->file, key->line,
                           "mount: '%s' is no mount: %s%s%s%s%s", key->value, why,
                           *hint ? is_host ? "; did you mean '" : "; did you mean '/" : "", hint,
                           is_host ? "/" : "", *hint ? "'?" : "");
        return;
    }
    app->host = mount.host;
    app->prefix = mount.prefix;
}

/* ---- the adapter ---- */

static const char *adapter_keys(const struct config_reader *reader)
{
    struct gale_str text = STR("");
    for (size_t i = 0; reader->adapters[i]; i++)
        text = arena_printf(&reader->config->arena, "%s%s%s", text.at,
                            !i                        ? ""
                            : reader->adapters[i + 1] ? ", "
                                                      : " or ",
                            reader->adapters[i]->name);
    return text.at;
}

/* The one adapter whose key the section holds. */
static const struct adapter *choose_adapter(struct config_reader *reader,
                                            const struct config_section *section)
{
    const struct adapter *chosen = NULL;
    for (const struct adapter *const *at = reader->adapters; *at; at++) {
        const struct config_key *key = config_find_key(section, (*at)->name);
        if (key && chosen)
            setting_errors_add(reader->errors, key->file, key->line,
                               "[%s] has both '%s' and '%s'; an app is one of them", section->name,
                               chosen->name, (*at)->name);
        else if (key)
            chosen = *at;
    }
    if (!chosen)
        setting_errors_add(reader->errors, section->file, section->line,
                           "[%s] does not say what it serves; add the key %s", section->name,
                           adapter_keys(reader));
    return chosen;
}

/* ---- the keys ---- */

/* Nothing set yet is told from everything that can be set. */
static void unset_limits(struct app_limits *limits)
{
    limits->max_body = limits->form_memory = UINT64_MAX;
    limits->body_timeout_ms = limits->write_timeout_ms = -1;
    limits->rate.interval_ns = -1;
}

static void inherit_limits(struct app_limits *limits, const struct http_settings *http)
{
    if (limits->max_body == UINT64_MAX)
        limits->max_body = http->max_body;
    if (limits->form_memory == UINT64_MAX)
        limits->form_memory = http->form_memory;
    if (limits->body_timeout_ms < 0)
        limits->body_timeout_ms = http->body_timeout_ms;
    if (limits->write_timeout_ms < 0)
        limits->write_timeout_ms = http->write_timeout_ms;
}

/* Sets the keys; without an adapter each key of any adapter passes, since the missing adapter is
 * the error to be told. */
static void read_keys(struct config_reader *reader, const struct config_section *section,
                      struct app_config *app)
{
    struct arena *arena = &reader->config->arena;
    struct config_target targets[CONFIG_TARGETS] = {{app_table, app}};
    size_t count = 1;
    for (const struct adapter *const *at = reader->adapters; *at; at++) {
        if ((app->adapter && *at != app->adapter) || count + 2 >= CONFIG_TARGETS)
            continue;
        void *settings = arena_zalloc(arena, (*at)->settings_size);
        setting_init((*at)->table, settings, arena, reader->config->base);
        if (app->adapter)
            app->settings = settings;
        targets[count++] = (struct config_target){(*at)->table, settings};
    }
    /* The adapter's own keys come first: `env` of a CGI app is its programs'. */
    targets[count++] = (struct config_target){isolation_table, &app->isolation};
    config_set_keys(reader, section, targets);
}

static void refuse_same_name(struct config_reader *reader, const struct app_config *app)
{
    for (const struct app_config *other = reader->config->apps; other < app; other++)
        if (strcmp(other->name, app->name) == 0)
            setting_errors_add(reader->errors, app->file, app->line,
                               "[app %s] is there already, on line %u of %s", app->name,
                               other->line, other->file);
}

/* Programs are started anew, so there is nothing to reload. */
static void refuse_watch(struct config_reader *reader, const struct config_section *section,
                         const struct app_config *app)
{
    const struct config_key *key = config_find_key(section, "watch");
    if (key && app->watch && app->adapter && !app->adapter->file)
        setting_errors_add(reader->errors, key->file, key->line,
                           "watch: only plugins are watched; what %s serves needs no reload",
                           app->adapter->name);
}

void config_read_app(struct config_reader *reader, const struct config_section *section,
                     struct app_config *app)
{
    app->file = section->file;
    app->line = str_ends_with(str_of(section->file), STR(".so")) ? 0 : section->line;
    app->server = &reader->config->server;
    app->servers_fd = -1;
    size_t before = reader->errors->len;
    read_name(reader, section, app);
    refuse_same_name(reader, app);
    app->adapter = choose_adapter(reader, section);
    setting_init(app_table, app, &reader->config->arena, reader->config->base);
    setting_init(isolation_table, &app->isolation, &reader->config->arena, reader->config->base);
    unset_limits(&app->limits);
    read_keys(reader, section, app);
    if (app->adapter)
        app->target = config_find_key(section, app->adapter->name)->value;
    config_read_isolation(reader, section, app);
    read_mount(reader, section, app);
    inherit_limits(&app->limits, &app->server->http);
    config_inherit_rate(app);
    refuse_watch(reader, section, app);
    if (app->adapter && app->adapter->check && reader->errors->len == before && !reader->base)
        app->adapter->check(app, reader->errors);
}
