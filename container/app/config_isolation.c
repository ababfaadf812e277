/* config_isolation.c - an app with workers of its own: how many, as whom, and what they may do. */
#include "app/config_private.h"

#include <string.h>
#include <sys/stat.h>

#include "app/adapter.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/macros.h"
#include "base/str.h"

/* WORKERS_MAX: the board has slots for two generations of it. BLOCKING: in process mode a worker
 * serves one request at a time, so one alone would be of little use. */
enum { WORKERS_MAX = 64, BLOCKING_WORKERS = 4, DAY_MS = 24 * 60 * 60 * 1000, MANY = 1000000 };

static const char *const modes[] = {"task", "process", NULL};

/* clang-format off: one row a key reads best in two or three lines */
#define AT(field) .offset = offsetof(struct app_isolation, field)
const struct setting isolation_table[] = {
    {"isolate", SETTING_COUNT, AT(workers), .initial = "0", .max = WORKERS_MAX,
     .help =
         "Worker processes for this app alone, which its crash or reload leaves everybody else's "
         "untouched by; 0: it runs in the workers of [server]."},
    {"mode", SETTING_CHOICE, AT(mode), .initial = "task", .choices = modes,
     .help = "With process each worker serves one request at a time and may block; it implies "
             "isolate = 4."},
    {"user", SETTING_TEXT, AT(user), .example = "shop",
     .help =
         "Whom the app's workers run as, when gale is started by root; it implies isolate = 1."},
    {"group", SETTING_TEXT, AT(group), .example = "shop",
     .help = "The group of the app's workers; without it the user's own."},
    {"env", SETTING_PAIRS, AT(env), .example = "APP_ENV production",
     .help =
         "A variable in the workers' environment, in place of any of that name; may be repeated."},
    {"memory", SETTING_SIZE, AT(memory), .initial = "0", .max = 1LL << 50,
     .help = "The address space that one of the workers may have (RLIMIT_AS); 0: no limit."},
    {"files", SETTING_COUNT, AT(files), .initial = "0", .max = MANY,
     .help = "How many files a worker may have open; 0: as many as `descriptors` says."},
    {"max_processes", SETTING_COUNT, AT(max_processes), .initial = "0", .max = MANY,
     .help =
         "How many processes and threads the workers' user may have (RLIMIT_NPROC); 0: no limit."},
    {"read", SETTING_LIST, AT(read), .example = "/srv/shop",
     .help = "The only files and folders that the workers may read, beside the system's own (/usr, "
             "/etc and the like) and the plugin; without it all that their user may (Landlock)."},
    {"write", SETTING_LIST, AT(write), .example = "/var/lib/shop",
     .help =
         "The only files and folders that the workers may change, or `none`; without it all that "
         "their user may (Landlock)."},
    {"connections", SETTING_COUNT, AT(connections), .initial = "0", .max = MANY,
     .help = "Requests that may be with the workers at the same time; 0: no limit."},
    {"queue", SETTING_COUNT, AT(queue), .initial = "1000", .max = MANY,
     .help = "Requests that may wait for one of `connections`, or in process mode for a worker; "
             "further ones get 503."},
    {"queue_timeout", SETTING_MS, AT(queue_timeout_ms), .initial = "30s", .min = 1, .max = DAY_MS,
     .help = "How long a request may wait there, or for a worker while none runs; beyond it 503."},
    {.key = NULL},
};
#undef AT
/* clang-format on */

/* ---- what the keys must be together ---- */

/* The key's place in the section, where it is a key of isolation: not the adapter's own. */
static const struct config_key *given(const struct config_section *section,
                                      const struct app_config *app, const char *key)
{
    bool is_adapters = app->adapter && setting_find(app->adapter->table, key);
    return is_adapters ? NULL : config_find_key(section, key);
}

static void imply(const struct config_section *section, struct app_config *app)
{
    struct app_isolation *isolation = &app->isolation;
    if (app->adapter && app->adapter->is_alone && app->adapter->is_alone(app) &&
        !isolation->workers)
        isolation->workers = 1;
    if (given(section, app, "isolate"))
        return;
    if (isolation->mode == APP_PROCESS)
        isolation->workers = BLOCKING_WORKERS;
    else if (isolation->user || isolation->group)
        isolation->workers = 1;
}

static void refuse_without_workers(struct config_reader *reader,
                                   const struct config_section *section, struct app_config *app)
{
    for (const struct setting *row = isolation_table; row->key; row++) {
        const struct config_key *key = given(section, app, row->key);
        bool is_harmless = strcmp(row->key, "isolate") == 0 ||
                           (strcmp(row->key, "mode") == 0 && app->isolation.mode == APP_TASK);
        if (key && !is_harmless)
            setting_errors_add(reader->errors, key->file, key->line,
                               "%s: only an app with workers of its own has it; add isolate = 1",
                               key->key);
    }
}

static void resolve_paths(struct config_reader *reader, const struct config_section *section,
                          const char *name, struct setting_list *list)
{
    const struct config_key *key = config_find_key(section, name);
    struct stat info;
    for (size_t i = 0; i < list->len; i++) {
        if (strcmp(name, "write") == 0 && strcmp(list->items[i], "none") == 0)
            continue;
        list->items[i] = config_join(&reader->config->arena, reader->config->base, list->items[i]);
        if (stat(list->items[i], &info) < 0)
            setting_errors_add(reader->errors, key->file, key->line,
                               "%s: there is no file or folder '%s'", name, list->items[i]);
    }
}

/* ---- what makes it another app ---- */

/* Keys of [server] that an app's own workers do not look at. */
static bool concerns_front(const char *key)
{
    static const char *const keys[] = {"listen",
                                       "workers",
                                       "control",
                                       "pid_file",
                                       "backlog",
                                       "max_connections",
                                       "trusted_proxies",
                                       "access_log",
                                       "access_log_format",
                                       "idle_timeout",
                                       "error_page",
                                       "head_timeout",
                                       "limit_connections",
                                       "limit_rate",
                                       "limit_except"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (strcmp(keys[i], key) == 0)
            return true;
    return false;
}

/* Keys of an isolated app that its front looks at, too. */
static bool concerns_link(const char *key)
{
    static const char *const keys[] = {"isolate", "mode", "connections", "queue", "queue_timeout"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (strcmp(keys[i], key) == 0)
            return true;
    return setting_find(app_table, key) != NULL;
}

static bool concerns_app(const char *key)
{
    return !concerns_front(key);
}

/* Adds the section's lines whose keys are `wanted`; NULL: all. */
static void add_section(struct buffer *text, const struct config_section *section,
                        bool (*wanted)(const char *key))
{
    buffer_printf(text, "[%s]\n", section->name);
    for (size_t i = 0; i < section->count; i++)
        if (!wanted || wanted(section->keys[i].key))
            buffer_printf(text, "%s=%s\n", section->keys[i].key, section->keys[i].value);
}

static const char *keep(struct config_reader *reader, struct buffer *text)
{
    buffer_add_text(text, reader->config->base);
    const char *copy = arena_copy(&reader->config->arena, text->at, text->len).at;
    buffer_finish(text);
    return copy;
}

static const char *substance_of(struct config_reader *reader, const struct config_section *section)
{
    struct buffer text = {0};
    for (size_t i = 0; i < reader->count; i++)
        if (strcmp(reader->sections[i].name, "server") == 0)
            add_section(&text, &reader->sections[i], concerns_app);
    add_section(&text, section, NULL);
    return keep(reader, &text);
}

static bool is_isolated(const struct config_reader *reader, const struct config_section *section)
{
    const struct config *config = reader->config;
    for (size_t i = 0; i < config->app_count; i++)
        if (config->apps[i].line == section->line &&
            strcmp(config->apps[i].file, section->file) == 0)
            return config->apps[i].isolation.workers > 0;
    return false;
}

/* Only the front could ask it, and the front does not have it. */
static void refuse_isolated_authorizers(struct config_reader *reader)
{
    const struct config *config = reader->config;
    for (size_t i = 0; i < config->app_count; i++) {
        const struct app_config *app = &config->apps[i], *authorizer = app->authorizer;
        if (authorizer && authorizer->isolation.workers)
            setting_errors_add(
                reader->errors, app->file, app->line,
                "[app %s] authorize: [app %s] has workers of its own; take `isolate` "
                "away there",
                app->name, authorizer->name);
    }
}

void config_read_front(struct config_reader *reader)
{
    refuse_isolated_authorizers(reader);
    struct buffer text = {0};
    for (size_t i = 0; i < reader->count; i++) {
        const struct config_section *section = &reader->sections[i];
        add_section(&text, section, is_isolated(reader, section) ? concerns_link : NULL);
    }
    reader->config->substance = keep(reader, &text);
}

void config_read_isolation(struct config_reader *reader, const struct config_section *section,
                           struct app_config *app)
{
    imply(section, app);
    if (!app->isolation.workers) {
        refuse_without_workers(reader, section, app);
        return;
    }
    resolve_paths(reader, section, "read", &app->isolation.read);
    resolve_paths(reader, section, "write", &app->isolation.write);
    app->substance = substance_of(reader, section);
}
